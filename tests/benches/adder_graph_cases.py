"""Cases of ``adder_graph_tb``: random graphs of adders, sums by numpy from the matrix alone."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import numpy as np
from harness import Case, IntArray, random_codes, write_beats, write_table

from ir.adders import NOTHING, AdderGraph, Addition, Sum
from ir.numbers import IntegerType
from rewrite.stream.stages import staged
from rtl.adder_tables import NUMBER_BITS, sums_table, values_table

BEATS = 30


@dataclass(frozen=True, slots=True)
class Adders:
    """What varies: ``levels`` adders in a row between registers."""

    number: IntegerType
    inputs: int
    additions: int
    outputs: int
    levels: int


def graph_of(adders: Adders, random: np.random.Generator) -> AdderGraph:
    """Return additions of whatever stands before them, in all combinations of signs and shifts."""
    found: list[Addition] = []
    for node in range(adders.inputs, adders.inputs + adders.additions):
        # Values that are not used yet come first, so that graphs get deep and have no loose ends.
        left, right = (int(random.integers(max(0, node - 6), node)) for _ in range(2))
        shift = int(random.choice([0, 0, 1, 2, 5, adders.number.bits]))
        found.append(Addition(left, right, shift, bool(random.integers(2))))
    last = adders.inputs + adders.additions
    nodes = [
        int(random.integers(max(0, last - 2 * adders.outputs), last)) for _ in range(adders.outputs)
    ]
    sums = [Sum(node, int(random.integers(3))) for node in nodes]
    sums[len(sums) // 2] = NOTHING if len(sums) > 2 else sums[len(sums) // 2]
    return staged(
        AdderGraph(adders.inputs, tuple(found), tuple(sums)), adders.number, adders.levels
    )


def _case(seed: int, adders: Adders) -> Case:
    random = np.random.default_rng(seed)
    graph, number = graph_of(adders, random), adders.number
    matrix = graph.matrix()
    low, high = (np.minimum(matrix, 0), np.maximum(matrix, 0))
    least = (high * number.minimum + low * number.maximum).sum(axis=1).min()
    most = (high * number.maximum + low * number.minimum).sum(axis=1).max()
    bits = IntegerType.spanning(min(0, int(least)), int(most), signed=True).bits
    x: IntArray = random_codes(random, (BEATS, adders.inputs), number.bits, number.signed)
    x[0], x[1] = number.minimum, number.maximum
    # All bounds of the values are reached.
    forms = graph.coefficients()
    most_of = np.where(forms > 0, number.maximum, number.minimum)[-BEATS + 2 :]
    x[2 : 2 + len(most_of)] = most_of

    def write(folder: Path) -> None:
        write_table(folder / "graph.txt", values_table(graph, number).values, NUMBER_BITS)
        shifts = np.array([of.shift for of in graph.sums], np.int64)
        write_table(folder / "sums.txt", sums_table(graph, shifts).values, NUMBER_BITS)
        write_beats(folder / "input.txt", x, adders.inputs, number.bits)
        write_beats(folder / "expected.txt", x @ matrix.T, adders.outputs, bits)

    generics = {
        "seed": seed,
        "input_bits": number.bits,
        "input_signed": number.signed,
        "inputs": adders.inputs,
        "additions": adders.additions,
        "outputs": adders.outputs,
        "output_bits": bits,
        "stages": graph.stages,
        "first_edge": graph.stages,
        "last_edge": graph.stages + BEATS - 1,
    }
    shape = f"{adders.inputs} inputs, {adders.additions} additions, {adders.outputs} outputs"
    return Case(f"{number}, {shape}, {adders.levels} levels a stage", generics, write)


INT8, UINT8 = IntegerType(8, True), IntegerType(8, False)
CASES = tuple(
    _case(seed, adders)
    for seed, adders in enumerate(
        (
            Adders(UINT8, 4, 12, 3, 1),
            Adders(INT8, 5, 14, 4, 2),
            Adders(UINT8, 3, 10, 3, 20),
            Adders(IntegerType(1, False), 6, 10, 5, 1),
            Adders(IntegerType(1, True), 4, 8, 2, 3),
            Adders(IntegerType(16, False), 2, 5, 2, 1),
            Adders(IntegerType(4, True), 3, 0, 3, 1),
            Adders(UINT8, 1, 3, 1, 1),
        ),
        start=1,
    )
)
