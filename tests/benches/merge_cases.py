"""Cases of ``merge_tb``: values from the interpreter, edges edge by edge."""

from __future__ import annotations

from harness import Case
from pairs import INT8, UINT8, case_of, number_generics, streams

from ir.elements import Merge
from ir.numbers import IntegerType
from rtl.formals import signed_digits


def merge_of(
    numbers: tuple[IntegerType, IntegerType, IntegerType],
    lanes: int,
    factors: tuple[int, int],
    offset: int,
    shift: int,
    clamp: tuple[int, int],
    zero_point: int | None,
    depth: int,
) -> Merge:
    """Return the element; ``numbers``: of a, b, output; ``zero_point``: with half_even, or None."""
    sources, y = streams(*numbers, lanes)
    return Merge(
        name="dut",
        layer="",
        sources=sources,
        output=y,
        factors=factors,
        offset=offset,
        shift=shift,
        low=clamp[0],
        high=clamp[1],
        half_even=zero_point is not None,
        zero_point=zero_point or 0,
        fifo_depth=depth,
    )


def _case(name: str, seed: int, element: Merge) -> Case:
    generics = {
        **number_generics(element),
        "factor_a": element.factors[0],
        "factor_b": element.factors[1],
        "offset": signed_digits(element.offset),
        "shift": element.shift,
        "low": element.low,
        "high": element.high,
        "half_even": element.half_even,
        "zero_point": element.zero_point,
    }
    return case_of(name, seed, element, generics)


I8S, U8S = (INT8, INT8, INT8), (UINT8, UINT8, UINT8)
MIXED = (IntegerType(12, True), IntegerType(3, False), IntegerType(5, True))
WIDE = (IntegerType(16, True), IntegerType(16, False), IntegerType(16, True))
BITS = (IntegerType(1, True), IntegerType(1, False), IntegerType(2, True))
MERGES = {
    "add": merge_of(I8S, 2, (1, 1), 0, 0, (-128, 127), None, 6),
    "subtract": merge_of(U8S, 1, (3, -5), 77, 2, (3, 250), None, 8),
    "shallow FIFO": merge_of(I8S, 1, (9, 4), -6, 4, (-100, 99), None, 1),
    "average, half even": merge_of(U8S, 3, (1, 1), 0, 1, (0, 255), 0, 7),
    "half even, odd zero point": merge_of(I8S, 2, (2, 1), -1, 2, (-128, 127), -3, 7),
    "half even, even zero point": merge_of(I8S, 1, (1, -2), 5, 3, (-20, 127), 6, 2),
    "half even, no shift": merge_of(I8S, 1, (1, 1), 5, 0, (-128, 127), 1, 7),
    "mixed types": merge_of(MIXED, 4, (-17, 300), -4096, 11, (-16, 15), None, 6),
    "beyond 32 bits": merge_of(
        WIDE, 1, (2**22 - 3, -(2**23)), 2**44 + 12345, 30, (-32768, 32767), None, 6
    ),
    "beyond 32 bits, half even": merge_of(
        WIDE, 1, (2**30 - 7, 2**29), -(2**43), 31, (-30000, 32767), -1, 7
    ),
    "single bits": merge_of(BITS, 2, (-1, 1), -1, 0, (-2, 1), None, 6),
    "a factor of zero": merge_of(I8S, 1, (0, 1), 0, 0, (-128, 127), None, 6),
    "shift beyond the sum": merge_of(I8S, 1, (1, 1), 0, 20, (-128, 127), None, 6),
}
CASES = tuple(_case(name, seed, merge) for seed, (name, merge) in enumerate(MERGES.items(), 1))
