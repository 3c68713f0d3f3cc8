"""Makes test/golden/weights/: tiny VGGs as PyTorch stores them, and expected.json with what they hold.

    /usr/bin/python3 scripts/goldens/weights.py

Needs torch and torchvision (Debian's python3-torch 1.13, python3-torchvision 0.14). Seeded: the same
values every time, though torch.save's bytes may differ between versions. expected.json maps
file → sha256 over "name dtype [shape]" and the values as float32 of every float tensor, sorted by name.
"""

import hashlib
import json
import struct
from collections import OrderedDict
from pathlib import Path

import torch
from torch import nn
from torchvision.models import vgg

OUT = Path(__file__).resolve().parents[2] / 'test' / 'golden' / 'weights'
MEMBERS = {'vgg11': 'A', 'vgg13': 'B', 'vgg16': 'D', 'vgg19': 'E'}
# The paper's stage widths and the narrow ones that stand for them; all different, so that a mistake in
# the order of dimensions shows. TINY is for the same network in many formats.
NARROW = {64: 2, 128: 3, 256: 4, 512: 5}
TINY = {64: 1, 128: 2, 256: 3, 512: 2}
HIDDEN, CLASSES = 6, 5
FLOATS = (torch.float32, torch.float16, torch.bfloat16)


def narrow_vgg(member, batch_norm, seed, widths=NARROW, rank=None):
    """torchvision's VGG with narrow layers, weights that keep activations alive, no neutral batch norm."""
    torch.manual_seed(seed)
    items = [widths.get(item, item) for item in vgg.cfgs[MEMBERS[member]]]
    model = vgg.VGG(vgg.make_layers(items, batch_norm=batch_norm), num_classes=CLASSES, init_weights=False)
    channels = items[-2]

    def linear(inputs, outputs):
        if rank is None:
            return nn.Linear(inputs, outputs)
        return nn.Sequential(nn.Linear(inputs, rank, bias=False), nn.Linear(rank, outputs))

    model.classifier[0] = linear(channels * 49, HIDDEN)
    model.classifier[3] = linear(HIDDEN, HIDDEN)
    model.classifier[6] = nn.Linear(HIDDEN, CLASSES)
    for module in model.modules():
        if isinstance(module, (nn.Conv2d, nn.Linear)):
            nn.init.kaiming_normal_(module.weight, nonlinearity='relu')
            if module.bias is not None:
                nn.init.uniform_(module.bias, -0.1, 0.3)
        elif isinstance(module, nn.BatchNorm2d):
            nn.init.uniform_(module.weight, 0.5, 1.5)
            nn.init.uniform_(module.bias, -0.2, 0.5)
            nn.init.uniform_(module.running_mean, -0.5, 0.5)
            nn.init.uniform_(module.running_var, 0.5, 2)
    return model.eval()


def cast(state, dtype):
    return OrderedDict((k, v.to(dtype) if v.is_floating_point() else v) for k, v in state.items())


def timm_names(state):
    """timm's VGG: the first two linear layers are convolutions over the whole map."""
    renamed = OrderedDict()
    for name, value in state.items():
        name = name.replace('classifier.0', 'pre_logits.fc1').replace('classifier.3', 'pre_logits.fc2')
        name = name.replace('classifier.6', 'head.fc')
        if name == 'pre_logits.fc1.weight':
            value = value.reshape(value.shape[0], -1, 7, 7)
        elif name == 'pre_logits.fc2.weight':
            value = value[:, :, None, None]
        renamed[name] = value
    return renamed


class Handwritten(nn.Module):
    """features and classifier in somebody's own numbering: no dropout, no convolution bias, named blocks."""

    def __init__(self):
        super().__init__()
        channels, self.features, stage, block = 3, nn.Sequential(), 1, 1
        for item in (TINY.get(item, item) for item in vgg.cfgs['A']):
            if item == 'M':
                stage, block = stage + 1, 1
                continue
            self.features.add_module(f'conv{stage}_{block}', nn.Conv2d(channels, item, 3, padding=1, bias=False))
            self.features.add_module(f'bn{stage}_{block}', nn.BatchNorm2d(item))
            channels, block = item, block + 1
        self.classifier = nn.Sequential(
            nn.Linear(channels * 49, HIDDEN), nn.ReLU(), nn.Linear(HIDDEN, HIDDEN), nn.ReLU(), nn.Linear(HIDDEN, CLASSES)
        )


class OldParameter:
    """Pickles as a parameter of PyTorch 0.1 did, the form torchvision's VGG files were written in."""

    def __init__(self, tensor):
        self.tensor = tensor

    def __reduce__(self):
        return nn.Parameter, (OldTensor(self.tensor),), (True, False, OrderedDict())


class OldTensor:
    def __init__(self, tensor):
        self.tensor = tensor

    def __reduce__(self):
        t = self.tensor
        return torch._utils._rebuild_tensor, (t.storage(), t.storage_offset(), tuple(t.size()), t.stride())


def views():
    """Tensors that are no whole storage: offsets, strides, a shared storage, a scalar, an empty one."""
    torch.manual_seed(7)
    base = torch.randn(6, 5, 4)
    return OrderedDict(
        whole=base,
        row=base[2],
        column=base[:, 3],
        every_second=base[1::2, ::2, 1::3],
        transposed=base.permute(2, 0, 1),
        transposed_half=base.half().t() if base.dim() == 2 else base.half().permute(1, 2, 0)[:, 1:],
        bfloat=base.bfloat16()[3:, 1:3],
        scalar=base[1, 2, 3],
        empty=base[:0],
        one=base[5:, 4:, 3:],
        counter=torch.tensor(3),
        double=base.double(),
    )


