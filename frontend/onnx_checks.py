"""What an ONNX graph must be before anything is computed with it: known operators, known shapes."""

from __future__ import annotations

from collections.abc import Collection

import onnx
from onnx import TensorProto

from frontend.limits import MAX_TENSORS, check_activation
from frontend.source import Shape
from ir.errors import CompileError

STAGE = "load"
OLDEST_OPSET = 8
STANDARD = ("", "ai.onnx")
MICROSOFT = "com.microsoft"
QUANTIZED_MICROSOFT = frozenset(
    """QuantizeLinear DequantizeLinear QLinearAdd QLinearMul QLinearConcat QLinearConv
    QLinearAveragePool QLinearGlobalAveragePool QLinearLeakyRelu QLinearSigmoid QLinearSoftmax
    QGemm""".split()
)
"""Quantized operators that onnxruntime adds to the standard."""
RECURRENT = ("GRU", "LSTM", "RNN", "Scan")
RANDOM = (
    "Bernoulli", "Multinomial", "RandomNormal", "RandomNormalLike", "RandomUniform",
    "RandomUniformLike",
)  # fmt: skip


def standard_opset(model: onnx.ModelProto, name: str) -> int:
    """Return the version of the standard operators that ``model`` uses, ``OLDEST_OPSET`` or later.

    Raises:
        CompileError: it has none, or an older one.
    """
    versions = [o.version for o in model.opset_import if o.domain in STANDARD]
    if not versions:
        raise CompileError(STAGE, name, "imports no ONNX operator set", "export it again")
    newest = onnx.defs.onnx_opset_version()
    if not OLDEST_OPSET <= versions[0] <= newest:
        raise CompileError(
            STAGE, name, f"its operator set must be {OLDEST_OPSET} to {newest}, not {versions[0]}",
            "export it again with another opset",
        )  # fmt: skip
    return int(versions[0])


def check_operators(model: onnx.ModelProto, opset: int, foreign: Collection[str] = ()) -> None:
    """Refuse the first operator that is neither standard nor one of ``foreign``, by its name.

    ``foreign``: operators of the domain ``com.microsoft``.
    """
    for number, node in enumerate(model.graph.node):
        label = node.name or (node.output[0] if node.output else "") or f"node {number}"
        if node.domain in STANDARD:
            known = onnx.defs.has(node.op_type, opset)
        else:
            known = node.domain == MICROSOFT and node.op_type in foreign
        first = 0 if known or node.domain not in STANDARD else _first_version(node.op_type)
        if first > opset:
            raise CompileError(
                STAGE, label, f"operator {node.op_type} comes with operator set {first}, but the "
                f"file imports {opset}",
                f"export the model with opset {first} or later",
            )  # fmt: skip
        if not known:
            kind = node.op_type if node.domain in STANDARD else f"{node.domain}.{node.op_type}"
            raise CompileError(STAGE, label, f"operator {kind} is not supported", _remedy(node))
        if node.domain in STANDARD and node.op_type in RECURRENT:
            raise CompileError(
                STAGE, label, f"operator {node.op_type} goes through a sequence step by step, and "
                "recurrent layers are not supported",
                "use causal convolutions or attention in its place",
            )  # fmt: skip
        if node.domain in STANDARD and node.op_type in RANDOM:
            raise CompileError(
                STAGE, label, f"operator {node.op_type} draws random numbers",
                "export the model for inference",
            )  # fmt: skip
        graphs = (onnx.AttributeProto.GRAPH, onnx.AttributeProto.GRAPHS)
        if any(a.type in graphs for a in node.attribute):
            raise CompileError(
                STAGE, label, f"operator {node.op_type} chooses what to compute while it runs",
                "export the model without control flow",
            )  # fmt: skip


def _first_version(operator: str) -> int:
    """Return the operator set with which a standard operator came, 0 if there is none."""
    newest = onnx.defs.onnx_opset_version()
    return next((v for v in range(1, newest + 1) if onnx.defs.has(operator, v)), 0)


def _remedy(node: onnx.NodeProto) -> str:
    """Return what to do about an operator that is not known."""
    if node.domain == MICROSOFT and "Dynamic" in node.op_type:
        return "quantize the model with calibration data (static quantization)"
    if node.domain == MICROSOFT and node.op_type in ("MatMulNBits", "MatMulBnb4"):
        return "quantize its weights to 8 bits, or leave them in float"
    if node.domain == MICROSOFT and node.op_type.startswith("Q"):
        return "put the standard operator between DequantizeLinear and QuantizeLinear"
    if "Quant" in node.op_type:
        return "export it quantized to 8 bits with QuantizeLinear and DequantizeLinear"
    return "export the model with standard ONNX operators"


