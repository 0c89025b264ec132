"""Softmax and layer normalization: one formula each, of few sizes."""

from __future__ import annotations

from ir.elements import LayerNormalization, Softmax
from ir.layer_normalization import score_bits
from ir.numbers import clog2
from ir.resources.count import Resources
from ir.resources.dispatch import parts_of
from ir.resources.part import Part


@parts_of.register
def softmax(element: Softmax) -> tuple[Part, ...]:
    """Return a table and a divider per lane, between them FIFOs of pixels.

    ``lanes`` of them; ``table``, bits of the exponentials' table; ``folds``, bits of the counters.
    """
    lanes, bits = element.output.lanes, element.source.output.number.bits
    folds = element.output.shape.channels // lanes
    sizes = {
        "one": 1.0,
        "lanes": lanes,
        "fraction": lanes * element.fraction_bits,
        "table": lanes * (1 << bits) * (element.fraction_bits + 1) / 64,
        "folds": clog2(folds),
    }
    return (Part("softmax", sizes, sizes),)


@parts_of.register
def layer_normalization(element: LayerNormalization) -> tuple[Part, ...]:
    """Return moments, an inverse root and a score per lane; ``score``, bits of the latter."""
    channels, lanes = element.output.shape.channels, element.output.lanes
    sizes = {
        "one": 1.0,
        "lanes": lanes,
        "score": lanes * score_bits(channels),
        "folds": clog2(channels // lanes),
        "channels": clog2(channels),
    }
    # For each lane a square, a score and its code; a total and a root; the table of roots.
    exact = Resources(dsp=3 * lanes + 2, bram18=1)
    return (Part("layer_normalization", sizes, sizes, exact),)
