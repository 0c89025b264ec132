"""What every fusing rule shares: legality of quantization parameters, naming, no nesting."""

from __future__ import annotations

from typing import Any

import numpy as np
import onnx_ir as ir
from onnxscript.rewriter import MatchContext, MatchResult, RewriteRuleClassBase

from rewrite.onnx.graphs import CODE_TYPES, DOMAIN, constant


class FusionRule(RewriteRuleClassBase):  # type: ignore[misc]
    """A pattern whose nodes become the body of one model-local function.

    Subclasses give ``function``, the pattern with the computing operator's output bound to
    ``result`` and, in ``parameters``, the names of the values that become the call's inputs.
    """

    function: str
    parameters: tuple[str, ...]

    def __init__(self) -> None:
        super().__init__(name=type(self).__name__, as_function=True)

    def refusal(self, result: ir.Node, values: dict[str, ir.Value]) -> str | None:
        """Return why the match cannot be fused, as ``X must be Y, not Z``, or None.

        A remedy of its own stands behind a semicolon.
        """
        raise NotImplementedError

    def check(self, context: MatchContext, **values: ir.Value) -> MatchResult:
        """Refuse a match inside a function, and whatever the rule itself refuses."""
        match = MatchResult()
        if not isinstance(context.graph_or_function, ir.Graph):
            return match.fail("the nodes are fused already")
        node = values["result"].producer()
        assert node is not None
        reason = self.refusal(node, values)
        return match if reason is None else match.fail(reason, node)

    def rewrite(self, op: Any, **values: ir.Value) -> ir.Value:
        """Return the call, named after the computing operator."""
        inputs = [values[name] for name in self.parameters]
        call: ir.Value = getattr(op, self.function)(*inputs, _domain=DOMAIN)
        node, source = call.producer(), values["result"].producer()
        assert node is not None
        assert source is not None
        node.name = source.name
        return call


def codes_refusal(what: str, scale: ir.Value, zero_point: ir.Value) -> str | None:
    """Return why ``what`` is not quantized per tensor with constant, sane parameters."""
    factor, zero = constant(scale), constant(zero_point)
    if factor is None or zero is None:
        return f"scale and zero point of the {what} must be constants"
    if factor.size != 1:
        return f"the {what} must be quantized per tensor, not with {factor.size} scales"
    return scales_refusal(what, scale) or type_refusal(what, zero_point)


_NIBBLES = {ir.DataType.INT4: "int8", ir.DataType.UINT4: "uint8"}


def byte_refusal(values: dict[str, ir.Value]) -> str | None:
    """Return why onnxruntime has no integer kernel for these operands: it needs 8 bits."""
    for what, name in (("input", "x"), ("weights", "w"), ("output", "y")):
        zero_point = values.get(f"{name}_zero_point")
        tensor = None if zero_point is None else zero_point.const_value
        if tensor is not None and name == "w" and tensor.dtype in _NIBBLES:
            return (
                f"weights of 4 bits must be stored as {_NIBBLES[tensor.dtype]}, or all scales must "
                "be powers of two: onnxruntime computes with them in float32; store the same codes "
                f"as {_NIBBLES[tensor.dtype]}"
            )
        if tensor is not None and tensor.dtype not in (ir.DataType.UINT8, ir.DataType.INT8):
            return (
                f"the {what} must be quantized to 8 bits, not {tensor.dtype.name.lower()}: "
                "onnxruntime would compute in float; quantize activations and weights to 8 bits"
            )
    return None


def type_refusal(what: str, zero_point: ir.Value) -> str | None:
    """Return why the codes of ``what`` have no supported integer type."""
    tensor = zero_point.const_value
    if tensor is None or tensor.dtype not in CODE_TYPES:
        return f"the {what} must be quantized to 4, 8 or 16 bits"
    return None


def scales_refusal(what: str, scale: ir.Value) -> str | None:
    """Return why ``scale`` is not a constant of positive, finite float32 numbers."""
    factor = constant(scale)
    if factor is None:
        return f"the scale of the {what} must be a constant"
    if factor.dtype != np.float32:
        return f"the scale of the {what} must be float32, not {factor.dtype}"
    if not np.all(np.isfinite(factor) & (factor > 0)):
        return f"every scale of the {what} must be positive and finite"
    return None


def weights_refusal(dequantize: ir.Value, axis: int, values: dict[str, ir.Value]) -> str | None:
    """Return why ``w`` is no constant quantized per tensor or along ``axis``."""
    codes, scale, zero_point = (constant(values[n]) for n in ("w", "w_scale", "w_zero_point"))
    if codes is None or scale is None or zero_point is None:
        return "the weights must be constant"
    if codes.size == 0:
        return "the weights must not be empty"
    if scale.size not in (1, codes.shape[axis]):
        return f"the weights must have 1 or {codes.shape[axis]} scales, not {scale.size}"
    node = dequantize.producer()
    assert node is not None
    given = node.attributes.get_int("axis", 1)
    if scale.size > 1 and given % codes.ndim != axis:
        return f"the weights must be quantized along axis {axis}, not {given}"
    if node.attributes.get_int("block_size", 0):
        return "the weights must not be quantized in blocks"
    return scales_refusal("weights", values["w_scale"]) or type_refusal(
        "weights", values["w_zero_point"]
    )


def bias_refusal(values: dict[str, ir.Value]) -> str | None:
    """Return why ``b`` is no int32 constant with zero point 0 and the scale of the products.

    onnxruntime adds the int32 codes to the accumulator and never looks at the bias's scale, so a
    scale other than input scale times weight scale would mean another function.
    """
    codes, zero_point = constant(values["b"]), constant(values["b_zero_point"])
    if codes is None or zero_point is None:
        return "the bias must be constant"
    if codes.dtype != np.int32 or np.any(zero_point != 0):
        return (
            f"the bias must be int32 with zero point 0, not {codes.dtype}; quantize it with the "
            "product of input and weight scales, or leave it in float"
        )
    scale, x, w = (constant(values[n]) for n in ("b_scale", "x_scale", "w_scale"))
    if scale is None or x is None or w is None:
        return "the scale of the bias must be a constant"
    products = x.reshape(()).astype(np.float64) * w.astype(np.float64)
    if not np.allclose(scale.reshape(-1), products.reshape(-1), rtol=1e-5, atol=1e-44):
        return (
            "the scale of the bias must be the product of input and weight scales; quantize it "
            "with that scale, or leave it in float"
        )
    return None
