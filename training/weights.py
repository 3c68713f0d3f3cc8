"""Opens weights under torchvision's names: safetensors, .pth, our checkpoints."""
import os
import pickle
import zipfile

import torch

from net import build_for
from problems import Problem
from safetensors_file import read_safetensors


def read_state(path):
    """{name: float32 tensor} of a .safetensors, a .pth or .pt, or a folder that holds one of them."""
    if os.path.isdir(path):
        found = sorted(n for n in os.listdir(path) if n.endswith((".safetensors", ".pth", ".pt")))
        if len(found) != 1:
            raise Problem(f"{path}: {len(found)} weight files where exactly one is needed (a model "
                          "directory's weights are written by 'vgg-edge export DIR --to safetensors')")
        path = os.path.join(path, found[0])
    if path.endswith(".safetensors"):
        state = read_safetensors(path)[0]
    else:
        state = _read_torch(path)
    return {name: tensor for name, tensor in state.items()
            if not name.endswith("num_batches_tracked")}


def _read_torch(path):
    if not os.path.exists(path):
        raise Problem(f"{path}: no such file")
    try:
        loaded = torch.load(path, map_location="cpu", weights_only=True)
    except (RuntimeError, pickle.UnpicklingError, zipfile.BadZipFile, EOFError, OSError) as error:
        raise Problem(f"{path}: cannot be read as weights ({str(error).splitlines()[0]})") from error
    for key in ("average", "state_dict", "model"):  # ours; timm's and hand-written checkpoints'
        if isinstance(loaded, dict) and isinstance(loaded.get(key), dict):
            loaded = loaded[key]
    if not isinstance(loaded, dict) or not loaded:
        raise Problem(f"{path}: holds no state dictionary")
    state = {}
    for name, tensor in loaded.items():
        if not isinstance(tensor, torch.Tensor):
            raise Problem(f"{path}: {name} is no tensor")
        if not torch.isfinite(tensor.float()).all():
            raise Problem(f"{path}: {name} holds NaN or infinite values")
        state[name[len("module."):] if name.startswith("module.") else name] = tensor.float()
    return state


def open_model(path, dropout=0.2):
    """The network that `path` holds, in evaluation mode, channels-last."""
    model = build_for(read_state(path), path, dropout)
    return model.eval().to(memory_format=torch.channels_last)
