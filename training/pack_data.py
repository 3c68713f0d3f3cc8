"""Packs the photos into few files, so that training reads gigabytes and not 130,000 files.

    python3 training/pack_data.py --data ~/vgg-data --to ~/vgg-data/packed

Two training sets, sampled separately by data.py: `large` (Imagenette, Imagewoof, Caltech-101 without
its labels; centre squares at 224 px) and `tiny` (Tiny-ImageNet at its own 64 px); and a part of each
validation set for the figures shown while training. evaluate.py measures on the whole sets.

A set NAME is NAME.bin, the encoded pictures one after the other, and NAME.npz: `offsets` int64
[n + 1], `labels` int16 [n] (-1: none), `side`.
"""
import argparse
import io
import os
import random
import sys
from concurrent.futures import ThreadPoolExecutor

import numpy as np
from PIL import Image

from labelled import labelled_photos
from photos import photos_below, read_photo
from problems import Problem, run_main, write_whole
from progress import Progress

LARGE_SIDE, TINY_SIDE = 224, 64
QUALITY = 92  # JPEG; the originals are JPEG themselves
IN_TRAINING_VALIDATION = 750  # photos of each set


def square(path, side):
    """The centre square at `side` px as JPEG bytes; a file that already is one is taken as it is."""
    with open(path, "rb") as file:
        data = file.read()
    try:
        with Image.open(io.BytesIO(data)) as photo:
            if photo.size == (side, side) and photo.mode == "RGB" and photo.format == "JPEG":
                return data
    except OSError as error:
        raise Problem(f"{path}: not a photo that can be decoded ({error})") from error
    photo = read_photo(path)
    edge = min(photo.size)
    left, top = (photo.width - edge) // 2, (photo.height - edge) // 2
    photo = photo.crop((left, top, left + edge, top + edge)).resize((side, side), Image.LANCZOS)
    buffer = io.BytesIO()
    photo.save(buffer, "JPEG", quality=QUALITY, subsampling=0)
    return buffer.getvalue()


def pack(name, pairs, side, folder):
    """Writes one set; `pairs` is [(file, label)], already in random order."""
    progress, pictures = Progress(name, len(pairs)), []
    with ThreadPoolExecutor(2) as pool:
        for picture in pool.map(lambda pair: square(pair[0], side), pairs):
            pictures.append(picture)
            progress(1)
    offsets = np.cumsum([0] + [len(picture) for picture in pictures]).astype(np.int64)
    index = io.BytesIO()
    np.savez(index, offsets=offsets, side=side,
             labels=np.array([label for _, label in pairs], np.int16))
    write_whole(os.path.join(folder, name + ".bin"), b"".join(pictures))
    write_whole(os.path.join(folder, name + ".npz"), index.getvalue())
    print(f"{name}: {len(pairs)} pictures, {offsets[-1] / 1e6:.0f} MB", flush=True)


def pairs_of(data, name, split, limit=None):
    files, labels = labelled_photos(data, name, limit, split)
    return list(zip(files, labels))


def main(arguments=None):
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--data", required=True, help="the folder of fetch_data.py")
    parser.add_argument("--to", required=True)
    parser.add_argument("--limit", type=int, help="pictures of each set, for a quick trial")
    options = parser.parse_args(arguments)
    unlabelled = photos_below(os.path.join(options.data, "caltech", "101_ObjectCategories"))
    if not unlabelled:
        raise Problem(f"{options.data}/caltech: no photos; fetch_data.py brings the set")
    large = (pairs_of(options.data, "imagenette", "train") + pairs_of(options.data, "imagewoof", "train")
             + [(file, -1) for file in unlabelled])
    # Golden retriever is in Imagewoof at 224 px; at 64 px it would only blur that class.
    sharp = {label for _, label in large}
    tiny = [pair for pair in pairs_of(options.data, "tiny-imagenet", "train") if pair[1] not in sharp]
    shuffle = random.Random(1).shuffle
    shuffle(large), shuffle(tiny)
    part = min(options.limit or IN_TRAINING_VALIDATION, IN_TRAINING_VALIDATION)
    checks = (pairs_of(options.data, "imagenette", "val", part)
              + pairs_of(options.data, "imagewoof", "val", part))
    pack("validation-large", checks, LARGE_SIDE, options.to)
    pack("validation-tiny", pairs_of(options.data, "tiny-imagenet", "val", part), TINY_SIDE, options.to)
    pack("large", large[:options.limit], LARGE_SIDE, options.to)
    pack("tiny", tiny[:options.limit], TINY_SIDE, options.to)


if __name__ == "__main__":
    sys.exit(run_main(main))
