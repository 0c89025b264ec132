"""Sources that are ONNX graphs, float or quantized: ``.onnx`` files, and conversions to ONNX."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import onnx
import onnx.inliner
from onnx import TensorProto, numpy_helper

from frontend.batches import UnbatchedOutputError
from frontend.frame_checks import check_frames_apart, check_outputs_batched
from frontend.guard import try_to_read
from frontend.onnx_checks import (
    QUANTIZED_MICROSOFT,
    check_input_types,
    check_operators,
    input_shapes,
    standard_opset,
    with_batch_of_one,
    with_one_batch,
)
from frontend.onnx_files import check_size, read_onnx
from frontend.onnx_messages import first_line
from frontend.onnx_quantized import as_golden, code_ranges, is_quantized
from frontend.onnx_reference import onnx_run
from frontend.onnx_standard import standard_form, with_regions
from frontend.source import Frames, Run, Shape, SourceModel
from frontend.stand_in import PIXELS, InputRange, ordinary_range, stand_in_frames
from ir.errors import CompileError

INPUT_TYPES = (TensorProto.FLOAT, TensorProto.UINT8, TensorProto.INT8)


def load_onnx_file(path: Path) -> SourceModel:
    """Load an ``.onnx`` file.

    Raises:
        CompileError: one line that names the file or the node, the problem and the remedy.
    """
    try_to_read(path)
    return read_onnx_source(path)


def read_onnx_source(path: Path) -> SourceModel:
    """Load an ``.onnx`` file that is known to be harmless, or in a process that may be lost."""
    return load_onnx(read_onnx(path), name=str(path))


def load_onnx(
    model: onnx.ModelProto, *, name: str, format_name: str = "ONNX", run: Run | None = None
) -> SourceModel:
    """Take an ONNX model as the source, all data inside the message.

    A graph that quantizes activations is the golden model: it is compiled as it is.  Any other is
    float, is brought to the standard form and will be quantized.

    Args:
        model: opset 8 or later; left alone.
        name: what error messages call it.
        format_name: kind of the original file.
        run: the original, where ``model`` is a conversion; by default onnxruntime on ``model``.

    Raises:
        CompileError: one line that names the model or the node, the problem and the remedy.
    """
    check_size(model, name)
    model = with_regions(model)
    if model.functions:
        model = onnx.inliner.inline_local_functions(model)
        check_size(model, name)
    opset = standard_opset(model, name)
    quantized = is_quantized(model)
    check_operators(model, opset, QUANTIZED_MICROSOFT if quantized else ())
    check_input_types(model, INPUT_TYPES)
    model = with_one_batch(model)
    shapes = input_shapes(model, name)
    _check(model, name)
    golden = as_golden(model)
    own_run = _runnable(golden, name)
    try:
        outputs = _output_shapes(own_run, shapes, name)
    except CompileError:
        single = None if quantized else with_batch_of_one(golden)
        if single is None:
            raise
        golden, own_run = single, _runnable(single, name)  # its layers hold sizes for one frame
        outputs = _output_shapes(own_run, shapes, name)
    if quantized:
        ranges = code_ranges(golden, shapes)
    else:
        ranges = {i: _range(model, i, shape) for i, shape in shapes.items()}
        frames = {i: stand_in_frames(shape, ranges[i]) for i, shape in shapes.items()}
        check_outputs_batched(golden, frames)
        check_frames_apart(own_run, frames, [o.name for o in model.graph.output])
        golden = standard_form(golden, name)
    return SourceModel(
        golden, quantized, shapes, outputs, ranges, own_run if run is None else run, format_name
    )


def _check(model: onnx.ModelProto, name: str) -> None:
    shaped = onnx.ModelProto()
    shaped.CopyFrom(model)
    for value in shaped.graph.output:  # whose shapes onnxruntime does not miss
        value.type.tensor_type.shape.SetInParent()
    try:
        onnx.checker.check_model(shaped)
    except (onnx.checker.ValidationError, ValueError) as error:
        raise CompileError(
            "load", name, f"is no valid ONNX model ({first_line(error)})", "export it again"
        ) from error


def _runnable(model: onnx.ModelProto, name: str) -> Run:
    try:
        return onnx_run(model)
    except Exception as error:  # of whatever kind onnxruntime raises
        raise _no_run(name, error) from error


def _no_run(name: str, error: Exception) -> CompileError:
    return CompileError(
        "load", name, f"does not run in onnxruntime ({first_line(error)})",
        "correct what it says, for the golden model is what onnxruntime computes",
    )  # fmt: skip


def _output_shapes(run: Run, shapes: dict[str, Shape], name: str) -> tuple[Shape, ...]:
    """Return the shapes of the outputs for one frame, from runs with one and two of zeros."""

    def outputs(frames: int) -> tuple[Frames, ...]:
        return run({i: np.zeros((frames, *shape), np.float32) for i, shape in shapes.items()})

    try:
        outputs(1)
    except UnbatchedOutputError:
        pass  # two frames say more
    except Exception as error:  # of whatever kind onnxruntime raises
        raise _no_run(name, error) from error
    try:
        two = outputs(2)
    except UnbatchedOutputError as error:
        raise CompileError(
            "load", name, "the first axis of every output must be the batch",
            "state the batch size 1 in the shapes of its inputs, or keep the first axis",
        ) from error  # fmt: skip
    except Exception as error:  # of whatever kind onnxruntime raises
        raise CompileError(
            "load", name, f"runs in onnxruntime on one frame, but not on two ({first_line(error)})",
            "state the batch size 1 in the shapes of its inputs",
        ) from error  # fmt: skip
    return tuple(output.shape[1:] for output in two)


_CENTRE = 16.0
"""From here on, what a first layer divides by or takes away says that inputs are pixels."""


def _range(model: onnx.ModelProto, name: str, shape: Shape) -> InputRange:
    """Return the range that the first operators on an input are made for."""
    constants = {i.name: i for i in model.graph.initializer}
    for node in model.graph.node:
        if node.op_type == "Cast" and list(node.input) == [name]:
            return replace(PIXELS, whole=True)
        if name in node.input and node.op_type in ("Mul", "Div", "Sub", "Add"):
            other = next((constants[i] for i in node.input if i in constants), None)
            if other is None:
                continue
            size = float(np.abs(numpy_helper.to_array(other)).max(initial=0.0))
            if (node.op_type == "Mul" and 0 < size <= 1 / _CENTRE) or (
                node.op_type != "Mul" and size >= _CENTRE
            ):
                return PIXELS
    return ordinary_range(shape)
