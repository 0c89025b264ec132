"""Hypothesis strategies for whole legal networks, their weights and their inputs.

Hypothesis draws shapes and choices, so that failures shrink; numpy draws weights and frames in
bulk from a drawn seed.  The ``repr`` of a case is one line that builds it again.
"""

from __future__ import annotations

from collections.abc import Iterator
from math import prod
from typing import TypeAlias, get_args

from hypothesis import strategies as st

from tests.case import Case
from tests.examples import example
from tests.graph_strategies import as_chain, graphs, reachable_cycles
from zoo.network import (
    Activate,
    BatchNorm,
    Conv,
    Dense,
    Description,
    Dropout,
    Flatten,
    Function,
    GlobalAverage,
    Layer,
    LayerNorm,
    LeakyRelu,
    MaxPool,
    Nested,
    Network,
    Normalize,
    Pad,
    Padding,
    PRelu,
    Relu,
    Rescale,
    Size,
)
from zoo.shapes import layer_macs, output_shape, pair
from zoo.weights import Regime

Shape: TypeAlias = tuple[int, ...]

MAC_BUDGET = 12_000
"""Multiplications per frame: GHDL simulates about 10**5 a second."""
FEWEST_CYCLES = 48
"""So that no more than some hundreds of products come in a cycle."""
LARGEST = 12
"""Height and width of the largest input; padding may add to it."""
INPUT_RANGES = ((0.0, 1.0), (-1.0, 1.0), (0.0, 255.0), (-3.5, 0.25), (5.0, 6.0))


def compact(size: tuple[int, int]) -> Size:
    """Write equal sides as one number, as people do."""
    return size[0] if size[0] == size[1] else size


def slopes() -> st.SearchStrategy[float]:
    return st.sampled_from([0.125, 0.3, 0.01, 1.0, 1.7])


def activations(axes: int) -> st.SearchStrategy[Layer]:
    """An activation as a layer of its own, behind a tensor of ``axes`` axes."""
    shared = st.sets(st.integers(1, axes)).map(lambda chosen: tuple(sorted(chosen)))
    return st.one_of(
        st.just(Relu()),
        st.just(Activate("relu")),
        st.just(Relu(max_value=6.0)),
        st.builds(LeakyRelu, slopes()),
        st.builds(PRelu, shared),
        st.builds(
            Relu,
            max_value=st.sampled_from([None, 0.5, 1.0, 20.0]),
            negative_slope=st.sampled_from([0.0, 0.25, 0.1]),
            threshold=st.sampled_from([0.0, 0.4, 1.0]),
        ),
        st.builds(Activate, st.sampled_from(SMOOTH)),
        st.just(Activate("softmax")),
    )


