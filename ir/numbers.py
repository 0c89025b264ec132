"""Integer types of streams, weights and accumulators."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

IntArray = npt.NDArray[np.int64]
"""Integers of any width are held as int64; arrays inside the IR are read-only."""


@dataclass(frozen=True, slots=True)
class IntegerType:
    """A two's complement (``signed``) or plain binary integer of ``bits`` bits, 1 to 64."""

    bits: int
    signed: bool

    def __post_init__(self) -> None:
        if not 1 <= self.bits <= 64:
            raise ValueError(f"bits must be 1 to 64, not {self.bits}")

    @property
    def minimum(self) -> int:
        """Smallest value of the type."""
        return -(1 << (self.bits - 1)) if self.signed else 0

    @property
    def maximum(self) -> int:
        """Largest value of the type."""
        return (1 << (self.bits - 1)) - 1 if self.signed else (1 << self.bits) - 1

    @classmethod
    def spanning(cls, low: int, high: int, *, signed: bool | None = None) -> IntegerType:
        """Return the narrowest type that holds ``low`` to ``high``.

        Signed only if ``low`` is negative, unless ``signed`` asks for it.
        """
        if low > high:
            raise ValueError(f"low must be at most high, not {low} > {high}")
        use_sign = low < 0 if signed is None else signed
        if low < 0 and not use_sign:
            raise ValueError(f"an unsigned type cannot hold {low}")
        magnitude = max(high.bit_length(), (-low - 1).bit_length() if low < 0 else 0)
        return cls(max(1, magnitude + use_sign), use_sign)

    def __str__(self) -> str:
        return f"{'int' if self.signed else 'uint'}{self.bits}"


def frozen_integers(values: npt.ArrayLike) -> IntArray:
    """Return a read-only int64 copy of ``values``."""
    array: IntArray = np.array(values, dtype=np.int64)
    array.setflags(write=False)
    return array


def clog2(n: int) -> int:
    """Return the smallest k with ``2**k >= n``; 0 for n = 1."""
    return (n - 1).bit_length()
