"""Checks .onnx files with ONNX's own checker and infers every shape strictly. Needs Debian's python3-onnx.

    /usr/bin/python3 scripts/check-onnx.py FILE…
"""

import sys
import tempfile
from pathlib import Path

import onnx

for name in sys.argv[1:]:
    # By path, for external data are found beside it. Not full_check: that writes the shapes into the file.
    onnx.checker.check_model(name)
    with tempfile.TemporaryDirectory(dir=Path(name).parent) as folder:
        inferred = str(Path(folder) / 'inferred.onnx')
        onnx.shape_inference.infer_shapes_path(name, inferred, check_type=True, strict_mode=True)
    print('valid:', name)
