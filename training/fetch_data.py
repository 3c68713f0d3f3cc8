"""Where the photographs come from: clones each set at a pinned commit, then checks its counts.

    python3 training/fetch_data.py --to ~/vgg-data                 # everything, about 1 GB
    python3 training/fetch_data.py --to ~/vgg-data --only flowers  # one set

Every set is whole in a public repository. Imagenette, Imagewoof and Tiny-ImageNet are parts of
ImageNet and may be used for non-commercial research only; nothing of any set belongs in this
repository. A set that is already there and complete is left alone, so the command can be repeated.
"""
import argparse
import hashlib
import os
import shutil
import subprocess
import sys
from dataclasses import dataclass, field

from problems import Problem, run_main

IMAGE_ENDINGS = (".jpg", ".jpeg", ".png")


@dataclass(frozen=True)
class Source:
    """One public repository: `counts` maps a folder inside it to the number of photos below it."""

    repository: str
    commit: str
    counts: dict = field(default_factory=dict)
    sha256: dict = field(default_factory=dict)

    @property
    def paths(self):
        """What of the repository is checked out (some also hold presentations or models)."""
        return [*self.counts, *self.sha256]


SOURCES = {
    "imagenette": Source(
        "thunderInfy/imagenette", "b850f030ff0701c36a4adc8b928ea9483a46915b",
        {"train": 9469, "val": 3925}),
    "imagewoof": Source(
        "thunderInfy/imagewoof", "6338aeea098965e0a0ebdf74404862fae9760fe3",
        {"train": 9025, "val": 3929}),
    "tiny-imagenet": Source(
        "seshuad/IMagenet", "153dbc161ab7942a12c99515e80ef6454dd06693",
        {"tiny-imagenet-200/train": 100000, "tiny-imagenet-200/val": 10000}),
    "caltech": Source(
        "MachineLearning2020/Homework2-Caltech101", "836044dd000296b2bb74d0aa4b4e462e459b01d7",
        {"101_ObjectCategories": 9144}),
    # Never trained on: one photo of each ImageNet class, and a set whose classes are not ImageNet's.
    "one-per-class": Source(
        "EliSchwartz/imagenet-sample-images", "bc69043e2862758a1906c6a24a792bb28c6bb2ff",
        {".": 1000}),
    "flowers": Source(
        "Oldpel/flower_photos", "140ff6f3beb2173715002984c2bd58dc3506d4c9",
        {"dataset/train": 2934, "dataset/val": 736}),
    # For finetune.py.
    "cats-and-dogs": Source(
        "ardamavi/Dog-Cat-Classifier", "9e4f1e1b8eb00fb52c7b1f7e271e573cbe5a2d2f",
        {"Data/Train_Data": 1399}),
    # The teacher (Apache-2.0).
    "teacher": Source(
        "google-coral/edgetpu", "5020de9386ff370dcc1f63291a2d0f98eeb98adb", {},
        {"test_data/mobilenet_v2_1.0_224_quant.tflite": "51e8256b05665529f8836fe6e8eeed41b2fc75a900d8eebda338d70a6726f8da",
         "test_data/imagenet_labels.txt": "50f42753c6c6a76d4257b5f72cb506e6b8f7266cf8819edf7d3812cf549c4d41"}),
}


def count_photos(folder):
    """Photos anywhere below `folder`; 0 if it does not exist."""
    return sum(name.lower().endswith(IMAGE_ENDINGS)
               for _, _, names in os.walk(folder) for name in names)


def sha256_of(path):
    with open(path, "rb") as file:
        return hashlib.sha256(file.read()).hexdigest()


def shortfalls(root, source):
    """What is wrong with a set on disk, as a list of sentences (empty: complete)."""
    wrong = []
    for path, expected in source.counts.items():
        found = count_photos(os.path.join(root, path))
        if found != expected:
            wrong.append(f"{root}/{path} holds {found} photos where {expected} are expected")
    for path, expected in source.sha256.items():
        full = os.path.join(root, path)
        if not os.path.exists(full):
            wrong.append(f"{full} is missing")
        elif sha256_of(full) != expected:
            wrong.append(f"{full} is not the expected file (its sha256 differs)")
    return wrong


def clone(source, target):
    """Checks out `source` at its commit into `target`, under a temporary name until it is whole."""
    partial = target + ".partial"
    shutil.rmtree(partial, ignore_errors=True)
    url = f"https://github.com/{source.repository}"
    # blob:none with a sparse checkout: only the photos are downloaded, in one batch, and not
    # the models and notebooks that lie beside them.
    inside = ["git", "-C", partial, "-c", "gc.auto=0", "-c", "advice.detachedHead=false"]
    commands = [["git", "clone", "--quiet", "--no-checkout", "--depth", "1", "--filter=blob:none",
                 url, partial],
                [*inside, "fetch", "--quiet", "--depth", "1", "--filter=blob:none",
                 "origin", source.commit],
                [*inside, "sparse-checkout", "set", "--no-cone",
                 *("/*" if path == "." else "/" + path for path in source.paths)],
                [*inside, "checkout", "--quiet", source.commit]]
    for command in commands:
        if subprocess.run(command).returncode != 0:
            raise Problem(f"{source.repository}: '{' '.join(command)}' failed (see above)")
    wrong = shortfalls(partial, source)
    if wrong:
        raise Problem(f"{source.repository}: " + "; ".join(wrong))
    shutil.rmtree(os.path.join(partial, ".git"))  # the photos are enough; halves the disk space
    shutil.rmtree(target, ignore_errors=True)
    os.replace(partial, target)


def main(arguments=None):
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--to", required=True, help="folder outside the repository")
    parser.add_argument("--only", nargs="+", choices=SOURCES, help="these sets alone")
    options = parser.parse_args(arguments)
    os.makedirs(options.to, exist_ok=True)
    for name in options.only or SOURCES:
        source, target = SOURCES[name], os.path.join(options.to, name)
        if os.path.isdir(target) and not shortfalls(target, source):
            print(f"{name}: complete", flush=True)
            continue
        print(f"{name}: https://github.com/{source.repository} at {source.commit[:10]} ...", flush=True)
        clone(source, target)
        total = sum(source.counts.values()) or len(source.sha256)
        print(f"{name}: {total} files, counts as expected", flush=True)


if __name__ == "__main__":
    sys.exit(run_main(main))
