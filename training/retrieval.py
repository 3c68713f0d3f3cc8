"""Search quality of descriptors: leave-one-out retrieval on class folders never trained on."""
import os

import numpy as np
import torch
import torch.nn.functional as F
from PIL import Image

from photos import batches, class_folders, to_input
from problems import Problem

HUES, SATURATIONS, VALUES = 16, 4, 4


def hsv_histogram(pixels):
    """uint8 [N, H, W, 3] -> [N, 256]: the baseline a network must beat. Square roots, so that the
    cosine of two histograms is their Bhattacharyya coefficient."""
    rows = []
    for photo in pixels:
        hsv = np.asarray(Image.fromarray(photo).convert("HSV")).reshape(-1, 3).astype(np.int64)
        bins = (hsv[:, 0] * HUES // 256 * SATURATIONS + hsv[:, 1] * SATURATIONS // 256) * VALUES
        counts = np.bincount(bins + hsv[:, 2] * VALUES // 256, minlength=HUES * SATURATIONS * VALUES)
        rows.append(np.sqrt(counts / counts.sum()))
    return torch.from_numpy(np.stack(rows)).float()


@torch.no_grad()
def descriptors(model, teacher, pixels):
    """{name: [N, D]} for one batch of uint8 pixels; `model` may be None."""
    found = {"hsv": hsv_histogram(pixels)}
    if teacher is not None:
        with torch.autocast("cpu", enabled=False):
            found["teacher"] = teacher(torch.from_numpy(pixels).permute(0, 3, 1, 2).float())[1]
    if model is not None:
        last = model.backbone(to_input(pixels)).float()           # [N, 512, 7, 7]
        fc6 = model.classifier[:2](model.avgpool(last).flatten(1))  # after the ReLU
        found.update({
            "features": last.flatten(1),
            "avg": last.mean((2, 3)),
            "max": last.amax((2, 3)),
            "gem": last.clamp(min=1e-6).pow(3).mean((2, 3)).pow(1 / 3),
            "fc6": fc6,
            "fc7": model.classifier[2:5](fc6)})
    return found


def rank_by_cosine(vectors, labels):
    """Leave-one-out over unit vectors: (mean average precision, precision at 10)."""
    vectors, labels = F.normalize(vectors.float(), dim=1), np.asarray(labels)
    average, ten = [], []
    for start in range(0, len(vectors), 256):
        scores = vectors[start:start + 256] @ vectors.T
        rows = torch.arange(len(scores))
        scores[rows, rows + start] = -2  # the query itself: last, then cut off
        order = scores.argsort(dim=1, descending=True)[:, :-1].numpy()
        relevant = labels[order] == labels[start:start + len(scores), None]
        hits = np.cumsum(relevant, axis=1)
        precision = hits / np.arange(1, relevant.shape[1] + 1)
        average.append((precision * relevant).sum(1) / np.maximum(relevant.sum(1), 1))
        ten.append(precision[:, 9])
    return float(np.concatenate(average).mean()), float(np.concatenate(ten).mean())


def flower_photos(data, limit=None, splits=("train", "val")):
    """(files, class names) of the flowers; neither split was trained on."""
    pairs = [(file, name) for split in splits
             for name, files in class_folders(os.path.join(data, "flowers", "dataset", split))
             for file in files]
    if limit:
        limit = min(limit, len(pairs))
        pairs = [pairs[i * len(pairs) // limit] for i in range(limit)]
    return [file for file, _ in pairs], [name for _, name in pairs]


def retrieval(model, teacher, files, names, progress=None):
    """{descriptor: {"map", "precision_at_10", "dimensions"}}"""
    if len(files) < 12:
        raise Problem(f"{len(files)} photos are too few to measure retrieval")
    columns = {}
    for pixels in batches(files):
        for name, rows in descriptors(model, teacher, pixels).items():
            columns.setdefault(name, []).append(rows.half())
        if progress:
            progress(len(pixels))
    table = {}
    for name, rows in columns.items():
        vectors = torch.cat(rows).float()
        mean, ten = rank_by_cosine(vectors, names)
        table[name] = {"map": round(mean, 4), "precision_at_10": round(ten, 4),
                       "dimensions": vectors.shape[1]}
    return table
