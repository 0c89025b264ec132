"""TensorFlow SavedModel folders as float ONNX.

``open_saved_model`` parses, ``freeze`` makes one checked graph of the served function, and
``import_frozen`` and ``convert`` give it to TensorFlow, the reference, and to tf2onnx.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import onnx

from frontend.saved_model.convert import FrozenGraph, convert, import_frozen
from frontend.saved_model.folder import is_saved_model, open_saved_model
from frontend.saved_model.freeze import freeze

__all__ = ["ConvertedSavedModel", "is_saved_model", "read_saved_model"]


@dataclass(frozen=True, slots=True)
class ConvertedSavedModel:
    """A SavedModel as float ONNX, beside the frozen graph that TensorFlow runs.

    ``version``: the TensorFlow that wrote it.
    """

    model: onnx.ModelProto
    reference: FrozenGraph
    version: str


def read_saved_model(folder: Path) -> ConvertedSavedModel:
    """Read the served function of a SavedModel. No code, and no operator off the list, is run.

    Raises:
        CompileError: one line that names the folder, a node or a variable.
    """
    saved = open_saved_model(folder)
    frozen = import_frozen(freeze(saved), saved.signature)
    return ConvertedSavedModel(convert(frozen, folder.name), frozen, saved.version)
