"""Cases of ``extremum_tb``: values from the interpreter, edges edge by edge."""

from __future__ import annotations

from harness import Case
from pairs import INT8, UINT8, case_of, streams

from ir.elements import Extremum
from ir.numbers import IntegerType


def _case(seed: int, number: IntegerType, lanes: int, minimum: bool, depth: int) -> Case:
    sources, output = streams(number, number, number, lanes)
    element = Extremum("dut", "", sources, output, minimum, depth)
    generics = {"bits": number.bits, "is_signed": number.signed, "minimum": minimum}
    kind = "minimum" if minimum else "maximum"
    return case_of(f"{kind} of {number}, {lanes} lanes, {depth} deep", seed, element, generics)


CASES = tuple(
    _case(seed, *case)
    for seed, case in enumerate(
        (
            (UINT8, 1, False, 4),
            (UINT8, 3, True, 4),
            (INT8, 2, False, 4),
            (INT8, 1, True, 1),
            (IntegerType(1, True), 2, False, 3),
            (IntegerType(16, False), 1, True, 5),
        ),
        start=1,
    )
)
