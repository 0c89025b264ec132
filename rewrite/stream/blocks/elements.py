"""An element over blocks of pixels."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import TypeAlias

import numpy as np

from ir.elements import (
    Affine,
    AveragePool,
    Border,
    Concatenate,
    Consumer,
    Element,
    Extremum,
    GlobalAverage,
    GlobalMaximum,
    Kernel,
    Lookup,
    MaxPool,
    Merge,
    PairLookup,
    ProcessingElement,
    Product,
    Rectifier,
    Reorder,
    Shape,
    SideBySide,
    StreamType,
)
from ir.numbers import IntArray, frozen_integers
from ir.requantize import Requantization, ScaleRequantization
from rewrite.stream.adapters import values_of
from rewrite.stream.blocks import pools
from rewrite.stream.blocks.grid import Block, Grid, blocked, grid
from rewrite.stream.blocks.windows import Sums, convolution, members, ungrouped

MOST_WEIGHTS = 2**24
"""Weights, most of them 0, of the largest element that is built."""

Names: TypeAlias = Callable[[str], str]
Source: TypeAlias = Callable[[int, Shape], Element]
"""What an element reads: the source of a number, in a shape."""


@dataclass(frozen=True, slots=True)
class Builder:
    """Makes elements over blocks.

    ``source`` gives what they read, ``names`` names of new ones.  None of more than
    ``most_weights`` is made.
    """

    source: Source
    names: Names
    most_weights: int = MOST_WEIGHTS

    def blocks(self, element: Consumer, block: Block) -> Element | None:
        """Return ``element`` with ``block`` pixels of its output at a time; None if there is none.

        Of an element that puts out one pixel per frame, ``block`` are pixels of what it reads.
        """
        match element:
            case ProcessingElement():
                return self._processing_element(element, block)
            case MaxPool():
                return self._max_pool(element, block)
            case AveragePool():
                return self._average_pool(element, block)
            case GlobalAverage():
                return self._global_average(element, block)
            case GlobalMaximum():
                return self._global_maximum(element, block)
            case Border() | Reorder():
                return self._moved(element, block)
            case Affine() | Lookup() | Rectifier():
                if _is_alike(element):
                    output = values_of(element.output)
                    return replace(element, source=self.source(0, output.shape), output=output)
                return self._each_value(element, block)
            case Merge() | Product() | Extremum() | PairLookup():
                output = values_of(element.output)
                first, second = (self.source(n, output.shape) for n in range(2))
                return replace(element, sources=(first, second), output=output)
            case Concatenate() | SideBySide():
                return self._side_by_side(element, block)
            case _:
                return None

    def _side_by_side(self, element: Concatenate | SideBySide, block: Block) -> SideBySide:
        """Pixel by pixel all channels, however many pixels there are at a time."""
        streams = tuple(
            self.source(number, blocked(source.output.shape, block))
            for number, source in enumerate(element.sources)
        )
        shape = blocked(element.output.shape, block)
        output = StreamType(shape, element.output.number, shape.channels)
        pixels = block.rows * block.columns
        return SideBySide(element.name, element.layer, streams, output, pixels)

    def _processing_element(self, element: ProcessingElement, block: Block) -> Element | None:
        shape, positions = element.input.shape, element.window_positions
        pool = None if element.pool is None else grid(element.pool, positions, block)
        if element.pool is not None and pool is None:
            return None
        around = grid(element.kernel, shape, block if pool is None else pool.inputs)
        if around is None or self._too_large(around.weights(shape.channels, positions.channels)):
            return None
        apart = pool is not None and not pool.kernel.is_pointwise
        sums = Sums(
            name=self.names("convolution") if apart else element.name,
            layer=element.layer,
            kernel=element.kernel,
            weights=ungrouped(element.weights, element.groups),
            weight_number=element.weight_number,
            pad_value=element.pad_value,
            requantization=element.requantization,
            accumulator=element.accumulator,
            convolved=element.convolved,
            number=element.output.number,
            groups=element.groups,
            table=element.table,
        )
        convolved = convolution(sums, self.source(0, blocked(shape, around.inputs)), shape, around)
        if pool is None:
            return convolved
        output = blocked(element.output.shape, block)
        channels = positions.channels
        if apart:
            return pools.max_pool(element, convolved, pool, channels, output)
        largest = members(pool, channels)
        stream = StreamType(output, element.output.number, output.channels)
        return replace(convolved, output=stream, members=largest)

    def _max_pool(self, element: MaxPool, block: Block) -> Element | None:
        shape = element.source.output.shape
        around = grid(element.kernel, shape, block)
        if around is None or self._too_large(around.weights(shape.channels, shape.channels)):
            return None
        source, output = self.source(0, blocked(shape, around.inputs)), element.output.shape
        return pools.max_pool(element, source, around, shape.channels, blocked(output, block))

    def _average_pool(self, element: AveragePool, block: Block) -> Element | None:
        shape = element.input.shape
        around = grid(element.kernel, shape, block)
        if around is None or self._too_large(around.weights(shape.channels, shape.channels)):
            return None
        source = self.source(0, blocked(shape, around.inputs))
        return pools.average_pool(element, source, shape, around)

    def _global_average(self, element: GlobalAverage, block: Block) -> Element | None:
        shape = element.source.output.shape
        whole = block == Block(shape.height, shape.width)
        kernel, around = _tiles(shape, block)
        if around is None or self._too_large(around.weights(shape.channels, shape.channels)):
            return None
        source = self.source(0, blocked(shape, block))
        if whole:
            return pools.global_average(element, source, shape, around)
        name = self.names("sums")
        sums = pools.block_sums(element, name, source, shape, around, kernel)
        return None if sums is None else replace(element, source=sums)

    def _global_maximum(self, element: GlobalMaximum, block: Block) -> Element | None:
        shape = element.source.output.shape
        whole = block == Block(shape.height, shape.width)
        kernel, around = _tiles(shape, block)
        if around is None or self._too_large(around.weights(shape.channels, shape.channels)):
            return None
        source = self.source(0, blocked(shape, block))
        rows, columns = kernel.output_size(shape.height, shape.width)
        output = Shape(rows, columns, shape.channels)
        channels = shape.channels
        if whole:
            return pools.max_pool(element, source, around, channels, output)
        pooled = pools.max_pool(element, source, around, channels, output)
        return replace(element, source=replace(pooled, name=self.names("maxima")))

    def _moved(self, element: Border | Reorder, block: Block) -> Element | None:
        shape, output = element.source.output.shape, element.output.shape
        if block != Block(output.height, output.width) or self._too_large(shape.size * output.size):
            return None
        return pools.moved(element, self.source(0, Shape(1, 1, shape.size)), shape)

    def _too_large(self, weights: int) -> bool:
        return weights > self.most_weights

    def _each_value(self, element: Affine | Lookup | Rectifier, block: Block) -> Element:
        shape = blocked(element.output.shape, block)
        output = StreamType(shape, element.output.number, 1)
        source = self.source(0, shape)
        times = block.rows * block.columns
        match element:
            case Affine():
                function = tiled(element.requantization, times)
                return replace(element, source=source, output=output, requantization=function)
            case Lookup():
                table = frozen_integers(np.tile(element.table, (times, 1)))
                return replace(element, source=source, output=output, table=table)
            case Rectifier():
                return replace(
                    element,
                    source=source,
                    output=output,
                    multipliers=_tiled(element.multipliers, times),
                    offsets=_tiled(element.offsets, times),
                )


def is_by_value(element: Consumer) -> bool:
    """True if ``element`` does the same with every value, so that all its blocks are one."""
    match element:
        case Affine() | Lookup() | Rectifier():
            return _is_alike(element)
        case Merge() | Product() | Extremum() | PairLookup():
            return True
        case _:
            return False


def _is_alike(element: Affine | Lookup | Rectifier) -> bool:
    """True if ``element`` has no parameters for each channel."""
    match element:
        case Affine():
            return False
        case Lookup():
            return element.table.ndim == 1
        case Rectifier():
            return int(element.multipliers.shape[1]) == element.output.shape.size


def tiled(function: Requantization, times: int) -> Requantization:
    """Return ``function`` for ``times`` pixels' channels, one after the other."""
    if isinstance(function, ScaleRequantization):
        multipliers, offsets = _tiled(function.multipliers, times), _tiled(function.offsets, times)
        return replace(function, multipliers=multipliers, offsets=offsets)
    thresholds = frozen_integers(np.tile(function.thresholds, (times, 1)))
    return replace(function, thresholds=thresholds)


def _tiled(values: IntArray, times: int) -> IntArray:
    """Return ``values``, its last dimension repeated as a whole."""
    repeats = (1,) * (values.ndim - 1) + (times,)
    return frozen_integers(np.tile(values, repeats))


def _tiles(shape: Shape, block: Block) -> tuple[Kernel, Grid | None]:
    """Return the window of ``block`` pixels that tiles ``shape``, a position per block."""
    kernel = Kernel(block.rows, block.columns, block.rows, block.columns)
    return kernel, grid(kernel, shape, Block(1, 1))
