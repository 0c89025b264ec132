"""A constant of an element as the element library takes it."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from ir.numbers import IntArray, IntegerType

ROM_WORD_BITS = 256


@dataclass(frozen=True, slots=True)
class Table:
    """A constant of an element: ``values`` in canonical order, ``bits`` each.

    ``generic``: the element's generic that takes it, which names the constant, too.
    """

    generic: str
    values: IntArray
    bits: int

    def __post_init__(self) -> None:
        low, high = int(self.values.min()), int(self.values.max())
        if low < -(1 << (self.bits - 1)) or high >= 1 << self.bits:
            raise ValueError(f"{self.generic} must fit {self.bits} bits, not {low} to {high}")

    def rows(self) -> list[str]:
        """Return the table's bit string as 64 hexadecimal digits per row of 256 bits.

        Value 0 is in the lowest bits of row 0; values are two's complement; the last row is
        filled up with zeros.
        """
        shifts = np.arange(self.bits, dtype=np.int64)
        bits = ((self.values.reshape(-1, 1) >> shifts) & 1).astype(np.uint8).reshape(-1)
        padded = np.pad(bits, (0, -len(bits) % ROM_WORD_BITS))
        packed = np.packbits(padded, bitorder="little").reshape(-1, ROM_WORD_BITS // 8)
        return [row[::-1].tobytes().hex() for row in packed]


def signed_bits(values: IntArray) -> int:
    """Return the width of the narrowest signed type that holds all ``values``."""
    return IntegerType.spanning(int(values.min()), int(values.max()), signed=True).bits
