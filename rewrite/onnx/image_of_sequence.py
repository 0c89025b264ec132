"""Sequences are images of one row, between quantizations, too.

    Quantize(Conv(Dequantize(x, s, z), w), t, u)
        -> Quantize(Reshape(Dequantize(Quantize(Conv(x', w'), t, u), t, u); C', L'), t, u)
           with x' = Dequantize(Quantize(Reshape(Dequantize(x, s, z); C, 1, L), s, z), s, z)

and the same for pools; kernels, strides, dilations and pads get a 1 or 0 for the rows, and so do
the weights' codes.  A dimension of size 1 adds no term to any sum.  Quantizing what was just
dequantized gives the same code.  Conditions: known sizes, constant weights and parameters, one
reader.  Done in onnx-ir: initializers and attributes are computed.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import onnx_ir as ir

from rewrite.onnx.fusion_rule import codes_refusal
from rewrite.onnx.graphs import add_initializer, constant, is_operator

ON_SEQUENCES = ("Conv", "MaxPool", "AveragePool", "GlobalAveragePool", "GlobalMaxPool")
_BY_AXIS = {"kernel_shape": 1, "strides": 1, "dilations": 1}
"""Attributes with a number for each axis, and that of the rows."""


@dataclass(frozen=True, slots=True)
class _Matched:
    """A layer on a sequence: ``entry`` dequantizes what it reads, ``leaving`` quantizes it."""

    node: ir.Node
    entry: ir.Node
    leaving: ir.Node
    weights: ir.Node | None


def image_of_sequence(model: ir.Model) -> int:
    """Apply to ``model``; return how many layers changed."""
    changed = 0
    for node in list(model.graph):
        matched = _match(node)
        if matched is not None:
            _rewrite(model.graph, matched)
            changed += 1
    return changed


def _match(node: ir.Node) -> _Matched | None:
    if not is_operator(node, *ON_SEQUENCES) or _sizes(node.inputs[0]) is None:
        return None
    source, result = node.inputs[0], node.outputs[0]
    entry = None if source is None else source.producer()
    uses = list(result.uses())
    if entry is None or not is_operator(entry, "DequantizeLinear") or len(uses) != 1:
        return None
    leaving = uses[0].node
    if not is_operator(leaving, "QuantizeLinear") or _sizes(result) is None:
        return None
    if codes_refusal("input", *entry.inputs[1:3]) or codes_refusal("result", *leaving.inputs[1:3]):
        return None
    weights = None
    if node.op_type == "Conv":
        operand = node.inputs[1]
        weights = None if operand is None else operand.producer()
        if weights is None or not is_operator(weights, "DequantizeLinear"):
            return None
        if constant(weights.inputs[0]) is None:
            return None
    return _Matched(node, entry, leaving, weights)


def _sizes(value: ir.Value | None) -> tuple[int, ...] | None:
    """Return channels and length of a sequence, None if ``value`` is no sequence of known size."""
    if value is None or value.shape is None or len(value.shape) != 3:
        return None
    dims = list(value.shape.dims)[1:]
    return tuple(int(d) for d in dims) if all(isinstance(d, int) for d in dims) else None


def _rewrite(graph: ir.Graph, matched: _Matched) -> None:
    node = matched.node
    before, after = _sizes(node.inputs[0]), _sizes(node.outputs[0])
    assert before is not None
    assert after is not None
    node.name = node.name or node.outputs[0].name  # new nodes are called after it
    image = _image(graph, matched, (before[0], 1, before[1]))
    node.replace_input_with(0, image)
    for name, row in _BY_AXIS.items():
        if name in node.attributes:
            values = [row, *node.attributes.get_ints(name)]
            node.attributes[name] = ir.AttrInt64s(name, values)
    if "pads" in node.attributes:
        begin, end = node.attributes.get_ints("pads")
        node.attributes["pads"] = ir.AttrInt64s("pads", [0, begin, 0, end])
    if matched.weights is not None:
        codes = constant(matched.weights.inputs[0])
        assert codes is not None
        own = ir.node("DequantizeLinear", list(matched.weights.inputs), matched.weights.attributes)
        own.replace_input_with(0, add_initializer(graph, f"{node.name}/row", codes[:, :, None]))
        own.outputs[0].name = f"{node.outputs[0].name}_row_weights"
        graph.insert_before(node, own)
        node.replace_input_with(1, own.outputs[0])
    result = node.outputs[0]
    assert result.shape is not None
    result.shape = ir.Shape([result.shape[0], after[0], 1, after[1]])
    parameters = list(matched.leaving.inputs[1:3])
    codes_node = ir.node("QuantizeLinear", [result, *parameters])
    numbers = ir.node("DequantizeLinear", [codes_node.outputs[0], *parameters])
    target = add_initializer(graph, f"{node.name}/sequence", np.array([-1, *after], np.int64))
    back = ir.node("Reshape", [numbers.outputs[0], target])
    for new, kind in ((codes_node, "quantized"), (numbers, "dequantized"), (back, "sequence")):
        new.name = f"{node.name}/{kind}"
        new.outputs[0].name = f"{result.name}_{kind}"
    graph.insert_before(matched.leaving, [codes_node, numbers, back])
    matched.leaving.replace_input_with(0, back.outputs[0])


def _image(graph: ir.Graph, matched: _Matched, sizes: tuple[int, ...]) -> ir.Value:
    """Return the image of what the layer reads, quantized and dequantized again."""
    node, parameters = matched.node, list(matched.entry.inputs[1:3])
    target = add_initializer(graph, f"{node.name}/image", np.array([-1, *sizes], np.int64))
    moved = ir.node("Reshape", [node.inputs[0], target])
    codes = ir.node("QuantizeLinear", [moved.outputs[0], *parameters])
    result = ir.node("DequantizeLinear", [codes.outputs[0], *parameters])
    for new, kind in ((moved, "image"), (codes, "codes"), (result, "numbers")):
        new.name = f"{node.name}/{kind}"
        new.outputs[0].name = f"{node.outputs[0].name}_{kind}"
    graph.insert_before(node, [moved, codes, result])
    return result.outputs[0]
