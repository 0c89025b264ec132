"""Buffers: no frame waits, and none of them is deeper than that takes."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from fractions import Fraction

import pytest

from ir.cycles import lateness, predict
from ir.elements import (
    AveragePool,
    Border,
    Concatenate,
    Element,
    Fifo,
    Fork,
    Input,
    Kernel,
    Loop,
    MaxPool,
    Merge,
    Output,
    ProcessingElement,
    Reorder,
    Reshape,
    Shape,
    StreamType,
)
from ir.graph import StreamGraph
from ir.maxplus import DeadlockError
from ir.numbers import IntegerType, frozen_integers
from ir.requantize import ScaleRequantization
from rewrite.stream import schedule, slack
from rewrite.stream.bisection import smallest
from rewrite.stream.bursts import buffer_bursts
from rewrite.stream.slack import UNLIMITED, _least, _with
from rewrite.stream.surroundings import Surroundings
from tests.stream_graphs import Chain

UINT8, INT8 = IntegerType(8, False), IntegerType(8, True)


def convolution(
    source: Element, name: str, channels: int, kernel: Kernel, pool: Kernel | None = None
) -> ProcessingElement:
    shape = source.output.shape
    rows, columns = kernel.output_size(shape.height, shape.width)
    if pool is not None:
        rows, columns = pool.output_size(rows, columns)
    ones = [1] * channels
    requantization = ScaleRequantization(
        frozen_integers(ones), frozen_integers(ones), 8, 0, 255
    )  # fmt: skip
    return ProcessingElement(
        name, name, source, StreamType(Shape(rows, columns, channels), UINT8, 1), kernel, 0,
        frozen_integers([[[ones] * shape.channels] * kernel.width] * kernel.height), INT8,
        IntegerType(24, True), requantization, UINT8, pool=pool,
    )  # fmt: skip


def graph_of(build: Callable[[Element], Element], shape: Shape) -> StreamGraph:
    image = Input("image", "image", "s_axis", StreamType(shape, UINT8, 1), 0)
    last = build(image)
    return StreamGraph("top", (image,), (Output("result", "", last, last.output, "m_axis"),), {})


def residual(first: Element, second: Element, name: str) -> Merge:
    return Merge(name, name, (first, second), first.output, (1, 1), 0, 1, 0, 255)


SAME = Kernel(3, 3, pad_top=1, pad_left=1, pad_bottom=1, pad_right=1)
HALVING = Kernel(3, 3, 2, 2, pad_bottom=1, pad_right=1)


def stack(image: Element) -> Element:
    first = convolution(image, "first", 4, SAME, Kernel(2, 2, 2, 2))
    return convolution(convolution(first, "second", 8, Kernel(3, 3)), "third", 8, Kernel(1, 1))


def block(image: Element) -> Element:
    stem = convolution(image, "stem", 4, SAME)
    fork = Fork("fork", "", stem, stem.output)
    long, short = (Fifo(n, "", fork, fork.output, 2) for n in ("long", "short"))
    inner = convolution(convolution(long, "inner_1", 4, SAME), "inner_2", 4, SAME)
    return residual(inner, short, "add")


def skip_over_stride(image: Element) -> Element:
    stem = convolution(image, "stem", 4, SAME)
    fork = Fork("fork", "", stem, stem.output)
    long, short = (Fifo(n, "", fork, fork.output, 2) for n in ("long", "short"))
    inner = convolution(convolution(long, "inner_1", 8, HALVING), "inner_2", 8, SAME)
    return residual(inner, convolution(short, "project", 8, Kernel(1, 1, 2, 2)), "add")


def tower(blocks: int) -> Callable[[Element], Element]:
    def build(image: Element) -> Element:
        last: Element = convolution(image, "stem", 4, SAME)
        for number in range(blocks):
            fork = Fork(f"fork_{number}", "", last, last.output)
            long, short = (Fifo(f"{n}_{number}", "", fork, fork.output, 2) for n in ("a", "b"))
            inner = convolution(long, f"inner_{number}", 4, SAME)
            last = residual(inner, short, f"add_{number}")
        return last

    return build


def chain(layers: int) -> Callable[[Element], Element]:
    def build(image: Element) -> Element:
        last = image
        for number in range(layers):
            last = convolution(last, f"conv_{number}", 4, SAME)
        return last

    return build


def shaped(image: Element) -> Element:
    """A map enlarged, framed, averaged and cropped: rows come in bursts, and borders take time."""
    stem = convolution(image, "stem", 4, SAME, Kernel(2, 2, 2, 2))
    row = stem.output.shape.width * 4
    twice = (Loop(2, 0), Loop(row // 4, 4), Loop(2, 0), Loop(4, 1))
    enlarged = Reorder("up", "", stem, resized(stem, 2, 2), row, twice)
    framed = Border("frame", "", enlarged, resized(enlarged, 1, 1, 3, 2), 2, 1, 1, 1)
    identity = ScaleRequantization(
        frozen_integers([1] * 9), frozen_integers([0] * 9), 3, 0, 255
    )  # fmt: skip
    averaged = AveragePool(
        "mean", "", framed, framed.output, SAME, 0, IntegerType(13, True), identity
    )
    cropped = Border("crop", "", averaged, resized(averaged, 1, 1, -3, -2), -2, -1, -1, -1)
    return convolution(cropped, "last", 2, Kernel(3, 3))


def resized(source: Element, down: int, across: int, rows: int = 0, columns: int = 0) -> StreamType:
    shape = source.output.shape
    size = shape.height * down + rows, shape.width * across + columns
    return StreamType(Shape(*size, shape.channels), UINT8, 1)


GRAPHS = {
    "shaped": graph_of(shaped, Shape(8, 10, 2)),
    "stack": graph_of(stack, Shape(12, 10, 1)),
    "block": graph_of(block, Shape(8, 8, 3)),
    "skip": graph_of(skip_over_stride, Shape(8, 8, 3)),
}


@pytest.mark.parametrize("cycles", [None, 2000, 5000, 20_000])
@pytest.mark.parametrize("name", GRAPHS)
def test_frames_follow_at_the_pace_of_the_slowest_element(name: str, cycles: int | None) -> None:
    times = predict(schedule(GRAPHS[name], cycles), frames=20)
    assert times.cycles_per_frame == times.lower_bound
    gaps = {b - a for a, b in zip(times.completions[4:-1], times.completions[5:], strict=True)}
    assert gaps == {times.lower_bound}


def _slack_of(element: Element) -> int:
    match element:
        case Fifo():
            return element.depth
        case Reorder():
            return element.extra_blocks
        case Border() | MaxPool() | AveragePool():
            return element.extra_beats
        case ProcessingElement():
            return element.extra_rows
        case _:
            return 0


@pytest.mark.parametrize("cycles", [None, 5000])
@pytest.mark.parametrize("name", GRAPHS)
def test_no_buffer_is_deeper_than_needed(name: str, cycles: int | None) -> None:
    graph = schedule(GRAPHS[name], cycles)
    pace = predict(graph).cycles_per_frame
    for element in graph:
        least = _least(graph).get(element.name)
        depth = _slack_of(element)
        if least is not None and depth > least:
            try:
                slower = predict(_with(graph, {element.name: depth - 1})).cycles_per_frame
            except DeadlockError:
                continue
            assert slower > pace, f"{element.name} is deeper than it must be"


def test_a_branch_buffer_that_is_too_small_is_a_deadlock() -> None:
    graph = schedule(GRAPHS["block"])
    depths = {element.name: element.depth for element in graph if isinstance(element, Fifo)}
    assert depths["short"] > depths["long"]
    with pytest.raises(DeadlockError):
        predict(_with(graph, {"short": 2}))


def test_a_hundred_layers_run_at_full_pace() -> None:
    graph = schedule(graph_of(chain(100), Shape(6, 6, 3)))
    times = predict(graph, 5)
    gaps = {b - a for a, b in zip(times.completions, times.completions[1:], strict=False)}
    assert gaps == {times.lower_bound} == {times.cycles_per_frame}
    assert not any(getattr(element, "extra_rows", 0) for element in graph)


def test_the_work_grows_with_the_graph(monkeypatch: pytest.MonkeyPatch) -> None:
    """Each buffer is looked for among its neighbours, the whole graph asked a few times."""
    worked = 0

    def counted(elements: Iterable[Element], period: Fraction) -> Fraction | None:
        nonlocal worked
        part = list(elements)
        worked += len(part)
        return lateness(part, period)

    monkeypatch.setattr(slack, "lateness", counted)
    for_each_block = []
    for blocks in (6, 12, 24):
        worked = 0
        graph = schedule(graph_of(tower(blocks), Shape(10, 10, 3)))
        depths = [element.depth for element in graph if isinstance(element, Fifo)]
        assert len(depths) == 2 * blocks
        assert max(depths) > 50
        for_each_block.append(worked / blocks)
    assert max(for_each_block) < 1.2 * min(for_each_block)


def plumbing(source: Element, *names: str) -> list[Fifo]:
    fork = Fork(f"{source.name}_fork", "", source, source.output)
    return [Fifo(name, "", fork, fork.output, 2) for name in names]


def test_surroundings_are_what_lies_between_fork_and_join() -> None:
    def nested(image: Element) -> Element:
        stem = convolution(image, "stem", 4, SAME)
        long, skip = plumbing(stem, "long", "skip")
        begin = convolution(long, "begin", 4, SAME)
        inner, short = plumbing(begin, "inner", "short")
        added = residual(convolution(inner, "middle", 4, SAME), short, "inner_add")
        return convolution(residual(added, skip, "add"), "end", 4, SAME)

    around = Surroundings.of(graph_of(nested, Shape(6, 6, 3)))

    def names(buffer: str, steps: int) -> set[str]:
        return {around.elements[number].name for number in around.around(buffer, steps)}

    within = {"begin_fork", "inner", "middle", "short", "inner_add"}
    assert names("short", 0) == names("inner", 0) == within
    everything_between = {"stem_fork", "long", "skip", "begin", "add", *within}
    assert names("skip", 0) == names("long", 0) == everything_between
    assert names("short", 1) == {"begin", "add", *within}
    assert names("middle", 1) == {"inner", "middle", "inner_add"}
    assert names("skip", 99) == {element.name for element in around.elements}


def test_surroundings_of_streams_that_never_met() -> None:
    """The nearest join has another input behind it: what matters is the next one."""
    chain = Chain(Shape(6, 6, 4))
    left, right = chain.fork(2, 2)
    branches = {left.last.name, right.last.name}
    other = chain.another_input("s_axis_other", Shape(6, 6, 4))
    graph = left.merge(other).merge(right).graph()
    joins = {element.name for element in graph if isinstance(element, Fork | Merge)}
    around = Surroundings.of(graph)
    for branch in branches:
        between = {around.elements[number].name for number in around.around(branch, 0)}
        assert between == branches | joins


def test_long_turns_are_buffered() -> None:
    """Two convolutions whose results are joined along the rows: both work all the time."""

    def rows(image: Element) -> Element:
        fork = Fork("fork", "", image, image.output)
        ends: list[Element] = []
        for name in ("left", "right"):
            branch = Fifo(f"{name}_branch", "", fork, fork.output, 2)
            made = convolution(branch, name, 2, Kernel(3, 3))
            shape = Shape(1, 1, made.output.shape.size)
            ends.append(Reshape(f"{name}_row", "", made, StreamType(shape, UINT8, 1)))
        size = sum(end.output.shape.channels for end in ends)
        output = StreamType(Shape(1, 1, size), UINT8, 1)
        return Concatenate("rows", "", tuple(ends), output)

    scheduled = schedule(graph_of(rows, Shape(6, 6, 2)), 600)
    predicted = predict(scheduled)
    assert predicted.cycles_per_frame == predicted.lower_bound
    turns = [e for e in scheduled if isinstance(e, Fifo) and e.name.startswith("rows_turn")]
    assert len(turns) == 2
    assert max(turn.depth for turn in turns) > 2


WIDER = Kernel(5, 3, pad_top=2, pad_left=1, pad_bottom=2, pad_right=1)


@pytest.mark.parametrize("build", [Chain.pool, Chain.average_pool])
@pytest.mark.parametrize("kernel", [SAME, WIDER])
def test_windows_over_the_lower_edge_cost_their_steps_only(
    build: Callable[[Chain, Kernel], Chain], kernel: Kernel
) -> None:
    """A pool's rows of the next frame wait in its extra beats while it ends the columns."""
    graph = schedule(build(Chain(Shape(12, 10, 4)), kernel).graph())
    pool = graph.outputs[0].source
    assert isinstance(pool, MaxPool | AveragePool)
    times = predict(graph)
    assert times.cycles_per_frame == times.lower_bound
    assert pool.extra_beats > 0
    tight = _with(graph, {pool.name: 0})
    assert predict(tight).cycles_per_frame > times.lower_bound


