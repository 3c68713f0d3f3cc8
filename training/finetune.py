"""Your own classes: trains the last layers on a folder of class folders, from weights that already see.

    python3 training/finetune.py --data photos --weights model.safetensors --out mine

`photos` holds one folder per class. WEIGHTS may be torchvision's vgg*.pth, ours, or the folder that
`vgg-edge export MODEL --to safetensors` wrote. Writes to --out: model.safetensors and labels.txt (for
`vgg-edge build`), curves.svg, log.jsonl, report.json.

What is frozen never changes, so its output is computed once per photo and view and kept in memory:
the rest then trains in seconds per epoch on two cores.
"""
import argparse
import json
import os
import random
import sys
import time

import torch
import torch.nn.functional as F
from torch import nn

from curves import draw
from finetune_data import cached_features, split_classes, training_view
from net import factorise
from photos import batches, class_folders, to_input
from problems import Problem, run_main, write_whole
from progress import duration
from safetensors_file import write_safetensors
from weights import open_model

STAGES = {"none": 0, "backbone": 1, "fc6": 2, "fc7": 3}  # frozen up to and with this one
# Highest rates that did not overfit 1,119 photos of cats and dogs: the more is trained, the lower.
RATES = {"none": 3e-5, "backbone": 3e-5, "fc6": 1e-4, "fc7": 1e-3}


def parse(arguments):
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--data", required=True, help="one folder per class")
    parser.add_argument("--weights", required=True, help="where to start from")
    parser.add_argument("--out", required=True)
    parser.add_argument("--freeze", default="fc7", choices=STAGES,
                        help="frozen up to and with this stage: 'fc7' trains the last layer alone, 'none' "
                        "the convolutions too (slow)")
    parser.add_argument("--held-out", type=float, default=0.2, help="share of each class never trained on")
    parser.add_argument("--epochs", type=int, default=12)
    parser.add_argument("--views", type=int, default=2, help="views of each photo: the centre, its mirror "
                        "image, then random crops")
    parser.add_argument("--batch", type=int, default=64)
    parser.add_argument("--rate", type=float, help="highest learning rate (default: by what is frozen)")
    parser.add_argument("--decay", type=float, default=0.05)
    parser.add_argument("--dropout", type=float, default=0.5)
    parser.add_argument("--rank", type=int, default=256, help="torchvision's full layers are factorised "
                        "at this rank; 0 leaves them full")
    parser.add_argument("--dtype", default="F16", choices=["F16", "F32"])
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--threads", type=int, help="CPU threads (default: all)")
    parser.add_argument("--device", default="cuda" if torch.cuda.is_available() else "cpu")
    options = parser.parse_args(arguments)
    options.rate = options.rate or RATES[options.freeze]
    if not 0.05 <= options.held_out <= 0.5:
        raise Problem(f"--held-out {options.held_out}: expected a share from 0.05 to 0.5")
    return options


def cut(model, freeze):
    """(frozen part, trained part) of the network as modules; either maps a batch onward."""
    stages = [nn.Sequential(model.features, model.avgpool, nn.Flatten(1)),
              model.classifier[0:2], model.classifier[2:5], model.classifier[5:7]]
    return nn.Sequential(*stages[:STAGES[freeze]]), nn.Sequential(*stages[STAGES[freeze]:])


def set_mode(trained, training):
    """Dropout on or off. Batch norm keeps ImageNet's statistics: small sets would spoil them."""
    trained.train(training)
    for module in trained.modules():
        if isinstance(module, nn.BatchNorm2d):
            module.eval()


