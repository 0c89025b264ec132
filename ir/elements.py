"""The stream graph's vocabulary: one frozen class per hardware element.

Edges are references: an element holds the element whose output it reads.  An element's ``output``
is the type of the stream it sends.  Feature maps are (height, width, channels), streamed in raster
order, channel fastest, ``lanes`` channels a beat; vectors are (1, 1, channels).
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TypeAlias

from ir.numbers import IntArray, IntegerType
from ir.requantize import Requantization


@dataclass(frozen=True, slots=True)
class Shape:
    """A feature map: ``height`` rows of ``width`` pixels of ``channels`` channels."""

    height: int
    width: int
    channels: int

    @property
    def pixels(self) -> int:
        """Pixels per frame."""
        return self.height * self.width

    @property
    def size(self) -> int:
        """Values per frame."""
        return self.pixels * self.channels

    def __str__(self) -> str:
        return f"{self.height}x{self.width}x{self.channels}"


@dataclass(frozen=True, slots=True)
class StreamType:
    """What an edge carries: ``shape.size / lanes`` beats of ``lanes`` values of ``number``."""

    shape: Shape
    number: IntegerType
    lanes: int

    def __post_init__(self) -> None:
        if self.lanes < 1 or self.shape.channels % self.lanes:
            raise ValueError(f"lanes must divide {self.shape.channels} channels, not {self.lanes}")

    @property
    def beats(self) -> int:
        """Beats per frame."""
        return self.shape.size // self.lanes

    @property
    def width_bits(self) -> int:
        """Bits of one beat's data."""
        return self.lanes * self.number.bits


@dataclass(frozen=True, slots=True)
class Kernel:
    """A sliding window: taps, step, spacing of taps and padding, all in pixels."""

    height: int
    width: int
    stride_height: int = 1
    stride_width: int = 1
    dilation_height: int = 1
    dilation_width: int = 1
    pad_top: int = 0
    pad_left: int = 0
    pad_bottom: int = 0
    pad_right: int = 0

    @property
    def taps(self) -> int:
        """Taps of the window."""
        return self.height * self.width

    @property
    def span_height(self) -> int:
        """Rows from the first to the last tap."""
        return (self.height - 1) * self.dilation_height + 1

    @property
    def span_width(self) -> int:
        """Columns from the first to the last tap."""
        return (self.width - 1) * self.dilation_width + 1

    @property
    def is_pointwise(self) -> bool:
        """True for a 1x1 window that visits every pixel once, without padding."""
        return self == Kernel(
            1, 1, dilation_height=self.dilation_height, dilation_width=self.dilation_width
        )

    def output_size(self, height: int, width: int) -> tuple[int, int]:
        """Return (rows, columns) of window positions on a ``height`` x ``width`` map."""
        rows = (height + self.pad_top + self.pad_bottom - self.span_height) // self.stride_height
        columns = (width + self.pad_left + self.pad_right - self.span_width) // self.stride_width
        return rows + 1, columns + 1


@dataclass(frozen=True, slots=True, eq=False)
class Input:
    """The core's AXI4-Stream input; ``output`` carries the quantized tensor.

    ``pad_value`` completes a frame that an early ``tlast`` cut short (the zero point).
    """

    name: str
    layer: str
    port: str
    output: StreamType
    pad_value: int


@dataclass(frozen=True, slots=True, eq=False)
class Reshape:
    """A stream seen with another shape; the order of values stays, so it is wires only."""

    name: str
    layer: str
    source: Element
    output: StreamType


@dataclass(frozen=True, slots=True, eq=False)
class ProcessingElement:
    """Fused pad - convolution - requantization - activation - max pool.

    A Dense layer is a 1x1 convolution on a 1x1 map.  ``weights``: (kernel height, kernel width,
    input channels, output channels), integers of ``weight_number``.  ``depthwise``: output channel
    c sees input channel c only; weights are (kernel height, kernel width, 1, channels), the window
    has more than one position or is padded, and ``simd`` = ``pe`` channels are handled at a time.
    The zero point of the input is folded into the requantization's offsets, so padding carries
    ``pad_value``, the zero point.
    ``table``: (2**bits,) output codes indexed by the bit pattern of the requantized code, or None.
    ``extra_rows``: image rows that the window buffers beyond span and stride.
    ``convolved``: type of one value before, ``output.number`` after the table.
    Folding: ``pe`` output channels and ``simd`` input channels of one tap per cycle.
    """

    name: str
    layer: str
    source: Element
    output: StreamType
    kernel: Kernel
    pad_value: int
    weights: IntArray
    weight_number: IntegerType
    accumulator: IntegerType
    requantization: Requantization
    convolved: IntegerType
    depthwise: bool = False
    table: IntArray | None = None
    pool: Kernel | None = None
    pe: int = 1
    simd: int = 1
    fifo_depth: int = 2
    pool_fifo_depth: int = 2
    extra_rows: int = 0

    @property
    def input(self) -> StreamType:
        """Type of the stream it reads."""
        return self.source.output

    @property
    def window_positions(self) -> Shape:
        """Shape between the convolution and the pool."""
        shape = self.input.shape
        return Shape(*self.kernel.output_size(shape.height, shape.width), self.weights.shape[3])

    @property
    def folds(self) -> int:
        """Groups of ``pe`` output channels per pixel."""
        return int(self.weights.shape[3]) // self.pe

    @property
    def steps(self) -> int:
        """Cycles per group: window values over ``simd``; one per tap if depthwise."""
        if self.depthwise:
            return self.kernel.taps
        return self.kernel.taps * self.input.shape.channels // self.simd

    @property
    def is_direct(self) -> bool:
        """True if every value is needed once, as it comes: nothing is buffered."""
        return self.kernel.is_pointwise and self.folds == 1

    @property
    def multipliers(self) -> int:
        """Products per cycle."""
        return self.pe if self.depthwise else self.pe * self.simd

    @property
    def macs(self) -> int:
        """Multiplications per frame."""
        return self.window_positions.pixels * int(self.weights.size)


