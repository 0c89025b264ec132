"""Layers that float32 computes exactly: then it does not matter which kernel onnxruntime takes.

Let all scales sx, sw, sy of a layer be powers of two.  Then every product of dequantized codes is a
whole number times sx * sw, and so is every partial sum, in whatever order.  If the sizes of all
products and of the bias add up to 2^24 at most, float32 holds all of them, and

    rint(f32(sum) / sy) + zy  =  rint(float32(a) * (sx * sw / sy)) + zy

for the integer accumulator a: what the float kernels and a QuantizeLinear compute is what the
integer kernels compute.  The same holds for a sum of two tensors, where the integer kernel adds zy
before it rounds halves to even, if zy is even.  Tools that quantize for shifts write such files.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import numpy as np
import numpy.typing as npt
import onnx_ir as ir

from rewrite.onnx.fusion_rule import codes_refusal
from rewrite.onnx.graphs import CODE_TYPES, constant, is_operator

LARGEST_SUM = 2**24
_SMALLEST, _LARGEST = 2.0**-60, 2.0**60
"""Scales beyond these might underflow or overflow in products of two."""


def exact_in_float(model: ir.Model) -> frozenset[str]:
    """Return the names of the layers and sums that float32 computes exactly.

    A node without a name is called as its first output is.
    """
    return frozenset(
        node.name or node.outputs[0].name or ""
        for node in model.graph
        if is_operator(node, "Add", "Conv", "ConvTranspose", "Gemm", "MatMul")
        and float_refusal(node) is None
    )


def float_refusal(node: ir.Node) -> str | None:
    """Return why float32 might round in a quantized layer or sum, None if it cannot."""
    scales = list(_scales(node))
    if not scales or any(s is None for s in scales):
        return "all its operands and its result must be quantized"
    if not all(_is_shift(s) for s in scales if s is not None):
        return "its scales must be powers of two"
    if node.op_type == "Add":
        return _sum_refusal(node)
    return layer_refusal(node)


def _is_shift(scale: npt.NDArray[np.float32]) -> bool:
    """True for powers of two, neither very small nor very large."""
    mantissa, _ = np.frexp(scale)
    inside = (scale >= _SMALLEST) & (scale <= _LARGEST)
    return scale.size > 0 and bool(np.all(inside & (mantissa == 0.5)))


def _scales(node: ir.Node) -> Iterator[npt.NDArray[np.float32] | None]:
    """Yield the scales of the operands and of the result, None where there is none."""
    for value in node.inputs[:2]:
        quantization = None if value is None else value.producer()
        yield _scale_of(quantization, "DequantizeLinear")
    for reader in _readers(node.outputs[0]):
        yield _scale_of(reader, "QuantizeLinear")


def _scale_of(node: ir.Node | None, operator: str) -> npt.NDArray[np.float32] | None:
    if node is None or not is_operator(node, operator) or node.attributes.get_int("block_size", 0):
        return None
    scale = constant(node.inputs[1])
    return scale if scale is not None and scale.dtype == np.float32 else None


def _readers(value: ir.Value) -> Iterator[ir.Node | None]:
    """Yield what reads ``value``, behind activations that clamp; None for an output."""
    if value.is_graph_output():
        yield None
    for node, _ in value.uses():
        if is_operator(node, "Relu", "Clip"):
            yield from _readers(node.outputs[0])
        else:
            yield node


def _zero_point(node: ir.Node) -> npt.NDArray[np.int64]:
    given = constant(node.inputs[2]) if len(node.inputs) > 2 else None
    return np.zeros((), np.int64) if given is None else given.astype(np.int64)


def _reach(node: ir.Node) -> int | None:
    """Return the largest size of ``code - zero point`` that a DequantizeLinear can make."""
    source = node.inputs[0]
    if source is None or source.dtype not in CODE_TYPES or not _per_tensor(node):
        return None
    bits = int(source.dtype.bitwidth)
    low = 0 if source.dtype.name.startswith("U") else -(1 << (bits - 1))
    zero = int(_zero_point(node).reshape(-1)[0])
    return max(low + (1 << bits) - 1 - zero, zero - low)


def _per_tensor(node: ir.Node) -> bool:
    if len(node.inputs) > 2 and node.inputs[2] is not None:
        return codes_refusal("operand", node.inputs[1], node.inputs[2]) is None
    scale = constant(node.inputs[1])
    return scale is not None and scale.size == 1


def _sum_refusal(node: ir.Node) -> str | None:
    operands = [v.producer() for v in node.inputs if v is not None]
    reaches = [None if n is None else _reach(n) for n in operands]
    scales = [s.reshape(-1)[0] for s in _scales(node) if s is not None]
    if None in reaches or len(operands) != 2:
        return "all its operands and its result must be quantized"
    unit = float(min(scales[:2]))
    size = sum((r or 0) * float(s) / unit for r, s in zip(reaches, scales, strict=False))
    if size > LARGEST_SUM:
        return "its numbers must add up to less than 2^24 times their unit"
    zeros = [_zero_point(n) for n in _readers(node.outputs[0]) if n is not None]
    if any(np.any(zero % 2) for zero in zeros):
        return "the zero point of its result must be even"
    return None


def exact_products(model: ir.Model) -> frozenset[str]:
    """Return the names of exact layers on codes as they are, and of what scales their sums.

    The scales of such a layer's operands are 1 (``rewrite/onnx/integer_products.py``).
    """
    found: set[ir.Node] = set()
    for node in model.graph:
        source = None if not node.inputs or node.inputs[0] is None else node.inputs[0].producer()
        if is_operator(node, "Conv", "Gemm"):
            plain = all(s is not None and np.all(s == 1) for s in list(_scales(node))[:2])
            if plain and layer_refusal(node) is None:
                found.add(node)
        elif is_operator(node, "Mul", "Add") and source in found:
            found.add(node)
    return frozenset(node.name or node.outputs[0].name or "" for node in found)


def layer_refusal(node: ir.Node) -> str | None:
    """Return why float32 might round the sums of a layer, whose scales are powers of two."""
    x, w = (v.producer() for v in node.inputs[:2] if v is not None)
    assert x is not None
    assert w is not None
    reach, codes = _reach(x), constant(w.inputs[0])
    if reach is None or codes is None:
        return "its input must be quantized per tensor, and its weights must be constant"
    scale, zero = constant(w.inputs[1]), _zero_point(w)
    x_scale = constant(x.inputs[1])
    assert scale is not None
    assert x_scale is not None
    axis = w.attributes.get_int("axis", 1) % codes.ndim if scale.size > 1 else None
    if axis is not None and codes.shape[axis] != scale.size:
        return "its weights must have one scale, or one for each channel"
    shape = [scale.size if axis == place else 1 for place in range(codes.ndim)]
    weights = np.abs(codes.astype(np.int64) - (zero.reshape(shape) if zero.size > 1 else zero))
    largest = _products(node, weights, reach) + _bias(node, x_scale, scale)
    if not np.isfinite(largest) or largest > LARGEST_SUM:
        return "its products and its bias must add up to 2^24 at most"
    return None


def _products(node: ir.Node, weights: npt.NDArray[np.int64], reach: int) -> float:
    """Return a bound of the sizes of all products of one sum."""
    channels = {"Conv": 0, "ConvTranspose": 1}.get(node.op_type, weights.ndim - 1)
    if node.op_type == "Gemm" and node.attributes.get_int("transB", 0):
        channels = 0
    others = tuple(axis for axis in range(weights.ndim) if axis != channels)
    return float(weights.sum(axis=others).max(initial=0)) * reach


def _bias(node: ir.Node, x_scale: npt.NDArray[Any], w_scale: npt.NDArray[Any]) -> float:
    """Return the largest bias in units of the products; infinity if it is no whole number."""
    value = node.inputs[2] if len(node.inputs) > 2 else None
    if value is None:
        return 0.0
    units = np.float64(x_scale.reshape(-1)[0]) * w_scale.reshape(-1).astype(np.float64)
    maker = value.producer()
    numbers = constant(value)
    if maker is not None and is_operator(maker, "DequantizeLinear"):
        codes, scale = constant(maker.inputs[0]), constant(maker.inputs[1])
        if codes is None or scale is None or np.any(_zero_point(maker)):
            return np.inf
        numbers = codes.reshape(-1).astype(np.float64) * scale.reshape(-1)
    if numbers is None or (units.size > 1 and numbers.size != units.size):
        return np.inf
    multiples = numbers.reshape(-1).astype(np.float64) / units
    return float(np.abs(multiples).max()) if np.all(multiples % 1 == 0) else np.inf
