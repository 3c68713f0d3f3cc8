"""Makes test/golden/network.json: what PyTorch computes at every layer of the tiny VGGs in test/golden/weights/.

    /usr/bin/python3 scripts/goldens/network.py
    /usr/bin/python3 scripts/goldens/network.py --full DIR

Needs torch and torchvision (Debian's python3-torch 1.13, python3-torchvision 0.14); run weights.py first.
The second form is part of `npm run check:full`: the same for a full-size vgg11_bn with random weights, written to
DIR/vgg11_bn.pth, its layers to DIR/network.json.
The input is one image of pixels (7 x^2 + 3 y^2 + 5 x y + 85 c) mod 256 at column x, row y, channel c,
normalised by ImageNet's mean and deviation. Per case: layer -> its shape, the mean and root mean square of
all its values, and COUNT of them at equal distances. Convolutions are taken after ReLU and pool.
"""

import json
import sys
from pathlib import Path

import torch
import torchvision
from weights import MEMBERS, OUT, narrow_vgg

COUNT = 48
MEAN, DEVIATION = (0.485, 0.456, 0.406), (0.229, 0.224, 0.225)
# Beside every member at 224: inputs whose last map is not 7 x 7.
OTHER_SIZES = (('vgg11_bn', 64), ('vgg13', 200), ('vgg11_bn', 288))


def pixels(size):
    y, x, c = torch.meshgrid(*(torch.arange(n) for n in (size, size, 3)), indexing='ij')
    values = ((7 * x * x + 3 * y * y + 5 * x * y + 85 * c) % 256).float() / 255
    return ((values - torch.tensor(MEAN)) / torch.tensor(DEVIATION)).permute(2, 0, 1)[None]


def layers(model, x):
    """Name and value of each layer's output."""
    convolutions = 0
    for module, following in zip(model.features, [*list(model.features)[1:], None]):
        x = module(x)
        convolutions += isinstance(module, torch.nn.Conv2d)
        last_of_block = isinstance(module, torch.nn.MaxPool2d) or (
            isinstance(module, torch.nn.ReLU) and not isinstance(following, torch.nn.MaxPool2d))
        if last_of_block:
            yield f'conv{convolutions}', x
    x = torch.flatten(model.avgpool(x), 1)
    yield 'features', x
    for name, stop in (('fc6', 2), ('fc7', 5), ('scores', 7)):
        x = model.classifier[{'fc6': 0, 'fc7': 2, 'scores': 5}[name]:stop](x)
        yield name, x


def summary(value):
    flat = value.double().flatten()
    samples = flat[torch.arange(min(COUNT, len(flat))) * len(flat) // min(COUNT, len(flat))]
    digits = lambda number: float(f'{number:.8g}')
    return {
        'shape': list(value.shape),
        'mean': digits(flat.mean().item()),
        'rms': digits((flat ** 2).mean().sqrt().item()),
        'samples': [digits(number) for number in samples.tolist()],
    }


def describe(model, weights, size):
    with torch.no_grad():
        return {'weights': weights, 'size': size,
                'layers': {name: summary(value) for name, value in layers(model.eval(), pixels(size))}}


def case(member, size):
    model = narrow_vgg(member.removesuffix('_bn'), member.endswith('_bn'), 0)
    model.load_state_dict(torch.load(OUT / f'{member}.pth'))
    return describe(model, f'{member}.pth', size)


def full(folder):
    torch.manual_seed(1)
    model = torchvision.models.vgg11_bn(weights=None)
    for module in model.modules():
        if isinstance(module, torch.nn.BatchNorm2d):
            torch.nn.init.uniform_(module.weight, 0.5, 1.5)
            torch.nn.init.uniform_(module.bias, -0.2, 0.5)
            torch.nn.init.uniform_(module.running_mean, -0.5, 0.5)
            torch.nn.init.uniform_(module.running_var, 0.5, 2)
    torch.save(model.state_dict(), folder / 'vgg11_bn.pth')
    (folder / 'network.json').write_text(json.dumps([describe(model, 'vgg11_bn.pth', 224)]))


def main():
    members = [name + suffix for name in MEMBERS for suffix in ('', '_bn')]
    cases = [case(member, size) for member, size in [*((m, 224) for m in members), *OTHER_SIZES]]
    path = OUT.parent / 'network.json'
    path.write_text('[\n' + ',\n'.join(json.dumps(entry) for entry in cases) + '\n]\n')
    print(path, path.stat().st_size, 'bytes')


if __name__ == '__main__':
    if sys.argv[1:2] == ['--full']:
        full(Path(sys.argv[2]))
    else:
        main()
