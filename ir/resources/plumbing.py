"""FIFOs, memories of states, width converters, forks and the core's ports."""

from __future__ import annotations

from dataclasses import replace
from functools import lru_cache

from ir.elements import Fifo, Input, Output, Reshape, WidthConverter
from ir.numbers import clog2
from ir.resources.count import Resources
from ir.resources.dispatch import parts_of
from ir.resources.memory import SMALLEST_BLOCK_RAM, Mapping, distributed_ram, ram
from ir.resources.part import Part

MOST_WORDS_READ_AT_ONCE, FRONT_WORDS = 64, 4
"""A FIFO of more has so many in front of its memory: ``deep`` of stream_fifo.vhd."""


@lru_cache(1024)
def stream_fifo(depth: int, width: int) -> Part:
    """Return a FIFO: two places, a count, its memory; of a deep one also what is in front of it.

    LUT: ``place``, bits of a place; ``wraps``, the same where its range is no power of two;
    ``multiplexed``, bits chosen among four of several memories each, and ``rows``, these;
    ``deep``, a memory behind a front; ``waiting``, bits of its count; ``passed``, bits that come
    to the front.
    FF: the places, the count ``stored``, the single word of a FIFO without memory; of a deep one
    also its front's places and rooms, ``waiting``, ``passed``, two registers that pass the memory
    by, and ``read``, the two behind it that are part of a block RAM.
    """
    is_deep = depth > MOST_WORDS_READ_AT_ONCE
    places = depth - FRONT_WORDS if is_deep else depth
    memory, front = Mapping(0.0), Mapping(0.0)
    if is_deep:
        memory, front = ram(places, width), distributed_ram(FRONT_WORDS, width)
    elif depth > 1:
        memory = distributed_ram(depth, width)
    place, passed = clog2(places), width if is_deep else 0
    rows = memory.rows if memory.rows > 1 else 0
    lut = {
        "one": 1.0,
        "place": place,
        "wraps": place if is_deep and places & (places - 1) else 0,
        "multiplexed": width * -(-rows // 4),
        "rows": rows,
        "deep": int(is_deep),
        "waiting": place if is_deep else 0,
        "passed": passed,
    }
    ff = {
        "one": 1.0,
        "place": 2 * place,
        "stored": clog2(depth + 1),
        "word": width if depth == 1 else 0,
        "deep": int(is_deep),
        "waiting": place if is_deep else 0,
        "passed": 2 * passed,
        "read": 2 * passed if not memory.bram18 else 0,
    }
    own = Resources(lut_memory=memory.luts + front.luts, bram18=memory.bram18)
    return Part("stream_fifo", lut, ff, own)


@lru_cache(1024)
def reserving_fifo(depth: int, width: int, beats: int = 1) -> tuple[Part, ...]:
    """Return a FIFO whose places are reserved, ``beats`` at a time: a second count.

    What is stored is a FIFO without what may hold up its input.
    LUT: ``place``, bits of a place, and ``singly``, the same where one is reserved at a time;
    ``counted``, where there is more than one.  FF: ``reserved``, bits of the count.
    """
    place = clog2(depth)
    lut = {
        "one": 1.0,
        "counted": int(depth > 2),
        "place": place,
        "singly": place if beats == 1 else 0,
    }
    own = Part("reserving_fifo", lut, {"one": 1.0, "reserved": clog2(depth + 1)})
    stored = stream_fifo(depth, width)
    return (own, replace(stored, lut={**stored.lut, "one": 0.0}))


def state_memory(words: int, width: int) -> Part:
    """Return the states of so many interleaved computations; names as its generics.

    LUT: bits of the ``index``; ``multiplexed``, those of a word for each memory behind the first.
    FF: ``held``, registers that no block RAM has; the address, which is ahead of the ``index``.
    """
    memory = ram(words, width) if words > 1 else Mapping(0.0)
    is_deep = words > 2 and words * width >= SMALLEST_BLOCK_RAM
    lut = {
        "one": float(words > 1),
        "index": clog2(words),
        "multiplexed": (memory.rows - 1) * width if memory.luts else 0,
    }
    ff = {
        "held": width * (int(not memory.bram18) + int(is_deep)),
        "index": clog2(words),
    }
    return Part("state_memory", lut, ff, memory.resources())


def width_converter(bits: int, input_lanes: int, output_lanes: int) -> Part:
    """Return the change of lanes: a register of the wider beat, and a count of its parts.

    LUT: ``shifted``, bits that are loaded or shifted on; ``count``, bits of the count.
    """
    if input_lanes == output_lanes:
        return Part("width_converter", {}, {})
    wide = max(input_lanes, output_lanes)
    count = clog2(wide // min(input_lanes, output_lanes))
    shifted = (wide - output_lanes) * bits
    lut = {"one": 1.0, "shifted": shifted, "count": count}
    return Part("width_converter", lut, {"one": 1.0, "beat": wide * bits, "count": count})


def stream_fork(ways: int) -> Part:
    """Return the gates that let a beat pass when all readers are ready."""
    return Part("stream_fork", {"one": 1.0, "ways": ways}, {})


def axis_input(bits: int, lanes: int, beats: int, buffered: bool = True) -> tuple[Part, ...]:
    """Return the core's input: a count of beats, padding of frames cut short, a FIFO of two.

    LUT: ``padded``, bits that may be padding: none of a single beat; ``position``, of the count.
    """
    width, position = lanes * bits, clog2(beats)
    lut = {"one": 1.0, "position": position, "padded": width if beats > 1 else 0}
    own = Part("axis_input", lut, {"one": 1.0, "position": position})
    return (own, stream_fifo(2, width)) if buffered else (own,)


def axis_output(bits: int, lanes: int, beats: int, buffered: bool = True) -> tuple[Part, ...]:
    """Return the core's output: a count of beats, a FIFO of two."""
    position = clog2(beats)
    lut = {"one": 1.0, "position": position}
    own = Part("axis_output", lut, {"one": 1.0, "position": position})
    return (own, stream_fifo(2, lanes * bits)) if buffered else (own,)


@parts_of.register
def _input(element: Input) -> tuple[Part, ...]:
    output = element.output
    return axis_input(output.number.bits, output.lanes, output.beats, element.buffered)


@parts_of.register
def _output(element: Output) -> tuple[Part, ...]:
    output = element.output
    return axis_output(output.number.bits, output.lanes, output.beats, element.buffered)


@parts_of.register
def _fifo(element: Fifo) -> tuple[Part, ...]:
    return (stream_fifo(element.depth, element.output.width_bits),)


@parts_of.register
def _width_converter(element: WidthConverter) -> tuple[Part, ...]:
    output = element.output
    return (width_converter(output.number.bits, element.source.output.lanes, output.lanes),)


@parts_of.register
def _reshape(element: Reshape) -> tuple[Part, ...]:
    del element  # wires
    return ()