@dataclass(frozen=True, slots=True, eq=False)
class MaxPool:
    """Maximum over a window; padding never wins (ONNX MaxPool)."""

    name: str
    layer: str
    source: Element
    output: StreamType
    kernel: Kernel
    fifo_depth: int = 2


@dataclass(frozen=True, slots=True, eq=False)
class GlobalAverage:
    """Sum of each channel over the frame, requantized."""

    name: str
    layer: str
    source: Element
    output: StreamType
    accumulator: IntegerType
    requantization: Requantization
    fifo_depth: int = 2


@dataclass(frozen=True, slots=True, eq=False)
class Affine:
    """A factor and a summand per channel (a BatchNormalization that could not be folded)."""

    name: str
    layer: str
    source: Element
    output: StreamType
    requantization: Requantization
    fifo_depth: int = 2


@dataclass(frozen=True, slots=True, eq=False)
class Lookup:
    """A unary function as a table: (2**bits,) output codes by the input's bit pattern."""

    name: str
    layer: str
    source: Element
    output: StreamType
    table: IntArray
    fifo_depth: int = 2


@dataclass(frozen=True, slots=True, eq=False)
class ArgMax:
    """Index of the first maximum over the channels of each pixel."""

    name: str
    layer: str
    source: Element
    output: StreamType
    fifo_depth: int = 2


@dataclass(frozen=True, slots=True, eq=False)
class WidthConverter:
    """Changes the lanes of a stream; one side divides the other."""

    name: str
    layer: str
    source: Element
    output: StreamType


@dataclass(frozen=True, slots=True, eq=False)
class Fifo:
    """A buffer of ``depth`` beats."""

    name: str
    layer: str
    source: Element
    output: StreamType
    depth: int


@dataclass(frozen=True, slots=True, eq=False)
class Fork:
    """Sends every beat to each of its readers, all of which are Fifos.

    A beat passes when every reader is ready; the depths of the Fifos decide how far the branches
    may run apart.
    """

    name: str
    layer: str
    source: Element
    output: StreamType


@dataclass(frozen=True, slots=True, eq=False)
class Merge:
    """A weighted sum of two streams of one shape, value by value (Add, Subtract, Average).

    ``y = clamp((a * factors[0] + b * factors[1] + offset) >> shift, low, high)``, floor shift; with
    ``half_even`` the shift rounds to nearest, ties to even, and ``zero_point`` is added behind it.
    """

    name: str
    layer: str
    sources: tuple[Element, Element]
    output: StreamType
    factors: tuple[int, int]
    offset: int
    shift: int
    low: int
    high: int
    half_even: bool = False
    zero_point: int = 0
    fifo_depth: int = 2


@dataclass(frozen=True, slots=True, eq=False)
class Concatenate:
    """Pixel by pixel the channels of one stream, then those of the next."""

    name: str
    layer: str
    sources: tuple[Element, ...]
    output: StreamType
    fifo_depth: int = 2


@dataclass(frozen=True, slots=True, eq=False)
class Output:
    """The core's AXI4-Stream output."""

    name: str
    layer: str
    source: Element
    output: StreamType
    port: str


Reader: TypeAlias = (
    Reshape
    | ProcessingElement
    | MaxPool
    | GlobalAverage
    | Affine
    | Lookup
    | ArgMax
    | WidthConverter
    | Fifo
    | Fork
    | Output
)
"""Elements that read one stream."""

Join: TypeAlias = Merge | Concatenate
"""Elements that read several streams."""

Consumer: TypeAlias = Reader | Join
Element: TypeAlias = Input | Consumer


def sources(element: Element) -> tuple[Element, ...]:
    """Return the elements whose streams ``element`` reads."""
    match element:
        case Input():
            return ()
        case Merge() | Concatenate():
            return element.sources
        case _:
            return (element.source,)


def with_sources(element: Consumer, streams: tuple[Element, ...]) -> Consumer:
    """Return ``element`` reading ``streams`` instead, itself where they are the same."""
    if all(new is old for new, old in zip(streams, sources(element), strict=True)):
        return element
    match element:
        case Merge():
            first, second = streams
            return replace(element, sources=(first, second))
        case Concatenate():
            return replace(element, sources=streams)
        case _:
            (stream,) = streams
            return replace(element, source=stream)


def input_lanes(element: Consumer) -> int:
    """Return the lanes of the streams that ``element`` is built to read."""
    match element:
        case ProcessingElement():
            return element.simd
        case MaxPool() | GlobalAverage() | Affine() | Lookup() | Merge() | Concatenate():
            return element.output.lanes
        case _:
            return element.source.output.lanes
