"""Cases of ``depthwise_vector_tb``: sums by numpy, and the width of the sums just large enough."""

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
    lanes: int
    blocks: int
    steps: int
    multiplier: int = 1
    taps: int = 1
    in_logic: bool = False


def _sums(product: Product, seed: int) -> tuple[IntArray, IntArray, IntArray]:
    """Return weights (channels, taps), activations (pixels, taps, channels), sums."""
    random = np.random.default_rng(seed)
    channels, taps = product.blocks * product.lanes, product.steps * product.taps
    activation, weight = product.activation, product.weight
    weights = random_codes(random, (channels, taps), weight.bits, weight.signed)
    weights[0] = weight.minimum or weight.maximum
    x = random_codes(
        random, (PIXELS, taps, channels // product.multiplier), activation.bits, activation.signed
    )
    x[0] = activation.minimum
    x[1] = activation.maximum
    repeated = np.repeat(x, product.multiplier, axis=2)
    return weights, x, np.einsum("ptc,ct->pc", repeated, weights)


def _case(seed: int, product: Product) -> Case:
    weights, x, sums = _sums(product, seed)
    low, high = min(0, int(sums.min())), max(0, int(sums.max()))
    bits = IntegerType.spanning(low, high, signed=True).bits

    def write(folder: Path) -> None:
        write_table(folder / "weights.txt", weights, product.weight.bits)
        inputs = product.lanes // product.multiplier
        taps = product.steps * product.taps
        groups = x.reshape(PIXELS, taps, product.blocks, inputs).transpose(0, 2, 1, 3)
        lanes = product.taps * inputs
        write_beats(folder / "input.txt", groups, lanes, product.activation.bits)
        write_beats(folder / "expected.txt", sums, product.lanes, bits)

    # The issue edge of a beat is the one before the edge that takes it here; the result can be
    # taken at the edge after the one that puts it into the output register.
    latency = matrix_vector_latency(product.taps)
    generics = {
        "seed": seed,
        "activation_bits": product.activation.bits,
        "activation_signed": product.activation.signed,
        "weight_bits": product.weight.bits,
        "weight_signed": product.weight.signed,
        "accumulator_bits": bits,
        "lanes": product.lanes,
        "multiplier": product.multiplier,
        "blocks": product.blocks,
        "steps": product.steps,
        "taps": product.taps,
        "in_logic": product.in_logic,
        "first_edge": product.steps - 1 + latency,
        "last_edge": PIXELS * product.blocks * product.steps - 1 + latency,
    }
    a, w = product.activation, product.weight
    fold = f"{product.lanes} lanes, {product.blocks} x {product.steps} x {product.taps} taps"
    each = f", {product.multiplier} each" if product.multiplier > 1 else ""
    logic = ", in logic" if product.in_logic else ""
    return Case(f"{a} x {w}, {fold}{each}{logic}", generics, write)


INT8, UINT8 = IntegerType(8, True), IntegerType(8, False)
CASES = tuple(
    _case(seed, Product(*product))
    for seed, product in enumerate(
        (
            (INT8, INT8, 1, 1, 9),
            (UINT8, INT8, 4, 3, 9),
            (UINT8, UINT8, 3, 2, 4),
            (INT8, UINT8, 2, 4, 1),
            (INT8, INT8, 1, 1, 1),
            (IntegerType(1, False), IntegerType(1, True), 9, 2, 2),
            (IntegerType(1, True), IntegerType(1, False), 2, 1, 5),
            (IntegerType(16, True), IntegerType(16, True), 2, 2, 6),
            (IntegerType(16, False), IntegerType(16, False), 1, 3, 8),
            (IntegerType(4, False), IntegerType(3, True), 5, 2, 25),
            (UINT8, INT8, 6, 2, 4, 3),
            (INT8, INT8, 4, 3, 2, 4),
            (UINT8, INT8, 4, 2, 3, 2, 3),
            (INT8, INT8, 3, 2, 1, 1, 9),
            (INT8, INT8, 2, 1, 1, 1, 4),
            (UINT8, INT8, 4, 2, 3, 2, 3, True),
            (IntegerType(4, False), IntegerType(3, True), 5, 2, 25, 1, 1, True),
        ),
        start=1,
    )
)
