"""The labelled sets: which photos, and which of the 1000 ImageNet classes each shows."""
import os
import random

from photos import class_folders, photos_below
from problems import Problem

HERE = os.path.dirname(os.path.abspath(__file__))
TINY = "tiny-imagenet/tiny-imagenet-200"
VALIDATION = ("imagenette", "imagewoof", "tiny-imagenet", "one-per-class")


def read_classes():
    """[(WordNet id, 'labels' or 'teacher', name)]: the 1000 classes, in the order of their ids.

    'labels' marks the 219 that occur in the labelled training sets; the others are learnt only
    from the teacher's probabilities.
    """
    with open(os.path.join(HERE, "imagenet-classes.tsv"), encoding="utf-8") as file:
        rows = [line.rstrip("\n").split("\t") for line in file][1:]
    if len(rows) != 1000:
        raise Problem(f"imagenet-classes.tsv holds {len(rows)} classes, not 1000")
    return [tuple(row) for row in rows]


def class_numbers():
    """WordNet id -> 0..999."""
    return {row[0]: number for number, row in enumerate(read_classes())}


def labelled_photos(data, name, limit=None, split="val"):
    """(files, class numbers) of one set; `limit` takes a random part that is always the same."""
    pairs = _tiny(data, split) if name == "tiny-imagenet" else (
        _single(data) if name == "one-per-class" else _folders(os.path.join(data, name, split)))
    random.Random(1).shuffle(pairs)
    pairs = pairs[:limit] if limit else pairs
    return [file for file, _ in pairs], [label for _, label in pairs]


def _folders(folder):
    numbers = class_numbers()
    return [(file, numbers[name]) for name, files in class_folders(folder) for file in files]


def _tiny(data, split):
    numbers, folder = class_numbers(), os.path.join(data, TINY)
    if split == "train":
        return _folders(os.path.join(folder, "train"))
    table = os.path.join(folder, "val", "val_annotations.txt")
    if not os.path.exists(table):
        raise Problem(f"{table}: missing; fetch_data.py brings the set")
    with open(table, encoding="utf-8") as file:
        rows = [line.split("\t") for line in file]
    return [(os.path.join(folder, "val", "images", row[0]), numbers[row[1]]) for row in rows]


def _single(data):
    """One photo of each class: <WordNet id>_<name>.JPEG."""
    numbers, files = class_numbers(), photos_below(os.path.join(data, "one-per-class"))
    if not files:
        raise Problem(f"{data}/one-per-class: no photos; fetch_data.py brings the set")
    return [(file, numbers[os.path.basename(file)[:9]]) for file in files]
