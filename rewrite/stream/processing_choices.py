"""The foldings that a processing element can have."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace

from ir.elements import ALONE, IN_LOGIC, ProcessingElement
from ir.requantize import ScaleRequantization, Scaling, can_be_serial
from ir.resources.memory import rom
from rewrite.stream.adders import in_adders
from rewrite.stream.counts import divisors, narrowest, together, with_lanes
from rewrite.stream.share import sharing_limits, sharings
from rewrite.stream.taps import parallel_taps

LEAST_TABLE_COST = 16
"""In LUTs of 64 bits: smaller tables of weights are not worth a block RAM."""


def processing_elements(element: ProcessingElement) -> Iterator[ProcessingElement]:
    """Yield ``element`` with every folding, sharing of multipliers and style it can have."""
    if element.reads is not None:
        for sharing in sharings(element):
            yield replace(element, sharing=sharing)
        yield from in_adders(element)
        if element.clusters > 1 or element.members is not None:
            return
        element = replace(element, reads=None)
    channels = element.input.shape.channels
    limits = None if element.depthwise else sharing_limits(element)
    read = [
        *(
            replace(element, simd=simd)
            for simd in divisors(channels if element.depthwise else channels // element.groups)
        ),
        *parallel_taps(element),
    ]
    for reading in read:
        for pe in _at_a_time(reading):
            found = [ALONE] if limits is None else limits.sharings(pe, reading.simd)
            for sharing in (*found, IN_LOGIC):
                folded = replace(reading, pe=pe, sharing=sharing)
                for lanes in _sent(folded):
                    sent = replace(folded, output=with_lanes(element.output, lanes))
                    yield from _styles(sent)
            unfolded = replace(reading, pe=pe)
            if not unfolded.surplus:
                yield from in_adders(replace(unfolded, output=with_lanes(element.output, pe)))


def _styles(element: ProcessingElement) -> Iterator[ProcessingElement]:
    """Yield ``element`` with small tables in logic or block RAM, and multipliers or none."""
    small = _is_small_table(element)
    for placed in (element, replace(element, block_rom=True)) if small else (element,):
        yield placed
        if isinstance(element.requantization, ScaleRequantization):
            yield replace(placed, scaling=Scaling.IN_LOGIC)
            yield from _serial(placed)


def _serial(element: ProcessingElement) -> Iterator[ProcessingElement]:
    """Yield ``element`` with adders instead of the requantization's multipliers, if it may.

    Groups of a window that keeps nothing cannot wait for it.
    """
    if can_be_serial(element.requantization):
        serial = replace(element, scaling=Scaling.SERIAL)
        if serial.group_edges == serial.steps or not serial.is_direct:
            yield serial


def _at_a_time(element: ProcessingElement) -> list[int]:
    """Return the numbers of output channels that ``element`` may compute at a time."""
    outputs = element.depth_multiplier
    if element.depthwise:
        return [element.simd // element.taps * outputs]
    return together(outputs) if element.groups == 1 else divisors(outputs)


def _sent(element: ProcessingElement) -> list[int]:
    """Return by how many of its sums may leave: the fewest for which there is time, or all.

    In between there is nothing that a converter is not.
    """
    all_outputs = int(element.weights.shape[3])
    fewest = narrowest(element.pe, all_outputs, element.steps)
    whole = [] if element.surplus else [element.pe]
    return sorted({*whole, *([] if fewest is None else [fewest])})


def _is_small_table(element: ProcessingElement) -> bool:
    """True if the weights are a table in logic that takes more than a few look-up tables."""
    words, chain = element.folds * element.steps, element.sharing.chain
    width = element.pe * element.simd * element.weight_number.bits // chain
    taken = rom(words, width)
    return not (element.depthwise or taken.bram18) and taken.cost > LEAST_TABLE_COST
