"""Fuse a function of single values that is another one for each channel or position: a PReLU.

    Quantize(f(Dequantize(x, ...)), ...) -> Rectifier(x, ...)

where f is a region of elementwise operators that reads nothing but x and scalar constants, but for
the slopes of a PRelu, which may have any shape that spreads over x.  The function's body keeps the
region itself; running it on every code tells all about it.
"""

from __future__ import annotations

import onnx_ir as ir

from rewrite.onnx.elementwise import region_of
from rewrite.onnx.graphs import constant, is_operator

FUNCTION = "Rectifier"


def fuse_rectifier(model: ir.Model) -> int:
    """Apply to ``model``; return how many were fused."""
    fused = 0
    for node in list(model.graph):
        region = region_of(node, slopes=True) if is_operator(node, "QuantizeLinear") else None
        if region is None or len(region.sources) != 1:
            continue
        if any(_has_slopes(inner) for inner in region.nodes):
            region.extract(model, FUNCTION)
            fused += 1
    return fused


def _has_slopes(node: ir.Node) -> bool:
    """True for a PRelu with several slopes."""
    slopes = constant(node.inputs[1]) if is_operator(node, "PRelu") else None
    return slopes is not None and slopes.size > 1
