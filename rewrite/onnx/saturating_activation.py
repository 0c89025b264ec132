"""Drop a Relu or Clip that the quantization behind it does, too.

    Quantize(Relu(x), s, z) -> Quantize(x, s, z)              if z is the smallest code
    Quantize(Clip(x, a, b), s, z) -> Quantize(x, s, z)        if a and b are not inside the codes

Quantize saturates: what lies below the number of the smallest code gets the smallest code, with or
without the activation, and the same above.  For a Relu that number is 0; for a Clip with
``a <= (smallest - z) * s`` and ``b >= (largest - z) * s`` nothing inside the codes is clipped.
onnxruntime drops them, too, and so finds the layers in front of them.  Conditions: nothing else
reads the activation, and it does not itself read codes.  Of two pairs of Quantize and Dequantize in
a row onnxruntime makes one with another scale, which computes something else; such an activation is
a table.  Done in onnx-ir: the condition is one on three constants.
"""

from __future__ import annotations

import numpy as np
import onnx_ir as ir

from rewrite.onnx.fusion_rule import codes_refusal
from rewrite.onnx.graphs import constant, is_operator


def saturating_activation(model: ir.Model) -> int:
    """Apply to ``model``; return how many activations were dropped."""
    dropped = 0
    for quantize in list(model.graph):
        value = quantize.inputs[0] if is_operator(quantize, "QuantizeLinear") else None
        node = None if value is None else value.producer()
        if value is None or node is None or not is_operator(node, "Relu", "Clip"):
            continue
        if value.is_graph_output() or len(list(value.uses())) > 1:
            continue
        above = None if node.inputs[0] is None else node.inputs[0].producer()
        if above is not None and is_operator(above, "DequantizeLinear"):
            continue
        if codes_refusal("result", *quantize.inputs[1:3]) or not _saturates(node, quantize):
            continue
        quantize.replace_input_with(0, node.inputs[0])
        dropped += 1
    return dropped


def _saturates(activation: ir.Node, quantize: ir.Node) -> bool:
    """True if the codes of ``quantize`` end where the activation's bounds are, or before."""
    scale, zero_point = constant(quantize.inputs[1]), constant(quantize.inputs[2])
    assert scale is not None
    assert zero_point is not None
    limits = np.iinfo(zero_point.dtype)
    zero, factor = int(zero_point.reshape(-1)[0]), float(scale.reshape(-1)[0])
    lowest, highest = (limits.min - zero) * factor, (limits.max - zero) * factor
    bounds = [0.0, np.inf] if activation.op_type == "Relu" else [-np.inf, np.inf]
    for index, operand in enumerate(activation.inputs[1:3]):
        bound = constant(operand)
        if operand is not None and (bound is None or bound.size != 1):
            return False
        if bound is not None:
            bounds[index] = float(bound.reshape(-1)[0])
    return bounds[0] <= lowest and bounds[1] >= highest
