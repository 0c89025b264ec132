"""Random stream graphs whose branches meet again, with random foldings and unsized buffers."""

from __future__ import annotations

from collections.abc import Callable
from typing import TypeVar

import numpy as np

from ir.elements import Kernel, Shape
from ir.graph import StreamGraph
from rewrite.stream.buffers import size_outputs
from tests.stream_graphs import INT8, UINT8, Chain, network

SAME = Kernel(3, 3, pad_top=1, pad_left=1, pad_bottom=1, pad_right=1)
HALVING = Kernel(3, 3, 2, 2, pad_bottom=1, pad_right=1)
POOL = Kernel(2, 2, 2, 2)
UNSIZED = 2
Choice = TypeVar("Choice")


class Sketch:
    """Draws a network: blocks behind each other, some inside others."""

    def __init__(self, seed: int) -> None:
        self.random = np.random.default_rng(seed)
        self.taps = np.random.default_rng((seed, 1))
        shape = Shape(*(int(n) for n in self.random.integers(3, 8, 2)), self._any(1, 2, 3))
        self.outputs: list[Chain] = []
        self.inputs = 1
        main = Chain(shape, lanes=self._divisor(shape.channels), seed=seed)
        main = self._convolved(main)
        for _ in range(self._any(1, 2, 3)):
            main = self._block(main, 2)
        if self._any(False, True):
            main.average(INT8)
        self.outputs.insert(0, main)

    def graph(self) -> StreamGraph:
        """Return the network, all FIFOs of branches as short as can be."""
        names = ["m_axis", "m_axis_second", "m_axis_third", "m_axis_fourth"]
        ends = dict(zip(names, self.outputs, strict=False))
        return size_outputs(network(ends))

    def _any(self, *choices: Choice) -> Choice:
        return choices[int(self.random.integers(len(choices)))]

    def _divisor(self, number: int) -> int:
        return self._any(*(d for d in range(1, number + 1) if number % d == 0))

    def _convolved(self, chain: Chain, kernel: Kernel | None = None, channels: int = 0) -> Chain:
        filters = channels or self._any(1, 2, 3, 4)
        kernel = kernel or self._any(SAME, Kernel(1, 1))
        pe, simd = self._divisor(filters), self._divisor(chain.last.output.shape.channels)
        output = self._any(UINT8, INT8)
        taps = self._taps(kernel)
        if taps > 1:
            simd = chain.last.output.shape.channels
        return chain.conv(filters, kernel, pe=pe, simd=simd, taps=taps, output=output)

    def _taps(self, kernel: Kernel) -> int:
        return int(self.taps.choice([1, kernel.width, kernel.taps]))

    def _block(self, chain: Chain, depth: int) -> Chain:
        blocks: list[Callable[[Chain, int], Chain]] = [self._plain]
        if depth:
            blocks = [
                self._plain, self._residual, self._dense, self._skip_over_stride,
                self._used_three_times, self._another_input, self._another_output,
            ]  # fmt: skip
        return self._any(*blocks)(chain, depth)

    def _plain(self, chain: Chain, depth: int) -> Chain:
        del depth
        shape = chain.last.output.shape
        if min(shape.height, shape.width) >= 4 and self._any(False, True):
            return chain.pool(POOL, lanes=self._divisor(shape.channels))
        if self._any(False, True):
            lanes = self._divisor(shape.channels)
            taps = self._taps(SAME) if shape.channels > 1 else 1
            return chain.depthwise(SAME, lanes=lanes, taps=taps)
        return self._convolved(chain)

    def _merged(self, first: Chain, second: Chain) -> Chain:
        lanes = self._divisor(first.last.output.shape.channels)
        return first.merge(second, lanes=lanes, output=self._any(UINT8, INT8))

    def _residual(self, chain: Chain, depth: int) -> Chain:
        channels = chain.last.output.shape.channels
        body, skip = chain.fork(UNSIZED, UNSIZED)
        for _ in range(self._any(1, 2)):
            body = self._convolved(body, SAME, channels)
        if depth > 1 and self._any(False, True):
            body = self._residual(body, depth - 1)
        if self._any(False, True):
            skip = self._convolved(skip, Kernel(1, 1), channels)
        return self._merged(body, skip)

    def _dense(self, chain: Chain, depth: int) -> Chain:
        left, right = chain.fork(UNSIZED, UNSIZED)
        right = self._convolved(right, SAME)
        number = left.last.output.number
        if right.last.output.number != number:
            right = right.lookup(number)
        common = np.gcd(left.last.output.shape.channels, right.last.output.shape.channels)
        joined = left.concatenate(right, lanes=self._divisor(int(common)))
        return self._dense(joined, depth - 1) if depth > 1 else joined

    def _skip_over_stride(self, chain: Chain, depth: int) -> Chain:
        shape = chain.last.output.shape
        if min(shape.height, shape.width) < 4:
            return self._residual(chain, depth)
        channels = self._any(1, 2, 4)
        body, skip = chain.fork(UNSIZED, UNSIZED)
        body = self._convolved(body, HALVING, channels)
        body = self._convolved(body, SAME, channels)
        rows, columns = HALVING.output_size(shape.height, shape.width)
        step = Kernel(1, 1, 2, 2)
        if step.output_size(shape.height, shape.width) != (rows, columns):
            step = Kernel(2, 2, 2, 2)
        return self._merged(body, self._convolved(skip, step, channels))

    def _used_three_times(self, chain: Chain, depth: int) -> Chain:
        del depth
        channels = chain.last.output.shape.channels
        first, second, third = chain.fork(UNSIZED, UNSIZED, UNSIZED)
        first = self._convolved(first, SAME, channels)
        third = self._convolved(self._convolved(third, SAME), SAME, channels)
        return self._merged(self._merged(first, second), third)

    def _another_input(self, chain: Chain, depth: int) -> Chain:
        del depth
        shape = chain.last.output.shape
        self.inputs += 1
        name = f"s_axis_number_{self.inputs}"
        other = chain.another_input(name, shape, lanes=self._divisor(shape.channels))
        if self._any(False, True):
            other = self._convolved(other, SAME, shape.channels)
        return self._merged(chain, other)

    def _another_output(self, chain: Chain, depth: int) -> Chain:
        if len(self.outputs) == 3:
            return self._plain(chain, depth)
        kept, sent = chain.fork(UNSIZED, UNSIZED)
        self.outputs.append(self._convolved(sent))
        return kept


def reconvergent_graph(seed: int) -> tuple[Chain, StreamGraph]:
    """Return a network and the chain that draws frames for it."""
    sketch = Sketch(seed)
    return sketch.outputs[0], sketch.graph()
