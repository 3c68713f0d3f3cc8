"""From a photo's file to the pixels the product sees, by Pillow, the reference of the contract."""
import os
from concurrent.futures import ThreadPoolExecutor

import numpy as np
import torch
from PIL import Image, ImageOps

from problems import Problem

# The product's "torchvision-256-224@1".
SHORT_SIDE, CROP = 256, 224
MEAN, DEVIATION = (0.485, 0.456, 0.406), (0.229, 0.224, 0.225)
ENDINGS = (".jpg", ".jpeg", ".png", ".webp", ".bmp", ".gif")
MAX_PIXELS = 100_000_000  # beyond it a file is refused before it is decoded


def read_photo(path):
    """The upright RGB photo; transparent parts over white."""
    try:
        with Image.open(path) as photo:
            if photo.width * photo.height > MAX_PIXELS:
                raise Problem(f"{path}: {photo.width}x{photo.height} pixels are too many")
            photo = ImageOps.exif_transpose(photo)
            if photo.mode.startswith("I"):  # 16-bit grey: the high byte, as the product; Pillow gives white
                values = np.asarray(photo)
                white = values == photo.info.get("transparency", -1)
                photo = Image.fromarray(np.where(white, 255, values >> 8).astype(np.uint8))
            if photo.mode in ("RGBA", "LA", "PA") or "transparency" in photo.info:
                photo = photo.convert("RGBA")
                white = Image.new("RGBA", photo.size, "white")
                return Image.alpha_composite(white, photo).convert("RGB")
            return photo.convert("RGB")
    except (OSError, ValueError, SyntaxError, Image.DecompressionBombError) as error:
        raise Problem(f"{path}: not a photo that can be decoded ({error})") from error


def centre_crop(photo, short_side=SHORT_SIDE, crop=CROP):
    """Short side to `short_side` by antialiased bilinear, then the centre; uint8 [crop, crop, 3]."""
    width, height = photo.size
    scale = short_side / min(width, height)
    # torchvision's rule: the long side is truncated, the crop's offset rounded half to even.
    size = (short_side, int(short_side * height / width)) if width <= height else (
        int(short_side * width / height), short_side)
    photo = photo.resize(size, Image.BILINEAR) if scale != 1 else photo
    left, top = round((size[0] - crop) / 2.0), round((size[1] - crop) / 2.0)
    return np.asarray(photo.crop((left, top, left + crop, top + crop)))


def to_input(pixels):
    """uint8 [N, H, W, 3] -> normalised float32 [N, 3, H, W] in channels-last memory."""
    values = torch.as_tensor(pixels).permute(0, 3, 1, 2).float()
    return normalise(values)


def normalise(values):
    """RGB 0..255 float [N, 3, H, W] -> zero mean, unit deviation of ImageNet."""
    mean = torch.tensor(MEAN, device=values.device).view(1, 3, 1, 1) * 255
    deviation = torch.tensor(DEVIATION, device=values.device).view(1, 3, 1, 1) * 255
    return ((values - mean) / deviation).contiguous(memory_format=torch.channels_last)


def photos_below(folder):
    """All photo files below `folder`, sorted."""
    return sorted(os.path.join(root, name) for root, _, names in os.walk(folder)
                  for name in names if name.lower().endswith(ENDINGS))


def class_folders(folder, least=2):
    """[(class name, [files])] of a folder that has one folder per class."""
    if not os.path.isdir(folder):
        raise Problem(f"{folder}: no such folder")
    names = sorted(n for n in os.listdir(folder)
                   if os.path.isdir(os.path.join(folder, n)) and not n.startswith("."))
    classes = [(name, photos_below(os.path.join(folder, name))) for name in names]
    if len(classes) < least:
        raise Problem(f"{folder}: {len(classes)} class folders where at least {least} are needed "
                      "(one folder per class, photos inside)")
    for name, files in classes:
        if not files:
            raise Problem(f"{os.path.join(folder, name)}: no photos in this class folder")
    return classes


def batches(files, size=32, view=None, threads=2):
    """Yields uint8 [n, 224, 224, 3] of `files`, decoding the next batch while one is used.

    `view` maps a photo to pixels; it defaults to the product's centre crop.
    """
    view = view or centre_crop

    def load(chunk):
        return np.stack([view(read_photo(path)) for path in chunk])

    chunks = [files[start:start + size] for start in range(0, len(files), size)]
    with ThreadPoolExecutor(threads) as pool:
        ahead = [pool.submit(load, chunk) for chunk in chunks[:threads]]
        for position in range(len(chunks)):
            pixels = ahead.pop(0).result()
            if position + threads < len(chunks):
                ahead.append(pool.submit(load, chunks[position + threads]))
            yield pixels
