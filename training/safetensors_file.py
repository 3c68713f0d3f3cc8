"""Reads and writes safetensors without the package of that name (Debian has none).

The format: 8 bytes of header length (little-endian), a JSON header that maps each name to
{dtype, shape, data_offsets}, then the tensors' bytes. `__metadata__` maps strings to strings.
"""
import json
import os
import struct

import numpy as np
import torch

from problems import Problem, write_whole

MAX_HEADER = 16 * 1024 * 1024  # bytes; a VGG has about 60 tensors, 6 kB of header
DTYPES = {"F32": np.dtype("<f4"), "F16": np.dtype("<f2"), "F64": np.dtype("<f8"),
          "I64": np.dtype("<i8"), "I32": np.dtype("<i4")}


def read_safetensors(path):
    """Returns ({name: tensor}, metadata). Floats come back as float32."""
    try:
        with open(path, "rb") as file:
            data = file.read()
    except OSError as error:
        raise Problem(f"{path}: {error.strerror}") from error
    if len(data) < 8:
        raise Problem(f"{path}: {len(data)} bytes are too few for a safetensors file")
    (length,) = struct.unpack_from("<Q", data)
    if length > min(MAX_HEADER, len(data) - 8):
        raise Problem(f"{path}: not a safetensors file (a header of {length} bytes is claimed)")
    try:
        header = json.loads(data[8:8 + length])
    except ValueError as error:
        raise Problem(f"{path}: the safetensors header is not JSON ({error})") from error
    metadata = header.pop("__metadata__", {})
    body = memoryview(data)[8 + length:]
    return {name: _tensor(path, name, entry, body) for name, entry in header.items()}, metadata


def _tensor(path, name, entry, body):
    dtype = DTYPES.get(entry["dtype"])
    if dtype is None:
        raise Problem(f"{path}: {name} has type {entry['dtype']}; known are {', '.join(DTYPES)}")
    start, end = entry["data_offsets"]
    count = int(np.prod(entry["shape"], dtype=np.int64))
    if not 0 <= start <= end <= len(body) or end - start != count * dtype.itemsize:
        raise Problem(f"{path}: {name} with shape {entry['shape']} does not fit its bytes "
                      f"{start} to {end} (the file is cut short or damaged)")
    array = np.frombuffer(body[start:end], dtype).reshape(entry["shape"])
    tensor = torch.from_numpy(array.astype(np.float32 if dtype.kind == "f" else np.int64))
    if not torch.isfinite(tensor).all():
        raise Problem(f"{path}: {name} holds NaN or infinite values")
    return tensor


def write_safetensors(path, tensors, metadata=None, dtype="F16"):
    """Writes `tensors` in the given order as `dtype` (F16 or F32), whole or not at all."""
    header, chunks, offset = {}, [], 0
    if metadata:
        header["__metadata__"] = {key: str(value) for key, value in metadata.items()}
    for name, tensor in tensors.items():
        array = tensor.detach().cpu().float().numpy().astype(DTYPES[dtype])
        if not np.isfinite(array).all():
            raise Problem(f"{name} holds NaN or infinite values as {dtype}; {path} is not written")
        chunks.append(array.tobytes())
        header[name] = {"dtype": dtype, "shape": list(array.shape),
                        "data_offsets": [offset, offset + array.nbytes]}
        offset += array.nbytes
    text = json.dumps(header, separators=(",", ":")).encode()
    text += b" " * (-len(text) % 8)  # keeps the tensors aligned to 8 bytes
    write_whole(path, struct.pack("<Q", len(text)) + text + b"".join(chunks))
    return os.path.getsize(path)
