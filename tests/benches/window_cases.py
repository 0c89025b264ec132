"""Cases of ``window_tb``, and the page's rules about its edges as a model, run on the trace."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from itertools import takewhile
from pathlib import Path

import numpy as np
from harness import Case, IntArray, random_codes, write_beats

from ir.elements import Kernel, Shape
from ir.interpreter import windows

FRAMES = 3


@dataclass(frozen=True, slots=True)
class Window:
    """Generics of the entity."""

    shape: Shape
    kernel: Kernel
    bits: int = 8
    pad_value: int = 0
    simd: int = 1
    replays: int = 1
    blocks: int = 1
    extra_rows: int = 0

    @property
    def view(self) -> Shape:
        """The image as the entity buffers it: a column of pixels if every pixel is a window."""
        if self.kernel.is_pointwise:
            return Shape(self.shape.pixels, 1, self.shape.channels)
        return self.shape

    @property
    def row_words(self) -> int:
        """Words of a buffered row."""
        return self.view.width * self.shape.channels // self.simd

    @property
    def steps(self) -> int:
        """Beats of a group."""
        return self.kernel.taps * self.shape.channels // self.simd // self.blocks

    @property
    def is_direct(self) -> bool:
        """Nothing is buffered."""
        return self.kernel.is_pointwise and self.replays == 1


def groups(window: Window) -> Iterator[tuple[int, int]]:
    """Yield (words of all frames needed to start, rows kept after the end) of group after group."""
    kernel, view, frame = window.kernel, window.view, 0
    lines, places = kernel.output_size(view.height, view.width)
    words = view.channels // window.simd
    while True:
        for line in range(lines):
            reached = line * kernel.stride_height - kernel.pad_top + kernel.span_height
            row = min(view.height, max(1, reached)) - 1
            first = (line + 1) * kernel.stride_height - kernel.pad_top
            for place in range(places):
                right = place * kernel.stride_width - kernel.pad_left + kernel.span_width
                column = min(view.width, max(1, right)) - 1
                pixels = row * view.width + column + 1
                rounds = window.blocks * window.replays
                for group in range(rounds):
                    last_of_line = place == places - 1 and group == rounds - 1
                    last = last_of_line and line == lines - 1
                    needed = (view.pixels if last else pixels) + frame * view.pixels
                    before = line * kernel.stride_height - kernel.pad_top
                    kept = first if last_of_line else before
                    rows = view.height if last else min(max(kept, 0), view.height)
                    yield needed * words, rows + frame * view.height
        frame += 1


class Model:
    """The entity's handshakes, edge for edge."""

    def __init__(self, window: Window) -> None:
        self.window = window
        self.groups = groups(window)
        self.needed, self.kept_next = next(self.groups)
        self.buffer_rows = (
            window.kernel.span_height + window.kernel.stride_height + window.extra_rows
        )
        self.written = self.kept = self.beat = 0
        # An edge from issuing to the beat, one more behind memory if that may be padding.
        self.valid = [False] * (2 if window.kernel.is_padded else 1)

    def edge(self, input_valid: bool, reservable: bool) -> tuple[bool, bool, bool]:
        """Return input_ready, reserve and output_valid just before the next edge, and pass it."""
        output_valid = self.valid.pop(0)
        first = self.beat == 0
        if self.window.is_direct:
            ready = reservable or not first
            issue = input_valid and ready
        else:
            ready = self.written // self.window.row_words < self.kept + self.buffer_rows
            issue = not first or (reservable and self.written >= self.needed)
        self.written += input_valid and ready
        self.valid.append(issue)
        if issue:
            self.beat += 1
            if self.beat == self.window.steps:
                self.beat = 0
                self.kept = self.kept_next
                self.needed, self.kept_next = next(self.groups)
        return ready, issue and first, output_valid


def check_trace(window: Window, folder: Path) -> bool:
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


