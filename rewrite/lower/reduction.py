"""Some axes of a tensor as the pixels of a map: what makes one value of all of them."""

from __future__ import annotations

from dataclasses import replace
from math import prod

import numpy as np

from ir.identifiers import Identifiers
from ir.numbers import IntArray
from rewrite.lower.layout import as_map
from rewrite.lower.reading import Stage
from rewrite.lower.streams import Stream


def pixels_of(
    stage: Stage, source: Stream, names: Identifiers, layer: str
) -> tuple[Stream, IntArray]:
    """Return a map for the operator of ``stage``, which reduces some axes, and its result's places.

    The reduced axes are the map's pixels, the others its channels.  The places are positions in a
    vector of these channels, in the shape of the result.
    """
    operator = stage.operator
    assert operator is not None
    sizes = source.positions.shape
    reduced = sorted({int(a) % (len(sizes) + 1) - 1 for a in stage.array(operator.inputs[1])})
    kept = [axis for axis in range(len(sizes)) if axis not in reduced]
    image = (prod(sizes[a] for a in kept), 1, prod(sizes[a] for a in reduced))
    moved = source.positions.transpose(*kept, *reduced).reshape(image)
    stream = as_map(replace(source, positions=moved), names, layer)
    shape = [1 if axis in reduced else size for axis, size in enumerate(sizes)]
    if not operator.attributes.get_int("keepdims", 1):
        shape = [sizes[axis] for axis in kept]
    return stream, np.arange(stream.shape.channels).reshape(shape)
