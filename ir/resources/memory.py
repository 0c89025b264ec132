"""How yosys maps memories to 7-series: block RAM, distributed RAM or logic, whichever costs least.

The costs and shapes are those of yosys' ``brams_xc4v.txt`` and ``lutrams_xc5v.txt``, the choice is
that of its ``memory_libmap``: a memory of ``words`` words of ``width`` bits takes, in units of
``depth`` x ``bits``, ``rows = ceil(words / depth)`` and ``ceil(rows * width / bits)`` units, where
each row of distributed RAM has units of its own, and half a LUT for each bit of the multiplexers
behind several rows.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from ir.numbers import clog2
from ir.resources.count import Resources

HALF_BITS, HALF_COST = 14, 129
FULL_BITS, FULL_COST = 15, 257
CASCADE_BITS, CASCADE_COST = 16, 513
WIDTHS = (1, 2, 4, 9, 18, 36, 72)
"""A block RAM of 2**n bits without parity has 2**(n - k) words of ``WIDTHS[k]`` bits."""

ROM_BIT_COST = 1 / 64
"""Of a constant in logic: a LUT6 holds 64 bits."""

DISTRIBUTED_SHAPES = ((32, 6), (64, 3))
"""Words and bits of RAM32M and RAM64M with a port to write and another to read."""

DISTRIBUTED_COST, DISTRIBUTED_WIDTH_COST = 1, 7
"""Of a unit, and of one whose bits are all used, in addition."""

UNIT_LUTS = 4

SMALLEST_BLOCK_RAM = 4096
"""Bits from which on elements read a memory a beat ahead, for the second register of block RAM."""


@dataclass(frozen=True, slots=True)
class Mapping:
    """Where a memory goes.

    ``bram18``: halves of block RAM; ``luts``: those of distributed RAM; neither: logic.
    ``rows``: units one behind the other, whose outputs are multiplexed.
    """

    cost: float
    bram18: int = 0
    luts: int = 0
    rows: int = 1

    def resources(self) -> Resources:
        """Return what is exact of it: LUTs of distributed RAM and block RAM."""
        return Resources(lut_memory=self.luts, bram18=self.bram18)


def rom(words: int, width: int) -> Mapping:
    """Return where a table goes that is read at a clock edge."""
    logic = Mapping(words * width * ROM_BIT_COST)
    return min((logic, *_blocks(words, width, width)), key=lambda mapping: mapping.cost)


def filled_words(words: int, width: int) -> int:
    """Return to how many words a table is filled up so that it goes to block RAM."""
    enough = int(HALF_COST / ROM_BIT_COST) * -(-width // 36) // width + 1
    return max(words, 1 << clog2(enough))


def ram(words: int, width: int) -> Mapping:
    """Return where a memory with one port to write and another that is read at an edge goes."""
    written = -(-width // 9) * 9  # write enables are there for each 9 bits
    choices = (*_distributed(words, width), *_blocks(words, width, written))
    return min(choices, key=lambda mapping: mapping.cost)


def distributed_ram(words: int, width: int) -> Mapping:
    """Return the distributed RAM of a memory that must be such."""
    return min(_distributed(words, width), key=lambda mapping: mapping.cost)


def _blocks(words: int, width: int, used: int) -> Iterator[Mapping]:
    shapes = (
        (HALF_BITS, HALF_COST, 6, 1),
        (FULL_BITS, FULL_COST, 7, 2),
        (CASCADE_BITS, CASCADE_COST, 4, 4),
    )
    for address_bits, cost, widths, halves in shapes:
        for step, bits in enumerate(WIDTHS[:widths]):
            rows = -(-words // (1 << (address_bits - step)))
            units = -(-rows * (used if bits >= 9 else width) // bits)
            yield Mapping(units * cost + (rows - 1) * width / 2, units * halves, 0, rows)


def _distributed(words: int, width: int) -> Iterator[Mapping]:
    for depth, bits in DISTRIBUTED_SHAPES:
        rows = -(-words // depth)
        units = rows * -(-width // bits)
        cost = units * DISTRIBUTED_COST + DISTRIBUTED_WIDTH_COST * rows * width / bits
        multiplexers = (rows - 1) * width / 2 + (rows / 2 if rows > 1 else 0)
        yield Mapping(cost + multiplexers, 0, units * UNIT_LUTS, rows)
