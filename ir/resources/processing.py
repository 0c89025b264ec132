"""The processing element: the sum of its parts."""

from __future__ import annotations

from ir.elements import ProcessingElement
from ir.requantize import ScaleRequantization, Scaling
from ir.resources.adders import adder_graph
from ir.resources.codes import lookup, requantization
from ir.resources.dispatch import parts_of
from ir.resources.part import Part
from ir.resources.plumbing import reserving_fifo
from ir.resources.pools import lane_maxima, max_pool
from ir.resources.serial import pace
from ir.resources.sums import serializer, sums_of_products
from ir.resources.windows import parallel_window, window

BETWEEN_REGISTERS = ("adder_graph", "logic_products", "table_products")


@parts_of.register
def processing_element(element: ProcessingElement) -> tuple[Part, ...]:
    """Return what processing_element.vhd is composed of, as ``element`` sets its generics."""
    output = element.output.number
    lanes = element.output.lanes if element.members is None else element.pe
    parts = [_window(element), *_codes(element, lanes)]
    if element.table is not None:
        parts.append(lookup(element.table, output.bits, lanes))
    if element.members is not None:
        parts.append(lane_maxima(element.members, output.bits))
    parts += reserving_fifo(element.fifo_depth, element.output.width_bits, element.parts)
    parts += pace(element.group_edges if element.group_edges > element.steps else 1)
    if element.pool is not None:
        depth = element.pool_fifo_depth
        positions = element.window_positions
        parts += max_pool(positions, element.pool, output.bits, lanes, depth, depth)
    return (*parts, _together(parts))


def _codes(element: ProcessingElement, lanes: int) -> list[Part]:
    """Return what forms and requantizes the sums, ``lanes`` at a time."""
    function = element.requantization
    if element.adder_levels and isinstance(function, ScaleRequantization):
        return [adder_graph(element)]
    parts = [adder_graph(element)] if element.adder_levels else [*sums_of_products(element)]
    if element.parts > 1:
        width = lanes * element.accumulator.bits
        # The register behind the choice of a part is one of the two of a DSP's factor; parts that
        # take several edges have none.
        in_dsp = isinstance(function, ScaleRequantization) and element.scaling is Scaling.MULTIPLIED
        registered = not in_dsp and element.beat_edges == 1
        parts.append(serializer(width, element.parts, registered))
        parts += pace(element.beat_edges)
    folds, scaling = element.pixel_beats, element.scaling
    sums, codes = element.accumulator.bits, element.convolved.bits
    return [*parts, *requantization(function, sums, codes, lanes, folds, scaling)]


def _together(parts: list[Part]) -> Part:
    """Return what the parts take more together than alone.

    ``parts``: their LUTs, but for those of adders and products between registers of their own,
    which nothing around them changes.
    """
    mapped = sum(part.resources().lut for part in parts if part.entity not in BETWEEN_REGISTERS)
    return Part("processing_element", {"parts": mapped}, {})


def _window(element: ProcessingElement) -> Part:
    shape, bits = element.input.shape, element.input.number.bits
    blocks = element.folds if element.depthwise else element.groups
    if element.taps > 1:
        taps = element.taps, element.replays, blocks, element.extra_rows
        return parallel_window(shape, element.kernel, bits, *taps)
    counts = element.replays, blocks, element.extra_rows
    return window(shape, element.kernel, bits, element.simd, *counts)
