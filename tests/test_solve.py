"""The folding is the cheapest that reaches its goal: held to all combinations of small graphs."""

from __future__ import annotations

import itertools
import math
import re

import numpy as np
import pytest

from ir.cycles import own_cycles
from ir.elements import Element, Input, Kernel, ProcessingElement, Shape, WidthConverter, sources
from ir.errors import CompileError
from ir.goal import DEFAULT_GOAL, DEFAULT_PRODUCTS, UNLIMITED, Goal
from ir.graph import StreamGraph
from ir.resources import Resources, estimate
from rewrite.stream.blocks import Blocks
from rewrite.stream.choices import Choice, counted
from rewrite.stream.optimum import fold
from rewrite.stream.solve import Problem, Solution
from tests.stream_graphs import Chain

WORTH = (1000.0, 2000.0, 10.0, 20.0, math.inf)
TIGHT = (900.0, 800.0, 9.0, 6.0, math.inf)
FEW_PRODUCTS = (*UNLIMITED[:4], 7.0)


def small(channels: int = 4) -> StreamGraph:
    chain = Chain(Shape(4, 4, channels)).conv(4, Kernel(3, 3))
    return chain.conv(6, Kernel(1, 1)).dense(5).graph()


def drawn(seed: int):  # type: ignore[no-untyped-def]
    """Return a cost function that has nothing to do with hardware."""

    def cost(element: Element) -> Resources:
        if isinstance(element, WidthConverter):
            lanes = abs(element.source.output.lanes - element.output.lanes)
            return Resources(lut=20 * lanes, ff=10 * lanes)
        key = (element.name, element.output.lanes, getattr(element, "simd", 0))
        random = np.random.default_rng([seed, *repr((key, getattr(element, "pe", 0))).encode()])
        lut, ff, dsp, bram = random.integers(0, [400, 300, 6, 4])
        return Resources(lut=int(lut), ff=int(ff), dsp=int(dsp), bram18=int(bram))

    return cost


def best_of_all(problem: Problem, cycles: int, limits: tuple[float, ...]) -> float:
    """Return the least cost of all combinations, infinite if none fits."""
    names = list(problem.choices)
    least = math.inf
    for combination in itertools.product(*problem.choices.values()):
        chosen: dict[str, Choice] = dict(zip(names, combination, strict=True))
        total = sum((choice.cost for choice in combination), Resources())
        products = sum(choice.products for choice in combination)
        ok = all(choice.cycles <= cycles for choice in combination)
        for edge in problem.edges:
            sent = chosen[edge.sender].sends
            read = chosen[edge.reader].reads[edge.operand]
            if sent.padding != read.padding:
                ok = False
                continue
            padded = edge.stream.shape.pixels * sent.padding
            beats = (edge.stream.shape.size + padded) // math.gcd(sent.lanes, read.lanes)
            ok &= sent == read if edge.same else beats <= cycles
            total += edge.adapter(problem.adapters, sent, read)
        if ok and all(a <= b for a, b in zip(counted(total, products), limits, strict=True)):
            least = min(least, value(total))
    return least


def value(cost: Resources) -> float:
    return sum(amount / of for amount, of in zip(counted(cost), WORTH, strict=True))


@pytest.mark.parametrize("seed", range(3))
@pytest.mark.parametrize("limits", [UNLIMITED, TIGHT, FEW_PRODUCTS], ids=["free", "limited", "few"])
def test_the_optimum_is_that_of_all_combinations(seed: int, limits: tuple[float, ...]) -> None:
    chain = Chain(Shape(4, 4, 2)).conv(2, Kernel(3, 3)).dense(3).graph()
    problem = Problem(chain, drawn(seed), WORTH)
    for cycles in (problem.least_cycles, 60, 200):
        solution = problem.cheapest(cycles, limits)  # type: ignore[arg-type]
        least = best_of_all(problem, cycles, limits)
        assert math.isclose(least, value(solution.cost) if solution else math.inf, rel_tol=1e-9)
        assert solution is None or solution.cycles <= cycles


