"""Means whose values onnxruntime adds in float32, in a known order."""

from __future__ import annotations

from dataclasses import replace

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
from ir.interpreter.windows import windows
from ir.numbers import IntArray, frozen_integers
from rewrite.lower.arithmetic import Built, Reference, mapped
from rewrite.lower.borders import bordered
from rewrite.lower.layout import as_map, reordered
from rewrite.lower.pool_execution import PoolExecution
from rewrite.lower.streams import Stream

MOST_WINDOWS = 2**16
"""Of a frame: entries of the table that tells their sets of thresholds."""
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


def beside_each_other(
    stream: Stream, kernel: Kernel, zero_point: int, names: Identifiers, layer: str
) -> tuple[Stream, Kernel]:
    """Return a map in which each window of the map ``stream`` is a row of values of its own.

    Padding is ``zero_point``, which adds nothing to a sum.  The windows of a row of windows are in
    one row; the kernel is that of one.

    Raises:
        CompileError: no nested loops visit the windows.
    """
    sides = np.array(
        [[0, kernel.pad_top, kernel.pad_left], [0, kernel.pad_bottom, kernel.pad_right]]
    )
    padded = as_map(bordered(stream, sides, zero_point, names, layer).stream, names, layer)
    shape = padded.shape
    raster = np.arange(shape.size).reshape(1, shape.height, shape.width, shape.channels)
    inside = Kernel(kernel.height, kernel.width, kernel.stride_height, kernel.stride_width)
    places = windows(inside, raster, 0)[0]
    row = Kernel(1, kernel.taps, 1, kernel.taps)
    return reordered(padded, places.reshape(len(places), -1, shape.channels), names), row


def float_mean(
    execution: PoolExecution,
    source: Stream,
    golden: GoldenMean,
    counts: IntArray,
    names: Identifiers,
    layer: str,
) -> Built:
    """Build a mean over windows of the map ``source`` that rounds as onnxruntime does.

    ``counts``: of what each window's mean is, (rows, columns).

    Raises:
        CompileError: a proof failed.
    """
    stream, kernel = source, without_overlap(execution.kernel, source.shape)
    if kernel is None:
        stream, kernel = beside_each_other(
            source, execution.kernel, golden.zero_point, names, layer
        )
    shape, number = stream.shape, stream.element.output.number
    sums = float_sums(golden, number)
    requantization, proof = prove_float_mean(layer, golden, sums)
    rows, columns = kernel.output_size(shape.height, shape.width)
    sets = np.searchsorted(golden.counts, counts.reshape(-1))
    element = FloatMean(
        name=names.new(layer),
        layer=layer,
        source=stream.element,
        output=StreamType(Shape(rows, columns, shape.channels), golden.output, 1),
        kernel=kernel,
        addends=sums.addends,
        accumulator=accumulator_of(sums, requantization),
        requantization=requantization,
        sets=frozen_integers(sets),
    )
    every = (1, len(golden.counts))
    least, most = (requantization(np.full(every, end)) for end in (sums.least, sums.most))
    lows, highs = np.full(shape.channels, least.min()), np.full(shape.channels, most.max())
    whole = replace(golden, counts=np.array([golden.taps]))
    hard = _hard_frames(whole, sums, execution.kernel, source.shape)
    return Built(mapped(element, lows, highs, layer), proof, Reference(execution.run, hard))


def _hard_frames(golden: GoldenMean, sums: FloatSums, kernel: Kernel, shape: Shape) -> IntArray:
    """Return frames (frames, channels, height, width) of windows that are hard to sum."""
    random = np.random.default_rng(0)
    frames = max(1, min(_FRAMES, _VALUES // shape.size))
    codes = random.integers(
        golden.low,
        golden.high,
        (frames, shape.channels, shape.height, shape.width),
        endpoint=True,
    )
    tops = _apart(kernel.height, kernel.stride_height, kernel.pad_top, shape.height)
    lefts = _apart(kernel.width, kernel.stride_width, kernel.pad_left, shape.width)
    found = _hard_windows(golden, sums, random)
    each = frames * shape.channels
    for number, (top, left) in enumerate((top, left) for top in tops for left in lefts):
        chosen = found[(number * each + np.arange(each)) % len(found)]
        codes[:, :, top : top + kernel.height, left : left + kernel.width] = chosen.reshape(
            frames, shape.channels, kernel.height, kernel.width
        )
    return codes


def _apart(taps: int, stride: int, pad: int, size: int) -> list[int]:
    """Return where windows along one axis begin that are inside, and do not overlap."""
    begins: list[int] = []
    for begin in range(-pad, size - taps + 1, stride):
        if begin >= 0 and (not begins or begin >= begins[-1] + taps):
            begins.append(begin)
    return begins


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
    near = targets[:, None] / taps + spread * random.standard_normal((count, taps))
    codes = np.clip(np.rint(near), *span).astype(np.int64)
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
