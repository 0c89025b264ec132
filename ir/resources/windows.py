"""The window of a convolution: controller and row buffer."""

from __future__ import annotations

from dataclasses import replace
from functools import lru_cache

from ir.elements import Kernel, Shape
from ir.numbers import clog2
from ir.resources.count import Resources
from ir.resources.memory import ram
from ir.resources.part import Part


@lru_cache(1024)
def window(
    shape: Shape, kernel: Kernel, bits: int, simd: int, replays: int, blocks: int, extra_rows: int
) -> Part:
    """Return the parts of window.vhd that reads ``shape``; names as its generics.

    Of a buffer: ``address``, bits of the two addresses; ``wraps``, of the one that moves; ``room``
    and ``surplus``, bits of the two counts of words and pixels ahead; ``counters``, bits of the
    loops' counters; ``ahead``, of what the next beat changes; ``loops``, those of more than one
    round; ``padded``, bits of a beat that may be padding; ``places``, bits of the place of a tap on
    a padded map; ``edges``, rows and columns at whose windows the counts grow otherwise than
    inside.
    """
    if kernel.is_pointwise and replays == 1:
        counter = clog2(shape.channels // simd // blocks)
        sizes = {"one": 1.0, "counter": counter}
        return Part("direct_window", sizes, sizes | {"beat": simd * bits})
    slots, pixel = 2 + extra_rows, shape.channels // simd
    if kernel.is_pointwise and blocks == 1 and _keeps_pixels(slots, pixel):
        return pixel_window(simd * bits, pixel, replays, slots)
    if kernel.is_pointwise:
        shape, kernel = Shape(shape.pixels, 1, shape.channels), Kernel(1, 1)
    lines, places = kernel.output_size(shape.height, shape.width)
    pixel_words = shape.channels // simd
    row_words = shape.width * pixel_words
    rows = kernel.span_height + kernel.stride_height + extra_rows
    words = rows * row_words
    bound = rows + kernel.stride_height + 1
    memory = ram(words, simd * bits)
    rounds = (pixel_words // blocks, kernel.width, kernel.height, replays, blocks, places, lines)
    counters = sum(clog2(count) + 1 for count in (*rounds, pixel_words) if count > 1)
    pads = kernel.pad_top + kernel.pad_bottom, kernel.pad_left + kernel.pad_right
    spans = shape.height + pads[0], shape.width + pads[1]
    tap_bits = sum(clog2(s) + 1 for s, pad in zip(spans, pads, strict=True) if pad)
    surplus = clog2(bound * shape.width) + 1
    room = clog2(bound * row_words) + 1
    lut = {
        "one": 1.0,
        "address": clog2(words),
        "room": room,
        "surplus": surplus,
        "counters": counters,
        "loops": sum(count > 1 for count in rounds),
        "padded": simd * bits if any(pads) else 0,
        "places": tap_bits,
        "edges": _edges(shape, kernel),
        "multiplexed": (memory.rows - 1) * simd * bits if memory.luts else 0,
    }
    ff = {
        "one": 1.0,
        "address": 2 * clog2(words),
        "counts": room + surplus,
        "ahead": 2 * clog2(words) + room + surplus,
        "counters": counters,
        "places": tap_bits,
        "edge": surplus if _edges(shape, kernel) else 0,
        "word": simd * bits if memory.luts else 0,
        "padded": simd * bits + 2 if any(pads) else 0,
    }
    return Part("window", lut, ff, Resources(lut_memory=memory.luts, bram18=memory.bram18))


UNIT_WORDS = 64
"""Words of a unit of distributed RAM."""


def _keeps_pixels(slots: int, words: int) -> bool:
    """Return whether pixels are kept whole in slots of a power of two: pixel_window."""
    slot = 1 << clog2(words)
    return slot == words or slot << clog2(slots) <= UNIT_WORDS


def pixel_window(width: int, words: int, replays: int, slots: int) -> Part:
    """Return the counters and the memory of pixel_window.vhd; names as its generics.

    ``word`` and ``slot``, bits of a place; ``wraps``, those that are set back.
    """
    memory = ram(1 << (clog2(words) + clog2(slots)), width)
    sizes = {
        "one": 1.0,
        "word": clog2(words),
        "slot": clog2(slots),
        "wraps": clog2(words) if words & (words - 1) else 0,
        "replays": clog2(replays),
    }
    lut = sizes | {"multiplexed": (memory.rows - 1) * width if memory.luts else 0}
    ff = sizes | {"beat": width if memory.luts else 0}
    return Part("pixel_window", lut, ff, Resources(lut_memory=memory.luts, bram18=memory.bram18))


@lru_cache(1024)
def parallel_window(
    shape: Shape,
    kernel: Kernel,
    bits: int,
    taps: int,
    replays: int,
    blocks: int,
    extra_rows: int,
) -> Part:
    """Return the parts of parallel_window.vhd that reads ``shape``; names as its generics.

    LUT: ``gathered``, those that choose pixels among the rows' memories, three a LUT; ``padded``,
    bits of columns that may be outside, ``late``, of those that are there a fetch before they are
    shifted; ``sent``, of a window that is sent in parts; ``counters``, bits of counters and places.
    FF: the columns that are kept, ``history``, the ``window``, and the pixel that was ``taken``.
    """
    pixel = shape.channels * bits
    banks = kernel.span_height + extra_rows
    lines, places = kernel.output_size(shape.height, shape.width)
    reached = (places - 1) * kernel.stride_width - kernel.pad_left + kernel.span_width
    columns, overhang = min(shape.width, reached), max(0, reached - shape.width)
    memory, in_registers = ram(columns, pixel), columns == 1
    bound = clog2((banks + kernel.stride_height + 1) * shape.width) + 1
    rounds = (lines, places, replays, blocks, shape.width, kernel.taps // taps, banks)
    counters = sum(clog2(count) for count in rounds) + clog2(shape.width) * 3
    lut = {
        "one": 1.0,
        "gathered": kernel.height * pixel * -(-banks // MULTIPLEXED),
        "padded": kernel.height * pixel * _outside(kernel, shape.width, places),
        "late": kernel.height * pixel * _late(kernel, overhang),
        "sent": kernel.taps * pixel if kernel.taps > taps or blocks > 1 else 0,
        "bound": bound,
        "counters": counters,
        "chosen": kernel.height * banks,
    }
    ff = {
        "one": 1.0,
        "history": (kernel.span_width - 1) * kernel.height * pixel,
        "window": kernel.taps * pixel,
        "word": banks * pixel * (2 if in_registers else 1 if memory.luts else 0),
        "taken": pixel,
        "chosen": kernel.height * banks,
        "bound": bound,
        "counters": counters,
    }
    memories = 0 if in_registers else banks
    exact = Resources(lut_memory=memory.luts * memories, bram18=memory.bram18 * memories)
    return Part("parallel_window", lut, ff, exact)


MULTIPLEXED = 3
"""Bits, each with whether it is chosen, that a LUT6 makes one of."""


def _outside(kernel: Kernel, width: int, places: int) -> int:
    """Return how many columns of the kernel are outside of the image at times."""
    first, last = -kernel.pad_left, (places - 1) * kernel.stride_width - kernel.pad_left
    steps = [column * kernel.dilation_width for column in range(kernel.width)]
    return sum(first + step < 0 or last + step >= width for step in steps)


def _late(kernel: Kernel, overhang: int) -> int:
    """Return how many other columns those of the kernel may have to be taken of."""
    steps = [column * kernel.dilation_width for column in range(kernel.width)]
    return sum(min(overhang, step) for step in steps)


def _edges(shape: Shape, kernel: Kernel) -> int:
    """Return at how many places of a row and rows of a frame the window advances otherwise."""
    transposed = replace(
        kernel,
        width=kernel.height,
        stride_width=kernel.stride_height,
        dilation_width=kernel.dilation_height,
        pad_left=kernel.pad_top,
        pad_right=kernel.pad_bottom,
    )
    return _row_edges(shape.width, kernel) + _row_edges(shape.height, transposed)


def _row_edges(width: int, kernel: Kernel) -> int:
    span = kernel.span_width
    padded = width + kernel.pad_left + kernel.pad_right
    places = (padded - span) // kernel.stride_width + 1

    def reach(place: int) -> int:
        return max(1, min(width, place * kernel.stride_width - kernel.pad_left + span))

    steps = [reach(place + 1) - reach(place) for place in range(places - 1)]
    return sum(step != kernel.stride_width for step in steps)
