"""Trains the student; the recipe and its reasons are in README.md.

    python3 training/train.py --data ~/vgg-data --packed ~/vgg-data/packed --out ~/run --device cuda --compile

Writes to --out: log.jsonl (one line per 50 steps and per validation), checkpoint.pt (to go on from;
the same command resumes by itself) and curves.svg. export.py makes safetensors of the checkpoint.
"""
import argparse
import json
import math
import os
import sys
import time

import torch
from torch import nn

from checkpoint import Average, forget_later_lines, last_good, load_checkpoint, save_checkpoint
from curves import draw_run
from data import load_packed, training_batch, validation_view
from losses import Distillation, ask_teacher, total_loss
from net import CONFIGURATIONS, Vgg
from photos import normalise
from problems import Problem, run_main
from progress import duration
from teacher import open_teacher
from weights import open_model

LATE = 0.85  # from this part of the run on, milder crops and less mixing: closer to what is asked later
WARM_UP, LEAST_WARM_UP = 0.03, 40  # part of the run, but no fewer steps: a short trial would diverge
# What a run may change when it goes on: where things lie, how often it tells, what it computes on.
MAY_CHANGE = {"data", "packed", "out", "validate_every", "save_every", "stop_after", "device", "precision",
              "threads", "compile"}


def parse(arguments):
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--data", required=True, help="the folder of fetch_data.py (for the teacher)")
    parser.add_argument("--packed", required=True, help="the folder of pack_data.py")
    parser.add_argument("--out", required=True)
    parser.add_argument("--from", dest="start", help="weights to start from (default: random)")
    parser.add_argument("--configuration", default="vgg11", choices=CONFIGURATIONS)
    parser.add_argument("--rank", type=int, default=256, help="of the classifier's first two layers")
    parser.add_argument("--steps", type=int, default=15000)
    parser.add_argument("--batch", type=int, default=1024)
    parser.add_argument("--sizes", default="128:0.45,160:0.68,192:0.83,224:1",
                        help="input size : up to which part of the run")
    parser.add_argument("--rate", type=float, default=8e-4, help="highest learning rate")
    parser.add_argument("--decay", type=float, default=0.05, help="weight decay, on matrices only")
    parser.add_argument("--distil", type=float, default=0.5, help="the teacher's share where labelled")
    parser.add_argument("--teacher-size", type=int, default=192, help="px at which the teacher looks")
    parser.add_argument("--average", type=float, default=0.9995, help="decay of the weights' average")
    parser.add_argument("--large-share", type=float, default=0.55, help="of each batch, from 'large'")
    parser.add_argument("--limit", type=int, help="pictures of each set, for a quick trial")
    parser.add_argument("--validate-every", type=int, default=1000, help="steps")
    parser.add_argument("--save-every", type=int, default=1000, help="steps")
    parser.add_argument("--stop-after", type=int, help="stop at this step as if interrupted")
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--device", default="cuda" if torch.cuda.is_available() else "cpu")
    parser.add_argument("--precision", choices=["float32", "bfloat16"], help="default: bfloat16 on a GPU")
    parser.add_argument("--threads", type=int, help="CPU threads (default: all)")
    parser.add_argument("--compile", action="store_true", help="torch.compile, where there is one")
    options = parser.parse_args(arguments)
    options.precision = options.precision or ("bfloat16" if options.device == "cuda" else "float32")
    return options


def parse_sizes(text):
    """'128:0.45,224:1' -> [(128, 0.45), (224, 1.0)]"""
    try:
        stages = [(int(size), float(until)) for size, until in (s.split(":") for s in text.split(","))]
    except ValueError as error:
        raise Problem(f"--sizes {text}: expected SIZE:UNTIL,SIZE:UNTIL,...") from error
    if stages[-1][1] < 1 or any(size < 32 for size, _ in stages):
        raise Problem(f"--sizes {text}: the last stage must end at 1, no size may be under 32")
    return stages


