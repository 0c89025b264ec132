"""FIFOs, memories of states, width converters, forks and ports."""

from __future__ import annotations

from collections.abc import Iterator

from ir.resources.plumbing import (
    axis_input,
    axis_output,
    reserving_fifo,
    state_memory,
    stream_fifo,
    stream_fork,
    width_converter,
)
from ir.resources.serial import pace
from sim.alone import Value
from tools.resource_grid.sample import Sample


def fifos() -> Iterator[Sample]:
    """Yield FIFOs of one word to block RAMs."""
    # fmt: off
    for depth, width in (
        (1, 8), (2, 8), (2, 32), (2, 72), (3, 16), (5, 24), (8, 8), (12, 64), (16, 12), (20, 8),
        (32, 16), (33, 16), (40, 8), (64, 32), (100, 8), (128, 16), (200, 16), (400, 8),
        (512, 8), (600, 36), (1091, 8), (2048, 16), (3000, 32), (6000, 4),
    ):
        # fmt: on
        yield Sample(
            ("stream_fifo", {"depth": depth, "width": width}), (stream_fifo(depth, width),)
        )


def reserving_fifos() -> Iterator[Sample]:
    """Yield FIFOs behind pipelines."""
    # fmt: off
    for depth, width, beats in (
        (1, 8, 1), (2, 8, 1), (3, 16, 1), (8, 8, 1), (12, 64, 1), (16, 8, 1), (24, 8, 1),
        (32, 16, 1), (60, 8, 1), (8, 8, 2), (16, 16, 4), (24, 8, 8), (40, 8, 16), (64, 8, 16),
    ):
        # fmt: on
        values: dict[str, Value] = {"depth": depth, "width": width, "beats": beats}
        yield Sample(("reserving_fifo", values), reserving_fifo(depth, width, beats))


def paces() -> Iterator[Sample]:
    """Yield FIFOs behind pipelines that take a beat every so many edges."""
    for interval in (2, 3, 5, 8, 10, 16, 23, 64):
        values: dict[str, Value] = {"depth": 8, "width": 8, "interval": interval}
        yield Sample(("reserving_fifo", values), (*reserving_fifo(8, 8), *pace(interval)))


def states() -> Iterator[Sample]:
    """Yield states of computations that take turns: in registers, look-up tables and block RAM."""
    # fmt: off
    for words, width in (
        (1, 8), (1, 40), (2, 16), (4, 64), (5, 12), (8, 8), (32, 16), (33, 16), (60, 36), (100, 8),
        (200, 16), (255, 16), (256, 16), (512, 8), (1536, 8), (768, 32), (3000, 20),
    ):
        # fmt: on
        values: dict[str, Value] = {"words": words, "width": width}
        yield Sample(("state_memory", values), (state_memory(words, width),))


def converters() -> Iterator[Sample]:
    """Yield changes of lanes."""
    # fmt: off
    for bits, lanes_in, lanes_out in (
        (8, 1, 2), (8, 1, 16), (8, 4, 16), (8, 2, 6), (8, 4, 1), (8, 16, 4), (8, 6, 2), (16, 10, 1),
        (8, 2, 1), (4, 8, 1), (8, 1, 3), (8, 32, 8), (8, 64, 1), (8, 3, 12),
    ):
        # fmt: on
        values: dict[str, Value] = {
            "bits": bits,
            "input_lanes": lanes_in,
            "output_lanes": lanes_out,
        }
        yield Sample(("width_converter", values), (width_converter(bits, lanes_in, lanes_out),))


def forks() -> Iterator[Sample]:
    """Yield forks."""
    for ways in (2, 3, 4, 5, 6, 8):
        yield Sample(("stream_fork", {"ways": ways, "width": 8}), (stream_fork(ways),))


def ports_in() -> Iterator[Sample]:
    """Yield inputs."""
    # fmt: off
    for bits, lanes, beats in (
        (8, 1, 784), (8, 3, 1024), (8, 16, 10), (10, 3, 48), (4, 8, 3000), (8, 8, 50000),
        (8, 16, 1), (8, 4, 16), (8, 2, 8),
    ):
        # fmt: on
        values: dict[str, Value] = {"bits": bits, "lanes": lanes, "beats": beats, "pad_value": 1}
        yield Sample(("axis_input", values), axis_input(bits, lanes, beats))


def ports_out() -> Iterator[Sample]:
    """Yield outputs."""
    # fmt: off
    for bits, lanes, beats in (
        (8, 1, 10), (8, 10, 2), (8, 1, 1000), (4, 2, 37), (8, 4, 20000), (6, 1, 128),
        (8, 16, 1), (8, 4, 16), (8, 2, 8), (4, 1, 12),
    ):
        # fmt: on
        values: dict[str, Value] = {
            "bits": bits,
            "is_signed": True,
            "lanes": lanes,
            "beats": beats,
        }
        yield Sample(("axis_output", values), axis_output(bits, lanes, beats))
