"""Cases of ``pointwise_tb``, and the reference of ``requantize`` for ``global_average_tb``."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import numpy as np
from harness import Case, IntArray, random_codes, write_beats, write_table
from stream_timing import Stage, Step, output_edges

from ir.timing import LOOKUP_LATENCY, REQUANTIZE_LATENCY


def code_range(bits: int, signed: bool) -> tuple[int, int]:
    """Return the smallest and the largest code of a type."""
    return (-(1 << (bits - 1)), (1 << (bits - 1)) - 1) if signed else (0, (1 << bits) - 1)


@dataclass(frozen=True, slots=True)
class Requantize:
    """Parameters of ``requantize``, the multipliers and offsets drawn from a seed."""

    output_bits: int
    output_signed: bool
    multiplier_bits: int
    offset_bits: int
    shift: int
    low: int
    high: int
    none_negative: bool = False

    def tables(self, channels: int, seed: int) -> tuple[IntArray, IntArray]:
        """Return multipliers and offsets, by channel."""
        random = np.random.default_rng([seed, 1])
        multipliers = random_codes(random, (channels,), self.multiplier_bits, signed=True)
        if self.none_negative:
            multipliers = np.maximum(multipliers, ~multipliers)
        return multipliers, random_codes(random, (channels,), self.offset_bits, signed=True)

    def apply(self, values: IntArray, multipliers: IntArray, offsets: IntArray) -> IntArray:
        """Return the codes for ``values`` of shape (..., channels)."""
        codes = (values * multipliers + offsets) >> self.shift
        return np.asarray(np.clip(codes, self.low, self.high), np.int64)

    def write_tables(self, folder: Path, channels: int, seed: int) -> None:
        """Write what the bench reads."""
        multipliers, offsets = self.tables(channels, seed)
        write_table(folder / "multipliers.txt", multipliers, self.multiplier_bits)
        write_table(folder / "offsets.txt", offsets, self.offset_bits)


@dataclass(frozen=True, slots=True)
class Input:
    """Stream into the element."""

    bits: int
    signed: bool
    lanes: int
    folds: int

    @property
    def channels(self) -> int:
        """Channels of a pixel."""
        return self.lanes * self.folds

    @property
    def kind(self) -> str:
        """Lanes and type, to name a case."""
        return f"{self.folds} x {self.lanes} x {'s' if self.signed else 'u'}{self.bits}"


def _case(
    source: Input,
    function: Requantize,
    table_bits: int,
    pixels: int,
    depth: int,
    seed: int,
    *,
    shared: bool = True,
) -> Case:
    """``table_bits``: 0 for op_requantize, else the output bits of op_lookup.

    ``shared``: one table for all channels.
    """
    beats = pixels * source.folds
    output_bits = table_bits or function.output_bits
    latency = 1 + (LOOKUP_LATENCY if table_bits else REQUANTIZE_LATENCY)
    edges = output_edges([Stage([Step(takes=True, yields=True)] * beats, latency, depth)])

    def write(folder: Path) -> None:
        random = np.random.default_rng(seed)
        values = random_codes(random, (pixels, source.channels), source.bits, source.signed)
        entries = 1 << source.bits if table_bits else 1
        tables = 1 if shared else source.channels
        table = random_codes(random, (tables, entries), output_bits, signed=False)
        if table_bits:
            outputs = table[np.arange(source.channels) % tables, values & (entries - 1)]
        else:
            outputs = function.apply(values, *function.tables(source.channels, seed))
        write_beats(folder / "input.txt", values, source.lanes, source.bits)
        write_beats(folder / "expected.txt", outputs, source.lanes, output_bits)
        function.write_tables(folder, source.channels, seed)
        write_table(folder / "table.txt", table, output_bits)

    generics: dict[str, int | bool | str] = {
        "seed": seed,
        "looks_up": table_bits > 0,
        "shared_table": shared,
        "input_bits": source.bits,
        "input_signed": source.signed,
        "output_bits": output_bits,
        "output_signed": function.output_signed,
        "lanes": source.lanes,
        "folds": source.folds,
        "multiplier_bits": function.multiplier_bits,
        "offset_bits": function.offset_bits,
        "shift": function.shift,
        "low": function.low,
        "high": function.high,
        "fifo_depth": depth,
        "first_edge": edges[0],
        "last_edge": edges[-1],
    }
    operation = "requantize"
    if table_bits:
        operation = "lookup" if shared else "a table for each channel"
    return Case(f"{operation} {source.kind} to {output_bits}, depth {depth}", generics, write)


PLAIN = Requantize(8, True, 8, 16, 6, -128, 127)

CASES = (
    _case(Input(8, True, 2, 3), PLAIN, 0, 14, 7, 1),
    _case(Input(8, False, 3, 1), PLAIN, 0, 40, 7, 2),
    _case(Input(16, False, 1, 2), Requantize(16, False, 12, 30, 12, 5, 60000), 0, 20, 1, 3),
    _case(Input(1, True, 4, 2), Requantize(1, False, 2, 4, 0, 0, 1), 0, 20, 4, 4),
    _case(Input(4, False, 1, 5), Requantize(6, True, 24, 30, 20, -20, 31), 0, 8, 6, 5),
    _case(Input(8, True, 2, 2), PLAIN, 8, 20, 4, 6),
    _case(Input(8, False, 1, 1), PLAIN, 3, 40, 3, 7),
    _case(Input(1, False, 3, 1), PLAIN, 16, 40, 1, 8),
    _case(Input(4, True, 1, 3), PLAIN, 1, 14, 5, 9),
    _case(Input(8, False, 2, 3), PLAIN, 8, 20, 4, 10, shared=False),
    _case(Input(5, True, 3, 1), PLAIN, 7, 20, 4, 11, shared=False),
)
