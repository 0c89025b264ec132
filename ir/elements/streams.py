"""What streams carry: feature maps, beats, and the windows that slide over them."""

from __future__ import annotations

from dataclasses import dataclass

from ir.numbers import IntegerType


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
    def is_padded(self) -> bool:
        """Whether a map is padded at any side."""
        return self.pad_top + self.pad_left + self.pad_bottom + self.pad_right > 0

    @property
    def is_pointwise(self) -> bool:
        """True for a 1x1 window that visits every pixel once, without padding."""
        return self == Kernel(
            1, 1, dilation_height=self.dilation_height, dilation_width=self.dilation_width
        )

    def taps_inside(self, height: int, width: int) -> tuple[tuple[int, ...], tuple[int, ...]]:
        """Return how many rows and columns of taps lie inside of a map, by row and column."""
        rows, columns = self.output_size(height, width)

        def inside(place: int, stride: int, pad: int, size: int, tap: tuple[int, int]) -> int:
            taps, dilation = tap
            first = place * stride - pad
            return sum(0 <= first + n * dilation < size for n in range(taps))

        down = self.stride_height, self.pad_top, height, (self.height, self.dilation_height)
        across = self.stride_width, self.pad_left, width, (self.width, self.dilation_width)
        return (
            tuple(inside(place, *down) for place in range(rows)),
            tuple(inside(place, *across) for place in range(columns)),
        )

    def output_size(self, height: int, width: int) -> tuple[int, int]:
        """Return (rows, columns) of window positions on a ``height`` x ``width`` map."""
        rows = (height + self.pad_top + self.pad_bottom - self.span_height) // self.stride_height
        columns = (width + self.pad_left + self.pad_right - self.span_width) // self.stride_width
        return rows + 1, columns + 1
