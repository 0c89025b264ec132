"""Cases of ``width_converter_tb``."""

from __future__ import annotations

from pathlib import Path

import numpy as np
from harness import Case, random_codes, write_beats


def _case(input_lanes: int, output_lanes: int, bits: int, seed: int) -> Case:
    narrow_beats = 40 * max(input_lanes, output_lanes) // min(input_lanes, output_lanes)

    def write(folder: Path) -> None:
        shape = (narrow_beats, min(input_lanes, output_lanes))
        codes = random_codes(np.random.default_rng(seed), shape, bits, signed=False)
        write_beats(folder / "input.txt", codes, input_lanes, bits)
        write_beats(folder / "expected.txt", codes, output_lanes, bits)

    # One narrow beat per cycle, on either side; equal lanes are wires.
    if input_lanes == output_lanes:
        first, last = 0, narrow_beats - 1
    else:
        first, last = max(output_lanes // input_lanes, 1), narrow_beats
    generics = {
        "seed": seed,
        "bits": bits,
        "input_lanes": input_lanes,
        "output_lanes": output_lanes,
        "first_edge": first,
        "last_edge": last,
    }
    return Case(f"{input_lanes} to {output_lanes} lanes of {bits} bits", generics, write)


CASES = (
    _case(2, 2, 8, 1),
    _case(4, 1, 8, 2),
    _case(1, 4, 8, 3),
    _case(6, 2, 1, 4),
    _case(2, 6, 16, 5),
    _case(2, 1, 3, 6),
    _case(1, 2, 1, 7),
)
