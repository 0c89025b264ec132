"""Cases of ``row_sums_tb``: sums by numpy; the borrows of the weights by Python's whole numbers."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import numpy as np
from harness import Case, IntArray, random_codes

from ir.numbers import IntegerType
from ir.timing import matrix_vector_latency

GROUPS = 12


@dataclass(frozen=True, slots=True)
class Rows:
    """Generics of the entity."""

    activation: IntegerType
    weight: IntegerType
    rows: int
    spacing: int
    overlap: bool
    simd: int
    chain: int
    steps: int
    in_logic: bool = False


def borrowed(weights: IntArray, rows: Rows) -> IntArray:
    """Return the fields of the packed weights, (..., row, lane), read as single weights.

    A packed weight is the sum of the weights times powers of 2 ** spacing; its fields are those of
    the whole number.
    """
    shifts = rows.spacing * np.arange(rows.rows)
    packed = (weights << shifts[:, None]).sum(axis=-2, keepdims=True)
    fields = (packed >> shifts[:, None]) & ((1 << rows.weight.bits) - 1)
    return np.asarray(fields, np.int64)


def _case(seed: int, rows: Rows) -> Case:
    random = np.random.default_rng(seed)
    activation, weight = rows.activation, rows.weight
    x = random_codes(random, (GROUPS, rows.steps, rows.simd), activation.bits, activation.signed)
    size = (GROUPS, rows.steps, rows.rows, rows.simd)
    w = random_codes(random, size, weight.bits, weight.signed)
    if weight.signed:
        # One may be borrowed of each; the largest sums come first.
        w = np.maximum(w, weight.minimum + 1)
        w[0], w[1] = weight.minimum + 1, weight.maximum
    x[:2] = activation.maximum
    x[2] = activation.minimum
    w[3, :, ::2], w[3, :, 1::2] = 0, -1 if weight.signed else 1
    sums = np.einsum("gsl,gsrl->gr", x, w)
    bits = IntegerType.spanning(int(sums.min()), int(sums.max()), signed=True).bits

    def write(folder: Path) -> None:
        fields = borrowed(w, rows).reshape(-1, rows.rows * rows.simd)
        vectors = x.reshape(-1, rows.simd)
        lines = [
            _digits(code_row, weight.bits) + _digits(x_row, activation.bits)
            for code_row, x_row in zip(fields, vectors, strict=True)
        ]
        (folder / "input.txt").write_text("".join(f"{line}\n" for line in lines))
        expected = [_digits(row, bits) for row in sums]
        (folder / "expected.txt").write_text("".join(f"{line}\n" for line in expected))

    # The bench takes a beat, and sends a sum, an edge later than matrix_vector issues and sends it.
    latency = matrix_vector_latency(rows.simd, rows.chain)
    generics = {
        "seed": seed,
        "first_edge": rows.steps - 1 + latency,
        "last_edge": GROUPS * rows.steps - 1 + latency,
        "activation_bits": activation.bits,
        "activation_signed": activation.signed,
        "weight_bits": weight.bits,
        "weight_signed": weight.signed,
        "accumulator_bits": bits,
        "rows": rows.rows,
        "spacing": rows.spacing,
        "overlap": rows.overlap,
        "simd": rows.simd,
        "chain": rows.chain,
        "in_logic": rows.in_logic,
        "steps": rows.steps,
        "latency": latency - 1,
    }
    name = f"{activation} x {rows.rows} {weight}, simd {rows.simd}, chains of {rows.chain}"
    where = "in logic" if rows.in_logic else f"spacing {rows.spacing}, overlap {rows.overlap}"
    return Case(f"{name}, {where}", generics, write)


def _digits(values: IntArray, bits: int) -> str:
    """Return binary digits, the last value first."""
    return "".join(f"{int(value) & ((1 << bits) - 1):0{bits}b}" for value in values[::-1])


INT8, UINT8 = IntegerType(8, True), IntegerType(8, False)
INT4, UINT4 = IntegerType(4, True), IntegerType(4, False)
CASES = tuple(
    _case(seed, Rows(*rows))
    for seed, rows in enumerate(
        (
            (UINT8, INT8, 1, 17, False, 5, 1, 2),
            (INT8, UINT8, 1, 17, False, 6, 3, 1),
            (UINT8, INT8, 2, 17, True, 8, 4, 2),
            (INT8, INT8, 2, 17, True, 4, 4, 3),
            (UINT8, INT8, 2, 17, False, 2, 2, 1),
            (UINT4, INT4, 3, 10, True, 8, 8, 2),
            (UINT4, INT4, 4, 7, True, 3, 1, 2),
            (INT4, INT4, 4, 7, False, 3, 1, 2),
            (UINT4, INT4, 1, 10, False, 16, 8, 2, True),
            (INT4, UINT4, 1, 10, False, 5, 1, 2, True),
            (IntegerType(3, True), IntegerType(3, True), 1, 10, False, 3, 3, 1, True),
            (UINT8, INT8, 1, 17, False, 4, 1, 2, True),
            (INT8, INT8, 1, 17, False, 3, 3, 2, True),
            (INT8, UINT8, 1, 17, False, 2, 1, 1, True),
            (UINT8, IntegerType(5, True), 1, 17, False, 2, 1, 3, True),
            (IntegerType(7, True), IntegerType(9, False), 1, 17, False, 1, 1, 2, True),
            (IntegerType(16, True), IntegerType(16, True), 1, 17, False, 2, 1, 2, True),
            (UINT8, IntegerType(1, True), 1, 17, False, 3, 1, 2, True),
            (UINT8, IntegerType(2, True), 1, 17, False, 3, 1, 2, True),
        ),
        start=1,
    )
)
