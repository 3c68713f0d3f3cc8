"""The student: the VGG family in torchvision's layout, its first two linear layers factorised.

    photo [N,3,224,224] -> features [N,512,7,7] -> fc6 [N,4096] -> fc7 [N,4096] -> scores [N,classes]

With `rank` r a linear layer in -> out becomes in -> r (no bias) -> out, so `classifier.0.0.weight`,
`classifier.0.1.weight`, `classifier.0.1.bias`; with `rank` None the names are plain torchvision's.
"""
import torch
from torch import nn

from problems import Problem

POOL = "M"
CONFIGURATIONS = {  # the paper's A, B, D, E (arXiv 1409.1556, table 1)
    "vgg11": [64, POOL, 128, POOL, 256, 256, POOL, 512, 512, POOL, 512, 512, POOL],
    "vgg13": [64, 64, POOL, 128, 128, POOL, 256, 256, POOL, 512, 512, POOL, 512, 512, POOL],
    "vgg16": [64, 64, POOL, 128, 128, POOL, 256, 256, 256, POOL, 512, 512, 512, POOL,
              512, 512, 512, POOL],
    "vgg19": [64, 64, POOL, 128, 128, POOL, 256, 256, 256, 256, POOL, 512, 512, 512, 512, POOL,
              512, 512, 512, 512, POOL],
}
HIDDEN, MAP = 4096, 7


class Vgg(nn.Module):
    def __init__(self, configuration="vgg11", batch_norm=True, rank=256, classes=1000, dropout=0.2):
        super().__init__()
        layers, channels = [], 3
        for item in CONFIGURATIONS[configuration]:
            if item == POOL:
                layers.append(nn.MaxPool2d(2))
                continue
            layers.append(nn.Conv2d(channels, item, 3, padding=1))
            if batch_norm:
                layers.append(nn.BatchNorm2d(item))
            layers.append(nn.ReLU(inplace=True))
            channels = item
        self.features = nn.Sequential(*layers)
        self.avgpool = nn.AdaptiveAvgPool2d(MAP)  # identity at 224; lets training start smaller
        self.classifier = nn.Sequential(
            linear(channels * MAP * MAP, HIDDEN, rank), nn.ReLU(inplace=True), nn.Dropout(dropout),
            linear(HIDDEN, HIDDEN, rank), nn.ReLU(inplace=True), nn.Dropout(dropout),
            nn.Linear(HIDDEN, classes))
        self.channels, self.rank = channels, rank
        self.initialise()

    def initialise(self):
        """He's initialisation; the pair of a factorised layer keeps the variance of one layer."""
        for module in self.features:
            if isinstance(module, nn.Conv2d):
                nn.init.kaiming_normal_(module.weight, mode="fan_out", nonlinearity="relu")
                nn.init.zeros_(module.bias)
        for layer in (self.classifier[0], self.classifier[3]):
            pair = layer if self.rank else [layer]
            for part, gain in zip(pair, (1.0, 2.0) if self.rank else (2.0,)):
                nn.init.normal_(part.weight, 0, (gain / part.in_features) ** 0.5)
                if part.bias is not None:
                    nn.init.zeros_(part.bias)
        nn.init.normal_(self.classifier[6].weight, 0, 0.01)
        nn.init.zeros_(self.classifier[6].bias)

    def backbone(self, photos):
        """Normalised photos -> the last map [N, 512, h, w]; 7x7 at 224."""
        return self.features(photos)

    def head(self, feature_map):
        """The last map -> scores (logits) [N, classes]."""
        return self.classifier(self.avgpool(feature_map).flatten(1))

    def forward(self, photos):
        """Scores, and the averaged map [N, 512] in float32 (the descriptor used for search)."""
        feature_map = self.backbone(photos)
        return self.head(feature_map), feature_map.float().mean((2, 3))


def linear(inputs, outputs, rank):
    if rank is None:
        return nn.Linear(inputs, outputs)
    return nn.Sequential(nn.Linear(inputs, rank, bias=False), nn.Linear(rank, outputs))


def build_for(state, source, dropout=0.2):
    """A Vgg of the shape that `state` (torchvision's names, with or without pairs) tells, loaded.

    Batch norm may be missing because it was folded into the convolutions; the convolutions are
    then taken in their order whatever numbers their names carry.
    """
    numbers = {name: module_number(name, source) for name in state if name.startswith("features.")}
    outputs = {index: state[name].shape[0] for name, index in numbers.items() if state[name].dim() == 4}
    convolutions = sorted(outputs)
    widths = [outputs[index] for index in convolutions]
    known = {tuple(item for item in row if item != POOL): name
             for name, row in CONFIGURATIONS.items()}
    if tuple(widths) not in known:
        raise Problem(f"{source}: convolutions of {widths} channels are none of {', '.join(known.values())}")
    batch_norm = f"features.{convolutions[0] + 1}.running_mean" in state
    rank = None
    if "classifier.0.0.weight" in state:
        rank = state["classifier.0.0.weight"].shape[0]
    if "classifier.6.weight" not in state:
        raise Problem(f"{source}: classifier.6.weight is missing")
    model = Vgg(known[tuple(widths)], batch_norm, rank, state["classifier.6.weight"].shape[0], dropout)
    own = [i for i, module in enumerate(model.features) if isinstance(module, nn.Conv2d)]
    moved = {}
    for name, tensor in state.items():
        parts = name.split(".")
        if name in numbers:
            before = [index for index in convolutions if index <= numbers[name]]
            if not before:
                raise Problem(f"{source}: {name} stands before the first convolution")
            parts[1] = str(own[len(before) - 1] + numbers[name] - before[-1])
        moved[".".join(parts)] = tensor
    load_checked(model, moved, source)
    return model


def module_number(name, source):
    """12 of features.12.weight."""
    number = name.split(".")[1]
    if not number.isdecimal():
        raise Problem(f"{source}: {name} where torchvision's numbers are expected, as in features.0.weight")
    return int(number)


def load_checked(model, state, source):
    """Loads all of `state`; a missing, foreign or misshapen tensor is refused by its name."""
    own = model.state_dict()
    for name, tensor in own.items():
        if name.endswith("num_batches_tracked"):  # a counter, of no use after training
            continue
        if name not in state:
            raise Problem(f"{source}: {name} is missing")
        if state[name].shape != tensor.shape:
            raise Problem(f"{source}: {name} has shape {list(state[name].shape)} where "
                          f"{list(tensor.shape)} is expected")
    foreign = sorted(set(state) - set(own))
    if foreign:
        raise Problem(f"{source}: {foreign[0]} is no tensor of this network")
    model.load_state_dict(state, strict=False)


def factorise(model, rank):
    """The same network with its two large linear layers replaced by their best rank-r pairs (SVD)."""
    if model.rank:
        return model
    for index in (0, 3):
        full = model.classifier[index]
        u, s, v = torch.svd_lowrank(full.weight.detach().float(), q=rank, niter=4)
        pair = linear(full.in_features, full.out_features, rank)
        with torch.no_grad():
            pair[0].weight.copy_((v * s.sqrt()).T)
            pair[1].weight.copy_(u * s.sqrt())
            pair[1].bias.copy_(full.bias)
        model.classifier[index] = pair
    model.rank = rank
    return model
