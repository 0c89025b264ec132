"""Cases of ``cluster_sums_tb``: sums by numpy."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import numpy as np
from harness import Case, random_codes, write_beats, write_table

from ir.elements import ALONE, Sharing
from ir.numbers import IntegerType, clog2
from ir.timing import matrix_vector_latency

BEATS = 12


@dataclass(frozen=True, slots=True)
class Sums:
    """Generics of the entity."""

    activation: IntegerType
    weight: IntegerType
    inputs: int
    clusters: int
    rows: int
    fan_in: int
    sharing: Sharing = ALONE


def _case(seed: int, sums: Sums) -> Case:
    random = np.random.default_rng(seed)
    activation, weight = sums.activation, sums.weight
    reads = np.array([random.permutation(sums.inputs)[: sums.fan_in] for _ in range(sums.clusters)])
    size = (sums.clusters, sums.rows, sums.fan_in)
    weights = random_codes(random, size, weight.bits, weight.signed)
    if sums.sharing.rows > 1:
        # One may be borrowed of each.
        weights = np.maximum(weights, weight.minimum + 1)
    x = random_codes(random, (BEATS, sums.inputs), activation.bits, activation.signed)
    x[0], x[1] = activation.minimum, activation.maximum
    results = np.einsum("bcf,crf->bcr", x[:, reads], weights)
    low, high = min(0, int(results.min())), max(0, int(results.max()))
    bits = IntegerType.spanning(low, high, signed=True).bits

    def write(folder: Path) -> None:
        write_table(folder / "reads.txt", reads, max(1, clog2(sums.inputs)))
        write_table(folder / "weights.txt", weights, weight.bits)
        write_beats(folder / "input.txt", x, sums.inputs, activation.bits)
        write_beats(folder / "expected.txt", results, sums.clusters * sums.rows, bits)

    latency = matrix_vector_latency(sums.fan_in, sums.sharing.chain)
    generics = {
        "seed": seed,
        "activation_bits": activation.bits,
        "activation_signed": activation.signed,
        "weight_bits": weight.bits,
        "weight_signed": weight.signed,
        "accumulator_bits": bits,
        "inputs": sums.inputs,
        "clusters": sums.clusters,
        "rows": sums.rows,
        "fan_in": sums.fan_in,
        "packing": sums.sharing.rows,
        "spacing": sums.sharing.spacing,
        "overlap": sums.sharing.overlap,
        "chain": sums.sharing.chain,
        "first_edge": latency,
        "last_edge": BEATS - 1 + latency,
    }
    shape = f"{sums.clusters} x {sums.rows} x {sums.fan_in} of {sums.inputs}"
    return Case(f"{activation} x {weight}, {shape}, {sums.sharing.rows} packed", generics, write)


INT8, UINT8 = IntegerType(8, True), IntegerType(8, False)
CASES = tuple(
    _case(seed, Sums(*sums))
    for seed, sums in enumerate(
        (
            (UINT8, INT8, 16, 4, 3, 6),
            (INT8, INT8, 10, 3, 2, 10),
            (INT8, IntegerType(1, False), 12, 5, 1, 1),
            (UINT8, INT8, 24, 3, 4, 8, Sharing(2, 17, True, 4)),
            (IntegerType(4, False), IntegerType(4, True), 20, 2, 5, 9, Sharing(3, 10, False, 3)),
            (UINT8, INT8, 1, 1, 2, 1),
        ),
        start=1,
    )
)
