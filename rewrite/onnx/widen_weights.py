"""Store weights of 4 bits in bytes.

    Conv(x, Dequantize(w: int4, sw, zw)) -> Conv(x, Dequantize(w: int8, sw, zw))

and the same for uint4, Gemm and MatMul: the same numbers.  onnxruntime computes with weights of
4 bits in float32, with bytes in integers.  Condition: float32 computes the layer exactly
(``rewrite/onnx/float_exactness.py``), so that both are equal.  Done in onnx-ir: the new
initializers are computed from matched constants.
"""

from __future__ import annotations

import numpy as np
import onnx_ir as ir

from rewrite.onnx.float_exactness import float_refusal
from rewrite.onnx.graphs import add_initializer, constant, is_operator

_BYTES = {ir.DataType.INT4: np.int8, ir.DataType.UINT4: np.uint8}


def widen_weights(model: ir.Model) -> int:
    """Apply to all layers of ``model``; return how many changed."""
    changed = 0
    for node in list(model.graph):
        if not is_operator(node, "Conv", "ConvTranspose", "Gemm", "MatMul"):
            continue
        value = node.inputs[1]
        weights = None if value is None else value.producer()
        codes = None if weights is None else weights.inputs[0]
        if weights is None or codes is None or codes.dtype not in _BYTES:
            continue
        if float_refusal(node) is not None:
            continue
        kind = _BYTES[codes.dtype]
        for index in (0, 2):
            array = constant(weights.inputs[index]) if index < len(weights.inputs) else None
            if array is not None:
                name = f"{weights.outputs[0].name}_bytes"
                given = array.astype(np.int64).astype(kind)
                weights.replace_input_with(index, add_initializer(model.graph, name, given))
        changed += 1
    return changed