@st.composite
def kernels(
    draw: st.DrawFn, shape: Shape, largest: int, padding: Padding, dilations: tuple[int, int]
) -> tuple[int, int]:
    """A (height, width) of at most ``largest`` pixels that fits ``shape`` if nothing is padded."""
    limits = [
        largest if padding == "same" else min(largest, (length - 1) // dilation + 1)
        for length, dilation in zip(shape, dilations, strict=False)
    ]
    return draw(st.integers(1, limits[0])), draw(st.integers(1, limits[1]))


def steps(largest: int) -> st.SearchStrategy[tuple[int, int]]:
    """Strides or dilations, mostly 1."""
    step = st.one_of(st.just(1), st.integers(1, largest))
    return st.tuples(step, step)


paddings: st.SearchStrategy[Padding] = st.sampled_from(["valid", "same"])
SMOOTH: tuple[Function, ...] = tuple(f for f in get_args(Function) if f != "softmax")
"""Every activation that becomes a table or a saturation."""
functions: st.SearchStrategy[Function] = st.one_of(
    st.sampled_from(["linear", "relu"]),
    st.sampled_from(["linear", "relu"]),
    st.sampled_from(SMOOTH),
)


@st.composite
def convolutions(draw: st.DrawFn, shape: Shape, budget: int) -> Conv:
    padding = draw(paddings)
    stride = draw(steps(3))
    dilation = draw(steps(2)) if max(stride) == 1 else (1, 1)
    kernel = draw(kernels(shape, 4, padding, dilation))
    sizes = (compact(kernel), compact(stride), compact(dilation))
    one = Conv(1, *sizes, padding)
    filters = draw(st.integers(1, max(1, min(8, budget // layer_macs(one, shape)))))
    bias = draw(st.booleans())
    activation = draw(functions)
    return Conv(filters, *sizes, padding, bias, activation)


@st.composite
def max_pools(draw: st.DrawFn, shape: Shape) -> MaxPool:
    padding = draw(paddings)
    size = draw(kernels(shape, 3, padding, (1, 1)))
    stride = draw(st.one_of(st.none(), steps(3)))
    return MaxPool(compact(size), None if stride is None else compact(stride), padding)


@st.composite
def denses(draw: st.DrawFn, features: int, budget: int) -> Dense:
    units = draw(st.integers(1, max(1, min(16, budget // features))))
    return Dense(units, draw(st.booleans()), draw(functions))


@st.composite
def pads(draw: st.DrawFn, shape: Shape) -> Pad:
    top, bottom, left, right = draw(st.tuples(*[st.integers(0, 2)] * 4))
    return Pad(top, bottom, left, right) if max(shape[:2]) <= LARGEST else Pad(0, 0, 0, 0)


_KINDS = ["conv"] * 5 + ["pad_conv"] * 2 + ["pool"] * 2 + ["pad", "average", "flatten"]


@st.composite
def main_layers(draw: st.DrawFn, shape: Shape, budget: int) -> list[Layer]:
    """The layer or two that a block begins with."""
    if len(shape) == 1:
        return [draw(denses(shape[0], budget))]
    kind = draw(
        st.sampled_from(
            ["conv"] * 5 + ["pad_conv"] * 2 + ["pool"] * 2 + ["pad", "average", "flatten"]
        )
    )
    match kind:
        case "conv":
            return [draw(convolutions(shape, budget))]
        case "pad":
            return [draw(pads(shape))]
        case "pad_conv":
            pad = draw(pads(shape))
            return [pad, draw(convolutions(output_shape(pad, shape), budget))]
        case "pool":
            return [draw(max_pools(shape))]
        case "average":
            return [GlobalAverage()]
        case _:
            return [Flatten()]


@st.composite
def preprocessings(draw: st.DrawFn, channels: int) -> Layer:
    if draw(st.booleans()):
        scale, offset = draw(st.sampled_from([(2.0, -1.0), (1 / 255, 0.0), (0.5, 0.25), (-1.0, 0)]))
        return Rescale(scale, offset)
    pairs = st.sampled_from([(0.0, 1.0), (0.5, 0.25), (-0.3, 2.0), (100.0, 900.0)])
    drawn = draw(st.lists(pairs, min_size=channels, max_size=channels))
    return Normalize(tuple(mean for mean, _ in drawn), tuple(variance for _, variance in drawn))


def normalizable(layers: list[Layer], shape: Shape) -> bool:
    """Tell whether what ``layers`` make of ``shape`` has channels to normalize."""
    for layer in layers:
        shape = output_shape(layer, shape)
    return 2 <= shape[-1] <= 1024


@st.composite
def blocks(draw: st.DrawFn, shape: Shape, budget: int) -> list[Layer]:
    """A main layer with what may stand around it, now and then in a model of its own."""
    layers: list[Layer] = []
    if draw(st.integers(0, 5)) == 5:
        layers.append(BatchNorm())
    layers += draw(main_layers(shape, budget))
    if draw(st.integers(0, 2)) == 2:
        layers.append(BatchNorm())
    if draw(st.integers(0, 5)) == 5 and normalizable(layers, shape):
        layers.append(LayerNorm())
    if draw(st.booleans()):
        for layer in layers:
            shape = output_shape(layer, shape)
        layers.append(draw(activations(len(shape))))
    if draw(st.integers(0, 7)) == 7:
        layers.append(Dropout())
    if draw(st.integers(0, 7)) == 7:
        return [Nested(tuple(layers))]
    return layers


@st.composite
def input_shapes(draw: st.DrawFn) -> Shape:
    """Mostly images, sometimes vectors."""
    if draw(st.integers(0, 4)) == 4:
        return (draw(st.integers(1, 24)),)
    sides = st.integers(1, LARGEST)
    return draw(sides), draw(sides), draw(st.integers(1, 5))


@st.composite
def networks(draw: st.DrawFn) -> Network:
    """A legal network of one to five blocks."""
    shape = input_shape = draw(input_shapes())
    layers: list[Layer] = []
    if draw(st.integers(0, 4)) == 4:
        layers.append(draw(preprocessings(shape[-1])))
    budget = MAC_BUDGET
    for _ in range(draw(st.integers(1, 5))):
        for layer in draw(blocks(shape, max(1, budget))):
            budget -= layer_macs(layer, shape)
            shape = output_shape(layer, shape)
            layers.append(layer)
    if draw(st.integers(0, 3)) == 3:
        layers.append(Activate("softmax"))
    return Network("random", input_shape, tuple(layers), functional=draw(st.booleans()))


def slowest_layer(network: Network) -> int:
    """Return cycles per frame that every layer reaches, however little it can be unfolded."""
    shape, slowest = network.input_shape, prod(network.input_shape)
    for layer in plain_layers(network.layers):
        after = output_shape(layer, shape)
        match layer:
            case Conv():
                slowest = max(slowest, prod(after[:2]) * prod(pair(layer.kernel)))
            case MaxPool():
                height, width = (s + k for s, k in zip(shape, pair(layer.size), strict=False))
                slowest = max(slowest, height * width * shape[2])
        slowest = max(slowest, prod(after))
        shape = after
    return slowest


def plain_layers(layers: tuple[Layer, ...]) -> Iterator[Layer]:
    """Yield the layers, those of nested models too."""
    for layer in layers:
        if isinstance(layer, Nested):
            yield from plain_layers(layer.layers)
        else:
            yield layer


@st.composite
def cases(draw: st.DrawFn) -> Case:
    """A network, chain or graph, with weights, inputs and folding."""
    network: Description
    if draw(st.booleans()):
        graph = draw(graphs())
        network, fastest, softmax = graph, reachable_cycles(graph), False
        chain = as_chain(graph)
        if chain is not None and draw(st.booleans()):
            network = chain
    else:
        network = draw(networks())
        fastest = slowest_layer(network)
        softmax = network.layers[-1] == Activate("softmax")
    end = draw(st.sampled_from(["host", "argmax", "softmax"])) if softmax else "host"
    return Case(
        network,
        # Half of the networks have ordinary weights: the others often saturate or are constant.
        regime=draw(st.one_of(st.just(Regime.ORDINARY), st.sampled_from(Regime))),
        seed=draw(st.integers(0, 2**32 - 1)),
        input_range=draw(st.sampled_from(INPUT_RANGES)),
        cycles=draw(
            st.one_of(
                st.none(),
                st.integers(fastest, fastest + 10_000),
                # Less than a pixel per cycle, too; where that cannot be, the fewest that can.
                st.integers(FEWEST_CYCLES, max(FEWEST_CYCLES, fastest)),
            )
        ),
        argmax=end == "argmax",
        softmax=end == "softmax",
        parallel=draw(st.sampled_from([False, False, False, True])),
    )


def draw(number: int) -> Case:
    """Return the random case of this number, always the same."""
    return example(cases(), number)