@pytest.mark.parametrize("limits", [UNLIMITED, TIGHT], ids=["free", "limited"])
@pytest.mark.parametrize("seed", range(3))
def test_the_optimum_is_that_of_all_sizes_of_blocks(seed: int, limits: tuple[float, ...]) -> None:
    """Elements over blocks of every size, in one part or two, and those of a pixel at a time."""
    chain = Chain(Shape(2, 4, 1)).conv(1, Kernel(1, 1)).border(1, 0, 0, 0).lookup().average()
    problem = Problem(chain.graph(), drawn(seed), WORTH)
    blocks = Blocks(problem)
    assert blocks.within(12) is problem
    for cycles in (8, 6, 4, 2, 1):
        blocked = blocks.within(cycles)
        solution = blocked.cheapest(cycles, limits)  # type: ignore[arg-type]
        least = best_of_all(blocked, cycles, limits)
        assert math.isclose(least, value(solution.cost) if solution else math.inf, rel_tol=1e-9)
        assert solution is None or solution.cycles <= cycles


@pytest.mark.parametrize("cycles", [4, 3])
def test_the_smallest_blocks_that_are_fast_enough_may_cost_more(cycles: int) -> None:
    """Of a global average, sums of more pixels leave more time for what follows."""
    chain = Chain(Shape(13, 9, 1)).conv(5, Kernel(3, 3), pool=Kernel(2, 2, 2, 2))
    graph = chain.conv(7, Kernel(3, 2)).average().graph()
    blocked = Blocks(Problem(graph, estimate, WORTH)).within(cycles)
    smallest = {
        name: [choice for choice in found if _read(choice) == min(map(_read, found))]
        for name, found in blocked.choices.items()
    }
    best, first = blocked.cheapest(cycles), blocked.having(smallest).cheapest(cycles)
    assert best is not None
    assert first is not None
    assert value(best.cost) < value(first.cost)


def _read(choice: Choice) -> int:
    """Return the values that it reads at a time, at most."""
    read = sources(choice.parts[-1])
    return read[0].output.shape.channels if read else 0


def test_a_tighter_target_costs_more_and_names_its_element() -> None:
    costs = []
    for cycles in (600, 300, 150):
        folding = fold(small(), Goal(cycles))
        assert folding.cycles <= cycles
        assert folding.cycles == max(_own(folding.graph))
        costs.append(value(folding.cost))
        assert folding.next_cycles is not None
        assert folding.next_cycles < folding.cycles
    assert costs == sorted(costs)


def _own(graph: StreamGraph) -> list[int]:
    return [own_cycles(e) if not isinstance(e, Input) else e.output.beats for e in graph]


def test_a_budget_gets_the_fastest_that_fits() -> None:
    limits = (2000.0, math.inf, 12.0, math.inf, math.inf)
    folding = fold(small(), Goal(limits=limits))
    assert counted(folding.cost)[2] <= 12
    with pytest.raises(CompileError):
        fold(small(), Goal(folding.cycles - 1, limits))


def test_an_impossible_target_is_refused_with_what_is_possible() -> None:
    with pytest.raises(CompileError) as refused:
        fold(Chain(Shape(4, 4, 2)).arg_max().graph(), Goal(7))
    assert str(refused.value) == (
        "argmax: needs at least 16 cycles per frame, not 7; ask for --cycles 16 or more"
    )


def test_a_small_budget_is_refused_with_what_is_missing() -> None:
    with pytest.raises(CompileError) as refused:
        fold(small(), Goal(limits=(100.0, math.inf, 0.0, math.inf, math.inf)))
    needed = re.fullmatch(
        r"tiny: even 576 cycles per frame, the slowest folding, need at least (\d+) look-up "
        r"tables, not 100; raise the limit or take a larger part",
        str(refused.value),
    )
    assert needed is not None
    assert fold(small(), Goal(limits=(float(needed[1]), *UNLIMITED[1:]))).cycles <= 576


