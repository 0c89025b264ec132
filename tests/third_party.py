"""Models quantized by onnxruntime's own quantizer, with its options, random calibration."""

from __future__ import annotations

import logging
from pathlib import Path
from typing import Any

import numpy as np
import onnx
from onnxruntime.quantization import (
    CalibrationDataReader,
    QuantFormat,
    QuantType,
    quantize_static,
)

from frontend.golden import GoldenModel
from frontend.load import load_float_onnx
from frontend.onnx_source import load_onnx
from frontend.source import SourceModel
from ir.interpreter import evaluate
from rewrite.lower import Lowered, lower
from rewrite.onnx import fuse
from rewrite.onnx.float import canonicalize
from tests.case import FloatArray

STYLES: dict[str, dict[str, Any]] = {
    "uint8": {"activation_type": QuantType.QUInt8},
    "uint8 per channel": {"activation_type": QuantType.QUInt8, "per_channel": True},
    "uint8 weights": {"activation_type": QuantType.QUInt8, "weight_type": QuantType.QUInt8},
    "uint8 operators": {
        "activation_type": QuantType.QUInt8,
        "quant_format": QuantFormat.QOperator,
    },
    "defaults": {},
    "int8 operators": {"quant_format": QuantFormat.QOperator},
}
"""Options of ``quantize_static``, whose own defaults are int8 in QDQ form."""


class _Frames(CalibrationDataReader):  # type: ignore[misc]
    def __init__(self, model: onnx.ModelProto, count: int = 24) -> None:
        random = np.random.default_rng(3)
        self._frames = iter(
            [
                {
                    value.name: random.uniform(
                        0, 1, (1, *(d.dim_value for d in value.type.tensor_type.shape.dim[1:]))
                    ).astype(np.float32)
                    for value in model.graph.input
                }
                for _ in range(count)
            ]
        )

    def get_next(self) -> dict[str, FloatArray] | None:
        return next(self._frames, None)


def float_model(keras_file: Path, *, canonical: bool) -> onnx.ModelProto:
    """Return the exported graph of a Keras file, as it is or in the compiler's canonical form."""
    exported = load_float_onnx(keras_file).model
    return canonicalize(exported) if canonical else exported


def quantized_by_onnxruntime(model: onnx.ModelProto, style: str, folder: Path) -> onnx.ModelProto:
    """Return ``model`` quantized with the options of ``style``."""
    given, path = folder / "float.onnx", folder / "quantized.onnx"
    onnx.save(model, given)
    logging.disable(logging.WARNING)
    try:
        quantize_static(given, path, _Frames(model), **STYLES[style])
    finally:
        logging.disable(logging.NOTSET)
    return onnx.load(path)


def code_frames(source: SourceModel, count: int) -> dict[str, FloatArray]:
    """Return frames of each input over all its codes."""
    random = np.random.default_rng(1)
    frames = {}
    for name, shape in source.input_shapes.items():
        span = source.input_ranges[name]
        values = random.uniform(span.low[0], span.high[0], (count, *shape)).astype(np.float32)
        frames[name] = np.rint(values) if span.whole else values
    return frames


def check_interpreter(model: onnx.ModelProto, frames: int = 16) -> Lowered:
    """Require the interpreter to equal onnxruntime on ``model``, at every output value."""
    source = load_onnx(model, name="third party")
    assert source.is_quantized
    if all(node.op_type != "Constant" for node in model.graph.node):  # these become initializers
        assert source.model.SerializeToString() == model.SerializeToString()
    lowered = lower(fuse(source.model, approximate=False))
    golden = GoldenModel(source.model, lowered.graph)
    inputs = code_frames(source, frames)
    sent = evaluate(lowered.graph, golden.input_codes(inputs))
    expected = golden.output_codes(inputs)
    for output in lowered.graph.outputs:
        assert np.array_equal(sent[output.name], expected[output.port])
        assert len(np.unique(expected[output.port])) > 1
    return lowered
