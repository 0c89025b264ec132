"""Networks that branch: interpreter == GHDL with stalls on every port, cycles as predicted."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from ir.cycles import predict
from ir.elements import Concatenate, Extremum, Kernel, PairLookup, Product, Shape
from ir.graph import StreamGraph
from ir.interpreter import evaluate
from ir.maxplus import DeadlockError
from ir.numbers import IntegerType
from rtl.netlist import build_netlist
from sim import Hang, SimulationOptions, simulate, simulate_netlist
from sim.bench import build_bench
from tests.stream_graphs import INT8, UINT8, Chain, network

FRAMES = 3
SAME = Kernel(3, 3, pad_top=1, pad_left=1, pad_bottom=1, pad_right=1)
HALF = Kernel(3, 3, 2, 2, pad_bottom=1, pad_right=1)

Network = tuple[Chain, StreamGraph]


def residual() -> Network:
    chain = Chain(Shape(6, 5, 2)).conv(4, Kernel(1, 1), pe=2, output=INT8)
    body, skip = chain.fork(4, 80)
    body.conv(4, SAME, pe=2, simd=2, output=INT8).conv(4, SAME, pe=2, simd=2, output=INT8)
    body.merge(skip, (3, -2), 9, 2, output=UINT8, lanes=2)
    return body, body.graph()


def skip_over_stride() -> Network:
    body, skip = Chain(Shape(6, 8, 2), lanes=2).fork(3, 60)
    body.conv(4, HALF, pe=4, simd=2).conv(4, SAME, pe=1, simd=4)
    skip.conv(4, Kernel(1, 1, 2, 2), pe=2, simd=1)
    body.merge(skip, zero_point=-3, offset=-200, output=INT8, lanes=2)
    return body, body.graph()


def nested_forks() -> Network:
    chain = Chain(Shape(4, 4, 2), INT8)
    outer, skip = chain.fork(20, 90)
    inner, other = outer.conv(2, SAME, pe=2, output=INT8).fork(2, 40)
    inner.conv(2, SAME, simd=2, output=INT8).merge(other, output=INT8)
    inner.merge(skip, (1, 5), 0, 3, output=INT8, fifo_depth=2)
    return inner, inner.dense(3, pe=3).graph()


def used_three_times() -> Network:
    first, second, third = Chain(Shape(5, 4, 3)).fork(3, 20, 70)
    first.conv(3, SAME, pe=3, simd=3)
    first.merge(second, (2, 1), 0, 2, lanes=3).merge(third, (1, -1), 128, 0, zero_point=0)
    return first, first.graph()


def concatenate_of_three() -> Network:
    first, second, third = Chain(Shape(4, 5, 2)).fork(60, 60, 60)
    first.conv(4, SAME, pe=4)
    second.conv(2, Kernel(1, 1), pe=1)
    first.concatenate(second, third, lanes=2).conv(3, Kernel(2, 2), pe=3, simd=4)
    return first, first.graph()


def dense_connections() -> Network:
    """Each block reads the concatenation of all before it."""
    left, right = Chain(Shape(3, 3, 2), lanes=2).fork(30, 30)
    left.concatenate(right.conv(2, SAME, pe=2, simd=2), lanes=2)
    left, right = left.fork(40, 40)
    left.concatenate(right.conv(2, SAME, pe=1, simd=2), fifo_depth=1)
    return left, left.average(INT8).graph()


def functions_of_two() -> Network:
    """A product, a larger value and a table of all pairs."""
    image = Chain(Shape(4, 5, 4), lanes=2)
    body, first, second, third = image.fork(10, 30, 40, 60)
    body.affine(INT8, lanes=4)
    body.join(
        first,
        lambda name, sources, output: Product(
            name, "mul", sources, output, (-7, 200), 5, 77 << 9, 9, 0, 255, half_even=True
        ),
        lanes=4,
    )
    body.join(second, lambda *element: Extremum(element[0], "max", *element[1:], minimum=False))
    table = image.codes(INT8, 256, 8)
    body.join(
        third.lookup(IntegerType(3, True)),
        lambda name, sources, output: PairLookup(name, "pow", sources, output, table, 4),
        INT8,
        lanes=2,
    )
    return body, body.graph()


def two_inputs() -> Network:
    image = Chain(Shape(3, 4, 4), lanes=2)
    other = image.another_input("s_axis_other", Shape(3, 4, 4), INT8)
    image.merge(other.affine(INT8), (1, 2), 3, 1, lanes=4)
    return image, image.graph()


def two_inputs_of_different_size() -> Network:
    image = Chain(Shape(6, 6, 1))
    vector = image.another_input("s_axis_small", Shape(2, 2, 3))
    image.pool(Kernel(3, 3, 3, 3)).concatenate(vector)
    return image, image.graph()


def two_outputs() -> Network:
    chain = Chain(Shape(4, 4, 2)).conv(3, SAME, pe=3)
    classes, features = chain.fork(2, 2)
    classes.average(INT8).arg_max()
    features.conv(2, Kernel(2, 2, 2, 2), output=INT8)
    return chain, network({"m_axis_classes": classes, "m_axis_features": features})


def everything_at_once() -> Network:
    image = Chain(Shape(4, 6, 2), INT8)
    other = image.another_input("s_axis_other", Shape(2, 3, 2), lanes=2)
    body, skip = image.conv(2, SAME, pool=Kernel(2, 2, 2, 2)).fork(4, 40)
    body.conv(2, SAME, pe=2).merge(other, zero_point=1)
    joined, raw = body.concatenate(skip, lanes=2).fork(8, 8)
    joined.conv(2, Kernel(2, 2), table=True).merge(
        joined.another_input("s_axis_late", Shape(1, 2, 2))
    )
    return image, network({"m_axis": joined, "m_axis_raw": raw})


NETWORKS: dict[str, Callable[[], Network]] = {
    builder.__name__: builder
    for builder in (
        residual,
        skip_over_stride,
        nested_forks,
        used_three_times,
        concatenate_of_three,
        dense_connections,
        functions_of_two,
        two_inputs,
        two_inputs_of_different_size,
        two_outputs,
        everything_at_once,
    )
}


@pytest.mark.parametrize("name", NETWORKS)
def test_branches_equal_interpreter_and_prediction(name: str, tmp_path: Path) -> None:
    chain, graph = NETWORKS[name]()
    inputs = chain.inputs(graph, FRAMES)
    expected = evaluate(graph, inputs)
    result = simulate(graph, inputs, expected, tmp_path, SimulationOptions(seed=3))
    assert result.passed, result.fault
    for output in graph.outputs:
        assert result.values_checked[output.name] >= 2 * FRAMES * output.output.shape.size
    assert result.completions == predict(graph, FRAMES).completions


@pytest.mark.parametrize("name", ["skip_over_stride", "functions_of_two", "everything_at_once"])
def test_netlist_equals_interpreter_and_prediction(name: str, tmp_path: Path) -> None:
    chain, graph = NETWORKS[name]()
    inputs = chain.inputs(graph, FRAMES)
    result = simulate_netlist(graph, inputs, evaluate(graph, inputs), tmp_path)
    assert result.passed, result.fault
    assert result.completions == predict(graph, FRAMES).completions


def skip_of_depth(depth: int) -> Network:
    body, skip = Chain(Shape(5, 5, 2)).fork(2, depth)
    body.conv(2, SAME, pe=2, simd=1, output=UINT8).merge(skip)
    return body, body.graph()


def runs(depth: int) -> bool:
    try:
        predict(skip_of_depth(depth)[1], FRAMES)
    except DeadlockError:
        return False
    return True


def test_the_model_knows_the_least_depth_without_a_deadlock(tmp_path: Path) -> None:
    least = next(depth for depth in range(1, 60) if runs(depth))
    assert least > 2
    for depth in (least, least - 1):
        chain, graph = skip_of_depth(depth)
        inputs = chain.inputs(graph, FRAMES)
        result = simulate(graph, inputs, evaluate(graph, inputs), tmp_path / str(depth))
        if depth == least:
            assert result.passed, result.fault
            assert result.completions == predict(graph, FRAMES).completions
        else:
            assert isinstance(result.fault, Hang)


def test_ports_are_named_and_stall_on_their_own() -> None:
    chain, graph = everything_at_once()
    ports = build_netlist(graph).ports
    assert [(port.name, port.is_input) for port in ports] == [
        ("s_axis", True),
        ("s_axis_late", True),
        ("s_axis_other", True),
        ("m_axis", False),
        ("m_axis_raw", False),
    ]
    inputs = chain.inputs(graph, 1)
    expected = evaluate(graph, inputs)
    options = SimulationOptions()
    bench = build_bench(graph, build_netlist(graph), inputs, expected, options)
    assert len({port.seed for port in bench.ports}) == len(ports)


def test_readers_of_a_fork_have_a_bit_each() -> None:
    _, graph = used_three_times()
    netlist = build_netlist(graph)
    fork = next(i for i in netlist.instances if i.entity == "stream_fork")
    fifos = [i for i in netlist.instances if i.entity == "stream_fifo"]
    assert dict(fork.generics)["ways"] == "3"
    ready = dict(fork.ports)["output_ready"]
    assert [dict(fifo.ports)["input_ready"] for fifo in fifos] == [
        f"{ready}({n})" for n in range(3)
    ]
    assert "clk" not in dict(fork.ports)


def test_folding_of_joins_is_generic(tmp_path: Path) -> None:
    chain, graph = concatenate_of_three()
    inputs = chain.inputs(graph, FRAMES)
    join = next(e.name for e in graph if isinstance(e, Concatenate))
    options = SimulationOptions(generics={f"{join}_pe": 1, f"{join}_fifo_depth": 1})
    result = simulate(graph, inputs, evaluate(graph, inputs), tmp_path, options)
    assert result.passed, result.fault
    assert result.completions != predict(graph, FRAMES).completions