def test_a_target_beyond_a_budget_is_refused_with_what_fits() -> None:
    limits = (500.0, *UNLIMITED[1:])
    with pytest.raises(CompileError) as refused:
        fold(small(), Goal(16, limits))
    needed = re.fullmatch(
        r"tiny: 16 cycles per frame need at least (\d+) look-up tables, not 500; "
        r"ask for --cycles (\d+) or more, raise the limit or take a larger part",
        str(refused.value),
    )
    assert needed is not None
    assert fold(small(), Goal(16, (float(needed[1]), *UNLIMITED[1:]))).cycles <= 16
    assert fold(small(), Goal(int(needed[2]), limits)).cycles == int(needed[2])
    with pytest.raises(CompileError):
        fold(small(), Goal(int(needed[2]) - 1, limits))


def test_limits_that_are_too_small_only_together_are_refused_with_a_share() -> None:
    """Look-up tables can do what DSP blocks do, but not within both limits."""
    limits = np.array((1000.0, math.inf, 40.0, math.inf, math.inf))
    with pytest.raises(CompileError) as refused:
        fold(small(), Goal(16, tuple(limits)))
    said = re.fullmatch(
        r"16 cycles per frame need (\d+) % of the look-up tables and DSP blocks of the limits, "
        r"which trade for each other",
        refused.value.problem,
    )
    assert said is not None
    share = int(said[1]) / 100
    assert fold(small(), Goal(16, tuple(limits * share))).cycles <= 16
    with pytest.raises(CompileError):
        fold(small(), Goal(16, tuple(limits * (share - 0.01))))


def test_without_multipliers_everything_is_made_in_logic() -> None:
    chain = Chain(Shape(6, 6, 4)).conv(4, Kernel(3, 3)).depthwise(Kernel(3, 3), 2).dense(5)
    folding = fold(chain.graph(), Goal(limits=(math.inf, math.inf, 0.0, math.inf, math.inf)))
    assert sum(estimate(element).dsp for element in folding.graph) == 0
    few = fold(chain.graph(), Goal(folding.cycles, (math.inf, math.inf, 8.0, math.inf, math.inf)))
    assert counted(few.cost)[2] <= 8
    assert counted(few.cost)[0] < counted(folding.cost)[0]


def test_solution_knows_its_slowest() -> None:
    problem = Problem(small(), drawn(1), WORTH)
    solution = problem.cheapest(400)
    assert isinstance(solution, Solution)
    assert own_cycles(solution.slowest) == solution.cycles


def products(graph: StreamGraph) -> int:
    return sum(e.products for e in graph if isinstance(e, ProcessingElement))


def test_by_default_the_fewest_cycles_of_so_many_products() -> None:
    chain = Chain(Shape(8, 8, 16)).conv(32, Kernel(3, 3)).conv(32, Kernel(3, 3)).dense(10)
    folding = fold(chain.graph(), DEFAULT_GOAL)
    assert products(folding.graph) <= DEFAULT_PRODUCTS
    problem = Problem(chain.graph(), estimate, DEFAULT_GOAL.worth)
    faster = max(rate for rate in problem.rates if rate < folding.cycles)
    assert problem.cheapest(faster, DEFAULT_GOAL.limits) is None
    assert problem.cheapest(folding.cycles, DEFAULT_GOAL.limits) is not None


def test_a_product_each_is_not_refused_by_default() -> None:
    chain = Chain(Shape(1, 1, 2))
    for _ in range(DEFAULT_PRODUCTS + 2):
        chain.conv(2, Kernel(1, 1))
    folding = fold(chain.graph(), DEFAULT_GOAL)
    assert products(folding.graph) == DEFAULT_PRODUCTS + 2
    with pytest.raises(CompileError) as refused:
        fold(chain.graph(), Goal(limits=(*UNLIMITED[:4], 100.0)))
    expected = "need at least 130 products per cycle, not 100; "
    assert expected in str(refused.value)
