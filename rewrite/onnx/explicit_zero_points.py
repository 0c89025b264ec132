"""Give every quantization its zero point.

    Quantize/Dequantize(x, scale) -> Quantize/Dequantize(x, scale, 0)

The operator's own default is a zero of the code type (uint8, or the input's type), so nothing
changes.  Needed so that one pattern covers both spellings.  Done in onnx-ir: the new initializer's
type and shape come from the other inputs, which a pattern cannot state.
"""

from __future__ import annotations

import numpy as np
import onnx_ir as ir

from rewrite.onnx.graphs import add_initializer, constant, is_operator


def explicit_zero_points(model: ir.Model) -> int:
    """Apply to all quantizations of ``model``; return how many changed."""
    changed = 0
    for node in list(model.graph):
        if not is_operator(node, "QuantizeLinear", "DequantizeLinear"):
            continue
        if len(node.inputs) > 2 and node.inputs[2] is not None:
            continue
        scale = constant(node.inputs[1])
        dtype = _code_type(node)
        if scale is None or dtype is None:
            continue
        zeros = np.zeros(scale.shape, dtype.numpy())
        value = add_initializer(model.graph, f"{node.outputs[0].name}_zero_point", zeros)
        node.resize_inputs(3)
        node.replace_input_with(2, value)
        changed += 1
    return changed


def _code_type(node: ir.Node) -> ir.DataType | None:
    if node.op_type == "DequantizeLinear":
        source = node.inputs[0]
        return None if source is None else source.dtype
    return ir.DataType(node.attributes.get_int("output_dtype", 0) or ir.DataType.UINT8)
