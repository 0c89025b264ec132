"""The tree of adders behind the multipliers of a row: row_sums.vhd."""

from __future__ import annotations

from dataclasses import dataclass

from ir.elements import ProcessingElement
from ir.numbers import clog2

SHORTEST_SHIFT_REGISTER = 3
"""Flip-flops in a row from which on yosys takes an SRL16."""


@dataclass(frozen=True, slots=True)
class Tree:
    """Bits of a row's tree (row_sums.vhd): of its adders, registers and shift registers."""

    adders: int = 0
    registers: int = 0
    shifted: int = 0

    def __add__(self, other: Tree) -> Tree:
        return Tree(
            self.adders + other.adders,
            self.registers + other.registers,
            self.shifted + other.shifted,
        )

    def __rmul__(self, count: int) -> Tree:
        return Tree(count * self.adders, count * self.registers, count * self.shifted)


def row_tree(
    element: ProcessingElement, rows: int, row: int, product: int, chains: int, in_dsps: int
) -> Tree:
    """Return the bits of the tree of a row, whose levels up to ``in_dsps`` are registers of DSPs.

    Level 0 are the sums of the chains: -1 if no DSP holds them.  The adders of level 1, of two
    products each, may be those of DSPs, too.  What has no partner at several levels is a shift
    register.
    """
    sharing, most = element.sharing, element.accumulator.bits
    chain_bits = product + clog2(sharing.chain)
    top = chain_bits - (rows - 1) * sharing.spacing
    first = min(top, most)
    if row < rows - 1:
        first = min(sharing.spacing + sharing.overlap, first)
    found, alone = Tree(), 0
    for level in range(1, clog2(chains) + 1):
        read, bits = (min(first + each, most) for each in (level - 1, level))
        added, held = nodes(chains, level - 1) // 2, nodes(chains, level)
        if level == 1 and in_dsps == 1:
            found += Tree(registers=(held - added) * bits)
        else:
            # The topmost bit is made of the signs, as the one below.
            found += Tree(added * read, held * bits)
        if nodes(chains, level - 1) % 2:
            alone += 1
            continue
        found += _without_partner(min(first + level - 1 - alone, most), level - 1, alone, in_dsps)
        alone = 0
    return found


def _without_partner(bits: int, level: int, alone: int, in_dsps: int) -> Tree:
    """Return what is different if a node of ``bits`` is alone at so many levels up to ``level``."""
    began = level - alone
    stages = alone + int(began > in_dsps)
    if alone == 0 or stages < SHORTEST_SHIFT_REGISTER:
        return Tree()
    return Tree(registers=-stages * bits, shifted=bits)


def nodes(chains: int, level: int) -> int:
    """Return the nodes of a level of a tree."""
    return -(-chains >> level)
