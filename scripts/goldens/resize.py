"""Pillow's and torchvision's answers for core/preprocess.ts, as SHA-256 of the cropped pixels.

Sources are pseudo-random pixels by a formula that test/core/noise.ts repeats, so no image is stored.
Writes test/golden/resize.json. Run: /usr/bin/python3 scripts/goldens/resize.py
"""
import base64
import hashlib
import json
import pathlib

import numpy as np
import PIL
import torchvision
from PIL import Image

OUT = pathlib.Path(__file__).resolve().parents[2] / "test/golden/resize.json"
CHANNELS = {"L": 1, "RGB": 3, "RGBA": 4}

# name, mode, width, height, resize, crop, saturated (every sample 0 or 255)
CASES = [
    ("landscape, down", "RGB", 640, 480, 256, 224, False),
    ("portrait, down", "RGB", 480, 640, 256, 224, False),
    ("3 megapixels", "RGB", 2016, 1512, 256, 224, False),
    ("odd sides, down", "RGB", 1023, 767, 256, 224, False),
    ("odd sides, portrait", "RGB", 333, 517, 256, 224, False),
    ("identity", "RGB", 256, 256, 256, 224, False),
    ("one pixel wider", "RGB", 257, 256, 256, 224, False),
    ("one pixel higher", "RGB", 256, 257, 256, 224, False),
    ("one pixel smaller", "RGB", 255, 255, 256, 224, False),
    ("only the long side crops", "RGB", 256, 999, 256, 224, False),
    ("up", "RGB", 100, 75, 256, 224, False),
    ("odd sides, up", "RGB", 31, 17, 256, 224, False),
    ("two by three", "RGB", 2, 3, 256, 224, False),
    ("one pixel", "RGB", 1, 1, 256, 224, False),
    ("one pixel wide", "RGB", 1, 300, 256, 224, False),
    ("one pixel high", "RGB", 300, 1, 256, 224, False),
    ("grey, down", "L", 511, 513, 256, 224, False),
    ("grey, up", "L", 64, 99, 256, 224, False),
    ("alpha, down", "RGBA", 300, 401, 256, 224, False),
    ("alpha, up", "RGBA", 45, 40, 256, 224, False),
    ("saturated, down", "RGB", 777, 600, 256, 224, True),
    ("saturated, up", "RGB", 90, 111, 256, 224, True),
    ("other sizes", "RGB", 640, 427, 232, 224, False),
    ("odd margin 1", "RGB", 120, 91, 48, 47, False),
    ("odd margin 3", "RGB", 91, 120, 48, 45, False),
    ("odd margin 5", "RGB", 301, 200, 64, 59, False),
    ("no margin", "RGB", 200, 150, 96, 96, False),
]


def noise(count, seed):
    """MurmurHash3's finaliser of the sample's index, low byte."""
    with np.errstate(over="ignore"):
        value = np.arange(count, dtype=np.uint32) + np.uint32((seed * 0x9E3779B9) & 0xFFFFFFFF)
        for shift, factor in ((16, 0x85EBCA6B), (13, 0xC2B2AE35)):
            value ^= value >> np.uint32(shift)
            value *= np.uint32(factor)
        value ^= value >> np.uint32(16)
    return (value & np.uint32(255)).astype(np.uint8)


def source(mode, width, height, seed, saturated):
    samples = noise(width * height * CHANNELS[mode], seed)
    if saturated:
        samples = np.where(samples >= 128, 255, 0).astype(np.uint8)
    shape = (height, width) if mode == "L" else (height, width, CHANNELS[mode])
    return Image.fromarray(samples.reshape(shape), mode)


def over_white(image):
    return Image.alpha_composite(Image.new("RGBA", image.size, (255, 255, 255, 255)), image).convert("RGB")


def golden(seed, case):
    name, mode, width, height, resize, crop, saturated = case
    image = source(mode, width, height, seed, saturated)
    image = over_white(image) if mode == "RGBA" else image.convert("RGB")
    image = torchvision.transforms.Resize(resize)(image)
    image = torchvision.transforms.CenterCrop(crop)(image)
    pixels = image.tobytes()
    return {
        "name": name, "mode": mode, "width": width, "height": height, "resize": resize, "crop": crop,
        "saturated": saturated, "seed": seed, "sha256": hashlib.sha256(pixels).hexdigest(),
        # The first pixels, so that a failure shows by how much it is off.
        "head": base64.b64encode(pixels[:96]).decode(),
    }


def white_table():
    """Every grey value (row) with every alpha (column) over white."""
    grey, alpha = np.meshgrid(np.arange(256, dtype=np.uint8), np.arange(256, dtype=np.uint8), indexing="ij")
    pixels = np.stack([grey, grey, grey, alpha], axis=-1)
    return np.asarray(over_white(Image.fromarray(pixels, "RGBA")))[..., 0].tobytes()


def main():
    document = {
        "madeBy": f"scripts/goldens/resize.py, Pillow {PIL.__version__}, torchvision {torchvision.__version__}",
        "overWhiteSha256": hashlib.sha256(white_table()).hexdigest(),
        "cases": [golden(seed, case) for seed, case in enumerate(CASES, start=1)],
    }
    OUT.parent.mkdir(parents=True, exist_ok=True)
    OUT.write_text(json.dumps(document, indent=1) + "\n")
    print(f"{OUT.name}: {len(CASES)} cases")


main()
