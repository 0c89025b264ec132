"""Cases of ``max_pool_tb``."""

from __future__ import annotations

from pathlib import Path

import numpy as np
from harness import Case, random_codes, write_beats
from sliding_maximum_cases import Window
from stream_timing import output_edges


def _case(
    rows: Window,
    columns: Window,
    channels: int,
    lanes: int,
    bits: int,
    signed: bool,
    depth: int,
    seed: int,
    extra: int = 0,
) -> Case:
    frames = 3
    folds = channels // lanes
    along_width = columns.stage(frames * rows.length, folds, depth + extra)
    along_height = rows.stage(frames, columns.places * folds, depth)
    edges = output_edges([along_width, along_height])

    def write(folder: Path) -> None:
        random = np.random.default_rng(seed)
        shape = (frames, rows.length, columns.length, channels)
        values = random_codes(random, shape, bits, signed)
        maxima = rows.maximum(columns.maximum(values, axis=2), axis=1)
        write_beats(folder / "input.txt", values, lanes, bits)
        write_beats(folder / "expected.txt", maxima, lanes, bits)

    generics: dict[str, int | bool | str] = {
        "seed": seed,
        "bits": bits,
        "is_signed": signed,
        "lanes": lanes,
        "height": rows.length,
        "width": columns.length,
        "channels": channels,
        "kernel_height": rows.kernel,
        "kernel_width": columns.kernel,
        "stride_height": rows.stride,
        "stride_width": columns.stride,
        "pad_top": rows.pad_begin,
        "pad_left": columns.pad_begin,
        "pad_bottom": rows.pad_end,
        "pad_right": columns.pad_end,
        "extra_beats": extra,
        "fifo_depth": depth,
        "first_edge": edges[0],
        "last_edge": edges[-1],
    }
    name = (
        f"{rows.length}x{columns.length}x{channels}, kernel {rows.kernel}x{columns.kernel}, "
        f"{lanes} x {'s' if signed else 'u'}{bits}, depth {depth}+{extra}"
    )
    return Case(name, generics, write)


CASES = (
    _case(Window(6, 2, 2), Window(8, 2, 2), 4, 2, 8, True, 5, 1),
    _case(Window(5, 3, 2, 0, 1), Window(7, 3, 2, 1, 1), 3, 1, 8, False, 5, 2),
    _case(Window(4, 3, 1, 1, 1), Window(3, 2, 1), 2, 2, 5, True, 6, 3),
    _case(Window(5, 1, 2), Window(4, 1, 3), 1, 1, 1, False, 1, 4),
    _case(Window(2, 3, 3, 2, 1), Window(1, 2, 1, 1, 1), 6, 3, 16, True, 2, 5),
    _case(Window(1, 1, 1), Window(9, 4, 4), 1, 1, 12, False, 4, 6),
    _case(Window(5, 3, 1, 1, 1), Window(6, 3, 1, 1, 1), 4, 2, 8, False, 5, 7, extra=9),
)
