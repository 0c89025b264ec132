"""Cases of ``sliding_maximum_tb``, and windows for the benches of what slides, too."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from pathlib import Path

import numpy as np
from harness import Case, IntArray, random_codes, write_beats
from stream_timing import Stage, Step, clog2, output_edges


@dataclass(frozen=True, slots=True)
class Window:
    """Window of one dimension, as in the entity."""

    length: int
    kernel: int
    stride: int
    pad_begin: int = 0
    pad_end: int = 0

    @property
    def places(self) -> int:
        """Number of windows."""
        padded = self.length + self.pad_begin + self.pad_end
        return (padded - self.kernel) // self.stride + 1

    @property
    def ends(self) -> set[int]:
        """Last position of each window."""
        return {n * self.stride - self.pad_begin + self.kernel - 1 for n in range(self.places)}

    @property
    def positions(self) -> range:
        """All positions that are walked over."""
        return range(max(self.length, max(self.ends) + 1))

    def starts(self, position: int) -> bool:
        """Whether a window begins here, or began in the padding in front."""
        return position == 0 or (
            (position + self.pad_begin) % self.stride == 0 if self.stride >= self.kernel else False
        )

    def steps(self, inner: int) -> list[Step]:
        """Return the steps of an outer."""
        return [
            Step(position < self.length, position in self.ends)
            for position in self.positions
            for _ in range(inner)
        ]

    @property
    def name(self) -> str:
        """All of it, to name a case."""
        return (
            f"length {self.length}, kernel {self.kernel}, stride {self.stride}, "
            f"pad {self.pad_begin}+{self.pad_end}"
        )

    def maximum(self, values: IntArray, axis: int) -> IntArray:
        """Return the maxima along ``axis``; padding never wins."""
        moved = np.moveaxis(values, axis, 0)
        maxima = []
        for place in range(self.places):
            start = place * self.stride - self.pad_begin
            maxima.append(moved[max(start, 0) : start + self.kernel].max(axis=0))
        return np.moveaxis(np.array(maxima), 0, axis)

    def stage(self, outers: int, inner: int, depth: int) -> Stage:
        """Return the timing of one ``sliding_maximum``."""
        return Stage(self.steps(inner) * outers, 1 + clog2(self.kernel), depth)


def _case(
    window: Window, inner: int, lanes: int, bits: int, signed: bool, depth: int, seed: int
) -> Case:
    outers = 3
    edges = output_edges([window.stage(outers, inner, depth)])

    def write(folder: Path) -> None:
        random = np.random.default_rng(seed)
        shape = (outers, window.length, inner, lanes)
        values = random_codes(random, shape, bits, signed)
        write_beats(folder / "input.txt", values, lanes, bits)
        write_beats(folder / "expected.txt", window.maximum(values, axis=1), lanes, bits)

    generics: dict[str, int | bool | str] = {
        "seed": seed,
        **asdict(window),
        "inner": inner,
        "lanes": lanes,
        "bits": bits,
        "is_signed": signed,
        "fifo_depth": depth,
        "first_edge": edges[0],
        "last_edge": edges[-1],
    }
    kind = f"{lanes} x {'s' if signed else 'u'}{bits}"
    return Case(f"{window.name}, inner {inner}, {kind}, depth {depth}", generics, write)


def _random_window(random: np.random.Generator) -> Window:
    kernel = int(random.integers(1, 7))
    pads = random.integers(0, kernel, 2)
    length = int(random.integers(max(1, kernel - pads.sum()), 10))
    return Window(length, kernel, int(random.integers(1, 5)), int(pads[0]), int(pads[1]))


def _random_case(seed: int) -> Case:
    random = np.random.default_rng(seed)
    window = _random_window(random)
    inner, lanes, depth = (int(random.integers(1, limit)) for limit in (5, 4, 9))
    return _case(window, inner, lanes, int(random.integers(1, 17)), bool(seed % 2), depth, seed)


CASES = (
    _case(Window(6, 2, 2), 3, 2, 8, True, 5, 1),  # the usual pool
    _case(Window(5, 3, 2, 1, 1), 1, 1, 8, False, 5, 2),  # inner = 1: registers
    _case(Window(7, 1, 1), 2, 1, 1, False, 3, 3),  # kernel 1, one bit
    _case(Window(7, 1, 3), 1, 3, 4, True, 1, 4),  # stride > kernel, one place in the FIFO
    _case(Window(2, 4, 1, 3, 3), 2, 1, 16, True, 5, 5),  # kernel > length, padding only at ends
    _case(Window(1, 3, 2, 1, 1), 2, 2, 3, True, 2, 6),  # one position
    _case(Window(8, 3, 5), 4, 1, 16, False, 5, 7),  # positions behind the last window dropped
    _case(Window(4, 5, 4, 4, 4), 1, 1, 1, True, 6, 8),
    _case(Window(5, 2, 2), 300, 2, 8, False, 5, 9),  # block RAM: read two steps ahead
    _case(Window(4, 3, 1, 1, 1), 130, 1, 16, True, 5, 10),
    *(_random_case(seed) for seed in range(9, 21)),
)
WINDOWS = (
    Window(6, 2, 2),
    Window(5, 3, 2, 1, 1),
    Window(7, 1, 1),
    Window(7, 1, 3),
    Window(2, 4, 1, 3, 3),  # kernel > length, padding only at ends
    Window(1, 3, 2, 1, 1),
    Window(8, 3, 5),  # positions behind the last window dropped
    Window(4, 5, 4, 4, 4),
    Window(7, 3, 3, 2, 2),  # windows side by side that begin in the padding
    Window(9, 3, 4, 1, 0),
    *(_random_window(np.random.default_rng(seed)) for seed in range(11, 17)),
)
