"""Hand-made stream graphs with random constants, for the tests of printer and simulation."""

from __future__ import annotations

import copy
from collections.abc import Callable, Mapping
from dataclasses import replace
from itertools import count

import numpy as np

from ir.elements import (
    Affine,
    ArgMax,
    AveragePool,
    Border,
    Concatenate,
    Element,
    Fifo,
    FloatMean,
    Fork,
    GlobalAverage,
    GlobalMaximum,
    Input,
    Kernel,
    Lookup,
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
from ir.float_mean import rounded
from ir.graph import StreamGraph, check_legal
from ir.interpreter import accumulate, evaluate
from ir.numbers import IntArray, IntegerType, clog2, frozen_integers
from ir.requantize import Requantization, ScaleRequantization, ThresholdRequantization
from rewrite.stream.lanes import adapt_lanes

UINT8 = IntegerType(8, False)
INT8 = IntegerType(8, True)


class Chain:
    """Builds a network element by element; the constants come from a seed.

    Branches of one network are chains that share names and random numbers.
    """

    def __init__(self, shape: Shape, number: IntegerType = UINT8, lanes: int = 1, seed: int = 0):
        self.random = np.random.default_rng(seed)
        self.numbers = count(1)
        self.count = 0
        self._begin(Input("image", "input_1", "s_axis", StreamType(shape, number, lanes), 0))

    def _begin(self, element: Input) -> None:
        number = element.output.number
        pad_value = int(self.random.integers(number.minimum, number.maximum + 1))
        self.shape = element.output.shape
        self.last: Element = replace(element, pad_value=pad_value)

    def _name(self, kind: str) -> str:
        self.count = next(self.numbers)
        return f"{kind}{self.count}"

    def another_input(
        self, port: str, shape: Shape, number: IntegerType = UINT8, lanes: int = 1
    ) -> Chain:
        """Return another beginning of the same network, at ``port``."""
        chain = copy.copy(self)
        chain._begin(Input(port, port, port, StreamType(shape, number, lanes), 0))
        return chain

    def fork(self, *depths: int) -> list[Chain]:
        """Append a fork; return its branches, each behind a FIFO of the given depth."""
        fork = Fork(self._name("fork"), "fork", self.last, self.last.output)
        branches = [copy.copy(self) for _ in depths]
        for branch, depth in zip(branches, depths, strict=True):
            branch.last = fork
            branch.fifo(depth)
        return branches

    def merge(
        self,
        other: Chain,
        factors: tuple[int, int] = (1, 1),
        offset: int = 0,
        shift: int = 1,
        *,
        output: IntegerType = UINT8,
        zero_point: int | None = None,
        lanes: int = 1,
        fifo_depth: int = 7,
    ) -> Chain:
        """Join with ``other`` by a weighted sum; ``zero_point``: with rounding to even, if any."""
        self.last = Merge(
            name=self._name("merge"),
            layer="add",
            sources=(self.last, other.last),
            output=StreamType(self.last.output.shape, output, lanes),
            factors=factors,
            offset=offset,
            shift=shift,
            low=output.minimum,
            high=output.maximum,
            half_even=zero_point is not None,
            zero_point=zero_point or 0,
            fifo_depth=fifo_depth,
        )
        return self

    def join(
        self,
        other: Chain,
        build: Callable[[str, tuple[Element, Element], StreamType], Element],
        output: IntegerType = UINT8,
        lanes: int = 1,
    ) -> Chain:
        """Join with ``other``, which has the same shape, by the element that ``build`` returns."""
        stream = StreamType(self.last.output.shape, output, lanes)
        self.last = build(self._name("join"), (self.last, other.last), stream)
        return self

    def concatenate(self, *others: Chain, lanes: int = 1, fifo_depth: int = 2) -> Chain:
        """Join with ``others`` along the channels."""
        streams = (self.last, *(other.last for other in others))
        shape, number = self.last.output.shape, self.last.output.number
        channels = sum(stream.output.shape.channels for stream in streams)
        output = StreamType(replace(shape, channels=channels), number, lanes)
        self.last = Concatenate(self._name("concat"), "concat", streams, output, fifo_depth)
        return self

    def codes(self, number: IntegerType, *shape: int) -> IntArray:
        """Random integers of a type; the extremes are frequent."""
        codes = self.random.integers(number.minimum, number.maximum + 1, shape)
        extreme = self.random.choice([number.minimum, number.maximum], shape)
        return frozen_integers(np.where(self.random.random(shape) < 0.2, extreme, codes))

    def scale(self, sums: IntArray, output: IntegerType, shift: int = 12) -> ScaleRequantization:
        """Random multipliers and offsets that spread ``sums`` over the output type."""
        channels = sums.shape[-1]
        spread = max(1.0, float(np.abs(sums).std() + np.abs(sums.mean())))
        factor = (output.maximum - output.minimum) / (3 * spread)
        multipliers = np.rint(factor * 2**shift * self.random.uniform(0.5, 1.5, channels))
        middle = (output.maximum + output.minimum) // 2 - factor * sums.mean()
        offsets = np.rint((middle + self.random.uniform(-1, 1, channels)) * 2**shift)
        return ScaleRequantization(
            frozen_integers(np.maximum(multipliers, 1)),
            frozen_integers(offsets),
            shift,
            output.minimum,
            output.maximum,
        )

    def thresholds(self, sums: IntArray, output: IntegerType) -> ThresholdRequantization:
        """Random ascending thresholds between the extremes of ``sums``."""
        low, high = int(sums.min()), max(int(sums.max()), int(sums.min()) + 1)
        levels = output.maximum - output.minimum
        drawn = self.random.integers(low, high + 1, (sums.shape[-1], levels))
        return ThresholdRequantization(frozen_integers(np.sort(drawn, axis=1)), output.minimum)

    def conv(
        self,
        filters: int,
        kernel: Kernel,
        *,
        pe: int = 1,
        simd: int = 1,
        taps: int = 1,
        weight: IntegerType = INT8,
        output: IntegerType = UINT8,
        steps: bool = False,
        table: bool = False,
        pool: Kernel | None = None,
        fifo_depth: int = 4,
        pool_fifo_depth: int = 3,
        extra_rows: int = 0,
        groups: int = 1,
    ) -> Chain:
        """Append a processing element; ``simd`` counts the channels of one of the ``taps``."""
        source = self.last.output
        inputs = source.shape.channels // groups
        weights = self.codes(weight, kernel.height, kernel.width, inputs, filters)
        height, width = kernel.output_size(source.shape.height, source.shape.width)
        convolved = IntegerType(5, True) if table else output
        if pool is not None:
            height, width = pool.output_size(height, width)
        identity = ScaleRequantization(*map(frozen_integers, ([1], [0])), 0, -(2**40), 2**40)
        element = ProcessingElement(
            name=self._name("conv"),
            layer=f"model/conv {self.count}",
            source=self.last,
            output=StreamType(Shape(height, width, filters), output, pe),
            kernel=kernel,
            pad_value=int(self.codes(source.number)),
            weights=weights,
            weight_number=weight,
            accumulator=accumulator_type(weights, source.number),
            requantization=identity,
            convolved=convolved,
            groups=groups,
            table=self.codes(output, 2**convolved.bits) if table else None,
            pool=pool,
            pe=pe,
            simd=taps * simd,
            taps=taps,
            fifo_depth=fifo_depth,
            pool_fifo_depth=pool_fifo_depth,
            extra_rows=extra_rows,
        )
        sums = accumulate(element, self._sample())
        function: Requantization = (
            self.thresholds(sums, convolved) if steps else self.scale(sums, convolved)
        )
        self.last = replace(element, requantization=function)
        return self

    def depthwise(self, kernel: Kernel, lanes: int = 1, **options: object) -> Chain:
        """Append a depthwise processing element."""
        channels = self.last.output.shape.channels
        return self.conv(channels, kernel, pe=lanes, simd=lanes, groups=channels, **options)  # type: ignore[arg-type]

    def _sample(self) -> IntArray:
        """Some frames of what the network sends so far."""
        graph = self.graph(check=False)
        return evaluate(graph, self.inputs(graph, 2))[self.last.name]

    def dense(self, units: int, **options: object) -> Chain:
        """Append a flattening and a 1x1 convolution on a 1x1 map."""
        shape = self.last.output.shape
        flat = StreamType(Shape(1, 1, shape.size), self.last.output.number, self.last.output.lanes)
        if shape.pixels > 1:
            self.last = Reshape(self._name("flatten"), "flatten", self.last, flat)
        return self.conv(units, Kernel(1, 1), **options)  # type: ignore[arg-type]

    def pool(self, kernel: Kernel, lanes: int = 1, fifo_depth: int = 3) -> Chain:
        """Append a max pool."""
        source = self.last.output
        size = kernel.output_size(source.shape.height, source.shape.width)
        output = StreamType(Shape(*size, source.shape.channels), source.number, lanes)
        self.last = MaxPool(self._name("pool"), "pool", self.last, output, kernel, fifo_depth)
        return self

    def average(self, output: IntegerType = UINT8, lanes: int = 1, fifo_depth: int = 3) -> Chain:
        """Append a global average."""
        source = self.last.output
        function = self.scale(self._sample().sum(axis=(1, 2)), output)
        bound = source.shape.pixels
        accumulator = IntegerType.spanning(
            min(source.number.minimum * bound, -1), source.number.maximum * bound
        )
        stream = StreamType(Shape(1, 1, source.shape.channels), output, lanes)
        name = self._name("average")
        self.last = GlobalAverage(
            name, "average", self.last, stream, accumulator, function, fifo_depth
        )
        return self

    def affine(self, output: IntegerType = UINT8, lanes: int = 1, fifo_depth: int = 3) -> Chain:
        """Append a factor and a summand per channel."""
        function = self.scale(self._sample(), output)
        stream = StreamType(self.last.output.shape, output, lanes)
        self.last = Affine(self._name("affine"), "bn", self.last, stream, function, fifo_depth)
        return self

    def lookup(self, output: IntegerType = UINT8, lanes: int = 1, fifo_depth: int = 3) -> Chain:
        """Append a random table."""
        source = self.last.output
        table = self.codes(output, 2**source.number.bits)
        stream = StreamType(source.shape, output, lanes)
        self.last = Lookup(self._name("lookup"), "relu", self.last, stream, table, fifo_depth)
        return self

    def reorder(
        self,
        shape: Shape,
        block_size: int,
        *loops: tuple[int, int] | tuple[int, int, bool],
        lanes: int = 1,
        extra_blocks: int = 0,
        edges: bool = False,
    ) -> Chain:
        """Append a change of places; ``loops``: counts, strides and clamps, outermost first."""
        stream = StreamType(shape, self.last.output.number, lanes)
        nest = tuple(Loop(*loop) for loop in loops)
        name = self._name("reorder")
        self.last = Reorder(
            name, "reorder", self.last, stream, block_size, nest, 3, extra_blocks, edges
        )
        return self

    def border(self, top: int, left: int, bottom: int, right: int, lanes: int = 1) -> Chain:
        """Append rows and columns of a random value, or take some away."""
        source = self.last.output
        shape = replace(
            source.shape,
            height=source.shape.height + top + bottom,
            width=source.shape.width + left + right,
        )
        stream = StreamType(shape, source.number, lanes)
        value = int(self.codes(source.number))
        sides = (top, left, bottom, right)
        self.last = Border(self._name("border"), "border", self.last, stream, *sides, value)
        return self

    def average_pool(self, kernel: Kernel, lanes: int = 1, fifo_depth: int = 3) -> Chain:
        """Append a mean over windows, with random factors near those of a mean."""
        source = self.last.output
        counts = np.multiply.outer(np.arange(1, kernel.height + 1), np.arange(1, kernel.width + 1))
        factors = 2**10 / counts.reshape(-1) * self.random.uniform(0.9, 1.1, kernel.taps)
        function = ScaleRequantization(
            frozen_integers(np.rint(factors)),
            frozen_integers(self.random.integers(0, 2**11, kernel.taps)),
            10,
            source.number.minimum,
            source.number.maximum,
        )
        bound = kernel.taps * max(-source.number.minimum, source.number.maximum)
        size = kernel.output_size(source.shape.height, source.shape.width)
        self.last = AveragePool(
            name=self._name("mean"),
            layer="mean",
            source=self.last,
            output=StreamType(Shape(*size, source.shape.channels), source.number, lanes),
            kernel=kernel,
            pad_value=int(self.codes(source.number)),
            accumulator=IntegerType.spanning(-bound, bound),
            requantization=function,
            fifo_depth=fifo_depth,
        )
        return self

    def float_mean(self, kernel: Kernel, lanes: int = 1, fifo_depth: int = 3) -> Chain:
        """Append a mean over windows that do not overlap, of random numbers of 24 bits."""
        source = self.last.output
        codes = 2**source.number.bits
        mantissas = self.random.integers(1 << 23, 1 << 24, codes)
        exponents, signs = self.random.integers(0, 7, codes), self.random.choice([-1, 1], codes)
        addends = frozen_integers(signs * (mantissas << exponents))
        bound = kernel.taps * int(np.abs(addends).max())
        total = IntegerType.spanning(-2 * bound, 2 * bound)
        levels = source.number.maximum - source.number.minimum
        thresholds = np.sort(self.random.integers(-bound // 3, bound // 3, levels))
        size = kernel.output_size(source.shape.height, source.shape.width)
        self.last = FloatMean(
            name=self._name("mean"),
            layer="mean",
            source=self.last,
            output=StreamType(Shape(*size, source.shape.channels), source.number, lanes),
            kernel=kernel,
            addends=addends,
            accumulator=total,
            requantization=ThresholdRequantization(
                frozen_integers(rounded(thresholds)[None]), source.number.minimum
            ),
            sets=frozen_integers(np.zeros(size[0] * size[1])),
            fifo_depth=fifo_depth,
        )
        return self

    def global_maximum(self, lanes: int = 1, fifo_depth: int = 3) -> Chain:
        """Append a maximum over the frame."""
        source = self.last.output
        stream = StreamType(Shape(1, 1, source.shape.channels), source.number, lanes)
        name = self._name("maximum")
        self.last = GlobalMaximum(name, "maximum", self.last, stream, fifo_depth)
        return self

    def fifo(self, depth: int) -> Chain:
        """Append a FIFO."""
        self.last = Fifo(self._name("fifo"), "fifo", self.last, self.last.output, depth)
        return self

    def arg_max(self) -> Chain:
        """Append an argmax over the channels."""
        shape = self.last.output.shape
        number = IntegerType(max(1, clog2(shape.channels)), False)
        stream = StreamType(Shape(shape.height, shape.width, 1), number, 1)
        self.last = ArgMax(self._name("argmax"), "argmax", self.last, stream, 3)
        return self

    def graph(self, name: str = "tiny", *, check: bool = True) -> StreamGraph:
        """Return the network so far, lanes adapted."""
        return network({"m_axis": self}, name, check=check)

    def inputs(self, graph: StreamGraph, frames: int) -> dict[str, IntArray]:
        """Random input frames by port."""
        return {
            port.port: self.codes(
                port.output.number,
                frames,
                port.output.shape.height,
                port.output.shape.width,
                port.output.shape.channels,
            )
            for port in graph.inputs
        }

    def frames(self, count: int) -> IntArray:
        """Random frames of the only input."""
        (codes,) = self.inputs(self.graph(check=False), count).values()
        return codes


def network(chains: Mapping[str, Chain], name: str = "tiny", *, check: bool = True) -> StreamGraph:
    """Return the network whose outputs, by port, are the ends of ``chains``; lanes adapted."""
    names = {"m_axis": "result"}
    outputs = tuple(
        Output(names.get(port, port), "output", chain.last, chain.last.output, port)
        for port, chain in chains.items()
    )
    inputs = [e for e in StreamGraph(name, (), outputs, {}) if isinstance(e, Input)]
    inputs.sort(key=lambda element: element.port)
    graph = StreamGraph(name, tuple(inputs), outputs, {})
    if not check:
        return graph
    adapted = adapt_lanes(graph)
    check_legal(adapted)
    return adapted


def accumulator_type(weights: IntArray, number: IntegerType) -> IntegerType:
    """Return the signed type that holds every sum of products."""
    flat = weights.reshape(-1, weights.shape[3])
    above = np.maximum(flat * number.maximum, flat * number.minimum).sum(axis=0).max()
    below = np.minimum(flat * number.maximum, flat * number.minimum).sum(axis=0).min()
    return IntegerType.spanning(min(int(below), 0), max(int(above), 0), signed=True)
