"""The memories of each kind of element, for reports."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from ir import timing
from ir.cycles import buffered_rows
from ir.elements import (
    AdderChain,
    Affine,
    ArgMax,
    AveragePool,
    Border,
    Concatenate,
    DotProduct,
    Element,
    Extremum,
    Fifo,
    FloatMean,
    GlobalAverage,
    GlobalMaximum,
    Kernel,
    LayerNormalization,
    Lookup,
    MaxPool,
    Merge,
    PairLookup,
    ProcessingElement,
    Product,
    Rectifier,
    Reorder,
    Shape,
    SideBySide,
    Softmax,
    StreamType,
)
from ir.layer_normalization import element_half_width
from ir.numbers import clog2
from ir.resources.pools import slides
from ir.words import number_of


@dataclass(frozen=True, slots=True)
class Buffer:
    """A memory of an element: ``words`` of ``bits`` bits; ``note`` says how that comes about."""

    name: str
    words: int
    bits: int
    note: str = ""

    @property
    def total_bits(self) -> int:
        """Bits of all words."""
        return self.words * self.bits


def buffers_of(element: Element) -> tuple[Buffer, ...]:
    """Return the memories of ``element``."""
    match element:
        case ProcessingElement():
            return tuple(_processing_buffers(element))
        case (
            AdderChain()
            | Affine()
            | Lookup()
            | Rectifier()
            | ArgMax()
            | Merge()
            | Product()
            | Extremum()
            | PairLookup()
            | DotProduct()
            | Concatenate()
            | SideBySide()
        ):
            return (Buffer("FIFO", element.fifo_depth, element.output.width_bits),)
        case MaxPool():
            return (
                *_maximum_buffers(element.source.output.shape, element.kernel, element.output),
                Buffer("FIFO of rows", element.row_depth, element.output.width_bits),
                Buffer("FIFO", element.fifo_depth, element.output.width_bits),
            )
        case AveragePool():
            return tuple(_average_buffers(element))
        case Softmax() | LayerNormalization():
            return tuple(_normalizing_buffers(element))
        case FloatMean():
            width = element.output.lanes * element.accumulator.bits
            return (
                Buffer("sums", element.sums, width),
                Buffer("FIFO", element.fifo_depth, element.output.width_bits),
            )
        case GlobalAverage() | GlobalMaximum():
            output = element.output
            name, bits = "maxima", output.number.bits
            if isinstance(element, GlobalAverage):
                name, bits = "sums", element.accumulator.bits
            return (
                *_states(name, output.beats, output.lanes * bits),
                Buffer("FIFO", element.fifo_depth, output.width_bits),
            )
        case Border():
            return (
                Buffer("input FIFO", element.input_depth, element.output.width_bits),
                Buffer("FIFO", element.fifo_depth, element.output.width_bits),
            )
        case Reorder():
            words = element.block_size // element.output.lanes
            note = f"{element.stored_blocks} blocks"
            return (
                Buffer(
                    "block memory", element.stored_blocks * words, element.output.width_bits, note
                ),
                Buffer("FIFO", element.fifo_depth, element.output.width_bits),
            )
        case Fifo():
            return (Buffer("branch FIFO", element.depth, element.output.width_bits),)
        case _:
            return ()


def _normalizing_buffers(element: Softmax | LayerNormalization) -> list[Buffer]:
    """Return the FIFOs of beats between the passes, those of one number a pixel left out."""
    lanes, bits = element.output.lanes, element.source.output.number.bits
    folds = element.output.shape.channels // lanes
    reduction = timing.channel_reduce_latency(lanes)
    if isinstance(element, LayerNormalization):
        reduction = timing.moments_latency(lanes, element_half_width(element))
    buffers = [Buffer("pixel FIFO", timing.pass_depth(folds, reduction), lanes * bits)]
    if isinstance(element, Softmax):
        later = timing.SOFTMAX_EXPONENTIAL_LATENCY + reduction
        width = lanes * (element.fraction_bits + 1)
        buffers.append(Buffer("exponential FIFO", timing.pass_depth(folds, later), width))
    buffers.append(Buffer("FIFO", element.fifo_depth, element.output.width_bits))
    return buffers


def _maximum_buffers(shape: Shape, kernel: Kernel, output: StreamType) -> Iterator[Buffer]:
    """Yield what a max pool over frames of ``shape`` keeps: values of windows, maxima of rows."""
    across, down = slides(shape, kernel, output.lanes)
    for name, slide in (("values of windows", across), ("row maxima", down)):
        yield from _states(name, slide.inner, (slide.kernel - 1) * output.width_bits)


def _states(name: str, words: int, bits: int) -> Iterator[Buffer]:
    """Yield the memory of a state_memory.vhd; a single word is a register, and none."""
    if words > 1 and bits:
        yield Buffer(name, words, bits)


def _average_buffers(element: AveragePool) -> Iterator[Buffer]:
    kernel, lanes = element.kernel, element.output.lanes
    number, shape = element.input.number, element.output.shape
    folds = shape.channels // lanes
    sum_bits = lanes * (number.bits + int(not number.signed) + clog2(kernel.width))
    if kernel.stride_width < kernel.width:
        yield Buffer("values of windows", kernel.width * folds, element.input.width_bits)
    yield Buffer("FIFO of row sums", element.row_depth, sum_bits)
    if kernel.stride_height < kernel.height:
        rows = number_of(kernel.height, "row")
        yield Buffer("row sums", kernel.height * shape.width * folds, sum_bits, rows)
    if shape.width * folds > 1:
        yield Buffer("column sums", shape.width * folds, lanes * element.accumulator.bits)
    yield Buffer("FIFO", element.fifo_depth, element.output.width_bits)


def _processing_buffers(element: ProcessingElement) -> list[Buffer]:
    buffers = []
    shape = element.input.shape
    lanes = element.input_lanes
    words, bits = shape.channels // lanes, lanes * element.input.number.bits
    if element.taps > 1:
        rows = element.kernel.span_height + element.extra_rows
        note = f"{number_of(rows, 'row')}, a bank each"
        buffers.append(Buffer("line buffer", rows * shape.width, bits, note))
    elif not element.kernel.is_pointwise:
        rows = buffered_rows(element.kernel, element.extra_rows)
        note = number_of(rows, "row")
        buffers.append(Buffer("line buffer", rows * shape.width * words, bits, note))
    elif not element.is_direct:
        pixels = buffered_rows(Kernel(1, 1), element.extra_rows)
        note = number_of(pixels, "pixel")
        buffers.append(Buffer("pixel buffer", pixels * words, bits, note))
    width = element.output.width_bits
    buffers.append(Buffer("FIFO", element.fifo_depth, width))
    if element.pool is not None:
        convolved = element.kernel.output_size(shape.height, shape.width)
        frame = Shape(*convolved, element.output.shape.channels)
        buffers += _maximum_buffers(frame, element.pool, element.output)
        buffers.append(Buffer("pool FIFO", element.pool_fifo_depth, width))
    return buffers
