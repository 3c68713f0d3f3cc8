"""A checkpoint's averaged weights as safetensors for `vgg-edge build`.

    python3 training/export.py ~/run/checkpoint.pt model.safetensors

Names are torchvision's; a factorised layer is the pair `classifier.0.0.weight` (rank x inputs),
`classifier.0.1.weight` and `.bias`. Any other weights are taken too, and --rank factorises them.
"""
import argparse
import sys

import torch

from net import factorise
from problems import Problem, run_main
from safetensors_file import read_safetensors, write_safetensors
from weights import open_model


def export(source, target, dtype="F16", rank=None):
    """Writes `target` and returns (bytes, worst relative rounding error of a tensor)."""
    model = open_model(source)
    if rank:
        model = factorise(model, rank)
    state = {name: tensor for name, tensor in model.state_dict().items()
             if not name.endswith("num_batches_tracked")}
    classes = model.classifier[6].out_features
    size = write_safetensors(target, state, {"format": "pt", "classes": classes}, dtype)
    written, _ = read_safetensors(target)  # what a reader gets, not what was meant
    worst = max((written[name] - tensor).abs().max().item() / max(tensor.abs().max().item(), 1e-30)
                for name, tensor in state.items())
    return size, worst


def main(arguments=None):
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("source")
    parser.add_argument("target")
    parser.add_argument("--dtype", default="F16", choices=["F16", "F32"])
    parser.add_argument("--rank", type=int, help="factorise the first two linear layers by SVD")
    options = parser.parse_args(arguments)
    if not options.target.endswith(".safetensors"):
        raise Problem(f"{options.target}: the name must end in .safetensors")
    torch.manual_seed(0)  # the factorisation draws random directions: the same file every time
    with torch.no_grad():
        size, worst = export(options.source, options.target, options.dtype, options.rank)
    print(f"{options.target}: {size / 1e6:.1f} MB, worst rounding {worst:.1e} of a tensor's largest value")


if __name__ == "__main__":
    sys.exit(run_main(main))
