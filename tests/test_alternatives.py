"""What another choice beats is left out of the search for an optimum, and nothing else."""

from __future__ import annotations

import math

import numpy as np
import pytest

from ir.elements import Input, Shape, StreamType
from ir.numbers import IntegerType
from ir.resources import Resources
from rewrite.stream.alternatives import Alternatives
from rewrite.stream.choices import Beat, Choice

WEIGHTS = np.array([1.0, 1.0, 10.0, 10.0, 0.0])
STREAM = StreamType(Shape(1, 1, 4), IntegerType(8, False), 1)


def choice(cycles: int, lut: int, dsp: int = 0, lanes: int = 1, products: int = 0) -> Choice:
    element = Input("x", "", "x", STREAM, 0)
    resources = Resources(lut=lut, dsp=dsp)
    return Choice(element, (Beat(1),), Beat(lanes), cycles, resources, products)


CHEAP, FAST, LARGE = choice(9, 10, 4), choice(3, 20, 4), choice(3, 90, 1)
OTHER_LANES, EQUAL, TOO_SLOW = choice(3, 99, 9, lanes=2), choice(2, 10, 4), choice(10, 1)
EVERY = [OTHER_LANES, CHEAP, FAST, LARGE, EQUAL, TOO_SLOW]


@pytest.mark.parametrize(
    ("cycles", "limits", "kept"),
    [
        (9, {}, [OTHER_LANES, CHEAP]),
        (8, {}, [OTHER_LANES, EQUAL]),
        (10, {}, [OTHER_LANES, TOO_SLOW]),
        (9, {2: 3.0}, [OTHER_LANES, CHEAP, LARGE]),
        (9, {0: 50.0}, [OTHER_LANES, CHEAP]),
        (1, {}, []),
    ],
)
def test_those_that_another_one_beats_are_left_out(
    cycles: int, limits: dict[int, float], kept: list[Choice]
) -> None:
    every = np.full(5, math.inf)
    for place, limit in limits.items():
        every[place] = limit
    found = Alternatives.of(EVERY).unbeaten(cycles, WEIGHTS, every)
    assert [id(each) for each in found] == [id(each) for each in kept]


def test_products_count_where_they_are_limited() -> None:
    few, many = choice(1, 12, products=2), choice(1, 10, products=8)
    alternatives = Alternatives.of([few, many])
    assert alternatives.unbeaten(1, WEIGHTS, np.full(5, math.inf)) == [many]
    limits = np.array([math.inf] * 4 + [4.0])
    assert alternatives.unbeaten(1, WEIGHTS, limits) == [few, many]
