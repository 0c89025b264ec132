"""Quantize the float bias of a quantized layer, as onnxruntime does.

    Conv(Dequantize(x, sx), Dequantize(w, sw), b)
        -> Conv(Dequantize(x, sx), Dequantize(w, sw), Dequantize(rint(b / (sx * sw)), sx * sw, 0))

and the same for Gemm, float32 all along.  This changes numbers, and onnxruntime changes them in the
same way before it runs the layer in integers (its WeightBiasQuantization); what it computes before
and after is compared like for every rewrite.  Condition: the result is quantized, so that it is run
in integers.  Done in onnx-ir: the new initializers are computed from matched constants.
"""

from __future__ import annotations

import numpy as np
import onnx_ir as ir

from rewrite.onnx.explicit_biases import product_scales
from rewrite.onnx.graphs import add_initializer, constant, is_operator

_LARGEST = 2**31 - 1


def quantized_biases(model: ir.Model) -> int:
    """Apply to all Conv and Gemm of ``model``; return how many biases were quantized."""
    changed = 0
    for node in list(model.graph):
        if not is_operator(node, "Conv", "Gemm") or len(node.inputs) < 3:
            continue
        bias = constant(node.inputs[2])
        if bias is None or bias.dtype != np.float32 or not _is_quantized(node.outputs[0]):
            continue
        scales = product_scales(node)
        if scales is None or bias.size != scales[0]:
            continue
        products = scales[1]
        codes = np.rint(bias.reshape(-1) / products).astype(np.float64)
        if np.any(np.abs(codes) > _LARGEST):
            continue
        stem = f"{node.outputs[0].name}_bias"
        zeros = np.zeros(products.shape, np.int32)
        inputs = [
            add_initializer(model.graph, stem, codes.astype(np.int32)),
            add_initializer(model.graph, f"{stem}_scale", products),
            add_initializer(model.graph, f"{stem}_zero_point", zeros),
        ]
        dequantize = ir.node("DequantizeLinear", inputs, {"axis": 0})
        dequantize.outputs[0].name = f"{stem}_dequantized"
        model.graph.insert_before(node, dequantize)
        node.replace_input_with(2, dequantize.outputs[0])
        changed += 1
    return changed


def _is_quantized(value: ir.Value) -> bool:
    """True if a QuantizeLinear alone reads ``value``."""
    uses = list(value.uses())
    return len(uses) == 1 and is_operator(uses[0].node, "QuantizeLinear")
