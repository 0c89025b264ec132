"""Means whose values onnxruntime adds in float32, in a known order."""

from __future__ import annotations

import numpy as np

from ir.average_proof import GoldenMean
from ir.elements import FloatMean, Kernel, Shape, StreamType
from ir.float_mean import (
    FloatSums,
    accumulator_of,
    float_sums,
    prove_float_mean,
    rounded,
)
from ir.identifiers import Identifiers
from ir.numbers import IntArray
from rewrite.lower.arithmetic import Built, Reference, mapped
from rewrite.lower.pool_execution import PoolExecution
from rewrite.lower.streams import Stream

_CANDIDATES = 2**21
"""Codes of the windows among which hard ones are looked for."""
_FRAMES, _VALUES = 64, 40_000
"""At most, of frames of hard windows."""


def without_overlap(kernel: Kernel, shape: Shape) -> Kernel | None:
    """Return ``kernel`` with strides of at least its size, None if windows on ``shape`` overlap."""
    rows, columns = kernel.output_size(shape.height, shape.width)
    down = max(kernel.stride_height, kernel.height if rows == 1 else 1)
    across = max(kernel.stride_width, kernel.width if columns == 1 else 1)
    if kernel.is_padded or down < kernel.height or across < kernel.width:
        return None
    return Kernel(kernel.height, kernel.width, down, across)


def float_mean(
    execution: PoolExecution,
    stream: Stream,
    kernel: Kernel,
    golden: GoldenMean,
    names: Identifiers,
    layer: str,
) -> Built:
    """Build a mean over windows of a map, without overlap, that rounds as onnxruntime does.

    Raises:
        CompileError: a proof failed.
    """
    shape, number = stream.shape, stream.element.output.number
    sums = float_sums(golden, number)
    requantization, proof = prove_float_mean(layer, golden, sums)
    rows, columns = kernel.output_size(shape.height, shape.width)
    element = FloatMean(
        name=names.new(layer),
        layer=layer,
        source=stream.element,
        output=StreamType(Shape(rows, columns, shape.channels), golden.output, 1),
        kernel=kernel,
        addends=sums.addends,
        accumulator=accumulator_of(sums, requantization),
        requantization=requantization,
    )
    ends = requantization(np.array([[sums.least], [sums.most]])).reshape(-1)
    lows, highs = (np.full(shape.channels, end) for end in ends)
    hard = _hard_frames(golden, sums, kernel, shape)
    return Built(mapped(element, lows, highs, layer), proof, Reference(execution.run, hard))


def _hard_frames(golden: GoldenMean, sums: FloatSums, kernel: Kernel, shape: Shape) -> IntArray:
    """Return frames (frames, channels, height, width) of windows that are hard to sum."""
    random = np.random.default_rng(0)
    rows, columns = kernel.output_size(shape.height, shape.width)
    frames = max(1, min(_FRAMES, _VALUES // shape.size))
    size = (frames, shape.channels, shape.height, shape.width)
    codes = random.integers(golden.low, golden.high, size, endpoint=True)
    count = frames * shape.channels * rows * columns
    found = _hard_windows(golden, sums, random)
    chosen = found[np.arange(count) % len(found)]
    windows = chosen.reshape(frames, shape.channels, rows, columns, kernel.height, kernel.width)
    for row, column in np.ndindex(rows, columns):
        top, left = row * kernel.stride_height, column * kernel.stride_width
        codes[:, :, top : top + kernel.height, left : left + kernel.width] = windows[
            :, :, row, column
        ]
    return codes


def _hard_windows(golden: GoldenMean, sums: FloatSums, random: np.random.Generator) -> IntArray:
    """Return windows (n, taps) of codes, those before others whose code depends on the order.

    Their sums are such as may give two codes, if there are any.
    """
    taps, span = golden.taps, (golden.low, golden.high)
    count = max(2, _CANDIDATES // taps)
    uncertain = golden.uncertain(0)
    if len(uncertain):
        targets = random.choice(uncertain, count)
    else:
        targets = random.integers(golden.firsts[0], golden.lasts[0], count, endpoint=True)
        targets -= taps * golden.zero_point
    targets += taps * golden.zero_point
    spread = random.choice([0.5, 8.0, 80.0], (count, 1))
    windows = targets[:, None] / taps + spread * random.standard_normal((count, taps))
    codes = np.clip(np.rint(windows), *span).astype(np.int64)
    missing = targets - codes.sum(axis=1)
    room = np.where(missing[:, None] > 0, golden.high - codes, codes - golden.low)
    before = np.cumsum(room, axis=1) - room
    taken = np.clip(np.abs(missing)[:, None] - before, 0, room)
    codes += np.sign(missing)[:, None] * taken
    addends = sums.addends[codes & (len(sums.addends) - 1)]
    orders = addends.T, addends.T[::-1], addends.sum(axis=1)[None, :]
    forward, backward, exact = (_codes_in_order(golden, sums, order) for order in orders)
    differs = (forward != backward) | (forward != exact)
    return codes[np.argsort(~differs, kind="stable")]


def _codes_in_order(golden: GoldenMean, sums: FloatSums, addends: IntArray) -> IntArray:
    """Return the codes of sums of ``addends`` (terms, n), one term after another."""
    total = np.zeros(addends.shape[1:], np.int64)
    for term in addends:
        total = rounded(total + term)
    totals = (total.astype(np.float64) * sums.unit).astype(np.float32)
    return golden.codes(totals, golden.counts)
