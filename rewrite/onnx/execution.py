"""Run ONNX models in stock onnxruntime and compare what they compute, integer for integer."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import numpy.typing as npt
import onnx
import onnxruntime
from onnx import TensorProto, helper, numpy_helper

from ir.errors import CompileError

Array = npt.NDArray[Any]
Inputs = Mapping[str, Array]
"""By name of the graph input, with the batch axis."""

SHIFT = 128
"""What int8 codes are made uint8 by (``unsigned_codes``)."""
SHOWN = (TensorProto.UINT8, TensorProto.UINT16, TensorProto.INT16)
"""Types of codes that onnxruntime computes alike whether or not they are put out; with int8 it
computes in integers only where it can move the codes to uint8 first, so in the inside of a graph.
"""


def run(model: onnx.ModelProto, outputs: Sequence[str] | None, inputs: Inputs) -> list[Array]:
    """Run ``model`` on the CPU with default session options; None stands for its own outputs."""
    options = onnxruntime.SessionOptions()
    options.log_severity_level = 4
    options.add_session_config_entry("session.intra_op.allow_spinning", "0")  # short runs
    session = onnxruntime.InferenceSession(
        model.SerializeToString(), options, providers=["CPUExecutionProvider"]
    )
    result: list[Array] = session.run(outputs, dict(inputs))
    return result


def random_inputs(model: onnx.ModelProto, frames: int, seed: int = 0) -> dict[str, Array]:
    """Return inputs that reach every code of each input's QuantizeLinear, ends included.

    Inputs that are codes themselves take all their values.

    A fixed batch size in the model takes precedence over ``frames``.
    """
    generator = np.random.default_rng(seed)
    constants = {i.name: numpy_helper.to_array(i) for i in model.graph.initializer}
    inputs: dict[str, Array] = {}
    for value in model.graph.input:
        if value.name in constants:
            continue
        tensor = value.type.tensor_type
        shape = [d.dim_value for d in tensor.shape.dim]
        shape[0] = shape[0] or frames
        dtype = helper.tensor_dtype_to_np_dtype(tensor.elem_type)
        if dtype.kind in "iu":
            ends = np.iinfo(dtype)
            inputs[value.name] = generator.integers(ends.min, ends.max, shape, dtype, endpoint=True)
            continue
        low, high = _input_range(model, value.name, constants)
        inputs[value.name] = generator.uniform(low, high, shape).astype(dtype)
    return inputs


def _input_range(
    model: onnx.ModelProto, name: str, constants: Mapping[str, Array]
) -> tuple[float, float]:
    for node in model.graph.node:
        if node.op_type == "QuantizeLinear" and node.input[0] == name:
            scale = constants.get(node.input[1])
            zero = constants.get(node.input[2]) if len(node.input) > 2 else np.zeros(1, np.uint8)
            if scale is not None and zero is not None:
                limits, offset = np.iinfo(zero.dtype), int(zero.reshape(-1)[0])
                factor = float(scale.reshape(-1)[0])
                return (limits.min - offset - 1) * factor, (limits.max - offset + 1) * factor
    return -1.0, 1.0


def compare(before: onnx.ModelProto, after: onnx.ModelProto, inputs: Inputs) -> int:
    """Compare the models' outputs, then every integer tensor (``SHOWN``) that both have, by name.

    These are two runs each, because a tensor that is put out may keep onnxruntime from an
    optimization that the plain graph gets.

    Returns:
        How many values were compared.

    Raises:
        CompileError: a value differs.
    """
    own = [o.name for o in before.graph.output]
    shared = _code_tensors(after)
    names = [n for n in _code_tensors(before) if n in shared and n not in own]
    compared = _compare_outputs(before, after, own, inputs)
    if names:
        left, right = (_with_outputs(model, names) for model in (before, after))
        compared += _compare_outputs(left, right, names, inputs)
    return compared


def _compare_outputs(
    before: onnx.ModelProto, after: onnx.ModelProto, names: list[str], inputs: Inputs
) -> int:
    left, right = (run(m, names, _shifted(m, inputs)) for m in (before, after))
    for name, a, shown in zip(names, left, right, strict=True):
        b = shown.astype(np.int64) - SHIFT if a.dtype == np.int8 != shown.dtype else shown
        different = np.argwhere(a != b) if a.shape == b.shape else np.zeros((1, 1), int)
        if len(different):
            raise CompileError(
                "fuse",
                name,
                f"a rewrite must not change what onnxruntime computes, but {len(different)} of "
                f"{a.size} values differ",
                "this is a bug, please report it",
            )
    return sum(a.size for a in left)


def _shifted(model: onnx.ModelProto, inputs: Inputs) -> Inputs:
    """Return inputs as ``model`` takes them: int8 codes that became uint8 are ``SHIFT`` higher."""
    types = {value.name: value.type.tensor_type.elem_type for value in model.graph.input}
    return {
        name: (array.astype(np.int64) + SHIFT).astype(np.uint8)
        if array.dtype == np.int8 and types[name] == TensorProto.UINT8
        else array
        for name, array in inputs.items()
    }


def _code_tensors(model: onnx.ModelProto) -> list[str]:
    """Return the names of the quantized tensors that the graph computes, in order."""
    inferred = onnx.shape_inference.infer_shapes(model)
    types = {v.name: v.type.tensor_type.elem_type for v in inferred.graph.value_info}
    types |= {v.name: v.type.tensor_type.elem_type for v in inferred.graph.output}
    computed = [name for node in model.graph.node for name in node.output]
    return [name for name in computed if types.get(name) in SHOWN]


def _with_outputs(model: onnx.ModelProto, names: Sequence[str]) -> onnx.ModelProto:
    """Return a copy of ``model`` that also puts out the tensors ``names``."""
    inferred = onnx.shape_inference.infer_shapes(model)
    types = {v.name: v.type.tensor_type.elem_type for v in inferred.graph.value_info}
    copy = onnx.ModelProto()
    copy.CopyFrom(model)
    copy.graph.output.extend(
        helper.make_tensor_value_info(name, types[name], None) for name in names
    )
    return copy
