"""Windows over blocks of pixels: convolutions, means and max pools.

``conv(K x K, C -> O)``  over pixels  becomes  ``conv(K' x K', P_in * C -> P_out * O)``  over blocks

The weight of output position q of a block for place p of the window of blocks is the weight of the
tap by which q sees p, if it does, else 0.  Exact: the same products, added in another order.  Where
one block holds a whole row or map, taps outside of it are left out, and the constant that their
padding would have added, the sum of ``pad_value * weight``, goes into the requantization.

A max pool is the largest of some of the values of a window of blocks, ``members``.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np

from ir.elements import Element, Kernel, ProcessingElement, Shape, StreamType
from ir.numbers import IntArray, IntegerType, frozen_integers
from ir.requantize import Requantization, ScaleRequantization, ThresholdRequantization
from rewrite.stream.blocks.grid import Grid, blocked


@dataclass(frozen=True, slots=True)
class Sums:
    """A convolution over pixels: what its positions add up, and what becomes of the sums.

    ``weights``: (kernel height, kernel width, channels, outputs); ``groups``: equal parts of
    channels and outputs that have weights with each other only.  ``requantization``: of the
    outputs, or of all outputs of all positions of a block.  Else as in a processing element.
    """

    name: str
    layer: str
    kernel: Kernel
    weights: IntArray
    weight_number: IntegerType
    pad_value: int
    requantization: Requantization
    accumulator: IntegerType
    convolved: IntegerType
    number: IntegerType
    groups: int = 1
    table: IntArray | None = None


def convolution(sums: Sums, source: Element, shape: Shape, grid: Grid) -> ProcessingElement:
    """Return ``sums`` over the blocks of ``grid``, which ``source`` sends of a map of ``shape``."""
    weights = sparse_weights(sums.weights, grid)
    outputs = sums.weights.shape[3]
    function, accumulator = _corrected(sums, grid, weights, source.output.number)
    rows, columns = sums.kernel.output_size(shape.height, shape.width)
    output = blocked(Shape(rows, columns, outputs), grid.block)
    flat = weights.reshape(-1, weights.shape[3])
    return ProcessingElement(
        name=sums.name,
        layer=sums.layer,
        source=source,
        output=StreamType(output, sums.number, output.channels),
        kernel=grid.kernel,
        pad_value=sums.pad_value,
        weights=frozen_integers(weights),
        weight_number=sums.weight_number,
        accumulator=accumulator,
        requantization=function,
        convolved=sums.convolved,
        table=sums.table,
        pe=flat.shape[1],
        simd=flat.shape[0],
        taps=grid.kernel.taps,
        reads=reads(flat, grid.positions * sums.groups),
    )


def sparse_weights(weights: IntArray, grid: Grid) -> IntArray:
    """Return ``weights`` (rows, columns, channels, outputs) of a window over blocks."""
    down, across = grid.down, grid.across
    channels, outputs = weights.shape[2:]
    spread = np.zeros(
        (
            down.kernel * down.inputs,
            across.kernel * across.inputs,
            channels,
            down.block,
            across.block,
            outputs,
        ),
        np.int64,
    )
    y, tap_y = np.nonzero(down.places >= 0)
    x, tap_x = np.nonzero(across.places >= 0)
    place_y, place_x = down.places[y, tap_y], across.places[x, tap_x]
    # Advanced indices in front: (rows' taps, columns' taps, channels, outputs).
    spread[place_y[:, None], place_x[None], :, y[:, None], x[None], :] = weights[
        tap_y[:, None], tap_x[None]
    ]
    split = spread.reshape(
        down.kernel, down.inputs, across.kernel, across.inputs * channels, -1
    ).transpose(0, 2, 1, 3, 4)
    return split.reshape(down.kernel, across.kernel, -1, split.shape[4])


def reads(weights: IntArray, clusters: int) -> IntArray:
    """Return (clusters, n) ascending rows of ``weights`` (values, outputs) that clusters need."""
    parts = (weights != 0).reshape(len(weights), clusters, -1).any(axis=2)
    count = max(1, int(parts.sum(axis=0).max()))
    # A stable sort: those with weights first, filled up with some that have none.
    return frozen_integers(np.sort(np.argsort(~parts, axis=0, kind="stable")[:count].T, axis=1))


def _left_out(sums: Sums, grid: Grid) -> IntArray:
    """Return what the taps outside of a whole row or map would add, (positions * outputs,)."""
    down, across = grid.down.places < 0, grid.across.places < 0
    taps = down[:, None, :, None] | across[None, :, None, :]
    per_tap = sums.weights.sum(axis=2) * sums.pad_value
    added: IntArray = np.einsum("yxij,ijo->yxo", taps.astype(np.int64), per_tap).reshape(-1)
    return added


def _corrected(
    sums: Sums, grid: Grid, weights: IntArray, inputs: IntegerType
) -> tuple[Requantization, IntegerType]:
    """Return requantization and accumulator for sums that lack what is left out."""
    function, added = sums.requantization, _left_out(sums, grid)
    channel = np.arange(len(added)) % _channels(function)
    if isinstance(function, ScaleRequantization):
        multipliers = function.multipliers[channel]
        offsets = function.offsets[channel] + multipliers * added
        thresholds = np.zeros(1, np.int64)
        tiled: Requantization = replace(
            function, multipliers=frozen_integers(multipliers), offsets=frozen_integers(offsets)
        )
    else:
        thresholds = function.thresholds[channel] - added[:, None]
        tiled = replace(function, thresholds=frozen_integers(thresholds))
    if not added.any():
        return tiled, sums.accumulator
    flat = weights.reshape(-1, weights.shape[3])
    extremes = flat * inputs.minimum, flat * inputs.maximum
    low, high = np.minimum(*extremes).sum(axis=0).min(), np.maximum(*extremes).sum(axis=0).max()
    bounds = min(int(low), int(thresholds.min())), max(int(high), int(thresholds.max()))
    return tiled, IntegerType.spanning(*bounds, signed=True)


def _channels(function: Requantization) -> int:
    if isinstance(function, ThresholdRequantization):
        return len(function.thresholds)
    return len(function.multipliers)


def ungrouped(weights: IntArray, groups: int) -> IntArray:
    """Return (rows, columns, channels / groups, outputs) with zeros between the groups."""
    rows, columns, inputs, outputs = weights.shape
    whole = np.zeros((rows, columns, groups, inputs, groups, outputs // groups), np.int64)
    apart = weights.reshape(rows, columns, inputs, groups, -1)
    for group in range(groups):
        whole[:, :, group, :, group] = apart[:, :, :, group]
    return whole.reshape(rows, columns, groups * inputs, outputs)


def members(pool: Grid, channels: int) -> IntArray:
    """Return, for each value of an output block, those of the window of which it is the largest.

    (values, most): numbers of the values in the order of the window; fewer are filled up with one
    of them.
    """
    down, across = pool.down, pool.across
    rows, columns = down.kernel * down.inputs, across.kernel * across.inputs
    order = np.arange(rows * columns * channels).reshape(
        down.kernel, across.kernel, down.inputs, across.inputs, channels
    )
    numbers = order.transpose(0, 2, 1, 3, 4).reshape(rows, columns, channels)
    y, x = _inside(down.places), _inside(across.places)
    # (rows, columns, rows of taps, columns of taps, channels)
    found = numbers[y[:, None, :, None], x[None, :, None, :]]
    return frozen_integers(found.transpose(0, 1, 4, 2, 3).reshape(len(y) * len(x) * channels, -1))


def _inside(places: IntArray) -> IntArray:
    """Return ``places`` with one that is inside of the map for each that is not."""
    inside: IntArray = np.where(places < 0, places.max(axis=1, keepdims=True), places)
    return inside
