"""A dense layer at each position of a sequence or an image is a convolution with one tap.

    Quantize(MatMul(Dequantize(x, s, z), Dequantize(w)), t, u)
        -> Quantize(Reshape(Transpose(Conv(x', w'); 0, 2, 3, 1); sizes of y), t, u)
           with x' = Transpose(Reshape(Dequantize(x, s, z); rows, columns, features); 0, 3, 1, 2)

where each operator stands between quantizations of its own: (s, z) in front of the convolution,
(t, u) behind it.  Quantizing what was just dequantized gives the same code, and

    y[n, r, c] = sum over f of x[n, r, f] * w[f, c]

adds the same products for each position r, in whatever order: they are integers.  Conditions: x has
three or more axes of known size but for the batch, w is a constant matrix, quantized per tensor or
by column.  Done in onnx-ir: initializers are computed.
"""

from __future__ import annotations

from dataclasses import dataclass
from math import prod

import numpy as np
import onnx_ir as ir

from rewrite.onnx.fusion_rule import codes_refusal
from rewrite.onnx.graphs import add_initializer, constant, is_operator, node_label

TO_NCHW, TO_NHWC = [0, 3, 1, 2], [0, 2, 3, 1]
IMAGE = ("rows", "columns", "features")
"""Axes of each frame as the convolution takes them."""


def convolution_from_matmul(model: ir.Model) -> int:
    """Apply to ``model``; return how many layers changed."""
    changed = 0
    for node in list(model.graph):
        if is_operator(node, "MatMul") and _matches(node):
            _rewrite(model.graph, node)
            changed += 1
    return changed


def _matches(node: ir.Node) -> bool:
    entry, weights = (None if v is None else v.producer() for v in node.inputs)
    uses = list(node.outputs[0].uses())
    if len(uses) != 1 or not is_operator(uses[0].node, "QuantizeLinear"):
        return False
    if entry is None or weights is None or _sizes(node.inputs[0]) is None:
        return False
    if not all(is_operator(n, "DequantizeLinear") for n in (entry, weights)):
        return False
    codes, scales = constant(weights.inputs[0]), constant(weights.inputs[1])
    if codes is None or codes.ndim != 2 or scales is None or constant(entry.inputs[0]) is not None:
        return False
    if scales.size > 1 and weights.attributes.get_int("axis", 1) % codes.ndim != 1:
        return False
    leaving = uses[0].node
    return not (
        codes_refusal("input", *entry.inputs[1:3]) or codes_refusal("result", *leaving.inputs[1:3])
    )


def _sizes(value: ir.Value | None) -> tuple[int, ...] | None:
    """Return the sizes of each frame, None if they are not known or have one axis only."""
    if value is None or value.shape is None or value.shape.rank() < 3:
        return None
    sizes = list(value.shape.dims)[1:]
    return tuple(int(d) for d in sizes) if all(isinstance(d, int) for d in sizes) else None


def _rewrite(graph: ir.Graph, node: ir.Node) -> None:
    source, result, label = node.inputs[0], node.outputs[0], node_label(node)
    sizes, after = _sizes(source), _sizes(result)
    weights = node.inputs[1].producer() if node.inputs[1] is not None else None
    assert source is not None
    assert sizes is not None
    assert after is not None
    assert weights is not None
    entry, leaving = source.producer(), next(iter(result.uses())).node
    assert entry is not None
    new = _Inserted(graph, leaving, label)
    value = source
    if len(sizes) != len(IMAGE):
        image = (prod(sizes[:-2]), *sizes[-2:])
        value = new.quantized(new.reshaped(value, image, "image"), entry, "image")
    value = new.quantized(new.transposed(value, TO_NCHW, "to_nchw"), entry, "to_nchw")
    kernel = _kernel(graph, weights, label)
    convolution = ir.node("Conv", [value, kernel.outputs[0]], {"kernel_shape": [1, 1]}, name=label)
    convolution.outputs[0].name = f"{label}/convolved"
    graph.insert_before(leaving, [kernel, convolution])
    value = new.quantized(convolution.outputs[0], leaving, "convolved")
    value = new.transposed(value, TO_NHWC, "to_nhwc")
    if len(after) != len(IMAGE):
        value = new.reshaped(new.quantized(value, leaving, "to_nhwc"), after, "sequence")
    leaving.replace_input_with(0, value)
    graph.remove(node, safe=True)


def _kernel(graph: ir.Graph, weights: ir.Node, label: str) -> ir.Node:
    """Return the DequantizeLinear of the weights, (outputs, features, 1, 1)."""
    codes = constant(weights.inputs[0])
    assert codes is not None
    kernel = add_initializer(graph, f"{label}/kernel", codes.T[:, :, None, None])
    node = ir.node("DequantizeLinear", [kernel, *weights.inputs[1:]], {"axis": 0})
    node.name = node.outputs[0].name = f"{label}/weights"
    return node


@dataclass(frozen=True, slots=True)
class _Inserted:
    """Puts nodes in front of ``before``, each named after the layer ``label``."""

    graph: ir.Graph
    before: ir.Node
    label: str

    def reshaped(self, value: ir.Value, sizes: tuple[int, ...], role: str) -> ir.Value:
        target = np.array([-1, *sizes], np.int64)
        operand = add_initializer(self.graph, f"{self.label}/{role}_sizes", target)
        return self._added(ir.node("Reshape", [value, operand]), role)

    def transposed(self, value: ir.Value, order: list[int], role: str) -> ir.Value:
        return self._added(ir.node("Transpose", [value], {"perm": order}), role)

    def quantized(self, value: ir.Value, like: ir.Node, role: str) -> ir.Value:
        """Return ``value`` between quantizations with the parameters of ``like``."""
        parameters = list(like.inputs[1:3])
        codes = self._added(ir.node("QuantizeLinear", [value, *parameters]), f"{role}_codes")
        return self._added(ir.node("DequantizeLinear", [codes, *parameters]), f"{role}_numbers")

    def _added(self, node: ir.Node, role: str) -> ir.Value:
        node.name = node.outputs[0].name = f"{self.label}/{role}"
        self.graph.insert_before(self.before, node)
        return node.outputs[0]
