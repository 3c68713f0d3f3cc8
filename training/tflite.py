"""Reads the few parts of a TFLite file that a quantised classifier needs (no TFLite package).

TFLite is a FlatBuffer: a table points back to its vtable, which holds the offset of each field, or
0 where a field is absent. Field numbers below are those of the public schema,
tensorflow/lite/schema/schema.fbs.
"""
import struct
from dataclasses import dataclass
from typing import Optional

import numpy as np

from problems import Problem

ADD, AVERAGE_POOL, CONVOLUTION, DEPTHWISE, RESHAPE, SOFTMAX = 0, 1, 3, 4, 22, 25


@dataclass
class Operation:
    code: int
    inputs: list             # tensor numbers; a convolution's are data, weights, bias
    output: int
    stride: int              # of convolutions
    output_range: tuple      # lowest and highest value that the uint8 output can hold
    weights: Optional[np.ndarray] = None  # float32 [out, in, kh, kw]; depthwise [channels, 1, kh, kw]
    bias: Optional[np.ndarray] = None     # float32 [out]


class Table:
    """One FlatBuffer table at a byte position."""

    def __init__(self, data, position):
        self.data, self.position = data, position
        self.vtable = position - struct.unpack_from("<i", data, position)[0]
        self.fields = (struct.unpack_from("<H", data, self.vtable)[0] - 4) // 2

    def _at(self, number):
        if number >= self.fields:
            return 0
        offset = struct.unpack_from("<H", self.data, self.vtable + 4 + 2 * number)[0]
        return self.position + offset if offset else 0

    def scalar(self, number, kind, default=0):
        at = self._at(number)
        return struct.unpack_from(kind, self.data, at)[0] if at else default

    def table(self, number):
        at = self._at(number)
        return Table(self.data, at + struct.unpack_from("<I", self.data, at)[0]) if at else None

    def vector(self, number, kind):
        """A vector of numbers as an array (empty if absent)."""
        at = self._at(number)
        if not at:
            return np.empty(0, kind)
        start = at + struct.unpack_from("<I", self.data, at)[0]
        return np.frombuffer(self.data, kind, struct.unpack_from("<I", self.data, start)[0], start + 4)

    def tables(self, number):
        at = self._at(number)
        start = at + struct.unpack_from("<I", self.data, at)[0]
        count = struct.unpack_from("<I", self.data, start)[0]
        places = [start + 4 + 4 * i for i in range(count)]
        return [Table(self.data, p + struct.unpack_from("<I", self.data, p)[0]) for p in places]


def read_operations(path):
    """The operations of a quantised TFLite classifier in order, weights dequantised."""
    try:
        with open(path, "rb") as file:
            data = file.read()
    except OSError as error:
        raise Problem(f"{path}: {error.strerror}") from error
    if data[4:8] != b"TFL3":
        raise Problem(f"{path}: not a TFLite file of version 3")
    model = Table(data, struct.unpack_from("<I", data)[0])
    codes = [max(code.scalar(0, "<b"), code.scalar(3, "<i")) for code in model.tables(1)]
    graph, buffers = model.tables(2)[0], model.tables(4)
    tensors = graph.tables(0)

    def quantisation(number):
        table = tensors[number].table(4)
        return float(table.vector(2, "<f4")[0]), int(table.vector(3, "<i8")[0])

    def values(number, kind):
        tensor = tensors[number]
        scale, zero = quantisation(number)
        stored = buffers[tensor.scalar(2, "<I")].vector(0, np.uint8).tobytes()
        array = np.frombuffer(stored, kind).reshape(tensor.vector(0, "<i4"))
        return (array.astype(np.float32) - zero) * scale

    operations = []
    for operator in graph.tables(3):
        code, options = codes[operator.scalar(0, "<I")], operator.table(4)
        inputs, output = operator.vector(1, "<i4").tolist(), int(operator.vector(2, "<i4")[0])
        scale, zero = quantisation(output)
        operation = Operation(code, inputs, output, 1, (-zero * scale, (255 - zero) * scale))
        if code in (CONVOLUTION, DEPTHWISE):
            if options.scalar(0, "<b") != 0:
                raise Problem(f"{path}: a convolution without SAME padding is not supported")
            operation.stride = options.scalar(1, "<i", 1)
            order = (0, 3, 1, 2) if code == CONVOLUTION else (3, 0, 1, 2)
            operation.weights = np.ascontiguousarray(values(inputs[1], np.uint8).transpose(order))
            operation.bias = values(inputs[2], "<i4")
        operations.append(operation)
    return operations
