"""Cases of ``parallel_window_tb``, and the page's rules about its edges, run on the trace."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

import numpy as np
from harness import Case, IntArray, random_codes, write_beats

from ir.elements import Kernel, Shape
from ir.interpreter import windows

FRAMES = 3


@dataclass(frozen=True)
class ParallelWindow:
    """Generics of the entity, and what they mean for its columns."""

    shape: Shape
    kernel: Kernel
    rows: bool = False
    """A row of the kernel per beat, else all of it."""
    bits: int = 8
    pad_value: int = 0
    replays: int = 1
    blocks: int = 1
    extra_rows: int = 0

    @property
    def taps(self) -> int:
        return self.kernel.width if self.rows else self.kernel.taps

    @property
    def beats(self) -> int:
        """Beats of a group."""
        return self.kernel.taps // self.taps

    @property
    def size(self) -> tuple[int, int]:
        """Lines of windows, and windows of a line."""
        return self.kernel.output_size(self.shape.height, self.shape.width)

    @cached_property
    def ends(self) -> list[int]:
        """For each window of a line, columns of its line up to its last one, seen without edge."""
        k = self.kernel
        return [n * k.stride_width - k.pad_left + k.span_width for n in range(self.size[1])]

    @cached_property
    def columns(self) -> int:
        """Columns fetched in each line."""
        return min(self.shape.width, self.ends[-1])

    def last_row(self, line: int) -> int:
        """Row that the windows of a line wait for."""
        k = self.kernel
        bottom = line * k.stride_height - k.pad_top + k.span_height - 1
        return min(max(bottom, 0), self.shape.height - 1)

    @cached_property
    def last_line(self) -> list[int]:
        """For each row of the image, the last line of windows that does not free it before."""
        k = self.kernel
        lines = range(self.size[0])
        return [
            max(n for n in lines if max(0, n * k.stride_height - k.pad_top) <= row)
            for row in range(self.shape.height)
        ]


class Model:
    """The entity's handshakes, edge for edge; all counts go on over the frames."""

    def __init__(self, window: ParallelWindow) -> None:
        self.window = window
        self.written = self.fetched = self.started = self.beat = self.group = 0
        self.issued = self.valid = False

    def may_write(self) -> bool:
        """The fetch that frees the pixel's place was at an edge before."""
        w = self.window
        row, column = divmod(self.written, w.shape.width)
        frame, row = divmod(row - w.kernel.span_height - w.extra_rows, w.shape.height)
        line = frame * w.size[0] + w.last_line[row]
        return self.fetched > line * w.columns + min(column, w.columns - 1)

    def may_fetch(self, started: int) -> bool:
        """The pixels are there, and no column is lost that a window spans that has not started."""
        w = self.window
        line, column = divmod(self.fetched, w.columns)
        frame, line = divmod(line, w.size[0])
        pixel = (frame * w.shape.height + w.last_row(line)) * w.shape.width + column
        before, place = divmod(started, w.size[1])
        return self.written > pixel and self.fetched < before * w.columns + w.ends[place]

    def may_start(self) -> bool:
        """The columns of the window are there."""
        w = self.window
        line, place = divmod(self.started, w.size[1])
        return self.fetched >= line * w.columns + min(w.columns, w.ends[place])

    def edge(self, input_valid: bool, reservable: bool) -> tuple[bool, bool, bool]:
        """Return input_ready, reserve and output_valid just before the next edge, and pass it."""
        output_valid, first, started = self.valid, self.beat == 0, self.started
        ready, fresh = self.may_write(), first and self.group == 0
        self.valid = self.issued
        self.issued = issue = not first or (reservable and (not fresh or self.may_start()))
        if issue:
            started += fresh
            self.beat = (self.beat + 1) % self.window.beats
            if self.beat == 0:
                self.group = (self.group + 1) % (self.window.blocks * self.window.replays)
        fetch = self.may_fetch(started)
        self.written += input_valid and ready
        self.fetched += fetch
        self.started = started
        return ready, issue and first, output_valid


def check_trace(window: ParallelWindow, folder: Path) -> bool:
    """Run the model beside the trace; print the first edge at which they differ."""
    model = Model(window)
    for number, line in enumerate((folder / "trace.txt").read_text().split()):
        reset, input_valid, ready, reservable, reserve, output_valid = (c == "1" for c in line)
        if reset:
            model = Model(window)
            continue
        expected = model.edge(input_valid, reservable)
        if expected != (ready, reserve, output_valid):
            print(f"edge {number}: input_ready, reserve, output_valid must be {expected}: {line}")
            return False
    return True


