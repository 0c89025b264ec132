"""Every operator on codes must have become one on numbers; what is left is one clear error."""

from __future__ import annotations

import onnx_ir as ir

from ir.errors import CompileError
from rewrite.onnx.fuse_layout import MOVING, REPEATING
from rewrite.onnx.graphs import CODE_TYPES, MICROSOFT, constant, is_fused, is_operator, node_label
from rewrite.onnx.qdq_from_operators import OPERATORS, has_constant_scales
from rewrite.onnx.resize_of_codes import resize_of_codes_refusal


def check_codes(model: ir.Model) -> None:
    """Raise CompileError for the first operator on codes that ``qdq_from_operators`` left.

    In front of anything else: what onnxruntime does with the operators around it follows from it.
    """
    for node in model.graph:
        if _works_on_codes(node):
            problem, remedy = _refusal(node)
            raise CompileError("fuse", node_label(node), problem, remedy)


def _works_on_codes(node: ir.Node) -> bool:
    if node.domain == MICROSOFT or node.op_type.startswith("QLinear"):
        return True
    if (
        is_fused(node)
        or is_operator(node, "DequantizeLinear", *MOVING, *REPEATING)
        or not node.inputs
    ):
        return False
    source = node.inputs[0]
    computed = source is not None and source.producer() is not None and constant(source) is None
    return computed and source.dtype in CODE_TYPES


def _refusal(node: ir.Node) -> tuple[str, str]:
    """Return what is wrong with ``node``, and what to do."""
    kind = node.op_type
    if node.attributes.get_int("channels_last", 0):
        return f"{kind} must have its channels first, not last", "export it with channels_last 0"
    if kind in OPERATORS and not has_constant_scales(node):
        return f"all scales of {kind} must be constants", "quantize the model statically"
    if is_operator(node, "ConvInteger", "MatMulInteger"):
        static = "QLinearConv" if kind == "ConvInteger" else "QLinearMatMul"
        return (
            f"{kind} must have constant weights and zero points, products that add up to 2^24 at "
            "most, and one Cast to float32 behind it",
            f"quantize the model in QDQ form, or with {static}",
        )
    if is_operator(node, "Resize") and (reason := resize_of_codes_refusal(node)) is not None:
        return reason, "interpolate between DequantizeLinear and QuantizeLinear"
    known = ", ".join(dict.fromkeys((*OPERATORS, *MOVING, *REPEATING)))
    return f"{kind} must not work on codes", (
        f"put it between DequantizeLinear and QuantizeLinear; supported on codes: {known}"
    )
