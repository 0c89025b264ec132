"""Tables of unary functions, made by onnxruntime itself."""

from __future__ import annotations

import numpy as np

from ir.numbers import IntArray, IntegerType, frozen_integers
from rewrite.lower.alone import run_alone
from rewrite.lower.reading import Stage


def table_of(stage: Stage, number: IntegerType) -> IntArray:
    """Run the stage's nodes on every code of type ``number``.

    Returns:
        (2**bits,) output codes, indexed by the bit pattern of the input code.
    """
    # four axes, so that scalar constants of any spelling broadcast to the input's shape
    codes = codes_by_pattern(number).reshape(1, 1, 1, -1)
    return frozen_integers(run_alone((stage,), codes).reshape(-1))


def clamp_bounds(table: IntArray, number: IntegerType) -> tuple[int, int] | None:
    """Return (low, high) if ``table``, on codes of ``number``, is clip(code, low, high)."""
    low, high = int(table.min()), int(table.max())
    same = np.array_equal(table, np.clip(codes_by_pattern(number), low, high))
    return (low, high) if same and low < high else None


def codes_by_pattern(number: IntegerType) -> IntArray:
    """Return the code that each bit pattern stands for, (2**bits,)."""
    patterns = np.arange(1 << number.bits)
    return np.where(patterns > number.maximum, patterns - (1 << number.bits), patterns)
