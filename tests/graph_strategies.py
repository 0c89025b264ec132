"""Hypothesis strategies for directed acyclic graphs of layers.

A graph grows by moves: a layer, a residual connection, a skip over a stride, a dense connection, a
tensor used three times, any two tensors of one shape merged, one repeated along the axes of
another, two multiplied as matrices, a model within the model, a layer or model called again.  What
nothing takes in the end is put out.
"""

from __future__ import annotations

from collections.abc import Callable
from math import prod
from typing import TypeAlias

from hypothesis import strategies as st

from tests.drawn_layers import IMAGE, SEQUENCE, VECTOR
from tests.growth import LARGEST, MAC_BUDGET, Growth
from zoo.graphs import GraphBuilder, Value, called, macs, tensor_shapes
from zoo.network import Again, Graph, KerasLayer, Network, Node
from zoo.shapes import Shape, layer_macs

Move: TypeAlias = Callable[[Growth, Value], None]


def residual(growth: Growth, source: Value) -> None:
    """``x`` and a layer or two on ``x``, added."""
    value = source
    for _ in range(growth.draw(st.integers(1, 2))):
        value = growth.convolution(value, growth.shapes[source][-1])
    growth.merge(*growth.draw(st.permutations([source, value])))


def strided(growth: Growth, source: Value) -> None:
    """A skip over a stride: both branches make fewer pixels, one with fewer layers."""
    channels = growth.draw(st.integers(1, 6))
    stride = growth.draw(st.integers(2, 3))
    if len(growth.shapes[source]) == VECTOR:
        return residual(growth, source)
    long = growth.convolution(source, channels, stride)
    for _ in range(growth.draw(st.integers(1, 2))):
        long = growth.convolution(long, channels)
    short = growth.convolution(source, channels, stride)
    growth.merge(short, long)
    return None


def dense(growth: Growth, source: Value) -> None:
    """``x`` and a layer on ``x``, one behind the other, and so on."""
    for _ in range(growth.draw(st.integers(1, 2))):
        new = growth.convolution(source, growth.draw(st.integers(1, 4)))
        source = growth.concatenate(source, new)


def thrice(growth: Growth, source: Value) -> None:
    """A tensor that three layers use."""
    channels = growth.shapes[source][-1]
    values = [growth.convolution(source, channels) for _ in range(2)]
    growth.merge(source, *values)


def merged(growth: Growth, source: Value) -> None:
    """Two tensors that happen to have one shape; itself twice, if there is no other."""
    shape = growth.shapes[source]
    others = [v for v, other in enumerate(growth.shapes) if other == shape and v != source]
    other = growth.draw(st.sampled_from(others)) if others else source
    if growth.draw(st.booleans()):
        growth.concatenate(source, other)
    else:
        growth.merge(source, other)


def gated(growth: Growth, source: Value) -> None:
    """A tensor and one with axes of size 1, which are repeated."""
    growth.merge(*growth.draw(st.permutations([source, growth.smaller(source)])))


def multiplied(growth: Growth, source: Value) -> None:
    """A product of two tensors along an axis, often of two layers of one."""
    other = growth.any_tensor()
    if growth.draw(st.booleans()):
        source, other = (growth.convolution(source, 2) for _ in range(2))
    growth.dot(source, other)


def nested(growth: Growth, source: Value) -> None:
    """A model of its own, called once, or twice with the same weights if shapes allow."""
    graph = GraphBuilder(f"model_{len(growth.nodes)}", growth.shapes[source])
    inner = Growth(growth.draw, graph, growth.budget // 3)
    for _ in range(growth.draw(st.integers(1, 2))):
        growth.draw(st.sampled_from([one_layer, one_layer, residual, dense]))(
            inner, inner.any_tensor()
        )
    model = graph.build(len(inner.shapes) - 1)
    growth.budget -= macs(model)
    growth.call(model, source)


def again(growth: Growth, source: Value) -> None:
    """A layer or model that was called before, on this tensor."""
    fitting = [
        number
        for number, node in enumerate(growth.nodes)
        if len(node.sources) == 1
        and not isinstance(node.layer, Again)
        and growth.shapes[node.sources[0]] == growth.shapes[source]
        and _work(growth, node, source) <= growth.budget
    ]
    if not fitting:
        growth.layer(source)
        return
    number = growth.draw(st.sampled_from(fitting))
    growth.budget -= _work(growth, growth.nodes[number], source)
    growth.call(Again(number), source)


def _work(growth: Growth, node: Node, source: Value) -> int:
    layer = called(node, tuple(growth.nodes))
    return macs(layer) if isinstance(layer, Graph) else layer_macs(layer, growth.shapes[source])


def one_layer(growth: Growth, source: Value) -> None:
    growth.layer(source)


MOVES: tuple[Move, ...] = (
    *(one_layer,) * 7, residual, strided, dense, thrice, merged, gated, multiplied,
    nested, again,
)  # fmt: skip


@st.composite
def input_shapes(draw: st.DrawFn) -> Shape:
    """Mostly images, sometimes sequences and vectors."""
    kind = draw(st.sampled_from([IMAGE, IMAGE, IMAGE, SEQUENCE, SEQUENCE, VECTOR]))
    side = st.integers(1, LARGEST)
    if kind == VECTOR:
        return (draw(st.integers(1, 16)),)
    return *draw(st.tuples(*[side] * (kind - 1))), draw(st.integers(1, 5))


@st.composite
def graphs(draw: st.DrawFn) -> Graph:
    """A graph with one or two inputs and one to three outputs."""
    shapes = draw(st.lists(input_shapes(), min_size=1, max_size=draw(st.sampled_from([1, 1, 2]))))
    growth = Growth(draw, GraphBuilder("random", *shapes), MAC_BUDGET)
    for source in range(len(shapes)):  # no input goes straight to an output
        growth.layer(source)
    for _ in range(draw(st.integers(1, 6))):
        draw(st.sampled_from(MOVES))(growth, growth.any_tensor())
    return growth.graph.build(*growth.outputs())


def as_chain(graph: Graph) -> Network | None:
    """Return a graph that is a chain of single layers as such, for Keras's Sequential."""
    layers = []
    for number, node in enumerate(graph.nodes):
        if node.sources != (number,) or not isinstance(node.layer, KerasLayer):
            return None
        layers.append(node.layer)
    if len(graph.input_shapes) > 1 or graph.outputs != (len(layers),):
        return None
    return Network(graph.name, graph.input_shapes[0], tuple(layers))


def reachable_cycles(graph: Graph) -> int:
    """Return cycles per frame that every layer reaches, however little it can be unfolded."""
    values = max(map(prod, tensor_shapes(graph)))
    windows = [1]
    for node in graph.nodes:
        layer = called(node, graph.nodes)
        if isinstance(layer, Graph):
            windows.append(reachable_cycles(layer) // values + 1)
        elif isinstance(layer, KerasLayer):
            sizes = [v for k, v in layer.parameters if k in ("kernel_size", "pool_size")]
            sides = [s if isinstance(s, tuple) else (s, s) for s in sizes]
            windows += [prod(int(side or 0) + 1 for side in each) for each in sides]
    return values * max(windows)
