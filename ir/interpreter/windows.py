"""Elements that look at windows of a map, or at the whole of it."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
from numpy.lib.stride_tricks import sliding_window_view

from ir.elements import (
    AdderChain,
    AveragePool,
    FloatMean,
    GlobalAverage,
    GlobalMaximum,
    Kernel,
    MaxPool,
    ProcessingElement,
)
from ir.float_mean import rounded
from ir.interpreter.dispatch import apply
from ir.interpreter.pointwise import look_up
from ir.numbers import IntArray


@apply.register
def _processing_element(element: ProcessingElement, x: IntArray) -> IntArray:
    y = element.requantization(accumulate(element, x))
    if element.table is not None:
        y = look_up(element.table, element.convolved, y)
    if element.members is not None:
        y = y[..., element.members].max(axis=-1)
    return y if element.pool is None else maximum_over_windows(element.pool, y)


@apply.register
def _adder_chain(element: AdderChain, x: IntArray) -> IntArray:
    for layer in element.layers:
        x = apply(layer, x)
    return x


def accumulate(element: ProcessingElement, x: IntArray) -> IntArray:
    """Return the raw accumulators of a processing element, (frames, rows, columns, channels)."""
    taps = windows(element.kernel, x, element.pad_value)
    if element.groups == 1:
        return _products(taps, element.weights)
    if element.depthwise:
        repeated = np.repeat(taps, element.depth_multiplier, axis=5)
        sums: IntArray = np.einsum("fyxijc,ijc->fyxc", repeated, element.weights[:, :, 0])
        return sums
    parts = zip(
        np.split(taps, element.groups, axis=5),
        np.split(element.weights, element.groups, axis=3),
        strict=True,
    )
    return np.concatenate([_products(part, weights) for part, weights in parts], axis=3)


def _products(taps: IntArray, weights: IntArray) -> IntArray:
    """Return the sums of windows (frames, rows, columns, kh, kw, in) times (kh, kw, in, out)."""
    kernel = weights.reshape(-1, weights.shape[3])
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


@apply.register
def _max_pool(element: MaxPool, x: IntArray) -> IntArray:
    return maximum_over_windows(element.kernel, x)


@apply.register
def _global_average(element: GlobalAverage, x: IntArray) -> IntArray:
    return element.requantization(x.sum(axis=(1, 2), keepdims=True))


@apply.register
def _global_maximum(element: GlobalMaximum, x: IntArray) -> IntArray:
    maxima: IntArray = x.max(axis=(1, 2), keepdims=True)
    return maxima


@apply.register
def _average_pool(element: AveragePool, x: IntArray) -> IntArray:
    kernel, shape = element.kernel, element.input.shape
    sums: IntArray = windows(kernel, x, element.pad_value).sum(axis=(3, 4))
    down, across = (np.array(c) for c in kernel.taps_inside(shape.height, shape.width))
    number = ((down[:, None] - 1) * kernel.width + across[None, :] - 1)[:, :, None]
    function = element.requantization
    scaled = (sums * function.multipliers[number] + function.offsets[number]) >> function.shift
    averages: IntArray = np.clip(scaled, function.low, function.high)
    return averages


@apply.register
def _float_mean(element: FloatMean, x: IntArray) -> IntArray:
    patterns = x & ((1 << element.input.number.bits) - 1)
    taps = windows(element.kernel, element.addends[patterns], 0)
    sums: IntArray = np.zeros_like(taps[:, :, :, 0, 0])
    for row in range(element.kernel.height):
        for column in range(element.kernel.width):
            sums = rounded(sums + taps[:, :, :, row, column])
    by_window = sums.reshape(len(sums), -1, sums.shape[-1])
    codes = np.empty_like(by_window)
    for number, row in enumerate(element.requantization.thresholds):
        of_set = replace(element.requantization, thresholds=row[None])
        chosen = by_window[:, element.sets == number]
        codes[:, element.sets == number] = of_set(chosen[..., None])[..., 0]
    return codes.reshape(sums.shape)
