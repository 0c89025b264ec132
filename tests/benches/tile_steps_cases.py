"""Cases of ``tile_steps_tb``: sums over windows by its flags and indices, edges edge by edge."""

from __future__ import annotations

from pathlib import Path

import numpy as np
from harness import Case, random_codes, write_beats
from stream_timing import Stage, Step, output_edges

from ir.elements import Kernel, Shape
from ir.interpreter.windows import windows

FRAMES = 3


def steps_of(shape: Shape, kernel: Kernel, folds: int, latency: int) -> list[Step]:
    """Return the steps of a frame."""
    rows, columns = kernel.output_size(shape.height, shape.width)
    bottoms = [row * kernel.stride_height + kernel.height - 1 for row in range(rows)]
    rights = [column * kernel.stride_width + kernel.width - 1 for column in range(columns)]
    return [
        Step(True, row in bottoms and column in rights, max(0, latency - folds) * (fold == 0))
        for row in range(shape.height)
        for column in range(shape.width)
        for fold in range(folds)
    ]


def _case(seed: int, shape: Shape, kernel: Kernel, latency: int, depth: int) -> Case:
    folds = shape.channels
    steps = steps_of(shape, kernel, folds, latency) * FRAMES
    edges = output_edges([Stage(steps, 1, depth)])

    def write(folder: Path) -> None:
        size = (FRAMES, shape.height, shape.width, folds)
        codes = random_codes(np.random.default_rng(seed), size, 8, False)
        write_beats(folder / "input.txt", codes, 1, 8)
        write_beats(folder / "expected.txt", windows(kernel, codes, 0).sum(axis=(3, 4)), 1, 16)

    generics: dict[str, int | bool | str] = {
        "seed": seed,
        "height": shape.height,
        "width": shape.width,
        "kernel_height": kernel.height,
        "kernel_width": kernel.width,
        "stride_height": kernel.stride_height,
        "stride_width": kernel.stride_width,
        "folds": folds,
        "latency": latency,
        "fifo_depth": depth,
        "first_edge": edges[0],
        "last_edge": edges[-1],
    }
    window = f"{kernel.height}x{kernel.width} by {kernel.stride_height}x{kernel.stride_width}"
    return Case(f"{shape}, {window}, {latency} edges, depth {depth}", generics, write)


CASES = tuple(
    _case(seed, *sizes)
    for seed, sizes in enumerate(
        (
            (Shape(5, 6, 3), Kernel(2, 3, 2, 3), 6, 2),
            (Shape(7, 8, 2), Kernel(2, 2, 3, 3), 2, 1),
            (Shape(5, 4, 6), Kernel(4, 4, 4, 4), 6, 3),
            (Shape(4, 4, 1), Kernel(4, 4, 7, 9), 3, 2),
            (Shape(6, 1, 4), Kernel(3, 1, 3, 1), 1, 4),
            (Shape(1, 9, 1), Kernel(1, 2, 1, 2), 6, 2),
            (Shape(3, 5, 2), Kernel(1, 1, 2, 4), 4, 2),
            (Shape(1, 1, 5), Kernel(1, 1), 2, 3),
            (Shape(4, 10, 2), Kernel(2, 2, 2, 4), 5, 4),
        ),
        start=1,
    )
)