def _case(name: str, seed: int, window: Window) -> Case:
    shape, kernel = window.shape, window.kernel

    def write(folder: Path) -> None:
        size = (FRAMES, shape.height, shape.width, shape.channels)
        x: IntArray = random_codes(np.random.default_rng(seed), size, window.bits, signed=False)
        taps = windows(kernel, x, window.pad_value)
        rows, columns = kernel.output_size(shape.height, shape.width)
        # (pixel, tap, block, channel of the block) -> (pixel, block, replay, values of a group)
        split = taps.reshape(FRAMES * rows * columns, kernel.taps, window.blocks, -1)
        flat = split.transpose(0, 2, 1, 3).reshape(FRAMES * rows * columns, window.blocks, 1, -1)
        write_beats(folder / "input.txt", x, window.simd, window.bits)
        repeated = np.repeat(flat, window.replays, axis=2).reshape(-1, flat.shape[3])
        # Windows that lie in the padding come without any input, so those of the next frame do too.
        early = sum(1 for _ in takewhile(lambda group: group[0] == 0, groups(window)))
        repeated = np.concatenate([repeated, repeated[:early]])
        write_beats(folder / "expected.txt", repeated, window.simd, window.bits)

    generics = {
        "seed": seed,
        "bits": window.bits,
        "pad_value": window.pad_value,
        "simd": window.simd,
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
    "3x3": Window(Shape(5, 6, 2), Kernel(3, 3)),
    "3x3 same": Window(Shape(4, 5, 4), _same(3), pad_value=7, simd=2),
    "3x3 same, replays": Window(Shape(4, 4, 2), _same(3), pad_value=255, replays=3),
    "3x3 stride 2, after": Window(Shape(6, 6, 2), _same(3, 2, 0, 1), simd=2),
    "2x2 stride 2, rest": Window(Shape(5, 7, 1), Kernel(2, 2, 2, 2), replays=2),
    "1x1 stride 2": Window(Shape(5, 5, 2), Kernel(1, 1, 2, 2), simd=2),
    "1x1 stride 3, replays": Window(Shape(7, 8, 2), Kernel(1, 1, 3, 3), simd=1, replays=2),
    "5x5 same": Window(Shape(6, 6, 1), _same(5, 1, 2, 2), bits=1),
    "1x3 rows apart": Window(Shape(6, 7, 3), Kernel(1, 3, 2, 1, 1, 2, 0, 1, 2, 0), bits=4, simd=3),
    "3x2 dilated": Window(Shape(8, 6, 2), Kernel(3, 2, 1, 2, 2, 3, 1, 2, 3, 1), bits=16, replays=2),
    "pads beyond the kernel": Window(Shape(3, 4, 1), Kernel(2, 2, 1, 1, 1, 1, 3, 4, 3, 2)),
    "pads beyond, stride 2": Window(Shape(4, 5, 2), Kernel(2, 2, 2, 2, 1, 1, 3, 4, 5, 3), simd=2),
    "kernel as large as the image": Window(Shape(3, 3, 4), Kernel(3, 3), simd=2, replays=2),
    "kernel larger than the image": Window(Shape(2, 2, 1), _same(5, 1, 2, 2)),
    "one row": Window(Shape(1, 9, 2), Kernel(1, 3, 1, 2, 1, 1, 0, 1, 0, 1), simd=2),
    "one column": Window(Shape(9, 1, 2), Kernel(3, 1, 2, 1, 1, 1, 1, 0, 1, 0), simd=1),
    "extra rows": Window(Shape(6, 5, 2), _same(3, 2), simd=2, extra_rows=2),
    "direct": Window(Shape(3, 4, 6), Kernel(1, 1), simd=2),
    "direct, one beat": Window(Shape(3, 4, 6), Kernel(1, 1), simd=6),
    "pixels": Window(Shape(3, 4, 6), Kernel(1, 1), simd=2, replays=4),
    "pixels, one beat": Window(Shape(3, 3, 2), Kernel(1, 1), simd=2, replays=2),
    "one pixel": Window(Shape(1, 1, 12), Kernel(1, 1), simd=3, replays=5),
    "blocks": Window(Shape(4, 5, 4), _same(3), pad_value=9, simd=2, blocks=2),
    "blocks, stride 2": Window(Shape(6, 5, 3), _same(3, 2, 0, 1), simd=1, blocks=3),
    "blocks, rest": Window(Shape(5, 7, 3), Kernel(2, 2, 2, 2), blocks=3),
    "blocks and replays, rest": Window(
        Shape(5, 5, 4), Kernel(2, 2, 2, 2), simd=2, replays=2, blocks=2
    ),
    "a single block": Window(Shape(4, 4, 2), Kernel(2, 2), simd=2, blocks=1),
    "blocks of two words": Window(Shape(4, 4, 8), Kernel(2, 3), simd=2, blocks=2),
    "blocks and replays": Window(Shape(4, 4, 4), _same(3), simd=1, blocks=2, replays=2),
    "blocks, dilated": Window(Shape(7, 6, 4), Kernel(2, 2, 2, 1, 3, 2, 1, 2, 1, 0), blocks=4),
    "blocks of pixels": Window(Shape(3, 2, 6), Kernel(1, 1), simd=1, blocks=3, replays=2),
    "direct blocks": Window(Shape(3, 2, 6), Kernel(1, 1), simd=1, blocks=3),
    "pixels, no slots": Window(Shape(1, 3, 40), Kernel(1, 1), simd=1, replays=2),
    "pixels, extra rows": Window(Shape(2, 5, 4), Kernel(1, 1), simd=1, replays=2, extra_rows=3),
}
CASES = tuple(
    _case(name, seed, window) for seed, (name, window) in enumerate(WINDOWS.items(), start=1)
)
