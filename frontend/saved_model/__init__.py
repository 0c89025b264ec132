"""TensorFlow SavedModel folders as sources, by their conversion to float ONNX.

``open_saved_model`` parses, ``freeze`` makes one checked graph of the served function, and
``import_frozen`` and ``convert`` give it to TensorFlow, the reference, and to tf2onnx.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import onnx

from frontend.guard import try_to_read
from frontend.onnx_source import load_onnx
from frontend.reference import verify_conversion
from frontend.saved_model.convert import FrozenGraph, convert, import_frozen
from frontend.saved_model.folder import open_saved_model
from frontend.saved_model.freeze import freeze
from frontend.source import SourceModel

SECONDS = 180
"""Time that the trial run may take; TensorFlow alone needs several seconds to start."""


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
    frozen = import_frozen(freeze(saved))
    return ConvertedSavedModel(convert(frozen, folder.resolve().name), frozen, saved.version)


def load_saved_model(folder: Path) -> SourceModel:
    """Load a SavedModel as a float ONNX graph that agrees with TensorFlow.

    Raises:
        CompileError: one line that names the folder, a node or a variable.
    """
    try_to_read(folder, seconds=SECONDS)
    converted = read_saved_model(folder)
    reference = converted.reference
    source = load_onnx(
        converted.model, name=str(folder), format_name="SavedModel", run=reference.run
    )
    verify_conversion(
        source.model, reference.run, source.input_shapes, list(reference.outputs), "TensorFlow"
    )
    return source
