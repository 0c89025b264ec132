"""Multipliers as yosys cuts them into DSP48E1 (``mul2dsp.v`` with the limits of 7-series)."""

from __future__ import annotations

WIDE, NARROW, PARTIAL = 25, 18, 17
"""Bits of the two signed factors of a DSP48E1, and of an unsigned piece of a wider one."""

FEWEST_FACTOR_BITS = 2
FEWEST_PRODUCT_BITS = 9
"""What is smaller is made of logic (Xilinx UG901)."""


def dsps(first: int, second: int, product: int | None = None) -> int:
    """Return the DSPs of a signed product of so many bits of the factors; 0 if it is logic.

    ``product``: its bits, where fewer are used than the factors have together.
    """
    if product is not None and product < FEWEST_PRODUCT_BITS:
        return 0
    wide, narrow = max(first, second), min(first, second)
    if wide > WIDE:
        return sum(_narrowed(bits, narrow) for bits in _pieces(wide, WIDE))
    return _narrowed(wide, narrow)


def _narrowed(wide: int, narrow: int) -> int:
    if narrow > NARROW:
        return sum(_single(wide, bits) for bits in _pieces(narrow, NARROW))
    return _single(wide, narrow)


def _single(wide: int, narrow: int) -> int:
    fits = min(wide, narrow) >= FEWEST_FACTOR_BITS and wide + narrow >= FEWEST_PRODUCT_BITS
    return int(fits)


def _pieces(bits: int, most: int) -> list[int]:
    count = -(-(bits - most) // PARTIAL)
    return [PARTIAL + 1] * count + [bits - count * PARTIAL]
