"""Elements of realistic shapes with random constants, for the fit of the resource model."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

import numpy as np

from ir.elements import (
    ALONE,
    Input,
    Kernel,
    ProcessingElement,
    Shape,
    Sharing,
    StreamType,
)
from ir.numbers import IntArray, IntegerType, frozen_integers
from ir.requantize import Requantization, ScaleRequantization, ThresholdRequantization
from rewrite.stream.share import sharing_limits

UINT4, UINT8, INT8 = IntegerType(4, False), IntegerType(8, False), IntegerType(8, True)


def stream(
    shape: tuple[int, int, int], lanes: int, number: IntegerType = UINT8, name: str = "image"
) -> Input:
    """Return where a stream comes from."""
    return Input(name, name, name, StreamType(Shape(*shape), number, lanes), 0)


def sends(shape: tuple[int, int, int], lanes: int, number: IntegerType = UINT8) -> StreamType:
    """Return the type of a stream that an element sends."""
    return StreamType(Shape(*shape), number, lanes)


def kernel(size: int, stride: int = 1, pad: int = 0) -> Kernel:
    """Return a square window, padded alike at all sides."""
    return Kernel(size, size, stride, stride, 1, 1, pad, pad, pad, pad)


def random_weights(shape: tuple[int, ...], number: IntegerType, seed: int) -> IntArray:
    """Return weights as training leaves them: normal, the largest at the end of the type."""
    values = np.random.default_rng(seed).normal(size=shape)
    scaled = np.rint(values / np.abs(values).max() * number.maximum)
    low = -number.maximum if number.signed else 0
    return frozen_integers(np.clip(scaled, low, number.maximum))


def scale(
    channels: int, sums: IntegerType, output: IntegerType, seed: int, multiplier_bits: int = 8
) -> ScaleRequantization:
    """Return a requantization that brings sums to codes: short multipliers, random biases."""
    random = np.random.default_rng(seed)
    most = 1 << (multiplier_bits - 1)
    shift = max(sums.bits - 2 + multiplier_bits - 1 - output.bits, 1)
    multipliers = random.integers(most // 2, most, channels)
    biases = random.integers(-(1 << (sums.bits - 4)), 1 << (sums.bits - 4), channels)
    offsets = biases * multipliers + (1 << (shift - 1))
    return ScaleRequantization(
        frozen_integers(multipliers),
        frozen_integers(offsets),
        shift,
        output.minimum,
        output.maximum,
    )


def thresholds(
    channels: int, sums: IntegerType, levels: int, low: int, seed: int
) -> ThresholdRequantization:
    """Return random steps of so many levels."""
    random = np.random.default_rng(seed)
    steps = random.integers(sums.minimum // 2, sums.maximum // 2, (channels, levels))
    return ThresholdRequantization(frozen_integers(np.sort(steps, axis=1)), low)


def processing(
    shape: tuple[int, int, int],
    outputs: int,
    window: Kernel,
    pe: int,
    simd: int,
    lanes: int | None = None,
    *,
    numbers: tuple[IntegerType, IntegerType, IntegerType] = (UINT8, INT8, UINT8),
    groups: int = 1,
    levels: int = 0,
    multiplier_bits: int = 8,
    has_table: bool = False,
    pool: Kernel | None = None,
    fifo_depth: int = 16,
    extra_rows: int = 0,
    seed: int = 0,
    shares: bool = True,
) -> ProcessingElement:
    """Return a convolution; ``numbers`` of inputs, weights and outputs; ``levels``: thresholds."""
    activation, weight, output = numbers
    weights = random_weights(
        (window.height, window.width, shape[2] // groups, outputs), weight, seed
    )
    most = max(abs(activation.minimum), activation.maximum)
    bound = int(np.abs(weights).sum(axis=(0, 1, 2)).max()) * most
    sums = IntegerType.spanning(-bound, bound)
    function: Requantization = (
        thresholds(outputs, sums, levels, output.minimum, seed)
        if levels
        else scale(outputs, sums, output, seed, multiplier_bits)
    )
    random = np.random.default_rng(seed)
    table = frozen_integers(random.integers(output.minimum, output.maximum + 1, 1 << output.bits))
    positions = window.output_size(shape[0], shape[1])
    sent = pool.output_size(*positions) if pool is not None else positions
    element = ProcessingElement(
        "conv",
        "conv",
        stream(shape, simd, activation),
        StreamType(Shape(*sent, outputs), output, lanes or pe),
        window,
        3 % (activation.maximum + 1),
        weights,
        weight,
        sums,
        function,
        output,
        groups,
        table if has_table else None,
        pool,
        pe,
        simd,
        fifo_depth=fifo_depth,
        extra_rows=extra_rows,
    )
    return shared(element) if shares and not element.depthwise else element


def shared(element: ProcessingElement) -> ProcessingElement:
    """Return the element with the fewest multipliers, and of these with the fewest adders."""
    pe, simd = element.pe, element.simd
    return replace(element, sharing=least(element, sharing_limits(element).sharings(pe, simd)))


def least(element: ProcessingElement, sharings: Sequence[Sharing]) -> Sharing:
    """Return of ``sharings``, or none at all, that of fewest multipliers, then fewest adders."""
    rows, values = element.pe // element.clusters, element.fan_in

    def cost(sharing: Sharing) -> tuple[int, int, bool]:
        return -(-rows // sharing.rows) * values, rows * values // sharing.chain, sharing.overlap

    return min([ALONE, *sharings], key=cost)
