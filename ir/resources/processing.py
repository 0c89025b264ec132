"""The processing element: the sum of its parts."""

from __future__ import annotations

from ir.elements import ProcessingElement
from ir.resources.codes import lookup, requantization
from ir.resources.dispatch import parts_of
from ir.resources.part import Part
from ir.resources.plumbing import reserving_fifo
from ir.resources.pools import lane_maxima, max_pool
from ir.resources.sums import cluster_sums, depthwise_vector, matrix_vector, serializer
from ir.resources.windows import parallel_window, window


@parts_of.register
def processing_element(element: ProcessingElement) -> tuple[Part, ...]:
    """Return what processing_element.vhd is composed of, as ``element`` sets its generics."""
    output = element.output.number
    lanes = element.output.lanes if element.members is None else element.pe
    parts: list[Part] = [_window(element), _sums(element)]
    if element.parts > 1:
        parts.append(serializer(lanes * element.accumulator.bits, element.parts))
    function, sums = element.requantization, element.accumulator.bits
    folds = element.folds * element.parts
    parts.append(requantization(function, sums, element.convolved.bits, lanes, folds))
    if element.table is not None:
        parts.append(lookup(element.table, output.bits, lanes))
    if element.members is not None:
        parts.append(lane_maxima(element.members, output.bits))
    parts += reserving_fifo(element.fifo_depth, element.output.width_bits, element.parts)
    if element.pool is not None:
        depth = element.pool_fifo_depth
        positions = element.window_positions
        parts += max_pool(positions, element.pool, output.bits, lanes, depth, depth)
    return (*parts, _together(parts))


def _together(parts: list[Part]) -> Part:
    """Return what the parts take more together than alone.

    ``parts``: their LUTs. Alone, most logic of a part is on its longest path and mapped with care;
    beside others it is not.
    """
    return Part("processing_element", {"parts": sum(part.resources().lut for part in parts)}, {})


def _sums(element: ProcessingElement) -> Part:
    if element.reads is not None:
        return cluster_sums(element)
    return depthwise_vector(element) if element.depthwise else matrix_vector(element)


def _window(element: ProcessingElement) -> Part:
    shape, bits = element.input.shape, element.input.number.bits
    blocks = element.folds if element.depthwise else element.groups
    if element.taps > 1:
        taps = element.taps, element.replays, blocks, element.extra_rows
        return parallel_window(shape, element.kernel, bits, *taps)
    counts = element.replays, blocks, element.extra_rows
    return window(shape, element.kernel, bits, element.simd, *counts)
