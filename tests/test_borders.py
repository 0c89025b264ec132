"""Borders of register stages move to where fewer bits cross them; values stay what they are."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from itertools import product

import numpy as np
import pytest

from ir.datapath import Datapath, Lane, Operation, Operator, levels
from ir.numbers import IntegerType
from ir.resources.adders import cells
from rewrite.stream.borders import least_registers, with_least_borders
from rewrite.stream.linear import linear
from rewrite.stream.shared_sums import shared_sums
from rewrite.stream.stages import staged, staged_late

UINT4 = IntegerType(4, False)
RANDOM = np.random.default_rng(5)
MATRIX = RANDOM.integers(-128, 128, (6, 8))


def random_datapath(seed: int, inputs: int = 3, operations: int = 6) -> Datapath:
    """Return sums of any values before them, of which the last ones leave."""
    random = np.random.default_rng(seed)
    highs = [15] * inputs
    found = []
    for node in range(inputs, inputs + operations):
        left, right = random.integers(max(0, node - 4), node, 2).tolist()
        highs.append(highs[left] + highs[right])
        found.append(Operation(Operator.ADD, 0, highs[-1], left, right))
    last = inputs + operations - 1
    return Datapath(UINT4, inputs, tuple(found), (Lane(last), Lane(last - 1)))


def with_stages(datapath: Datapath, stages: tuple[int, ...], count: int) -> Datapath:
    operations = zip(datapath.operations, stages, strict=True)
    return replace(
        datapath, operations=tuple(replace(o, stage=s) for o, s in operations), stages=count
    )


def in_a_row(datapath: Datapath) -> int:
    """Return the most levels without a register; -1 if an operation reads later values."""
    stages = [0] * datapath.inputs + [each.stage for each in datapath.operations]
    found = [0] * datapath.inputs
    for each in datapath.operations:
        if any(stages[operand] > each.stage for operand in each.operands):
            return -1
        same = (found[operand] for operand in each.operands if stages[operand] == each.stage)
        found.append(max(same, default=0) + each.level)
    return max(found)


def legal(datapath: Datapath, count: int, levels_per_stage: int) -> Iterator[Datapath]:
    """Yield the datapath with every choice of stages."""
    for stages in product(range(count), repeat=len(datapath.operations)):
        found = with_stages(datapath, stages, count)
        if 0 < in_a_row(found) <= levels_per_stage:
            yield found


@pytest.mark.parametrize("seed", range(6))
def test_a_single_border_is_where_the_fewest_bits_cross_it(seed: int) -> None:
    bare = random_datapath(seed)
    most = -(-max(levels(bare)) // 2)
    for registers_lanes in (True, False):
        found = least_registers(bare, most, registers_lanes=registers_lanes)
        assert found.stages == 1 + registers_lanes
        choices = [replace(each, stages=found.stages) for each in legal(bare, 2, most)]
        assert cells(found)[1] == min(cells(each)[1] for each in choices)


@pytest.mark.parametrize("levels_per_stage", [1, 2, 3])
@pytest.mark.parametrize("registers_lanes", [True, False])
def test_several_borders_keep_to_the_levels(levels_per_stage: int, registers_lanes: bool) -> None:
    bare = linear(shared_sums(MATRIX, 15, 6, 0), UINT4)
    found = least_registers(bare, levels_per_stage, registers_lanes=registers_lanes)
    early = staged(bare, levels_per_stage, registers_lanes=registers_lanes)
    late = staged_late(bare, levels_per_stage, registers_lanes=registers_lanes)
    for each in (found, early, late):
        assert each.stages == early.stages
        assert 0 < in_a_row(each) <= levels_per_stage
    assert cells(found)[1] <= min(cells(early)[1], cells(late)[1])
    codes = RANDOM.integers(0, 16, (20, 8))
    assert np.array_equal(found(codes), bare(codes))


def test_moving_again_changes_nothing() -> None:
    bare = linear(shared_sums(MATRIX, 15, 6, 0), UINT4)
    found = least_registers(bare, 2)
    assert with_least_borders(found, 2) == found


def test_late_operations_are_as_late_as_can_be() -> None:
    row = [Operation(Operator.ADD, 0, 30, 0, 1), Operation(Operator.ADD, 0, 30, 1, 2),
           Operation(Operator.ADD, 0, 60, 3, 3)]  # fmt: skip
    bare = Datapath(UINT4, 3, tuple(row), (Lane(5), Lane(4)))
    found = staged_late(bare, 1)
    assert [each.stage for each in found.operations] == [0, 1, 1]
    assert found.stages == 2


def test_a_narrow_place_is_found_though_each_border_alone_would_stay() -> None:
    """Two sums of eight, and a wide layer behind: earliest, the first border crosses that."""
    sums = [Operation(Operator.ADD, 0, 30, 0, 1), Operation(Operator.ADD, 0, 45, 3, 2)]
    wide = [Operation(Operator.ADD, 0, 90, 4, 4, 0) for _ in range(4)]
    pairs = [Operation(Operator.ADD, 0, 180, 5 + n, 5 + n) for n in range(4)]
    last = [Operation(Operator.ADD, 0, 360, 9, 10), Operation(Operator.ADD, 0, 360, 11, 12),
            Operation(Operator.ADD, 0, 720, 13, 14)]  # fmt: skip
    bare = Datapath(UINT4, 3, (*sums, *wide, *pairs, *last), (Lane(15),))
    assert max(levels(bare)) == 6
    found = least_registers(bare, 4, registers_lanes=False)
    crossing = [
        n.bits for n, a, b in zip(found.numbers(), *found.lifetimes(), strict=True) if a < b
    ]
    assert crossing == [6]
