"""Pools and moves over blocks of pixels, by processing elements.

``MaxPool``  becomes  a processing element that passes values on, and the largest of some of them
``AveragePool, GlobalAverage``  becomes  the convolution with ones that they are
``Border, Reorder`` of a whole frame at a time  becomes  the choice of values that it is

Exact: a product with 1, an identity as requantization.  Synthesis leaves wires of both.
"""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from ir.elements import (
    AveragePool,
    Border,
    Element,
    GlobalAverage,
    GlobalMaximum,
    Kernel,
    MaxPool,
    ProcessingElement,
    Reorder,
    Shape,
    StreamType,
)
from ir.interpreter import apply
from ir.numbers import IntArray, IntegerType, frozen_integers
from ir.requantize import Requantization, ScaleRequantization
from rewrite.stream.blocks.grid import Grid
from rewrite.stream.blocks.windows import Sums, convolution, members, reads, ungrouped

ONE = IntegerType(1, False)
OUTSIDE = -1
WIDEST = 16
"""Bits of the widest codes of a stream."""


def passing(
    name: str, layer: str, source: Element, output: StreamType, kernel: Kernel, chosen: IntArray
) -> ProcessingElement:
    """Return what sends the values ``chosen`` of each window of blocks, by their numbers.

    The shape of ``output`` counts them as its channels.  The window's padding never is a maximum.
    """
    number, channels = source.output.number, source.output.shape.channels
    count = len(chosen)
    weights = np.zeros((kernel.taps * channels, count), np.int64)
    weights[chosen, np.arange(count)] = 1
    return ProcessingElement(
        name=name,
        layer=layer,
        source=source,
        output=output,
        kernel=kernel,
        pad_value=number.minimum,
        weights=frozen_integers(weights.reshape(kernel.height, kernel.width, channels, count)),
        weight_number=ONE,
        accumulator=IntegerType.spanning(number.minimum, number.maximum, signed=True),
        requantization=identity(count, number),
        convolved=number,
        pe=count,
        simd=len(weights),
        taps=kernel.taps,
        reads=reads(weights, count),
    )


def identity(channels: int, number: IntegerType) -> ScaleRequantization:
    """Return the requantization that changes no code of ``number``."""
    ones, zeros = np.ones(channels, np.int64), np.zeros(channels, np.int64)
    factors = frozen_integers(ones), frozen_integers(zeros)
    return ScaleRequantization(*factors, 0, number.minimum, number.maximum)


def max_pool(
    element: MaxPool | GlobalMaximum | ProcessingElement,
    source: Element,
    pool: Grid,
    channels: int,
    output: Shape,
) -> ProcessingElement:
    """Return the max pool of ``element``; ``channels``: of a pixel; ``output``: its blocks."""
    number = source.output.number
    largest = members(pool, channels)
    chosen, places = np.unique(largest, return_inverse=True)
    stream = StreamType(output, number, output.channels)
    passed = passing(element.name, element.layer, source, stream, pool.kernel, chosen)
    return replace(passed, members=frozen_integers(places.reshape(largest.shape)))


def average_pool(
    element: AveragePool, source: Element, shape: Shape, grid: Grid
) -> ProcessingElement | None:
    """Return the means over the blocks of ``grid`` on ``shape``.

    None where a place of the blocks has means of unlike numbers of pixels.
    """
    down, across = (np.array(n) for n in element.kernel.taps_inside(shape.height, shape.width))
    down, across = down.reshape(-1, grid.down.block), across.reshape(-1, grid.across.block)
    if (down != down[0]).any() or (across != across[0]).any():
        return None
    numbers = (down[0][:, None] - 1) * element.kernel.width + across[0][None, :] - 1
    factors = np.repeat(numbers.reshape(-1), shape.channels)
    function = replace(
        element.requantization,
        multipliers=frozen_integers(element.requantization.multipliers[factors]),
        offsets=frozen_integers(element.requantization.offsets[factors]),
    )
    sums = _ones(element, element.kernel, shape, function, element.accumulator)
    return convolution(replace(sums, pad_value=element.pad_value), source, shape, grid)


def global_average(
    element: GlobalAverage, source: Element, shape: Shape, grid: Grid
) -> ProcessingElement:
    """Return the means over the whole map, which is a block."""
    kernel = Kernel(shape.height, shape.width)
    sums = _ones(element, kernel, shape, element.requantization, element.accumulator)
    return convolution(sums, source, shape, grid)


def block_sums(
    element: GlobalAverage, name: str, source: Element, shape: Shape, grid: Grid, kernel: Kernel
) -> ProcessingElement | None:
    """Return the sums of the pixels of each block, ``kernel``; None if no stream carries them."""
    number = source.output.number
    low, high = number.minimum * kernel.taps, number.maximum * kernel.taps
    total = IntegerType.spanning(low, high)
    if total.bits > WIDEST:
        return None
    accumulator = IntegerType.spanning(low, high, signed=True)
    function = identity(shape.channels, total)
    sums = _ones(element, kernel, shape, function, accumulator)
    return convolution(replace(sums, name=name, number=total, convolved=total), source, shape, grid)


def _ones(
    element: AveragePool | GlobalAverage,
    kernel: Kernel,
    shape: Shape,
    function: Requantization,
    accumulator: IntegerType,
) -> Sums:
    channels, number = shape.channels, element.output.number
    ones = np.ones((kernel.height, kernel.width, 1, channels), np.int64)
    low, high = min(accumulator.minimum, 0), accumulator.maximum
    return Sums(
        name=element.name,
        layer=element.layer,
        kernel=kernel,
        weights=ungrouped(ones, channels),
        weight_number=ONE,
        pad_value=0,
        requantization=function,
        accumulator=IntegerType.spanning(low, high, signed=True),
        convolved=number,
        number=number,
        groups=channels,
    )


def moved(element: Border | Reorder, source: Element, shape: Shape) -> ProcessingElement:
    """Return ``element`` for a whole frame of ``shape`` at a time."""
    size = shape.size
    numbers = np.arange(1, size + 1).reshape(1, shape.height, shape.width, shape.channels)
    filled = replace(element, pad_value=0) if isinstance(element, Border) else element
    chosen = apply(filled, numbers).reshape(-1) - 1
    outside = chosen == OUTSIDE
    output = StreamType(Shape(1, 1, len(chosen)), element.output.number, len(chosen))
    name, layer = element.name, element.layer
    passed = passing(name, layer, source, output, Kernel(1, 1), np.maximum(chosen, 0))
    if not outside.any():
        return passed
    assert isinstance(element, Border)
    weights = passed.weights * ~outside
    function = identity(len(chosen), element.output.number)
    offsets = frozen_integers(np.where(outside, element.pad_value, 0))
    return replace(
        passed,
        weights=frozen_integers(weights),
        requantization=replace(function, offsets=offsets),
    )
