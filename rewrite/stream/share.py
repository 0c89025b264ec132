"""Shared multipliers: several output channels per product, sums along chains of multipliers.

``element -> element(sharing)``.  Exact where every sum of a chain fits its field, which is computed
from the weights and the range of the inputs; a multiplier of a DSP48 is 25 x 18 bits wide
(Xilinx UG479).  What is taken apart again is the same integer.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from ir.elements import ProcessingElement, Sharing
from ir.elements.processing import weight_rows
from ir.numbers import IntArray, IntegerType

FACTOR_BITS = 25
"""Width of the wider factor of a DSP48E1's product."""

MOST_ROWS = 4
LONGEST_CHAIN = 8
"""Longer chains save few adders and delay every lane more."""

FEWEST_PACKED_BITS = 4
"""Activations of fewer bits are multiplied in logic, at a LUT or two for each product."""

FEWEST_BLOCK_BITS = 8256
"""Of a ROM in block RAM: 64 bits a LUT6 (``ir/resources/memory.py``) are cheaper below."""


@dataclass(frozen=True, slots=True)
class SharingLimits:
    """What the weights of a layer allow, in any folding.

    ``largest_sums``: by length of a chain, the largest absolute sum of its products; ``packs``:
    whether 1 can be borrowed of each weight; ``weight_bits``: width of a weight as a signed number;
    ``table_bits``: of all weights.
    """

    largest_sums: dict[int, int]
    packs: bool
    weight_bits: int
    table_bits: int

    def sharings(self, pe: int, simd: int) -> list[Sharing]:
        """Return the sharings worth considering, for each number of rows.

        Those with the longest chains, and with the longest whose ROMs, one for each position, are
        still large enough for block RAM.
        """
        blocks = min(LONGEST_CHAIN, self.table_bits // FEWEST_BLOCK_BITS)
        lengths = sorted({LONGEST_CHAIN, blocks} - {0})
        found = [self._shared(rows, simd, length) for rows in self._rows(pe) for length in lengths]
        return list(dict.fromkeys(sharing for sharing in found if sharing is not None))

    def _rows(self, pe: int) -> range:
        return range(1, min(MOST_ROWS, pe) + 1 if self.packs else 2)

    def _shared(self, rows: int, simd: int, length: int) -> Sharing | None:
        """Return the sharing of so many rows with the longest chain up to ``length``, if any."""
        if rows == 1:
            return Sharing(chain=self._longest(simd, length, None))
        spacing = (FACTOR_BITS - self.weight_bits) // (rows - 1)
        if spacing < self.weight_bits:
            return None
        plain = self._longest(simd, length, spacing - 1)
        overlapping = self._longest(simd, length, spacing)
        if overlapping > plain:
            return Sharing(rows, spacing, True, overlapping)
        return Sharing(rows, spacing, False, plain) if plain else None

    def _longest(self, simd: int, length: int, bits: int | None) -> int:
        """Return the longest chain up to ``length`` with sums below ``2**bits``, 0 if none is."""
        fitting = (
            chain
            for chain, largest in self.largest_sums.items()
            if chain <= length and simd % chain == 0 and (bits is None or largest < 1 << bits)
        )
        return max(fitting, default=0)


def sharing_limits(element: ProcessingElement) -> SharingLimits:
    """Return what the weights of ``element`` allow; nothing to share in a depthwise one."""
    weight, inputs = element.weight_number, element.input.number
    width = weight.bits if weight.signed else weight.bits + 1
    matrix = weight_rows(element)
    chains = [n for n in range(1, LONGEST_CHAIN + 1) if matrix.shape[1] % n == 0]
    largest = {chain: _largest_sum(matrix, inputs, chain) for chain in chains}
    packs = inputs.bits >= FEWEST_PACKED_BITS and not _has_least(matrix, weight)
    return SharingLimits(largest, packs, width, element.weights.size * weight.bits)


def sharings(element: ProcessingElement) -> list[Sharing]:
    """Return the sharings worth considering for ``element`` as it is folded."""
    rows = element.pe // element.clusters
    return sharing_limits(element).sharings(rows, element.fan_in)


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