def inputs_of(model: onnx.ModelProto) -> list[onnx.ValueInfoProto]:
    """Return the inputs of the graph that no initializer gives a value."""
    constants = {i.name for i in model.graph.initializer}
    return [value for value in model.graph.input if value.name not in constants]


def with_one_batch(model: onnx.ModelProto) -> onnx.ModelProto:
    """Return a copy whose free batches are fixed, if other inputs have one fixed batch."""
    copy = onnx.ModelProto()
    copy.CopyFrom(model)
    first = [v.type.tensor_type.shape.dim[0] for v in inputs_of(copy) if _has_axes(v)]
    fixed = {dim.dim_value for dim in first if dim.dim_value > 0}
    if len(fixed) == 1:
        for dim in first:
            dim.dim_value = next(iter(fixed))
    return copy


def with_batch_of_one(model: onnx.ModelProto) -> onnx.ModelProto | None:
    """Return a copy that takes one frame at a time, None if its batch is fixed already."""
    copy = onnx.ModelProto()
    copy.CopyFrom(model)
    first = [v.type.tensor_type.shape.dim[0] for v in inputs_of(copy)]
    if any(dim.dim_value > 0 for dim in first):
        return None
    for dim in first:
        dim.dim_value = 1
    return copy


def _has_axes(value: onnx.ValueInfoProto) -> bool:
    return len(value.type.tensor_type.shape.dim) > 0


def input_shapes(model: onnx.ModelProto, name: str) -> dict[str, Shape]:
    """Return the shape of one frame of each input.

    Raises:
        CompileError: there is no input, or a size is unknown, or inputs have different batches.
    """
    inputs = inputs_of(model)
    if not 1 <= len(inputs) <= MAX_TENSORS:
        raise CompileError(
            STAGE,
            name,
            f"must have 1 to {MAX_TENSORS} inputs, not {len(inputs)}",
            "export it again",
        )
    shapes: dict[str, Shape] = {}
    batches = set()
    for value in inputs:
        dims = value.type.tensor_type.shape.dim
        _check_sizes_known(value)
        shapes[value.name] = tuple(int(d.dim_value) for d in dims[1:])
        check_activation(value.name, shapes[value.name])
        batches.add(max(dims[0].dim_value, 0))
    if len(batches) > 1:
        raise CompileError(
            STAGE, name, f"its inputs must have one batch size, not {sorted(batches)}",
            "export it with the same batch for all inputs",
        )  # fmt: skip
    return shapes


def _check_sizes_known(value: onnx.ValueInfoProto) -> None:
    """Refuse an input without a batch, or with a free size besides the batch, naming the axis."""
    dims = value.type.tensor_type.shape.dim
    sizes = [str(d.dim_value) if d.HasField("dim_value") else d.dim_param or "?" for d in dims]
    listed = f"[{', '.join(sizes)}]"
    if not len(dims):
        raise CompileError(
            STAGE, value.name, "its shape must be known, but the file does not state it",
            "export the model with the shapes of its inputs",
        )  # fmt: skip
    if len(dims) == 1:
        raise CompileError(
            STAGE, value.name, f"its shape must be a batch and more axes, not {listed}",
            "give the input a batch axis",
        )  # fmt: skip
    free = [axis for axis, dim in enumerate(dims) if axis and dim.dim_value <= 0]
    if free:
        what = f"axis {free[0]} of its shape" if len(free) == 1 else f"axes {free} of its shape"
        raise CompileError(
            STAGE, value.name, f"{what} {listed} must have a fixed size",
            "export the model with that size, or set it with "
            "python -m onnxruntime.tools.make_dynamic_shape_fixed",
        )  # fmt: skip


def check_input_types(model: onnx.ModelProto, allowed: Collection[int]) -> None:
    """Refuse inputs of another element type."""
    for value in inputs_of(model):
        kind = value.type.tensor_type.elem_type
        if kind not in allowed:
            wanted = " or ".join(TensorProto.DataType.Name(t).lower() for t in allowed)
            raise CompileError(
                STAGE, value.name,
                f"its type must be {wanted}, not {TensorProto.DataType.Name(kind).lower()}",
                "export the model in float32",
            )  # fmt: skip


def check_sizes(model: onnx.ModelProto) -> None:
    """Refuse a tensor of absurd size; ``model`` has its shapes inferred, with a batch of 1."""
    for value in (*model.graph.value_info, *model.graph.output):
        dims = value.type.tensor_type.shape.dim
        if len(dims) > 1 and all(d.HasField("dim_value") for d in dims):
            check_activation(value.name, tuple(d.dim_value for d in dims))
