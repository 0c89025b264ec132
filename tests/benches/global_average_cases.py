"""Cases of ``global_average_tb``."""

from __future__ import annotations

from pathlib import Path

import numpy as np
from harness import Case, random_codes, write_beats
from pointwise_cases import Input, Requantize, code_range
from stream_timing import Stage, Step, output_edges

from ir.requantize import Scaling
from ir.timing import REQUANTIZE_LATENCY

FRAMES = 4


def _case(
    source: Input,
    pixels: int,
    accumulator_bits: int,
    function: Requantize,
    depth: int,
    seed: int,
    scaling: Scaling = Scaling.MULTIPLIED,
) -> Case:
    serial = scaling is Scaling.SERIAL
    latency = function.multiplier_bits + 2 if serial else REQUANTIZE_LATENCY
    interval = function.multiplier_bits if serial else 1
    sums = [Step(takes=True, yields=False)] * ((pixels - 1) * source.folds)
    averages = [Step(takes=True, yields=True)] * source.folds
    edges = output_edges([Stage((sums + averages) * FRAMES, 1 + latency, depth, interval)])

    def write(folder: Path) -> None:
        random = np.random.default_rng(seed)
        values = random_codes(random, (FRAMES, pixels, source.channels), source.bits, source.signed)
        # Frames that need every bit of the sum.
        values[1] = code_range(source.bits, source.signed)[1]
        values[2] = code_range(source.bits, source.signed)[0]
        sums = values.sum(axis=1)
        outputs = function.apply(sums, *function.tables(source.channels, seed))
        write_beats(folder / "input.txt", values, source.lanes, source.bits)
        write_beats(folder / "expected.txt", outputs, source.lanes, function.output_bits)
        function.write_tables(folder, source.channels, seed)

    generics: dict[str, int | bool | str] = {
        "seed": seed,
        "bits": source.bits,
        "is_signed": source.signed,
        "lanes": source.lanes,
        "pixels": pixels,
        "channels": source.channels,
        "accumulator_bits": accumulator_bits,
        "output_bits": function.output_bits,
        "output_signed": function.output_signed,
        "multiplier_bits": function.multiplier_bits,
        "offset_bits": function.offset_bits,
        "shift": function.shift,
        "low": function.low,
        "high": function.high,
        "fifo_depth": depth,
        "scaling": scaling.value,
        "first_edge": edges[0],
        "last_edge": edges[-1],
    }
    name = f"{pixels} pixels of {source.kind} to {function.output_bits}, depth {depth}"
    if scaling is not Scaling.MULTIPLIED:
        name += f", {scaling.value}"
    return Case(name, generics, write)


CASES = (
    _case(Input(8, True, 2, 3), 9, 12, Requantize(8, True, 8, 16, 8, -128, 127), 7, 1),
    _case(Input(8, False, 2, 1), 16, 13, Requantize(8, False, 6, 12, 8, 0, 255), 4, 2),
    _case(Input(4, True, 1, 2), 1, 4, Requantize(4, True, 5, 10, 3, -8, 7), 2, 3),
    _case(Input(16, False, 1, 4), 5, 20, Requantize(16, False, 10, 30, 10, 7, 65000), 1, 4),
    _case(Input(1, False, 3, 9), 6, 4, Requantize(3, True, 12, 16, 9, -4, 3), 7, 5),
    _case(Input(1, True, 1, 1), 7, 4, Requantize(1, False, 4, 8, 4, 0, 1), 3, 6),
    *(
        _case(Input(8, False, lanes, folds), pixels, bits, function, depth, seed, scaling)
        for seed, (lanes, folds, pixels, bits, function, depth, scaling) in enumerate(
            (
                (1, 4, 6, 12, Requantize(8, False, 7, 16, 12, 0, 255, True), 2, Scaling.SERIAL),
                (2, 3, 1, 9, Requantize(8, True, 5, 12, 5, -100, 99, True), 1, Scaling.SERIAL),
                (3, 1, 5, 12, Requantize(8, False, 9, 20, 13, 0, 255, True), 3, Scaling.SERIAL),
                (2, 2, 4, 11, Requantize(8, False, 7, 16, 9, 0, 255), 7, Scaling.IN_LOGIC),
            ),
            start=7,
        )
    ),
)
