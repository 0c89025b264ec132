"""Cases of ``matrix_vector_tb``: sums by numpy, and the width of the sums just large enough."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import numpy as np
from harness import Case, IntArray, random_codes, write_beats, write_table

from ir.numbers import IntegerType
from ir.timing import matrix_vector_latency

PIXELS = 7


@dataclass(frozen=True, slots=True)
class Product:
    """Generics of the entity."""

    activation: IntegerType
    weight: IntegerType
    pe: int
    simd: int
    folds: int
    steps: int
    packing: int = 1
    spacing: int = 17
    overlap: bool = False
    chain: int = 1
    logic_rows: int = 0
    factor_bits: int = 25
    block_rom: bool = False
    surplus: int = 0


def _sums(product: Product, seed: int) -> tuple[IntArray, IntArray, IntArray]:
    """Return weights (channels, inputs), activations (pixels, inputs), sums (pixels, channels)."""
    random = np.random.default_rng(seed)
    inputs, channels = product.steps * product.simd, product.folds * product.pe
    activation, weight = product.activation, product.weight
    weights = random_codes(random, (channels, inputs), weight.bits, weight.signed)
    weights[0] = weight.minimum or weight.maximum
    if product.packing > 1 and weight.signed:
        # One may be borrowed of each.
        weights = np.maximum(weights, weight.minimum + 1)
    weights[channels - product.surplus :] = 0
    x = random_codes(random, (PIXELS, inputs), activation.bits, activation.signed)
    x[0] = activation.minimum
    x[1] = activation.maximum
    return weights, x, x @ weights.T


def _case(seed: int, product: Product) -> Case:
    weights, x, sums = _sums(product, seed)
    low, high = min(0, int(sums.min())), max(0, int(sums.max()))
    bits = IntegerType.spanning(low, high, signed=True).bits

    def write(folder: Path) -> None:
        used = weights[: len(weights) - product.surplus]
        write_table(folder / "weights.txt", used, product.weight.bits)
        replayed = np.repeat(x[:, None, :], product.folds, axis=1)
        write_beats(folder / "input.txt", replayed, product.simd, product.activation.bits)
        write_beats(folder / "expected.txt", sums, product.pe, bits)

    # The issue edge of a beat is the one before the edge that takes it here; the result can be
    # taken at the edge after the one that puts it into the output register.
    latency = matrix_vector_latency(product.simd, product.chain)
    generics = {
        "seed": seed,
        "activation_bits": product.activation.bits,
        "activation_signed": product.activation.signed,
        "weight_bits": product.weight.bits,
        "weight_signed": product.weight.signed,
        "accumulator_bits": bits,
        "pe": product.pe,
        "simd": product.simd,
        "folds": product.folds,
        "steps": product.steps,
        "packing": product.packing,
        "spacing": product.spacing,
        "factor_bits": product.factor_bits,
        "overlap": product.overlap,
        "chain": product.chain,
        "logic_rows": product.logic_rows,
        "block_rom": product.block_rom,
        "surplus": product.surplus,
        "first_edge": product.steps - 1 + latency,
        "last_edge": PIXELS * product.folds * product.steps - 1 + latency,
    }
    a, w = product.activation, product.weight
    fold = f"pe {product.pe}, simd {product.simd}, {product.folds} x {product.steps}"
    sharing = f", {product.packing} packed, chains of {product.chain}"
    if product.factor_bits != 25:
        sharing += f", factors of {product.factor_bits}"
    shared = product.packing * product.chain > 1
    logic = f", {product.logic_rows} in logic" if product.logic_rows else ""
    logic += ", block RAM" if product.block_rom else ""
    logic += f", {product.surplus} less" if product.surplus else ""
    return Case(f"{a} x {w}, {fold}{sharing if shared else ''}{logic}", generics, write)


INT8, UINT8 = IntegerType(8, True), IntegerType(8, False)
INT4, UINT4 = IntegerType(4, True), IntegerType(4, False)
CASES = tuple(
    _case(seed, Product(*product))
    for seed, product in enumerate(
        (
            (INT8, INT8, 1, 1, 1, 9),
            (UINT8, INT8, 4, 4, 3, 5),
            (UINT8, UINT8, 2, 3, 2, 4),
            (INT8, UINT8, 1, 5, 4, 1),
            (UINT8, INT8, 3, 1, 1, 1),
            (INT8, INT8, 2, 16, 2, 3),
            (INT8, INT8, 7, 7, 1, 2),
            (IntegerType(1, False), IntegerType(1, True), 3, 9, 2, 2),
            (IntegerType(1, True), IntegerType(1, False), 1, 2, 3, 3),
            (IntegerType(1, True), IntegerType(1, True), 2, 6, 1, 5),
            (IntegerType(16, True), IntegerType(16, True), 2, 3, 2, 6),
            (IntegerType(16, False), IntegerType(16, False), 1, 2, 1, 8),
            (IntegerType(4, False), IntegerType(3, True), 2, 8, 5, 2),
            # Chains alone
            (UINT8, INT8, 2, 6, 2, 3, 1, 17, False, 3),
            (INT8, INT8, 1, 8, 3, 1, 1, 17, False, 8),
            (UINT8, UINT8, 3, 4, 1, 4, 1, 17, False, 2),
            # Two 8-bit products in 17 bits each: two of a chain fit, four with the sign apart
            (UINT8, INT8, 2, 2, 2, 3, 2, 17, False, 2),
            (UINT8, INT8, 4, 4, 3, 5, 2, 17, True, 4),
            (INT8, INT8, 3, 16, 2, 2, 2, 17, True, 4),
            (UINT8, INT8, 5, 12, 1, 1, 2, 17, True, 4),
            (UINT8, INT8, 2, 3, 2, 2, 2, 16, True, 1),
            (UINT8, UINT8, 2, 3, 2, 2, 2, 19, False, 3),
            # Three and four of fewer bits
            (UINT4, INT4, 6, 16, 2, 3, 3, 10, True, 8),
            (INT4, INT4, 7, 8, 2, 2, 3, 10, False, 4),
            (UINT4, INT4, 8, 4, 1, 3, 4, 7, True, 1),
            (INT4, INT4, 5, 6, 3, 1, 4, 7, False, 1),
            (IntegerType(5, False), IntegerType(5, True), 3, 4, 2, 2, 3, 10, True, 2),
            (UINT4, IntegerType(2, True), 8, 12, 2, 2, 4, 7, True, 6),
            # The last rows without multipliers, behind a full and behind a lone packed row
            (UINT4, INT4, 8, 16, 2, 3, 3, 10, True, 8, 2),
            (INT4, INT4, 6, 8, 2, 2, 3, 10, False, 4, 2),
            (UINT4, UINT4, 3, 5, 2, 3, 1, 17, False, 1, 3),
            (INT4, IntegerType(3, False), 2, 4, 1, 1, 1, 17, False, 2, 1),
            (IntegerType(1, False), IntegerType(3, True), 2, 3, 2, 2, 1, 17, False, 3, 2),
            (IntegerType(3, True), INT4, 5, 3, 3, 2, 2, 12, True, 1, 1),
            # More words
            (INT8, INT8, 1, 2, 5, 9),
            (UINT8, INT8, 2, 6, 6, 7, 1, 17, False, 3),
            # Few words, filled up
            (UINT8, INT8, 2, 6, 6, 7, 1, 17, False, 3, 0, 25, True),
            (INT8, INT8, 1, 1, 3, 4, 1, 17, False, 1, 0, 25, True),
            # Too wide for the part's multipliers, and not
            (UINT8, INT8, 4, 4, 3, 5, 2, 17, True, 4, 0, 18),
            (UINT4, INT4, 4, 4, 2, 2, 2, 11, True, 4, 0, 18),
            # Rows without weights, beside packed ones, too
            (UINT8, INT8, 3, 2, 3, 4, 1, 17, False, 1, 0, 25, False, 2),
            (UINT8, INT8, 4, 4, 2, 3, 2, 17, True, 4, 0, 25, False, 1),
            (UINT4, INT4, 6, 4, 2, 2, 3, 10, False, 4, 2, 25, False, 5),
        ),
        start=1,
    )
)
