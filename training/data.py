"""Training batches: packed pictures decoded once into memory, cropped and coloured on the device."""
import io
import math
import os
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass

import numpy as np
import torch
import torch.nn.functional as F
from PIL import Image

from photos import CROP, SHORT_SIDE
from problems import Problem


@dataclass
class Pictures:
    pixels: torch.Tensor  # uint8 [N, 3, side, side]
    labels: torch.Tensor  # int64 [N], -1: none

    def __len__(self):
        return len(self.labels)


@dataclass
class Batch:
    """A mixed batch: photo = share * first + (1 - share) * second."""

    photos: torch.Tensor  # float32 [N, 3, size, size], 0..255
    first: torch.Tensor   # int64 [N], -1: none
    second: torch.Tensor  # int64 [N]
    share: torch.Tensor   # float32 [N], 1 where nothing was mixed in


def load_packed(folder, name, device, limit=None):
    """Decodes one set of pack_data.py onto `device` (the large one takes 4.2 GB)."""
    index_path, data_path = (os.path.join(folder, name + ending) for ending in (".npz", ".bin"))
    if not (os.path.exists(index_path) and os.path.exists(data_path)):
        raise Problem(f"{folder}: {name}.bin and {name}.npz are needed; pack_data.py writes them")
    index = np.load(index_path)
    offsets, side = index["offsets"], int(index["side"])
    if os.path.getsize(data_path) != offsets[-1]:
        raise Problem(f"{data_path}: {os.path.getsize(data_path)} bytes where {offsets[-1]} are expected")
    count = min(len(offsets) - 1, limit or len(offsets))
    with open(data_path, "rb") as file:
        data = file.read(offsets[count])
    pixels = np.empty((count, side, side, 3), np.uint8)

    def decode(number):
        with Image.open(io.BytesIO(data[offsets[number]:offsets[number + 1]])) as picture:
            pixels[number] = np.asarray(picture.convert("RGB"))

    with ThreadPoolExecutor(os.cpu_count()) as pool:  # Pillow releases the interpreter lock
        for _ in pool.map(decode, range(count)):
            pass
    labels = torch.from_numpy(index["labels"][:count].astype(np.int64))
    stacked = torch.from_numpy(pixels).permute(0, 3, 1, 2).contiguous()
    return Pictures(stacked.to(device), labels.to(device))


def random_crops(pixels, chosen, size, least_area):
    """Random resized crops (area least_area..1, aspect 3/4..4/3, flip) of pixels[chosen], 0..255."""
    n, device = len(chosen), pixels.device
    area = torch.empty(n, device=device).uniform_(least_area, 1)
    aspect = torch.empty(n, device=device).uniform_(math.log(3 / 4), math.log(4 / 3)).exp()
    width, height = (area * aspect).sqrt().clamp(max=1), (area / aspect).sqrt().clamp(max=1)
    # affine_grid's coordinates run over -1..1, so a crop of width w may move by 1 - w either way.
    x = torch.empty(n, device=device).uniform_(-1, 1) * (1 - width)
    y = torch.empty(n, device=device).uniform_(-1, 1) * (1 - height)
    flip = torch.where(torch.rand(n, device=device) < 0.5, -1.0, 1.0)
    zero = torch.zeros_like(width)
    transform = torch.stack([torch.stack([width * flip, zero, x], 1),
                             torch.stack([zero, height, y], 1)], 1)
    # Where a crop may shrink, sample twice as dense and average: cheap antialiasing.
    dense = 2 if pixels.shape[2] > 0.75 * size else 1
    kind = torch.float16 if device.type == "cuda" else torch.float32
    grid = F.affine_grid(transform, [n, 3, size * dense, size * dense], align_corners=False)
    crops = F.grid_sample(pixels[chosen].to(kind), grid.to(kind), mode="bilinear",
                          padding_mode="reflection", align_corners=False)
    return (F.avg_pool2d(crops, dense) if dense > 1 else crops).float()


def change_colours(photos, strength=0.3):
    """Brightness, contrast and saturation each by a factor within 1 +- strength, per photo."""
    factors = torch.empty(3, len(photos), 1, 1, 1, device=photos.device).uniform_(1 - strength,
                                                                                 1 + strength)
    photos = photos * factors[0]
    mean = photos.mean((1, 2, 3), keepdim=True)
    photos = (photos - mean) * factors[1] + mean
    grey = photos.mean(1, keepdim=True)
    return ((photos - grey) * factors[2] + grey).clamp(0, 255)


def training_batch(large, tiny, count, size, large_share=0.55, least_area=0.2, mixed=0.5):
    """A random Batch; `mixed` is the share of photos that a second one is blended into (mixup)."""
    device, from_large = large.pixels.device, round(count * large_share)
    a = torch.randint(len(large), (from_large,), device=device)
    b = torch.randint(len(tiny), (count - from_large,), device=device)
    photos = torch.cat([random_crops(large.pixels, a, size, least_area),
                        random_crops(tiny.pixels, b, size, least_area)])
    photos, labels = change_colours(photos), torch.cat([large.labels[a], tiny.labels[b]])
    partner = torch.randperm(count, device=device)
    share = torch.ones(count, device=device)
    blend = torch.rand(count, device=device) < mixed
    beta = torch.distributions.Beta(0.4, 0.4).sample((count,)).to(device)
    share = torch.where(blend, beta, share)
    weight = share.view(-1, 1, 1, 1)
    return Batch(photos * weight + photos[partner] * (1 - weight), labels, labels[partner], share)


def validation_view(pixels):
    """uint8 [N, 3, s, s] -> 0..255 [N, 3, 224, 224], as the product: short side 256, centre 224."""
    photos = F.interpolate(pixels.float(), (SHORT_SIDE, SHORT_SIDE), mode="bilinear",
                           antialias=True, align_corners=False)
    edge = (SHORT_SIDE - CROP) // 2
    return photos[:, :, edge:edge + CROP, edge:edge + CROP]
