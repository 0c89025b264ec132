"""Shared multipliers: several output channels per product, sums along chains of multipliers.

``element -> element(sharing)``.  Exact where every sum of a chain fits its field, which is computed
from the weights and the range of the inputs; a multiplier of a DSP48 is 25 x 18 bits wide
(Xilinx UG479).  What is taken apart again is the same integer.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace

import numpy as np

from ir.elements import ALONE, Consumer, ProcessingElement, Sharing
from ir.graph import StreamGraph
from ir.numbers import IntArray, IntegerType

FACTOR_BITS = 25
"""Width of the wider factor of a DSP48E1's product."""

MOST_ROWS = 4
LONGEST_CHAIN = 8
"""Longer chains save few adders and delay every lane more."""

FEWEST_PACKED_BITS = 4
"""Activations of fewer bits are multiplied in logic, at a LUT or two for each product."""


def share_multipliers(graph: StreamGraph) -> StreamGraph:
    """Return ``graph`` with the fewest multipliers, and of these with the fewest adders."""
    return graph.rebuild(_shared)


def _shared(element: Consumer) -> Consumer:
    if not isinstance(element, ProcessingElement) or element.depthwise:
        return element
    candidates = [ALONE, *_sharings(element)]
    return replace(element, sharing=min(candidates, key=lambda sharing: _cost(element, sharing)))


def _cost(element: ProcessingElement, sharing: Sharing) -> tuple[int, int, bool]:
    multipliers = -(-element.pe // sharing.rows) * element.simd
    adders = element.pe * element.simd // sharing.chain
    return multipliers, adders, sharing.overlap


def _sharings(element: ProcessingElement) -> Iterator[Sharing]:
    """Yield all that the weights allow."""
    weight, inputs = element.weight_number, element.input.number
    width = weight.bits if weight.signed else weight.bits + 1
    matrix = element.weights.reshape(-1, element.weights.shape[3]).T
    chains = [n for n in range(1, LONGEST_CHAIN + 1) if element.simd % n == 0]
    yield from (Sharing(chain=chain) for chain in chains)
    if inputs.bits < FEWEST_PACKED_BITS or _has_least(matrix, weight):
        return
    for rows in range(2, min(MOST_ROWS, element.pe) + 1):
        spacing = (FACTOR_BITS - width) // (rows - 1)
        if spacing < width:
            continue
        for chain in chains:
            bound = _largest_sum(matrix, inputs, chain)
            for overlap in (False, True):
                if bound < 1 << (spacing - 1 + overlap):
                    yield Sharing(rows, spacing, overlap, chain)


def _has_least(matrix: IntArray, weight: IntegerType) -> bool:
    """Return whether a weight has no lower neighbour, from which 1 could be borrowed."""
    return weight.signed and int(matrix.min()) == weight.minimum


def _largest_sum(matrix: IntArray, inputs: IntegerType, chain: int) -> int:
    """Return the largest absolute sum of ``chain`` neighbouring products, each row by itself."""
    extremes = [matrix * inputs.minimum, matrix * inputs.maximum]
    blocks = (matrix.shape[0], -1, chain)
    most = np.maximum(*extremes).reshape(blocks).sum(axis=2).max()
    least = np.minimum(*extremes).reshape(blocks).sum(axis=2).min()
    return max(int(most), -int(least))
