"""TFLite files as sources: quantized ones become QDQ graphs and are not quantized again.

``read_model`` parses, ``to_onnx`` converts. The QDQ graph in onnxruntime is the golden model of a
quantized file; TFLite's own kernels round in fixed point, and differ from it by a step in places.
"""

from __future__ import annotations

from pathlib import Path

import onnx

from frontend.onnx_source import load_onnx
from frontend.source import SourceModel
from frontend.tflite.convert import to_onnx
from frontend.tflite.model import read_model, whole

__all__ = ["load_tflite", "read_tflite"]


def read_tflite(path: Path) -> onnx.ModelProto:
    """Return a ``.tflite`` file as an ONNX graph.

    Raises:
        CompileError: one line that names the file, a tensor or an operator.
    """
    model = read_model(path)
    with whole(path):
        return to_onnx(model, path.stem)


def load_tflite(path: Path) -> SourceModel:
    """Load a ``.tflite`` file, quantized to 8 bits or of floats.

    Raises:
        CompileError: one line that names the file, a tensor or an operator.
    """
    return load_onnx(read_tflite(path), name=str(path), format_name="TFLite")
