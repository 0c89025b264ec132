"""Standard operators that take codes as they are, as operators on numbers between quantizations.

    MaxPool(x) -> Quantize(MaxPool(Dequantize(x, s, z)), s, z)

and the same for Slice and Resize to nearest values: what selects codes selects numbers, whatever
they stand for.  Pad, Concat, Clip, Max and Min have codes for operands, too, so their numbers are
the codes themselves:

    Pad(x; value) -> Quantize(Pad(Dequantize(x, 1, 0); value), 1, 0)

An ArgMax makes an index, and needs no quantization behind it; for linear values of a Resize see
``rewrite/onnx/resize_of_codes.py``.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping

import numpy as np
import onnx_ir as ir

from rewrite.onnx.code_builder import CodeBuilder, Parameters, operand_of
from rewrite.onnx.graphs import CODE_TYPES, add_initializer, code_type, constant, is_operator
from rewrite.onnx.integer_products import integer_product, product_of
from rewrite.onnx.resize_of_codes import is_nearest, resize_of_codes_refusal

Scales = dict[ir.Value, Parameters]
Rule = Callable[[CodeBuilder, ir.Node, Scales], None]

_SELECTING = ("MaxPool", "Slice", "Resize")
_COMPARING = ("Pad", "Concat", "Clip", "Max", "Min")
"""Operators whose operands all are codes, but for sizes and axes."""
PLAIN = (*_SELECTING, *_COMPARING, "ArgMax")
_SIZES = {"Pad": (1, 3)}
"""Operands that are no codes."""


def plain_rule(node: ir.Node, scales: Mapping[ir.Value, Parameters]) -> Rule | None:
    """Return the rule for a standard operator on codes, None for any other node."""
    if product_of(node) is not None:
        return integer_product
    source = node.inputs[0] if node.inputs else None
    if source is None or not (source in scales or source.dtype in CODE_TYPES):
        return None
    if is_operator(node, "Resize") and not is_nearest(node):
        return _interpolation
    if is_operator(node, *_SELECTING):
        return _selection
    if is_operator(node, "ArgMax"):
        return _index
    return _comparison if is_operator(node, *_COMPARING) else None


def _selection(b: CodeBuilder, node: ir.Node, scales: Scales) -> None:
    codes = operand_of(node, 0)
    scale, zero_point = scales[codes] if codes in scales else _plain(b, codes, scales)
    numbers = b.dequantized(codes, scale, zero_point)
    b.quantized(b.computing(node.op_type, [numbers, *node.inputs[1:]]), scale, zero_point)


def _comparison(b: CodeBuilder, node: ir.Node, scales: Scales) -> None:
    parameters = _plain(b, operand_of(node, 0), scales)
    operands: list[ir.Value | None] = []
    for index, value in enumerate(node.inputs):
        array = constant(value)
        if value is None or index in _SIZES.get(node.op_type, ()):
            operands.append(value)
        elif array is None:
            operands.append(b.dequantized(value, *parameters))
        else:
            name = f"{value.name}_number"
            operands.append(add_initializer(b.graph, name, array.astype(np.float32)))
    b.quantized(b.computing(node.op_type, operands), *parameters)


def _index(b: CodeBuilder, node: ir.Node, scales: Scales) -> None:
    codes = operand_of(node, 0)
    parameters = scales[codes] if codes in scales else _plain(b, codes, scales)
    b.computing("ArgMax", [b.dequantized(codes, *parameters)])


def _interpolation(b: CodeBuilder, node: ir.Node, scales: Scales) -> None:
    if resize_of_codes_refusal(node) is not None:
        return
    codes = operand_of(node, 0)
    parameters = _plain(b, codes, scales)
    numbers = b.dequantized(codes, *parameters)
    result = b.computing("Resize", [numbers, *node.inputs[1:]])
    for kind in (ir.DataType.INT32, ir.DataType.FLOAT):
        result = b.add("Cast", [result.outputs[0]], f"_{kind.name.lower()}")
        result.attributes["to"] = ir.AttrInt64("to", kind.value)
    b.quantized(result, *parameters)


def _plain(b: CodeBuilder, codes: ir.Value, scales: Scales) -> Parameters:
    """Return the parameters with which codes are numbers as they are."""
    kind = code_type(scales[codes][1]) if codes in scales else codes.dtype
    assert kind is not None
    return (
        add_initializer(b.graph, f"{codes.name}_one", np.ones((), np.float32)),
        add_initializer(b.graph, f"{codes.name}_zero", np.zeros((), kind.numpy())),
    )
