"""Canonical float ONNX -> quantized ONNX (QDQ), the golden model.

Activations: uint8, one scale and zero point for each tensor.  Weights: int8, symmetric, one scale
for each output channel, -127 to 127.  Biases: int32 with scale f32(input scale * weight scale).
Weight scales and the output scales of global averages are snapped (``frontend.snap``) so that the
hardware can requantize exactly with a 9-bit factor.  The graph itself is put together by
onnxruntime's QDQ quantizer, with all scales given.
"""

from __future__ import annotations

import tempfile
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import numpy.typing as npt
import onnx
import onnxruntime

from frontend.assemble import assemble
from frontend.choose_scales import STAGE, LayerSnapping, choose_scales
from frontend.frames import Frames, frames_by_input, input_names
from frontend.plan import WEIGHTED, make_plan
from frontend.powers_of_two import PowersOfTwo
from frontend.ranges import Calibration, activation_ranges
from ir.errors import CompileError

INTEGER_FORMS = {
    "Conv": "QLinearConv",
    "Gemm": "QGemm",
    "GlobalAveragePool": "QLinearGlobalAveragePool",
    "MatMul": "QLinearMatMul",
}
"""What onnxruntime must make of an operator between DequantizeLinear and QuantizeLinear."""


@dataclass(frozen=True, slots=True)
class QuantizeOptions:
    """What a user may choose.

    ``percentile``: share of values inside the range, for ``Calibration.PERCENTILE``.  ``argmax``:
    the number of the largest channel in place of a final Softmax.  ``softmax``: compute a final
    Softmax in the core, too, instead of leaving it to the host.  ``powers_of_two``: which
    factors of requantizations are to be such.
    """

    calibration: Calibration = Calibration.MINMAX
    percentile: float = 99.999
    argmax: bool = False
    softmax: bool = False
    powers_of_two: PowersOfTwo = PowersOfTwo.NONE


@dataclass(frozen=True, slots=True)
class QuantizedModel:
    """The golden model, and how its scales were chosen."""

    model: onnx.ModelProto
    snapping: tuple[LayerSnapping, ...]


def quantize(
    model: onnx.ModelProto,
    calibration: npt.NDArray[np.float32] | Frames,
    options: QuantizeOptions | None = None,
) -> QuantizedModel:
    """Quantize a canonical float model.

    Args:
        model: canonical float ONNX, see ``rewrite.onnx.float``.
        calibration: float32 (frames, *shape without batch) of each input, by name; those of an
            only input may come as an array.
        options: see there.

    Raises:
        CompileError: an operator has no quantized form, the calibration frames do not fit, a value
            is not finite, or onnxruntime does not run a layer in integers.
    """
    options = options or QuantizeOptions()
    frames = frames_by_input(calibration, input_names(model))
    _check_frames(model, frames)
    _check_softmax(model, options)
    plan = make_plan(model, softmax=options.softmax)
    ranges = activation_ranges(
        model, frames, plan.activations, options.calibration, options.percentile
    )
    scales, weights, snapping = choose_scales(plan, ranges, frames, options.powers_of_two)
    quantized = assemble(plan, scales, weights, argmax=options.argmax)
    onnx.checker.check_model(quantized, full_check=True)
    check_integer_execution(quantized)
    return QuantizedModel(quantized, snapping)


def _check_softmax(model: onnx.ModelProto, options: QuantizeOptions) -> None:
    """Refuse to keep a Softmax that is not there, or is not wanted."""
    if options.softmax and options.argmax:
        raise CompileError(
            STAGE, model.graph.name, "--softmax and --argmax must not be given together",
            "the class needs no probabilities: choose one",
        )  # fmt: skip
    if options.softmax and all(node.op_type != "Softmax" for node in model.graph.node):
        raise CompileError(
            STAGE, model.graph.name, "--softmax needs a Softmax, which the model does not have",
            "leave --softmax out",
        )  # fmt: skip


def _check_frames(model: onnx.ModelProto, frames: Frames) -> None:
    shapes = {i.name: i.type.tensor_type.shape.dim[1:] for i in model.graph.input}
    for name, array in frames.items():
        wanted = tuple(d.dim_value for d in shapes[name])
        if array.shape[1:] != wanted or not len(array):
            raise CompileError(
                STAGE, name,
                f"calibration frames must be (frames, {', '.join(map(str, wanted))}), "
                f"not {array.shape}",
                "give frames of the model's input shape",
            )  # fmt: skip
        if not np.all(np.isfinite(array)):
            raise CompileError(
                STAGE, name, "calibration frames must be finite numbers", "check the data"
            )


def check_integer_execution(model: onnx.ModelProto) -> None:
    """Raise CompileError, naming the layer, if onnxruntime runs a Conv or Gemm in float."""
    options = onnxruntime.SessionOptions()
    options.log_severity_level = 3
    with tempfile.TemporaryDirectory(prefix="millrace-optimized-") as folder:
        path = Path(folder) / "optimized.onnx"
        options.optimized_model_filepath = str(path)
        onnxruntime.InferenceSession(
            model.SerializeToString(), options, providers=["CPUExecutionProvider"]
        )
        optimized = onnx.load(path)
    layers = [n for n in model.graph.node if n.op_type in INTEGER_FORMS]
    wanted = sorted(INTEGER_FORMS[n.op_type] for n in layers)
    found = sorted(n.op_type for n in optimized.graph.node if n.op_type in wanted)
    if found == wanted:
        return
    integer = {name for n in optimized.graph.node if n.op_type in wanted for name in n.input}
    producers = {o: n for n in model.graph.node for o in n.output}
    for node in layers:
        operand = producers[node.input[1 if node.op_type in WEIGHTED else 0]].input[0]
        if operand not in integer:
            break
    raise CompileError(
        STAGE,
        node.name,
        f"onnxruntime {onnxruntime.__version__} must run it in integers, and does not",
        "use an onnxruntime that fuses QDQ graphs",
    )