def learning_rate(step, steps, highest):
    """Linear warm-up, then a cosine to (almost) zero."""
    warm_up = min(1, (step + 1) / max(LEAST_WARM_UP, WARM_UP * steps))
    return highest * warm_up * (0.5 * (1 + math.cos(math.pi * step / steps)) + 1e-3)


def make_optimiser(model, decay):
    """AdamW; biases and batch norm are not decayed."""
    matrices = [p for p in model.parameters() if p.dim() > 1]
    vectors = [p for p in model.parameters() if p.dim() <= 1]
    return torch.optim.AdamW([{"params": matrices, "weight_decay": decay},
                              {"params": vectors, "weight_decay": 0.0}], betas=(0.9, 0.98))


class Run:
    def __init__(self, options):
        self.options, self.device = options, torch.device(options.device)
        if options.threads:
            torch.set_num_threads(options.threads)
        torch.manual_seed(options.seed)
        torch.backends.cudnn.benchmark = True  # sizes change three times only
        torch.backends.cuda.matmul.allow_tf32 = torch.backends.cudnn.allow_tf32 = True
        self.stages = parse_sizes(options.sizes)
        started = time.time()
        self.large, self.tiny = (load_packed(options.packed, name, self.device, options.limit)
                                 for name in ("large", "tiny"))
        self.checks = {name: load_packed(options.packed, name, self.device, options.limit)
                       for name in ("validation-large", "validation-tiny")}
        print(f"{len(self.large)} large and {len(self.tiny)} tiny pictures decoded in "
              f"{time.time() - started:.0f} s", flush=True)
        student = open_model(options.start) if options.start else Vgg(
            options.configuration, rank=options.rank)
        self.model = Distillation(student).to(self.device, memory_format=torch.channels_last)
        self.teacher = open_teacher(options.data).to(self.device)
        if self.device.type == "cuda":
            self.teacher.half()
        self.optimiser = make_optimiser(self.model, options.decay)
        self.average = Average(self.model.student, options.average)
        self.compiled = self.model
        if options.compile and hasattr(torch, "compile"):
            # Each size is compiled for itself: fixed shapes give the faster kernels.
            self.compiled = torch.compile(self.model, dynamic=False)
            self.teacher = torch.compile(self.teacher, dynamic=False)
        os.makedirs(options.out, exist_ok=True)
        self.checkpoint = os.path.join(options.out, "checkpoint.pt")
        self.log_path = os.path.join(options.out, "log.jsonl")
        self.step = 0
        if os.path.exists(self.checkpoint):
            same = {name: value for name, value in vars(options).items() if name not in MAY_CHANGE}
            self.step = load_checkpoint(self.checkpoint, self.model, self.optimiser, self.average,
                                        self.device, same)
            print(f"going on from step {self.step}", flush=True)
            forget_later_lines(self.log_path, self.step)
        else:
            self.measure_teacher()
            open(self.log_path, "w").close()
        self.log({"run": vars(options), "torch": torch.__version__, "step": self.step})

    def autocast(self):
        return torch.autocast(self.device.type, torch.bfloat16,
                              enabled=self.options.precision == "bfloat16")

    def log(self, entry):
        with open(self.log_path, "a", encoding="utf-8") as file:
            file.write(json.dumps(entry) + "\n")

    def batch(self, part, size):
        late = part > LATE
        return training_batch(self.large, self.tiny, self.options.batch, size, self.options.large_share,
                              least_area=0.35 if late else 0.2, mixed=0.25 if late else 0.5)

    def measure_teacher(self):
        """Mean and deviation of the teacher's features over a few batches."""
        features = torch.cat([ask_teacher(self.teacher, self.batch(0, 128).photos,
                                          self.options.teacher_size)[1]
                              for _ in range(max(2, 4096 // self.options.batch))])
        self.model.teacher_mean.copy_(features.mean(0))
        self.model.teacher_deviation.copy_(features.std(0) + 0.05)  # dead features stay small

    def train_step(self, part, size):
        """One step; the parts of the loss as tensors (read rarely: reading waits for the GPU)."""
        batch = self.batch(part, size)
        wanted = ask_teacher(self.teacher, batch.photos, self.options.teacher_size)
        rate = learning_rate(self.step, self.options.steps, self.options.rate)
        for group in self.optimiser.param_groups:
            group["lr"] = rate
        with self.autocast():
            outputs = self.compiled(batch.photos)
        loss, parts = total_loss(self.model, outputs, batch, *wanted, distil=self.options.distil)
        self.optimiser.zero_grad(set_to_none=True)
        loss.backward()
        nn.utils.clip_grad_norm_(self.model.parameters(), 2.0)
        self.optimiser.step()
        self.average.update(self.model.student)
        self.step += 1
        return {"loss": loss, **parts}

    @torch.no_grad()
    def validate(self):
        """Top-1 of 1000 (percent) of the averaged weights on parts of the validation sets."""
        student, own = self.model.student, {k: v.clone() for k, v in
                                            self.model.student.state_dict().items()}
        student.load_state_dict({**own, **self.average.state})
        student.eval()
        found = {}
        for name, pictures in self.checks.items():
            right = 0
            for start in range(0, len(pictures), 50):
                photos = validation_view(pictures.pixels[start:start + 50])
                with self.autocast():
                    scores = student(normalise(photos))[0]
                right += (scores.argmax(1) == pictures.labels[start:start + 50]).sum().item()
            found[name] = round(100 * right / len(pictures), 2)
        student.load_state_dict(own)
        student.train()
        return found

    def finish_part(self):
        save_checkpoint(self.checkpoint, self.step, self.model, self.optimiser, self.average,
                        vars(self.options))
        draw_run(self.log_path, os.path.join(self.options.out, "curves.svg"))

    def train(self):
        options, self.model = self.options, self.model.train()
        report = 50 if self.device.type == "cuda" else 5
        first, since = self.step, time.time()
        window, last = time.time(), self.step
        while self.step < options.steps:
            part = self.step / options.steps
            size = next(size for size, until in self.stages if part < until)
            parts = self.train_step(part, size)
            if self.step % report == 0:
                values = {name: round(value.item(), 5) for name, value in parts.items()}
                if not math.isfinite(values["loss"]):
                    raise Problem(f"the loss is {values['loss']} at step {self.step}; "
                                  f"{last_good(self.checkpoint)}")
                speed = (self.step - last) * options.batch / (time.time() - window)
                window, last = time.time(), self.step
                rate = self.optimiser.param_groups[0]["lr"]
                self.log({"step": self.step, "size": size, "rate": rate, **values,
                          "images_per_second": round(speed, 1)})
                left = duration((options.steps - self.step) * (time.time() - since) / (self.step - first))
                print(f"step {self.step} of {options.steps}, {size} px, loss {values['loss']:.3f} "
                      f"(class {values['class_loss']:.3f}, feature {values['feature_loss']:.3f}, "
                      f"relation {values['relation_loss']:.4f}), {speed:.0f} images/s, {left} left",
                      flush=True)
            if self.step % options.validate_every == 0 or self.step == options.steps:
                found = self.validate()
                self.log({"step": self.step, "validation": found})
                print(f"step {self.step}: top-1 {found}", flush=True)
                window, last = time.time(), self.step
            stop = self.step == options.stop_after
            if self.step % options.save_every == 0 or self.step == options.steps or stop:
                self.finish_part()
                window, last = time.time(), self.step
            if stop:
                return


def main(arguments=None):
    run = Run(parse(arguments))
    if run.step >= run.options.steps:
        print(f"{run.checkpoint} already stands at step {run.step}", flush=True)
    run.train()


if __name__ == "__main__":
    sys.exit(run_main(main))
