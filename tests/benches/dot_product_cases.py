"""Cases of ``dot_product_tb``: values from the interpreter, edges edge by edge."""

from __future__ import annotations

from pathlib import Path

import numpy as np
from harness import Case, random_codes, write_beats, write_table
from pairs import INT8, UINT8
from stream_timing import Stage, Step, output_edges

from ir.elements import DotProduct, Input, Shape, StreamType
from ir.interpreter import apply
from ir.numbers import IntegerType
from ir.requantize import Requantization, ScaleRequantization, ThresholdRequantization
from ir.timing import dot_product_latency

PIXELS = 12


def _case(
    seed: int,
    numbers: tuple[IntegerType, IntegerType, IntegerType],
    channels: int,
    simd: int,
    requantization: Requantization,
    depth: int,
) -> Case:
    random = np.random.default_rng(seed)
    a, b, y = numbers
    zeros = tuple(int(random.integers(n.minimum, n.maximum, endpoint=True)) for n in (a, b))
    first, second = (StreamType(Shape(3, PIXELS // 3, channels), n, simd) for n in (a, b))
    bound = channels << (a.bits + b.bits)
    element = DotProduct(
        name="dut",
        layer="",
        sources=(Input("a", "", "a", first, 0), Input("b", "", "b", second, 0)),
        output=StreamType(Shape(1, 3, PIXELS // 3), y, 1),
        zero_points=(zeros[0], zeros[1]),
        accumulator=IntegerType.spanning(-bound, bound),
        requantization=requantization,
        simd=simd,
        fifo_depth=depth,
    )
    steps = [Step(True, last) for last in [*[False] * (element.steps - 1), True]] * PIXELS
    edges = output_edges([Stage(steps, dot_product_latency(element), depth)])

    def write(folder: Path) -> None:
        shape = (1, 3, PIXELS // 3, channels)
        codes = [random_codes(random, shape, n.bits, n.signed) for n in (a, b)]
        write_beats(folder / "input.txt", codes[0], simd, a.bits)
        write_beats(folder / "input_b.txt", codes[1], simd, b.bits)
        write_beats(folder / "expected.txt", apply(element, *codes), 1, y.bits)
        tables: dict[str, tuple[np.ndarray, int]] = {}
        match requantization:
            case ScaleRequantization():
                tables["multipliers"] = requantization.multipliers, requantization.multiplier_bits
                tables["offsets"] = requantization.offsets, requantization.offset_bits
            case ThresholdRequantization():
                tables["thresholds"] = requantization.thresholds, element.accumulator.bits
        for name in ("multipliers", "offsets", "thresholds"):
            write_table(folder / f"{name}.txt", *tables.get(name, (np.zeros(1, np.int64), 1)))

    scale = requantization if isinstance(requantization, ScaleRequantization) else None
    steps_of = requantization if isinstance(requantization, ThresholdRequantization) else None
    generics: dict[str, int | bool | str] = {
        "seed": seed,
        "input_a_bits": a.bits,
        "input_a_signed": a.signed,
        "input_b_bits": b.bits,
        "input_b_signed": b.signed,
        "output_bits": y.bits,
        "output_signed": y.signed,
        "zero_point_a": zeros[0],
        "zero_point_b": zeros[1],
        "channels": channels,
        "accumulator_bits": element.accumulator.bits,
        "has_thresholds": scale is None,
        "multiplier_bits": scale.multiplier_bits if scale else 1,
        "offset_bits": scale.offset_bits if scale else 1,
        "shift": scale.shift if scale else 0,
        "low": requantization.low,
        "high": scale.high if scale else 0,
        "levels": steps_of.levels if steps_of else 1,
        "simd": simd,
        "fifo_depth": depth,
        "first_edge": edges[0],
        "last_edge": edges[-1],
    }
    form = "scale" if scale else "steps"
    return Case(f"{channels} channels, {simd} at a time, {form}, depth {depth}", generics, write)


def _scale(multiplier: int, offset: int, shift: int, low: int, high: int) -> ScaleRequantization:
    return ScaleRequantization(np.array([multiplier]), np.array([offset]), shift, low, high)


def _steps(low: int, *thresholds: int) -> ThresholdRequantization:
    return ThresholdRequantization(np.array([thresholds]), low)


INT4, UINT12 = IntegerType(4, True), IntegerType(12, False)
CASES = (
    _case(1, (UINT8, UINT8, UINT8), 6, 1, _scale(77, 128 << 14, 14, 0, 255), 3),
    _case(2, (UINT8, INT8, INT8), 6, 3, _scale(91, -5, 15, -128, 127), 9),
    _case(3, (INT8, INT8, UINT8), 5, 5, _scale(13, 100 << 12, 12, 3, 250), 14),
    _case(4, (INT4, UINT12, INT4), 7, 7, _steps(-2, -9000, -50, 0, 1, 8000), 4),
    _case(5, (INT8, UINT8, UINT8), 4, 2, _steps(7, *range(-40_000, 60_000, 700)), 12),
    _case(6, (UINT8, UINT8, INT8), 1, 1, _scale(5, 0, 9, -128, 127), 1),
    _case(7, (INT8, INT8, INT8), 8, 4, _scale(-3, 7, 10, -100, 127), 2),
)
