"""Fuse a function of two values: Add, Subtract, Average and the like.

    Quantize(f(Dequantize(a, ...), Dequantize(b, ...)), ...) -> Merge(a, b, ...)

where f is any region of elementwise operators and scalar constants that reads a and b, both of as
many axes as the result and of 8 bits.  Axes of size 1 may be repeated.  Each output code depends on
one pair of codes, 65,536 at most, so running the region on every pair tells all about it.  Done in
onnx-ir: patterns cannot state a region of any size.
"""

from __future__ import annotations

import onnx_ir as ir

from rewrite.onnx.elementwise import ElementwiseRegion, region_of
from rewrite.onnx.graphs import is_operator

FUNCTION = "Merge"

_BYTES = (ir.DataType.UINT8, ir.DataType.INT8)


def fuse_merge(model: ir.Model) -> int:
    """Apply to ``model``; return how many functions of two values were fused."""
    fused = 0
    for node in list(model.graph):
        region = region_of(node) if is_operator(node, "QuantizeLinear") else None
        if region is not None and len(region.sources) == 2 and _alike(region, node.outputs[0]):
            region.extract(model, FUNCTION)
            fused += 1
    return fused


def _alike(region: ElementwiseRegion, result: ir.Value) -> bool:
    """True if all have the same number of axes and every code is a byte."""
    values = (*region.sources, result)
    ranks = {None if v.shape is None else v.shape.rank() for v in values}
    return len(ranks) == 1 and None not in ranks and all(v.dtype in _BYTES for v in values)
