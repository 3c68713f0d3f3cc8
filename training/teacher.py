"""The teacher: MobileNetV2 (google-coral/edgetpu, Apache-2.0), from its quantised TFLite file.

    python3 training/teacher.py --data ~/vgg-data   # checks it on photos: top-1 of 1000

Runs as ordinary float PyTorch: weights dequantised, activations clamped to what uint8 can hold.
"""
import argparse
import os
import sys

import torch
import torch.nn.functional as F
from torch import nn

from photos import batches
from problems import Problem, run_main
from tflite import ADD, AVERAGE_POOL, CONVOLUTION, DEPTHWISE, RESHAPE, SOFTMAX, read_operations

PATH = "teacher/test_data/mobilenet_v2_1.0_224_quant.tflite"  # below the data folder
FEATURES = 1280


class Teacher(nn.Module):
    def __init__(self, path):
        super().__init__()
        self.operations = []
        for number, operation in enumerate(read_operations(path)):
            if operation.code == SOFTMAX:  # logits are wanted
                break
            if operation.code not in (ADD, AVERAGE_POOL, CONVOLUTION, DEPTHWISE, RESHAPE):
                raise Problem(f"{path}: operator {operation.code} is not part of MobileNetV2")
            if operation.weights is not None:
                self.register_buffer(f"weights{number}", torch.from_numpy(operation.weights))
                self.register_buffer(f"bias{number}", torch.from_numpy(operation.bias))
                operation.weights = operation.bias = None
            self.operations.append(operation)
        self.eval()

    @torch.no_grad()
    def forward(self, photos):
        """RGB 0..255 [N, 3, S, S], S = 224 or near -> logits [N, 1000], averaged features [N, 1280]."""
        values = {self.operations[0].inputs[0]: photos / 128 - 1}  # its input: scale 1/128, zero 128
        pooled = result = None
        for number, operation in enumerate(self.operations):
            data = values[operation.inputs[0]]
            if operation.code == ADD:
                result = data + values[operation.inputs[1]]
            elif operation.code == AVERAGE_POOL:
                result = data.mean((2, 3), keepdim=True)
                pooled = result.flatten(1)
            elif operation.code == RESHAPE:
                result = data.flatten(1)
            else:
                result = self._convolve(number, operation, data)
            values[operation.output] = result
        return result.flatten(1)[:, 1:], pooled  # output 0 is "background"

    def _convolve(self, number, operation, data):
        weights, bias = getattr(self, f"weights{number}"), getattr(self, f"bias{number}")
        kernel, padding = weights.shape[2], weights.shape[2] // 2
        if kernel == 3 and operation.stride == 2:
            # TensorFlow's SAME: an even side is padded only behind, an odd one on both ends.
            before_y, before_x = (side % 2 for side in data.shape[2:])
            data, padding = F.pad(data, (before_x, 1, before_y, 1)), 0
        groups = weights.shape[0] if operation.code == DEPTHWISE else 1
        result = F.conv2d(data, weights, bias, operation.stride, padding, groups=groups)
        # A lower end of 0 is a fused ReLU6; a linear bottleneck's range is symmetric.
        return result.clamp(0, 6) if operation.output_range[0] == 0 else result


def open_teacher(data_folder):
    return Teacher(os.path.join(data_folder, PATH)).to(memory_format=torch.channels_last)


def main(arguments=None):
    from labelled import labelled_photos  # only this check needs the validation sets
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--data", required=True, help="the folder of fetch_data.py")
    parser.add_argument("--sets", nargs="+", default=["imagenette", "imagewoof"])
    parser.add_argument("--limit", type=int, default=400, help="photos of each set")
    options = parser.parse_args(arguments)
    teacher = open_teacher(options.data)
    for name in options.sets:
        files, labels = labelled_photos(options.data, name, options.limit)
        right = 0
        for number, pixels in enumerate(batches(files)):
            scores, _ = teacher(torch.from_numpy(pixels).permute(0, 3, 1, 2).float())
            right += (scores.argmax(1) == torch.tensor(labels[32 * number:][:len(pixels)])).sum().item()
        print(f"{name}: top-1 {100 * right / len(files):.1f} % of {len(files)} photos", flush=True)


if __name__ == "__main__":
    sys.exit(run_main(main))
