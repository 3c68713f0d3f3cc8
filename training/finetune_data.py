"""finetune.py's photos: what is held out, the views of a photo, and features computed once."""
import random
from dataclasses import dataclass, replace

import numpy as np
import torch
from PIL import Image

from photos import CROP, batches, centre_crop, to_input
from problems import Problem
from progress import Progress


@dataclass(frozen=True)
class Split:
    files: list
    labels: list
    name: str
    views: int = 1

    def with_views(self, views):
        return replace(self, views=views)


def split_classes(classes, share, seed):
    """(train, held out): `share` of every class is held out, always the same photos for one seed."""
    train, held = ([], []), ([], [])
    for number, (name, files) in enumerate(classes):
        files = list(files)
        random.Random(f"{seed}/{name}").shuffle(files)
        count = max(1, round(len(files) * share))
        if len(files) - count < 1:
            raise Problem(f"class {name}: {len(files)} photo is too few; two at least are needed")
        for target, part in ((held, files[:count]), (train, files[count:])):
            target[0].extend(part)
            target[1].extend([number] * len(part))
    return Split(*train, "trained on"), Split(*held, "held out")


def training_view(photo, chance):
    """A random crop (40 to 100 % of the area), mirrored half of the time; uint8 [224, 224, 3]."""
    area = photo.width * photo.height * chance.uniform(0.4, 1)
    aspect = chance.uniform(3 / 4, 4 / 3)
    width = min(photo.width, round((area * aspect) ** 0.5))
    height = min(photo.height, round((area / aspect) ** 0.5))
    left, top = chance.randint(0, photo.width - width), chance.randint(0, photo.height - height)
    photo = photo.resize((CROP, CROP), Image.BILINEAR, (left, top, left + width, top + height))
    pixels = np.asarray(photo)
    return pixels[:, ::-1] if chance.random() < 0.5 else pixels


def view_number(number, photo, chance):
    """View 0 is what the product sees, 1 its mirror image, the others are random crops."""
    if number < 2:
        pixels = centre_crop(photo)
        return pixels[:, ::-1] if number else pixels
    return training_view(photo, chance)


@torch.no_grad()
def cached_features(frozen, split, options):
    """Output of the frozen part for every view: float16 [photos * views, D], a photo's side by side."""
    progress, parts = Progress(split.name, len(split.files) * split.views), []
    chance = random.Random(options.seed)

    def all_views(photo):
        return np.stack([view_number(number, photo, chance) for number in range(split.views)])

    # One thread: the random crops are drawn in the files' order, so that a seed gives the same run.
    for pixels in batches(split.files, max(1, 16 // split.views), all_views, threads=1):
        views = np.ascontiguousarray(pixels.reshape(-1, CROP, CROP, 3))
        parts.append(frozen(to_input(views).to(options.device)).half().cpu())
        progress(len(views))
    return torch.cat(parts)