def extremes():
    """Every kind of float16 and bfloat16 value: subnormal, largest, infinite, not a number, minus zero."""
    bits = torch.arange(0, 65536, 61, dtype=torch.int32)
    short = torch.where(bits > 32767, bits - 65536, bits).to(torch.int16)
    storage = short.storage().untyped() if hasattr(short.storage(), 'untyped') else short.storage()
    view = lambda dtype: torch.tensor([], dtype=dtype).set_(storage.clone(), 0, (len(short),))
    return OrderedDict(float16=view(torch.float16), bfloat16=view(torch.bfloat16))


def checkpoint(state):
    """What a training script saves: epoch, optimizer with its state, scheduler, and the weights among them."""
    parameters = [nn.Parameter(torch.ones(2, 3)), nn.Parameter(torch.ones(3))]
    optimizer = torch.optim.SGD(parameters, lr=0.1, momentum=0.9)
    scheduler = torch.optim.lr_scheduler.MultiStepLR(optimizer, [30, 60])
    sum(p.sum() for p in parameters).backward()
    optimizer.step()
    return {
        'epoch': 12,
        'arch': 'vgg11',
        'best_acc1': 71.25,
        'optimizer': optimizer.state_dict(),
        'lr_scheduler': scheduler.state_dict(),
        'done': False,
        'state_dict': OrderedDict((f'module.{k}', v) for k, v in state.items()),
    }


def save_safetensors(path, state, metadata=None):
    """https://github.com/huggingface/safetensors#format; tensors sorted by name as the library does."""
    names = {torch.float32: 'F32', torch.float16: 'F16', torch.bfloat16: 'BF16', torch.int64: 'I64'}
    header, blobs, at = ({'__metadata__': metadata} if metadata else {}), [], 0
    for name, value in sorted(state.items()):
        raw = raw_bytes(value)
        header[name] = {
            'dtype': names[value.dtype],
            'shape': list(value.shape),
            'data_offsets': [at, at + len(raw)],
        }
        blobs.append(raw)
        at += len(raw)
    text = json.dumps(header, separators=(',', ':')).encode()
    text += b' ' * (-len(text) % 8)
    path.write_bytes(struct.pack('<Q', len(text)) + text + b''.join(blobs))


def raw_bytes(value):
    value = value.contiguous()
    if value.dtype == torch.bfloat16:  # numpy has no bfloat16: the upper half of a float32
        return (value.float().numpy().view('<u4') >> 16).astype('<u2').tobytes()
    return value.numpy().tobytes()


def digest(state):
    sha = hashlib.sha256()
    for name, value in sorted(state.items()):
        if value.dtype in FLOATS:
            dtype = str(value.dtype).removeprefix('torch.')
            sha.update(f'{name} {dtype} [{",".join(map(str, value.shape))}]'.encode())
            sha.update(value.detach().float().contiguous().numpy().astype('<f4').tobytes())
    return sha.hexdigest()


def main():
    OUT.mkdir(parents=True, exist_ok=True)
    expected = {}

    def save(file, saved, state=None, **options):
        torch.save(saved, OUT / file, **options)
        expected[file] = digest(saved if state is None else state)

    def save_legacy(file, saved, state=None, **options):
        save(file, saved, state, _use_new_zipfile_serialization=False, **options)

    # 1. Every member of the family, with and without batch norm: float32 for vgg11_bn, else float16
    for seed, member in enumerate(MEMBERS):
        for name, batch_norm in ((member, False), (f'{member}_bn', True)):
            state = narrow_vgg(member, batch_norm, 10 * batch_norm + seed).state_dict()
            if name != 'vgg11_bn':
                state = cast(state, torch.float16)
            save(f'{name}.pth', state)
            save_safetensors(OUT / f'{name}.safetensors', state, {'format': 'pt'})
            expected[f'{name}.safetensors'] = digest(state)
    plain = narrow_vgg('vgg11', False, 40, TINY).state_dict()
    normed = narrow_vgg('vgg11', True, 50, TINY).state_dict()
    factorised = narrow_vgg('vgg11', True, 60, TINY, rank=2).state_dict()

    # 2. The same weights in other formats
    save_legacy('tiny-legacy.pth', plain)
    save_legacy('tiny-old.pth', OrderedDict((k, OldParameter(v)) for k, v in plain.items()), plain)
    save('tiny-protocol4.pth', plain, pickle_protocol=4)
    save_legacy('tiny-bfloat16-legacy.pth', cast(plain, torch.bfloat16))
    for file, state in (
        ('tiny-rank2.safetensors', cast(factorised, torch.float16)),
        ('tiny-bfloat16.safetensors', cast(plain, torch.bfloat16)),
    ):
        save_safetensors(OUT / file, state)
        expected[file] = digest(state)

    # 3. Other names and structures
    save('tiny-checkpoint.pth', checkpoint(plain), OrderedDict((f'module.{k}', v) for k, v in plain.items()))
    save_legacy('tiny-timm.pth', timm_names(cast(normed, torch.float16)))
    torch.manual_seed(30)
    save_legacy('tiny-handwritten.pth', Handwritten().state_dict())

    # 4. Views and values
    save('views.pth', views())
    save_legacy('views-legacy.pth', views())
    save_legacy('extremes.pth', extremes())

    (OUT / 'expected.json').write_text(json.dumps(expected, indent=2) + '\n')
    print(f'{sum(f.stat().st_size for f in OUT.iterdir()):,} bytes in {OUT}')


if __name__ == '__main__':
    main()
