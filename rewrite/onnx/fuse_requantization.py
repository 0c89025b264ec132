"""Fuse a change of scale.

    Quantize(Dequantize(x, s, z), t, u) -> Table(x, s, z, t, u)

Each code becomes one other code.  Conditions: both are quantized per tensor, and onnxruntime does
not merge the two (``merge_quantizations``), as where x has another reader, too, or is of another
type.  Done in onnx-ir: the condition is one on what makes x and on all that reads the result.
"""

from __future__ import annotations

import onnx_ir as ir

from rewrite.onnx.elementwise import region_of
from rewrite.onnx.fuse_table import FUNCTION
from rewrite.onnx.graphs import is_operator
from rewrite.onnx.merge_quantizations import is_merged_by_onnxruntime


def fuse_requantization(model: ir.Model) -> int:
    """Apply to ``model``; return how many changes of scale were fused."""
    fused = 0
    for node in list(model.graph):
        if not is_operator(node, "QuantizeLinear") or is_merged_by_onnxruntime(node):
            continue
        region = region_of(node)
        if region is not None and len(region.sources) == 1 and not region.computes:
            region.extract(model, FUNCTION)
            fused += 1
    return fused
