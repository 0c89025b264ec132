"""Cases of ``channel_reduce_tb``."""

from __future__ import annotations

from pathlib import Path

import numpy as np
from harness import Case, random_codes, write_beats

from ir.timing import channel_reduce_latency

PIXELS = 30


def _case(adds: bool, bits: int, signed: bool, lanes: int, folds: int, seed: int) -> Case:
    channels = lanes * folds
    output_bits = bits + (channels - 1).bit_length() if adds else bits
    first = folds - 1 + channel_reduce_latency(lanes)

    def write(folder: Path) -> None:
        values = random_codes(np.random.default_rng(seed), (PIXELS, channels), bits, signed)
        values[1] = values.max()
        values[2] = values.min()
        results = values.sum(axis=1) if adds else values.max(axis=1)
        write_beats(folder / "input.txt", values, lanes, bits)
        write_beats(folder / "expected.txt", results, 1, output_bits)

    generics: dict[str, int | bool | str] = {
        "seed": seed,
        "adds": adds,
        "bits": bits,
        "is_signed": signed,
        "lanes": lanes,
        "folds": folds,
        "output_bits": output_bits,
        "first_edge": first,
        "last_edge": first + (PIXELS - 1) * folds,
    }
    kind = f"{folds} x {lanes} x {'s' if signed else 'u'}{bits}"
    return Case(f"{'sum' if adds else 'maximum'} of {kind}", generics, write)


CASES = (
    _case(False, 8, False, 1, 10, 1),
    _case(False, 8, True, 4, 3, 2),
    _case(False, 1, True, 3, 1, 3),
    _case(True, 8, False, 5, 2, 4),
    _case(True, 16, True, 1, 7, 5),
    _case(True, 1, False, 7, 1, 6),
    _case(True, 20, False, 2, 4, 7),
    _case(True, 3, True, 1, 1, 8),
)
