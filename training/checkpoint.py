"""Everything needed to go on with a run as if it had never stopped; and the average of the weights."""
import io
import json
import os

import torch

from problems import Problem, write_whole

VERSION = 1


class Average:
    """Exponential moving average of a module's floating-point state (weights and batch norm)."""

    def __init__(self, module, decay):
        self.decay, self.updates = decay, 0
        self.state = {name: tensor.detach().clone().float()
                      for name, tensor in module.state_dict().items() if tensor.is_floating_point()}

    @torch.no_grad()
    def update(self, module):
        self.updates += 1
        decay = min(self.decay, (1 + self.updates) / (10 + self.updates))  # short memory at first
        state = module.state_dict()
        names = list(self.state)
        targets = [self.state[name] for name in names]
        # One fused call for all tensors: on a GPU 60 small kernels would cost more than the sums.
        torch._foreach_mul_(targets, decay)
        torch._foreach_add_(targets, [state[name].float() for name in names], alpha=1 - decay)


def last_good(path):
    """What is left of a run that went wrong, for its message."""
    return (f"{path} holds the last good state" if os.path.exists(path) else "nothing was saved") + (
        "; a lower --rate in another --out may help")


def save_checkpoint(path, step, model, optimiser, average, arguments):
    """Tensors as tensors and all else as JSON: PyTorch 1.13's safe reader knows no plain floats.

    A NaN is refused: the loss is looked at now and then only, and before the step that may spoil the weights.
    """
    for name, tensor in model.state_dict().items():
        if not torch.isfinite(tensor).all():
            raise Problem(f"{name} holds NaN or infinite values at step {step}; {last_good(path)}")
    buffer, optimiser_state = io.BytesIO(), optimiser.state_dict()
    torch.save({
        "settings": json.dumps({
            "version": VERSION, "step": step, "arguments": arguments,
            "average_updates": average.updates, "groups": optimiser_state["param_groups"]}),
        "training": model.state_dict(),   # the student and the projection
        "optimiser": optimiser_state["state"],
        "average": average.state,         # what weights.py and export.py take
        "random": torch.get_rng_state(),
        "random_cuda": (torch.cuda.get_rng_state() if torch.cuda.is_available()
                        else torch.empty(0, dtype=torch.uint8)),
    }, buffer)
    write_whole(path, buffer.getvalue())


def option_text(name, value):
    flag = "--from" if name == "start" else "--" + name.replace("_", "-")
    return f"no {flag}" if value is None else f"{flag} {value}"


def load_checkpoint(path, model, optimiser, average, device, arguments):
    """Restores all of it and returns the step to go on from. `arguments`: what must be as it was."""
    try:
        saved = torch.load(path, map_location="cpu", weights_only=True)
    except Exception as error:  # a damaged zip raises half a dozen kinds
        raise Problem(f"{path}: cannot be read as a checkpoint ({str(error).splitlines()[0]})") from error
    settings = json.loads(saved["settings"]) if "settings" in saved else {}
    if settings.get("version") != VERSION:
        raise Problem(f"{path}: not a checkpoint of train.py, version {VERSION}")
    begun = settings["arguments"]
    for name, value in arguments.items():
        if begun.get(name, value) != value:
            was, given = option_text(name, begun[name]), option_text(name, value)
            raise Problem(f"{path}: begun with {was}, not {given}; the same command goes on, another needs "
                          "another --out")
    model.load_state_dict(saved["training"])
    optimiser.load_state_dict({"state": saved["optimiser"], "param_groups": settings["groups"]})
    average.state = {name: tensor.to(device) for name, tensor in saved["average"].items()}
    average.updates = settings["average_updates"]
    torch.set_rng_state(saved["random"])
    if len(saved["random_cuda"]) and torch.cuda.is_available():
        torch.cuda.set_rng_state(saved["random_cuda"])
    return settings["step"]


def forget_later_lines(log_path, step):
    """Steps after the checkpoint will be done again: their lines must not stand twice."""
    def is_kept(line):
        try:
            return json.loads(line)["step"] <= step
        except ValueError:  # cut short when the power failed
            return False

    if os.path.exists(log_path):
        with open(log_path, encoding="utf-8") as file:
            lines = [line for line in file if is_kept(line)]
        write_whole(log_path, "".join(lines))
