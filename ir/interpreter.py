"""Integer interpreter of the stream graph: what every element sends, value for value.

Plain numpy on int64, independent of onnxruntime (the second oracle) and of folding.
"""

from __future__ import annotations

from collections.abc import Mapping
from functools import singledispatch

import numpy as np
from numpy.lib.stride_tricks import sliding_window_view

from ir.elements import (
    Affine,
    ArgMax,
    Concatenate,
    Consumer,
    Element,
    Fifo,
    Fork,
    GlobalAverage,
    Input,
    Kernel,
    Lookup,
    MaxPool,
    Merge,
    Output,
    ProcessingElement,
    Reshape,
    WidthConverter,
    sources,
)
from ir.graph import StreamGraph
from ir.numbers import IntArray, IntegerType


def evaluate(graph: StreamGraph, inputs: Mapping[str, IntArray]) -> dict[str, IntArray]:
    """Return the integers that every element sends.

    Args:
        graph: the network.
        inputs: by port name, codes of shape (frames, height, width, channels).

    Returns:
        By element name, codes of shape (frames, height, width, channels).
    """
    values: dict[int, IntArray] = {}
    named: dict[str, IntArray] = {}
    for element in graph:
        if isinstance(element, Input):
            result = np.asarray(inputs[element.port], np.int64)
            _check_codes(element, result)
        else:
            result = apply(element, *(values[id(source)] for source in sources(element)))
        values[id(element)] = named[element.name] = result
    return named


def _check_codes(element: Element, codes: IntArray) -> None:
    shape, number = element.output.shape, element.output.number
    expected = (shape.height, shape.width, shape.channels)
    if codes.shape[1:] != expected:
        raise ValueError(f"{element.name}: frames must be {expected}, not {codes.shape[1:]}")
    if codes.size and (codes.min() < number.minimum or codes.max() > number.maximum):
        raise ValueError(f"{element.name}: codes must fit {number}")


@singledispatch
def apply(element: Consumer, *inputs: IntArray) -> IntArray:
    """Return what ``element`` sends for its inputs' codes, (frames, height, width, channels)."""
    raise NotImplementedError(type(element).__name__)


@apply.register(WidthConverter)
@apply.register(Fifo)
@apply.register(Fork)
@apply.register(Output)
def _unchanged(element: WidthConverter | Fifo | Fork | Output, x: IntArray) -> IntArray:
    return x


@apply.register
def _reshape(element: Reshape, x: IntArray) -> IntArray:
    shape = element.output.shape
    return x.reshape(len(x), shape.height, shape.width, shape.channels)


@apply.register
def _processing_element(element: ProcessingElement, x: IntArray) -> IntArray:
    y = element.requantization(accumulate(element, x))
    if element.table is not None:
        y = look_up(element.table, element.convolved, y)
    return y if element.pool is None else maximum_over_windows(element.pool, y)


def accumulate(element: ProcessingElement, x: IntArray) -> IntArray:
    """Return the raw accumulators of a processing element, (frames, rows, columns, channels)."""
    taps = windows(element.kernel, x, element.pad_value)
    if element.depthwise:
        sums: IntArray = np.einsum("fyxijc,ijc->fyxc", taps, element.weights[:, :, 0])
        return sums
    kernel = element.weights.reshape(-1, element.weights.shape[3])
    flat = taps.reshape(*taps.shape[:3], -1)
    # BLAS multiplies floats only; float64 is exact while every partial sum is below 2**53.
    bound = np.abs(flat).max(initial=0).astype(object) * int(np.abs(kernel).sum(axis=0).max())
    if bound < 2**53:
        return (flat.astype(np.float64) @ kernel.astype(np.float64)).astype(np.int64)
    return flat @ kernel


def windows(kernel: Kernel, x: IntArray, pad_value: int) -> IntArray:
    """Return all windows, (frames, rows, columns, kernel height, kernel width, channels)."""
    pads = (
        (0, 0),
        (kernel.pad_top, kernel.pad_bottom),
        (kernel.pad_left, kernel.pad_right),
        (0, 0),
    )
    padded = np.pad(x, pads, constant_values=pad_value)
    spans = (kernel.span_height, kernel.span_width)
    views = sliding_window_view(padded, spans, axis=(1, 2))
    stepped = views[:, :: kernel.stride_height, :: kernel.stride_width]
    taps = stepped[..., :: kernel.dilation_height, :: kernel.dilation_width]
    ordered: IntArray = taps.transpose(0, 1, 2, 4, 5, 3)
    return ordered


def maximum_over_windows(kernel: Kernel, x: IntArray) -> IntArray:
    """Return the maximum over each window; padding never wins."""
    maxima: IntArray = windows(kernel, x, np.iinfo(np.int64).min).max(axis=(3, 4))
    return maxima


def look_up(table: IntArray, number: IntegerType, codes: IntArray) -> IntArray:
    """Return ``table`` at the bit patterns of ``codes``, integers of type ``number``."""
    found: IntArray = table[codes & ((1 << number.bits) - 1)]
    return found


@apply.register
def _max_pool(element: MaxPool, x: IntArray) -> IntArray:
    return maximum_over_windows(element.kernel, x)


@apply.register
def _global_average(element: GlobalAverage, x: IntArray) -> IntArray:
    return element.requantization(x.sum(axis=(1, 2), keepdims=True))


@apply.register
def _affine(element: Affine, x: IntArray) -> IntArray:
    return element.requantization(x)


@apply.register
def _lookup(element: Lookup, x: IntArray) -> IntArray:
    return look_up(element.table, element.source.output.number, x)


@apply.register
def _arg_max(element: ArgMax, x: IntArray) -> IntArray:
    index: IntArray = np.argmax(x, axis=3, keepdims=True).astype(np.int64)
    return index


@apply.register
def _merge(element: Merge, a: IntArray, b: IntArray) -> IntArray:
    total = a * element.factors[0] + b * element.factors[1] + element.offset
    if element.half_even and element.shift:
        half = 1 << (element.shift - 1)
        total = total + (half - 1) + ((total >> element.shift) & 1)
    shifted: IntArray = (total >> element.shift) + element.zero_point
    return np.clip(shifted, element.low, element.high)


@apply.register
def _concatenate(element: Concatenate, *inputs: IntArray) -> IntArray:
    return np.concatenate(inputs, axis=3)
