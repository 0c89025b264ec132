"""The front door of the compiler: a model file of any kind becomes a ``SourceModel``."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

from frontend.keras_files import is_keras_folder
from frontend.load import load_float_onnx
from frontend.onnx_source import load_onnx_file
from frontend.saved_model import load_saved_model
from frontend.source import SourceModel
from frontend.tflite import load_tflite
from ir.errors import CompileError

OPENERS: dict[str, Callable[[Path], SourceModel]] = {
    ".onnx": load_onnx_file,
    ".tflite": load_tflite,
}
"""By the ending of the file's name; other folders than Keras's are SavedModels, other
files are Keras's."""


def open_model(path: Path, *, weights: Path | None = None) -> SourceModel:
    """Open a trained model, float or quantized.

    Args:
        path: ``.onnx``, ``.tflite``, a SavedModel folder of TensorFlow, or, of Keras,
            ``.h5``, ``.hdf5``, ``.keras`` or a ``.json`` architecture.
        weights: weights of a ``.json``; by default ``X_weights.h5`` beside ``X.json``.

    Raises:
        CompileError: one line that names the file or the layer, the problem and the remedy.
    """
    opener = OPENERS.get(path.suffix.lower())
    if path.is_dir():
        opener = None if is_keras_folder(path) else load_saved_model
    if opener is None:
        return load_float_onnx(path, weights=weights).source
    if weights is not None:
        what = "a SavedModel folder" if path.is_dir() else f"a {path.suffix} file"
        raise CompileError(
            "load", str(weights), f"{what} holds its own weights",
            "leave --weights out",
        )  # fmt: skip
    return opener(path)
