"""Fuse a function of single values that differs from channel to channel.

    Quantize(f(Dequantize(x, ...), c), ...) -> Channelwise(x, c, ...)

where f is any region of elementwise operators and BatchNormalization that reads x and constants c,
some of which are no scalars.  Each output code depends on one input code and its place, so running
the region on every code tells all about it.  Done in onnx-ir: patterns cannot state a region of any
size.
"""

from __future__ import annotations

import onnx_ir as ir

from rewrite.onnx.elementwise import region_of
from rewrite.onnx.graphs import is_operator

FUNCTION = "Channelwise"


def fuse_channelwise(model: ir.Model) -> int:
    """Apply to ``model``; return how many functions were fused."""
    fused = 0
    for node in list(model.graph):
        region = None
        if is_operator(node, "QuantizeLinear"):
            region = region_of(node, scalar=False)
        if region is None or len(region.sources) != 1 or not region.computes:
            continue
        before, after = region.sources[0].shape, node.outputs[0].shape
        if before is None or after is None or list(before.dims)[1:] != list(after.dims)[1:]:
            continue  # the constants would broadcast the codes
        region.extract(model, FUNCTION)
        fused += 1
    return fused