def _case(name: str, seed: int, window: ParallelWindow) -> Case:
    shape, kernel = window.shape, window.kernel

    def write(folder: Path) -> None:
        size = (FRAMES, shape.height, shape.width, shape.channels)
        x: IntArray = random_codes(np.random.default_rng(seed), size, window.bits, signed=False)
        taps = windows(kernel, x, window.pad_value)
        # (window, tap, block, channel of the block) -> (window, block, replay, values of a group)
        split = taps.reshape(-1, kernel.taps, window.blocks, shape.channels // window.blocks)
        flat = split.transpose(0, 2, 1, 3).reshape(len(split), window.blocks, 1, -1)
        write_beats(folder / "input.txt", x, shape.channels, window.bits)
        repeated = np.repeat(flat, window.replays, axis=2).reshape(-1, flat.shape[3])
        lanes = window.taps * shape.channels // window.blocks
        write_beats(folder / "expected.txt", repeated, lanes, window.bits)

    generics = {
        "seed": seed,
        "bits": window.bits,
        "pad_value": window.pad_value,
        "taps": window.taps,
        "replays": window.replays,
        "blocks": window.blocks,
        "extra_rows": window.extra_rows,
        "height": shape.height,
        "width": shape.width,
        "channels": shape.channels,
    }
    for axis in ("height", "width"):
        generics[f"kernel_{axis}"] = getattr(kernel, axis)
        generics[f"stride_{axis}"] = getattr(kernel, f"stride_{axis}")
        generics[f"dilation_{axis}"] = getattr(kernel, f"dilation_{axis}")
    for side in ("top", "left", "bottom", "right"):
        generics[f"pad_{side}"] = getattr(kernel, f"pad_{side}")
    return Case(name, generics, write, lambda folder: check_trace(window, folder))


def _same(size: int, stride: int = 1, before: int = 1, after: int = 1) -> Kernel:
    return Kernel(size, size, stride, stride, 1, 1, before, before, after, after)


WINDOWS = {
    "3x3": ParallelWindow(Shape(5, 6, 2), Kernel(3, 3)),
    "3x3, rows": ParallelWindow(Shape(5, 6, 2), Kernel(3, 3), rows=True),
    "3x3 same": ParallelWindow(Shape(4, 5, 3), _same(3), pad_value=7),
    "3x3 same, rows": ParallelWindow(Shape(5, 4, 2), _same(3), rows=True, pad_value=255),
    "3x3 same, replays": ParallelWindow(Shape(4, 4, 2), _same(3), pad_value=9, replays=3),
    "3x3 same, rows and replays": ParallelWindow(
        Shape(4, 6, 1), _same(3), rows=True, pad_value=1, replays=2
    ),
    "3x3 stride 2, after": ParallelWindow(Shape(6, 6, 2), _same(3, 2, 0, 1)),
    "3x3 stride 2, before": ParallelWindow(Shape(7, 6, 1), _same(3, 2, 1, 0), replays=2),
    "2x2 stride 2, rest": ParallelWindow(Shape(5, 7, 1), Kernel(2, 2, 2, 2), replays=2),
    "2x2 stride 3": ParallelWindow(Shape(8, 9, 2), Kernel(2, 2, 3, 3), bits=3),
    "5x5 same": ParallelWindow(Shape(6, 7, 1), _same(5, 1, 2, 2), bits=1),
    "4x5, left": ParallelWindow(Shape(5, 6, 1), Kernel(4, 5, 1, 1, 1, 1, 3, 4, 0, 0)),
    "4x5, right": ParallelWindow(Shape(5, 6, 1), Kernel(4, 5, 1, 1, 1, 1, 0, 0, 3, 4)),
    "1x3 rows apart": ParallelWindow(
        Shape(6, 7, 3), Kernel(1, 3, 2, 1, 1, 2, 0, 1, 2, 0), bits=4, pad_value=2
    ),
    "3x1": ParallelWindow(Shape(6, 4, 2), Kernel(3, 1, 1, 2, 1, 1, 1, 0, 1, 0), pad_value=3),
    "3x2 dilated": ParallelWindow(
        Shape(8, 6, 2), Kernel(3, 2, 1, 2, 2, 3, 1, 2, 3, 1), bits=16, replays=2
    ),
    "2x3 dilated, rows": ParallelWindow(
        Shape(7, 6, 1), Kernel(2, 3, 2, 1, 3, 2, 2, 1, 1, 2), rows=True, pad_value=5
    ),
    "rows beyond the kernel": ParallelWindow(
        Shape(3, 4, 1), Kernel(2, 2, 1, 1, 1, 1, 3, 1, 4, 0), pad_value=4
    ),
    "rows beyond, stride 2": ParallelWindow(
        Shape(4, 5, 2), Kernel(2, 2, 2, 2, 1, 1, 3, 0, 5, 1), rows=True
    ),
    "kernel as large as the image": ParallelWindow(Shape(3, 3, 4), Kernel(3, 3), replays=2),
    "kernel larger than the image": ParallelWindow(Shape(2, 2, 1), _same(5, 1, 2, 2), pad_value=8),
    "one pixel": ParallelWindow(Shape(1, 1, 2), _same(3), pad_value=8),
    "one row": ParallelWindow(Shape(1, 9, 2), Kernel(1, 3, 1, 2, 1, 1, 0, 1, 0, 1)),
    "one column": ParallelWindow(Shape(9, 1, 2), _same(3, 2)),
    "blocks": ParallelWindow(Shape(4, 5, 4), _same(3), pad_value=9, blocks=2),
    "blocks, rows": ParallelWindow(Shape(5, 4, 3), _same(3, 2, 0, 1), rows=True, blocks=3),
    "blocks and replays": ParallelWindow(Shape(4, 4, 4), _same(3), replays=2, blocks=2),
    "blocks and replays, rows": ParallelWindow(
        Shape(5, 6, 6), Kernel(3, 2, 2, 2), rows=True, replays=3, blocks=3
    ),
    "extra rows": ParallelWindow(Shape(6, 5, 2), _same(3, 2), extra_rows=2),
}
CASES = tuple(
    _case(name, seed, window) for seed, (name, window) in enumerate(WINDOWS.items(), start=1)
)
