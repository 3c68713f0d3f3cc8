"""What a set of weights is worth, in float32 and with the product's preprocessing.

    python3 training/evaluate.py WEIGHTS --data ~/vgg-data --json report.json

WEIGHTS: safetensors, torchvision's .pth, or a checkpoint of train.py. For each validation set: top-1
and top-5 among all 1000 classes and among the 219 trained with labels, and the worst confusions.
Then retrieval on the flowers. About 14 photos per second on two cores: --limit takes a fixed part.
"""
import argparse
import collections
import json
import os
import sys
import time

import torch

from labelled import VALIDATION, labelled_photos, read_classes
from photos import batches, to_input
from problems import Problem, run_main, write_whole
from progress import Progress
from retrieval import flower_photos, retrieval
from teacher import open_teacher
from weights import open_model


@torch.no_grad()
def scores_of(model, files, progress=None, device="cpu"):
    """Logits [N, classes] of photo files."""
    rows = []
    for pixels in batches(files):
        rows.append(model(to_input(pixels).to(device))[0].float().cpu())
        if progress:
            progress(len(pixels))
    return torch.cat(rows)


def hits(scores, labels, k):
    """Per photo: is the right class among the k best? bool [N]"""
    return (scores.topk(min(k, scores.shape[1]), dim=1).indices == labels[:, None]).any(1)


def percent(values):
    return round(100 * values.float().mean().item(), 2) if len(values) else None


def accuracy(scores, labels):
    """The figures of one set. `scores` [N, 1000], `labels` int64 [N]."""
    classes = read_classes()
    trained = torch.tensor([row[1] == "labels" for row in classes])
    of_trained = trained[labels]                                 # photos of a class with labels
    among = scores.masked_fill(~trained, float("-inf"))          # answers from those classes alone
    wrong = collections.Counter()
    for label, guess in zip(labels.tolist(), scores.argmax(1).tolist()):
        if label != guess:
            wrong[label, guess] += 1
    return {
        "photos": len(labels),
        "top1": percent(hits(scores, labels, 1)), "top5": percent(hits(scores, labels, 5)),
        "top1_among_trained": percent(hits(among, labels, 1)[of_trained]),
        "top5_among_trained": percent(hits(among, labels, 5)[of_trained]),
        "top1_trained_classes": percent(hits(scores, labels, 1)[of_trained]),
        "top1_other_classes": percent(hits(scores, labels, 1)[~of_trained]),
        "top5_other_classes": percent(hits(scores, labels, 5)[~of_trained]),
        "worst_confusions": [{"is": classes[a][2], "taken_for": classes[b][2], "photos": count}
                             for (a, b), count in wrong.most_common(10)],
    }


def print_accuracy(report):
    print(f"\n{'set':<15}{'photos':>8}{'top-1':>8}{'top-5':>8}{'top-1 of 219':>14}{'top-1 other':>13}")
    for name, row in report.items():
        cells = [row[key] for key in ("top1", "top5", "top1_among_trained", "top1_other_classes")]
        text = ["–" if cell is None else f"{cell:.1f}" for cell in cells]
        print(f"{name:<15}{row['photos']:>8}{text[0]:>8}{text[1]:>8}{text[2]:>14}{text[3]:>13}")


def print_retrieval(table):
    print(f"\n{'descriptor':<12}{'dimensions':>11}{'mAP':>8}{'P@10':>8}")
    for name, row in sorted(table.items(), key=lambda item: -item[1]["map"]):
        print(f"{name:<12}{row['dimensions']:>11}{row['map']:>8.3f}{row['precision_at_10']:>8.3f}")


def save(report, started, path):
    report["seconds"] = round(time.time() - started, 1)
    if path:
        write_whole(path, json.dumps(report, indent=1, ensure_ascii=False) + "\n")


def main(arguments=None):
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("weights")
    parser.add_argument("--data", required=True, help="the folder of fetch_data.py")
    parser.add_argument("--sets", nargs="*", default=list(VALIDATION), choices=VALIDATION)
    parser.add_argument("--no-retrieval", action="store_true")
    parser.add_argument("--flowers", nargs="+", default=["train", "val"], choices=["train", "val"],
                        help="splits to search among (neither was trained on)")
    parser.add_argument("--limit", type=int, help="photos of each set (default: all)")
    parser.add_argument("--json", help="write the report here")
    parser.add_argument("--device", default="cpu")
    parser.add_argument("--precision", default="float32", choices=["float32", "bfloat16"],
                        help="bfloat16 is a faster, rougher look where the CPU has AMX")
    parser.add_argument("--threads", type=int, help="CPU threads (default: all)")
    options = parser.parse_args(arguments)
    half = torch.autocast(options.device, torch.bfloat16, enabled=options.precision == "bfloat16")
    if options.threads:
        torch.set_num_threads(options.threads)
    model = open_model(options.weights).to(options.device)
    if options.sets and model.classifier[6].out_features != 1000:
        raise Problem(f"{options.weights}: {model.classifier[6].out_features} classes, but these sets "
                      "are labelled with ImageNet's 1000; use finetune.py's own report")
    report, started = {
        "weights": os.path.basename(options.weights), "torch": torch.__version__,
        "precision": options.precision, "accuracy": {}}, time.time()
    for name in options.sets:
        files, labels = labelled_photos(options.data, name, options.limit)
        with half:
            scores = scores_of(model, files, Progress(name, len(files)), options.device)
        report["accuracy"][name] = accuracy(scores, torch.tensor(labels))
        save(report, started, options.json)  # after every set: a long run that is stopped keeps them
    print_accuracy(report["accuracy"])
    if not options.no_retrieval:
        files, names = flower_photos(options.data, options.limit, options.flowers)
        with half:
            table = retrieval(model.cpu(), open_teacher(options.data), files, names,
                              Progress("flowers", len(files)))
        report["retrieval"] = {"set": "flowers", "splits": options.flowers, "photos": len(files), "descriptors": table}
        print_retrieval(report["retrieval"]["descriptors"])
        save(report, started, options.json)


if __name__ == "__main__":
    sys.exit(run_main(main))