def entry_block(image: Element) -> Element:
    """Xception's: a pool behind one convolution, a strided convolution beside both."""
    stem = convolution(image, "stem", 4, SAME)
    long, short = plumbing(stem, "long", "short")
    pool = Kernel(3, 3, 2, 2, pad_bottom=1, pad_right=1)
    pooled = convolution(long, "pooled", 8, Kernel(1, 1), pool)
    return residual(pooled, convolution(short, "project", 8, Kernel(1, 1, 2, 2)), "add")


def test_a_pool_in_front_of_a_join_is_buffered() -> None:
    """Both convolutions work all the time, one evenly and one in bursts."""
    graph = schedule(graph_of(entry_block, Shape(12, 12, 3)), 1296)
    times = predict(graph)
    assert times.cycles_per_frame == times.lower_bound
    burst = next(element for element in graph if element.name == "add_burst")
    assert isinstance(burst, Fifo)
    assert burst.depth > 2
    assert predict(_with(graph, {"add_burst": 2})).cycles_per_frame > times.lower_bound


def test_a_pool_that_has_time_is_not_buffered() -> None:
    graph = schedule(graph_of(entry_block, Shape(12, 12, 3)), 2592)
    assert {e.name for e in graph if isinstance(e, Fifo)} == {"long", "short"}
    assert buffer_bursts(graph)[0] is graph


