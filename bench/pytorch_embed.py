"""The runner's rival: JPEG files -> Pillow -> DataLoader -> VGG in PyTorch -> GeM descriptors.

Reads one JSON object per line from stdin, {"files": [...], "weights": "x.safetensors", "settings": {...}},
embeds the files with these settings, and answers each with a line: {"seconds", "images", "vectors"}.
Seconds count from the first image asked for to the last vector, with the model loaded and warm.
"""

import json
import struct
import sys
import time

import numpy
import torch
import torchvision
from PIL import Image
from torch.utils.data import DataLoader, Dataset

MEAN = (0.485, 0.456, 0.406)
DEVIATION = (0.229, 0.224, 0.225)
DTYPES = {'float32': torch.float32, 'bfloat16': torch.bfloat16, 'float16': torch.float16}
# A GPU's libraries choose among their kernels in the first runs.
WARM_UP = {'cpu': 1, 'cuda': 4}
MODEL_SECONDS = 4


class Photos(Dataset):
    """The same pixels as the runner's: large JPEGs at 1/2, 1/4 or 1/8, the short side at least 512."""

    def __init__(self, files, draft):
        self.files = files
        self.draft = draft
        transforms = torchvision.transforms
        self.transform = transforms.Compose(
            [
                transforms.Resize(256),
                transforms.CenterCrop(224),
                transforms.ToTensor(),
                transforms.Normalize(MEAN, DEVIATION),
            ]
        )

    def __len__(self):
        return len(self.files)

    def __getitem__(self, index):
        with Image.open(self.files[index]) as image:
            if self.draft:
                scale = max(min(image.size) // 512, 1)
                image.draft('RGB', (image.width // scale, image.height // scale))
            return self.transform(image.convert('RGB'))


def read_safetensors(path):
    """Tensors by name: 8 bytes of length, a JSON header, then the values."""
    with open(path, 'rb') as file:
        content = file.read()
    (length,) = struct.unpack('<Q', content[:8])
    header = json.loads(content[8 : 8 + length])
    tensors = {}
    for name, entry in header.items():
        if name == '__metadata__':
            continue
        begin, end = entry['data_offsets']
        values = numpy.frombuffer(content[8 + length + begin : 8 + length + end], dtype='<f4')
        tensors[name] = torch.from_numpy(values.reshape(entry['shape']).copy())
    return tensors


class Embedder(torch.nn.Module):
    """The convolutions and generalised-mean pooling over the 7 x 7 map, p = 3, to length 1."""

    def __init__(self, weights):
        super().__init__()
        tensors = {name: value for name, value in read_safetensors(weights).items() if name.startswith('features.')}
        name = 'vgg%d' % {8: 11, 10: 13, 13: 16, 16: 19}[len(tensors) // 2]
        try:
            network = getattr(torchvision.models, name)(weights=None, init_weights=False)
        except TypeError:
            network = getattr(torchvision.models, name)(pretrained=False, init_weights=False)
        network.load_state_dict(tensors, strict=False)
        self.features = network.features

    def forward(self, pixels):
        maps = self.features(pixels).float()
        pooled = maps.clamp(min=0).pow(3).mean((2, 3)).pow(1 / 3)
        return torch.nn.functional.normalize(pooled)


def prepare(weights, settings, device):
    """The model in the form the settings ask for."""
    dtype = DTYPES[settings.get('dtype', 'float32')]
    model = Embedder(weights).eval().to(device)
    if settings.get('channels_last'):
        model = model.to(memory_format=torch.channels_last)
    if dtype != torch.float32:
        model = model.to(dtype)
    if device != 'cpu':
        torch.backends.cudnn.benchmark = True
    if settings.get('compile'):
        return torch.compile(model), dtype
    if settings.get('jit'):
        size = (settings['batch'], 3, 224, 224)
        example = torch.zeros(size, dtype=dtype, device=device)
        if settings.get('channels_last'):
            example = example.contiguous(memory_format=torch.channels_last)
        with torch.inference_mode():
            model = torch.jit.optimize_for_inference(torch.jit.trace(model, example))
    return model, dtype


def embed(files, weights, settings):
    device = settings.get('device', 'cpu')
    torch.set_num_threads(settings.get('threads', 2))
    model, dtype = prepare(weights, settings, device)
    layout = torch.channels_last if settings.get('channels_last') else torch.contiguous_format

    def run(pixels):
        return model(pixels.to(device, dtype, non_blocking=True, memory_format=layout)).float().cpu()

    with torch.inference_mode():
        noise = torch.rand((settings['batch'], 3, 224, 224))
        for _ in range(WARM_UP[device]):
            run(noise)
        if settings.get('model_only'):
            pixels = noise.to(device, dtype, memory_format=layout)
            images = 0
            start = time.perf_counter()
            while time.perf_counter() - start < MODEL_SECONDS:
                # Copying the vectors waits for the device.
                vectors = [model(pixels) for _ in range(4)][-1].float().cpu()
                images += 4 * settings['batch']
            return time.perf_counter() - start, images, vectors
        workers = settings.get('workers', 0)
        loader = DataLoader(
            Photos(files, settings.get('draft', True)),
            batch_size=settings['batch'],
            num_workers=workers,
            pin_memory=device != 'cpu',
            **({'prefetch_factor': settings.get('prefetch', 2)} if workers > 0 else {}),
        )
        start = time.perf_counter()
        vectors = torch.cat([run(pixels) for pixels in loader])
        return time.perf_counter() - start, len(files), vectors


def main():
    for line in sys.stdin:
        task = json.loads(line)
        seconds, images, vectors = embed(task['files'], task['weights'], task['settings'])
        answer = {'seconds': seconds, 'images': images, 'torch': torch.__version__}
        if task.get('vectors'):
            answer['vectors'] = vectors.numpy().tolist()
        print(json.dumps(answer), flush=True)


if __name__ == '__main__':
    main()
