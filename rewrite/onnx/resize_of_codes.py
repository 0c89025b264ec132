"""What a Resize of codes computes, as an operator on numbers.

Nearest values are codes as they come.  Between codes, onnxruntime interpolates linearly in float32
or, with channels last, in fixed point with 10 bits, and cuts the fraction off:

    Resize(x; linear) -> Quantize(Cast(Cast(Resize(Dequantize(x, 1, 0); linear), int32)), 1, 0)

Condition: factors that are powers of two.  Then all weights have few bits, both ways of computing
are exact, and it does not matter which of them onnxruntime takes.
"""

from __future__ import annotations

import onnx
import onnx_ir as ir

from rewrite.onnx.fuse_interpolation import factors_of, interpolation_refusal
from rewrite.onnx.graphs import CODE_TYPES, constant, is_operator

LARGEST_FACTOR = 8
"""Weights of both axes together then have 8 bits, less than the 10 of the fixed point."""


def resizes_codes(node: ir.Node) -> bool:
    """True if ``node`` is a Resize that works on codes."""
    source = node.inputs[0] if node.inputs else None
    return is_operator(node, "Resize") and source is not None and source.dtype in CODE_TYPES


def is_nearest(node: ir.Node) -> bool:
    """True if a Resize takes nearest values."""
    mode: str = node.attributes.get_string("mode", "nearest")
    return mode == "nearest"


def resize_of_codes_refusal(node: ir.Node) -> str | None:
    """Return why a Resize of codes that takes no nearest values cannot be computed exactly."""
    mode = node.attributes.get_string("mode", "nearest")
    if mode != "linear":
        return f"a Resize of codes must take nearest or linear values, not {mode} ones"
    reason = interpolation_refusal(node)
    if reason is not None:
        return reason
    factors = factors_of(constant(node.inputs[2]))
    assert factors is not None
    if any(f & (f - 1) or f > LARGEST_FACTOR for f in factors):
        return (
            "a linear Resize of codes must enlarge by 2, 4 or 8, since onnxruntime rounds other "
            f"weights in one way or another, not by {' and '.join(str(f) for f in factors)}"
        )
    return None


def exact_interpolations(model: onnx.ModelProto) -> frozenset[str]:
    """Return the names of the Resize nodes in the form that is written here."""
    cut = {node.input[0] for node in model.graph.node if node.op_type == "Cast"}
    return frozenset(
        node.name
        for node in model.graph.node
        if node.op_type == "Resize" and cut.intersection(node.output)
    )