def test_operands_that_are_taken_in_bursts_are_buffered() -> None:
    """Three convolutions that work all the time; each is taken a third of it."""
    first, second, third = Chain(Shape(5, 4, 3)).fork(2, 2, 2)
    for each in (first, second, third):
        each.conv(3, Kernel(1, 1))
    graph = schedule(first.concatenate(second, third).graph(), 180)
    times = predict(graph)
    assert times.cycles_per_frame == times.lower_bound == 180
    names = [element.name for element in graph if "burst" in element.name]
    assert len(names) == 3
    unbuffered = graph.rebuild(lambda e: e.source if isinstance(e, Fifo) and e.name in names else e)
    assert predict(unbuffered).cycles_per_frame > 180


@pytest.mark.parametrize("first", [2, 9, 400])
@pytest.mark.parametrize("edges", [0, 1, 7, 50])
def test_the_smallest_number_is_found_from_what_others_lack(first: int, edges: int) -> None:
    for truth in (2, 3, 10, 399, 1000):
        asked: list[int] = []

        def late(number: int, truth: int = truth, asked: list[int] = asked) -> Fraction | None:
            asked.append(number)
            missing = truth - number
            if missing <= 0:
                return Fraction(0)
            return None if number < truth // 3 else Fraction(7 * missing + missing % 5)

        assert smallest(2, UNLIMITED, first, late, edges) == truth
        assert len(asked) == len(set(asked)) < 40
        assert truth == 2 or {truth - 1, truth} <= set(asked)


def test_what_is_known_to_be_enough_is_not_asked_for() -> None:
    assert smallest(3, 3, 3, lambda _: pytest.fail("asked"), 1) == 3
    assert smallest(2, 3, 9, lambda number: Fraction(number < 3), 1) == 3
