"""Fuse a function of single values into a table.

    Quantize(f(Dequantize(x, ...)), ...) -> Table(x, ...)

where f is any region of elementwise operators and scalar constants that reads nothing but x, and
holds at least one operator: two quantizations in a row are merged by onnxruntime into a third one,
with other integers (its DoubleQDQPairsRemover), so a bare change of scale is refused.  Each output
code then depends on one input code, so the region is a table of 2**bits entries; the function's
body keeps the region itself, and running it on every code makes the table.  Done in onnx-ir:
patterns cannot state a region of any size.
"""

from __future__ import annotations

import onnx_ir as ir

from rewrite.onnx.elementwise import region_of
from rewrite.onnx.graphs import is_operator

FUNCTION = "Table"


def fuse_table(model: ir.Model) -> int:
    """Apply to ``model``; return how many tables were fused."""
    fused = 0
    for node in list(model.graph):
        region = region_of(node) if is_operator(node, "QuantizeLinear") else None
        if region is not None and len(region.sources) == 1 and region.computes:
            region.extract(model, FUNCTION)
            fused += 1
    return fused