class Cached:
    """Features of what is frozen: [photos * views, D] float16, computed once."""

    def __init__(self, frozen, split, options):
        self.labels, self.device = torch.tensor(split.labels), options.device
        self.features = cached_features(frozen, split, options)
        self.views = len(self.features) // len(self.labels)

    def epoch(self, size):
        """Random batches over every view: (input, labels)."""
        for chosen in torch.randperm(len(self.features)).split(size):
            yield (self.features[chosen].float().to(self.device),
                   self.labels[chosen // self.views].to(self.device))


class Fresh:
    """Photos themselves, where the convolutions are trained: a new random view in every epoch."""

    def __init__(self, split, training, options):
        self.split, self.training, self.device = split, training, options.device
        self.chance = random.Random(options.seed)

    def epoch(self, size):
        order = torch.randperm(len(self.split.files)).tolist() if self.training else range(
            len(self.split.files))
        labels = torch.tensor([self.split.labels[i] for i in order])
        # One thread: the views are drawn in the photos' order, so that a seed gives the same run.
        views = batches([self.split.files[i] for i in order], size,
                        self.training_view if self.training else None, threads=1)
        for number, pixels in enumerate(views):
            yield (to_input(pixels).to(self.device),
                   labels[number * size:][:len(pixels)].to(self.device))

    def training_view(self, photo):
        return training_view(photo, self.chance)


def run_epoch(trained, batches_of, optimiser=None):
    """(loss, accuracy in percent) over one pass; trains if there is an optimiser."""
    set_mode(trained, optimiser is not None)
    total = right = count = 0
    with torch.set_grad_enabled(optimiser is not None):
        for inputs, labels in batches_of:
            scores = trained(inputs).float()
            loss = F.cross_entropy(scores, labels)
            if optimiser is not None:
                optimiser.zero_grad(set_to_none=True)
                loss.backward()
                nn.utils.clip_grad_norm_(trained.parameters(), 2.0)
                optimiser.step()
            total += loss.item() * len(labels)
            right += (scores.argmax(1) == labels).sum().item()
            count += len(labels)
    if not total == total:
        raise Problem("the loss is not a number; a lower --rate may help. Nothing was written")
    return total / count, 100 * right / count


def confusion(trained, held, names):
    """rows: what it is, columns: what it is taken for."""
    set_mode(trained, False)
    table = torch.zeros(len(names), len(names), dtype=torch.int64)
    with torch.no_grad():
        for inputs, labels in held.epoch(64):
            for label, guess in zip(labels.tolist(), trained(inputs).argmax(1).tolist()):
                table[label, guess] += 1
    return table.tolist()


def main(arguments=None):
    options, started = parse(arguments), time.time()
    torch.manual_seed(options.seed)
    if options.threads:
        torch.set_num_threads(options.threads)
    classes = class_folders(options.data)
    names = [name for name, _ in classes]
    train, held = split_classes(classes, options.held_out, options.seed)
    print(f"{len(names)} classes ({', '.join(names[:6])}{', ...' if len(names) > 6 else ''}): "
          f"{len(train.files)} photos to train on, {len(held.files)} held out", flush=True)

    model = open_model(options.weights, options.dropout)
    if model.rank is None and options.rank:
        print(f"factorising the classifier at rank {options.rank} ...", flush=True)
        model = factorise(model, options.rank)
    last = nn.Linear(model.classifier[6].in_features, len(names))
    nn.init.normal_(last.weight, 0, 0.01)
    nn.init.zeros_(last.bias)
    model.classifier[6] = last
    frozen, trained = cut(model.to(options.device), options.freeze)
    frozen.requires_grad_(False).eval()

    if options.freeze == "none":
        train_set, train_check, held_set = (Fresh(train, True, options), Fresh(train, False, options),
                                            Fresh(held, False, options))
    else:
        held_set = Cached(frozen, held.with_views(1), options)
        train_set = train_check = Cached(frozen, train.with_views(options.views), options)
    optimiser = torch.optim.AdamW(trained.parameters(), lr=options.rate, weight_decay=options.decay)
    schedule = torch.optim.lr_scheduler.CosineAnnealingLR(optimiser, options.epochs)

    os.makedirs(options.out, exist_ok=True)
    log, begun = [], time.time()
    for epoch in range(1, options.epochs + 1):
        run_epoch(trained, train_set.epoch(options.batch), optimiser)
        schedule.step()
        # Measured after the epoch and without dropout, so that both splits are compared alike.
        train_loss, train_right = run_epoch(trained, train_check.epoch(options.batch))
        held_loss, held_right = run_epoch(trained, held_set.epoch(options.batch))
        log.append({"epoch": epoch, "train_loss": train_loss, "train_accuracy": train_right,
                    "held_out_loss": held_loss, "held_out_accuracy": held_right})
        left = duration((options.epochs - epoch) * (time.time() - begun) / epoch)
        print(f"epoch {epoch:>2}: trained on: loss {train_loss:.3f}, {train_right:.1f} %;  "
              f"held out: loss {held_loss:.3f}, {held_right:.1f} %;  {left} left", flush=True)
    finish(options, model, names, log, confusion(trained, held_set, names),
           time.time() - started, (train, held))


def finish(options, model, names, log, table, seconds, splits):
    """Writes all files; the weights first, since a NaN in them stops everything."""
    def at(name):
        return os.path.join(options.out, name)
    state = {name: tensor for name, tensor in model.state_dict().items()
             if not name.endswith("num_batches_tracked")}
    size = write_safetensors(at("model.safetensors"), state, dtype=options.dtype, metadata={
        "format": "pt", "labels": json.dumps(names, ensure_ascii=False)})
    write_whole(at("labels.txt"), "".join(name + "\n" for name in names))
    write_whole(at("log.jsonl"), "".join(json.dumps(entry) + "\n" for entry in log))
    draw(at("curves.svg"), [
        (title, "epoch", {label: [(entry["epoch"], entry[key + kind]) for entry in log]
                          for label, key in (("trained on", "train_"), ("held out", "held_out_"))})
        for title, kind in (("Loss", "loss"), ("Accuracy, %", "accuracy"))])
    write_whole(at("report.json"), json.dumps({
        "held_out_accuracy": log[-1]["held_out_accuracy"], "held_out_photos": len(splits[1].files),
        "trained_on_photos": len(splits[0].files), "classes": names, "confusion": table,
        "seconds": round(seconds, 1), "options": vars(options)}, indent=1) + "\n")
    print(f"held out: {log[-1]['held_out_accuracy']:.1f} % of {len(splits[1].files)} photos, "
          f"{duration(seconds)} in all; {at('model.safetensors')} ({size / 1e6:.1f} MB)")
    print(f"next: vgg-edge build --weights {at('model.safetensors')} --labels {at('labels.txt')} --out MODEL")


if __name__ == "__main__":
    sys.exit(run_main(main))
