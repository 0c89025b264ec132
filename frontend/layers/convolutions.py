"""Layers with kernels: convolutions over images and sequences, and dense layers."""

from __future__ import annotations

from dataclasses import dataclass

from frontend import rules
from frontend.layers.base import (
    ACTIVATION,
    DATA_FORMAT,
    PADDED,
    Layer,
    Shape,
    bias,
    spatial,
    up_to_images,
)
from frontend.rules import one_of, optional, parameter
from frontend.windows import transposed_steps, window_steps

CAUSAL = one_of("valid", "same", "causal")


@dataclass(frozen=True, slots=True, kw_only=True)
class Dense(Layer):
    """``activation(x @ kernel + bias)`` on the features, or on the channels at each position."""

    units: int = parameter(rules.POSITIVE_INTEGER)
    activation: str = parameter(ACTIVATION, default="linear")
    use_bias: bool = parameter(rules.FLAG, default=True)

    def output_shape(self, shape: Shape) -> Shape:
        """Return ``shape`` with ``units`` channels."""
        return *up_to_images(shape)[:-1], self.units

    def weights(self, shape: Shape) -> dict[str, Shape]:
        """Return kernel and bias."""
        return {"kernel": (shape[-1], self.units)} | bias(self.use_bias, self.units)


@dataclass(frozen=True, slots=True, kw_only=True)
class Windowed(Layer):
    """What convolutions share; tuples have an entry for each spatial axis."""

    kernel_size: tuple[int, ...]
    strides: tuple[int, ...]
    padding: str
    dilation_rate: tuple[int, ...]

    def positions(self, shape: Shape) -> Shape:
        """Return how often the window fits along each axis of an input of ``shape``."""
        rank = len(self.kernel_size)
        sizes = spatial(shape, rank)
        if max(self.strides) > 1 and max(self.dilation_rate) > 1:
            raise ValueError("strides and dilation_rate must not both be above 1")
        windows = zip(sizes, self.kernel_size, self.strides, self.dilation_rate, strict=True)
        return tuple(window_steps(*window, self.padding) for window in windows)


@dataclass(frozen=True, slots=True, kw_only=True)
class Convolution(Windowed):
    """Convolution; its kernel is ``(*kernel_size, input channels / groups, filters)``."""

    filters: int
    groups: int
    activation: str
    use_bias: bool

    def output_shape(self, shape: Shape) -> Shape:
        """Return the feature map's shape."""
        for what, channels in (("input channels", shape[-1]), ("filters", self.filters)):
            if channels % self.groups:
                raise ValueError(f"groups must divide its {channels} {what}, not {self.groups}")
        return *self.positions(shape), self.filters

    def weights(self, shape: Shape) -> dict[str, Shape]:
        """Return kernel and bias."""
        kernel = (*self.kernel_size, shape[-1] // self.groups, self.filters)
        return {"kernel": kernel} | bias(self.use_bias, self.filters)


@dataclass(frozen=True, slots=True, kw_only=True)
class Conv2D(Convolution):
    """Convolution of an image."""

    filters: int = parameter(rules.POSITIVE_INTEGER)
    kernel_size: tuple[int, ...] = parameter(rules.PAIR)
    strides: tuple[int, ...] = parameter(rules.PAIR, default=(1, 1))
    padding: str = parameter(PADDED, default="valid")
    data_format: str = parameter(DATA_FORMAT, default="channels_last")
    dilation_rate: tuple[int, ...] = parameter(rules.PAIR, default=(1, 1))
    groups: int = parameter(rules.POSITIVE_INTEGER, default=1)
    activation: str = parameter(ACTIVATION, default="linear")
    use_bias: bool = parameter(rules.FLAG, default=True)


@dataclass(frozen=True, slots=True, kw_only=True)
class Conv1D(Convolution):
    """Convolution of a sequence; ``causal`` pads in front only."""

    filters: int = parameter(rules.POSITIVE_INTEGER)
    kernel_size: tuple[int, ...] = parameter(rules.SINGLE)
    strides: tuple[int, ...] = parameter(rules.SINGLE, default=(1,))
    padding: str = parameter(CAUSAL, default="valid")
    data_format: str = parameter(DATA_FORMAT, default="channels_last")
    dilation_rate: tuple[int, ...] = parameter(rules.SINGLE, default=(1,))
    groups: int = parameter(rules.POSITIVE_INTEGER, default=1)
    activation: str = parameter(ACTIVATION, default="linear")
    use_bias: bool = parameter(rules.FLAG, default=True)


@dataclass(frozen=True, slots=True, kw_only=True)
class DepthwiseConvolution(Windowed):
    """``depth_multiplier`` filters for each channel, on that channel alone."""

    depth_multiplier: int
    activation: str
    use_bias: bool

    def output_shape(self, shape: Shape) -> Shape:
        """Return the feature map's shape; TensorFlow wants all strides equal."""
        if len(set(self.strides)) > 1:
            raise ValueError(f"strides must be equal, not {list(self.strides)}")
        return *self.positions(shape), shape[-1] * self.depth_multiplier

    def weights(self, shape: Shape) -> dict[str, Shape]:
        """Return kernel and bias."""
        kernel = (*self.kernel_size, shape[-1], self.depth_multiplier)
        return {"kernel": kernel} | bias(self.use_bias, shape[-1] * self.depth_multiplier)


@dataclass(frozen=True, slots=True, kw_only=True)
class DepthwiseConv2D(DepthwiseConvolution):
    """Depthwise convolution of an image."""

    kernel_size: tuple[int, ...] = parameter(rules.PAIR)
    strides: tuple[int, ...] = parameter(rules.PAIR, default=(1, 1))
    padding: str = parameter(PADDED, default="valid")
    depth_multiplier: int = parameter(rules.POSITIVE_INTEGER, default=1)
    data_format: str = parameter(DATA_FORMAT, default="channels_last")
    dilation_rate: tuple[int, ...] = parameter(rules.PAIR, default=(1, 1))
    activation: str = parameter(ACTIVATION, default="linear")
    use_bias: bool = parameter(rules.FLAG, default=True)


@dataclass(frozen=True, slots=True, kw_only=True)
class DepthwiseConv1D(DepthwiseConvolution):
    """Depthwise convolution of a sequence."""

    kernel_size: tuple[int, ...] = parameter(rules.SINGLE)
    strides: tuple[int, ...] = parameter(rules.SINGLE, default=(1,))
    padding: str = parameter(PADDED, default="valid")
    depth_multiplier: int = parameter(rules.POSITIVE_INTEGER, default=1)
    data_format: str = parameter(DATA_FORMAT, default="channels_last")
    dilation_rate: tuple[int, ...] = parameter(rules.SINGLE, default=(1,))
    activation: str = parameter(ACTIVATION, default="linear")
    use_bias: bool = parameter(rules.FLAG, default=True)


@dataclass(frozen=True, slots=True, kw_only=True)
class SeparableConvolution(Windowed):
    """A depthwise convolution without a bias, then one of a single pixel with one."""

    filters: int
    depth_multiplier: int
    activation: str
    use_bias: bool

    def output_shape(self, shape: Shape) -> Shape:
        """Return the feature map's shape; TensorFlow wants all strides equal."""
        if len(set(self.strides)) > 1:
            raise ValueError(f"strides must be equal, not {list(self.strides)}")
        return *self.positions(shape), self.filters

    def weights(self, shape: Shape) -> dict[str, Shape]:
        """Return both kernels and the bias."""
        middle = shape[-1] * self.depth_multiplier
        kernels = {
            "depthwise_kernel": (*self.kernel_size, shape[-1], self.depth_multiplier),
            "pointwise_kernel": (*(1 for _ in self.kernel_size), middle, self.filters),
        }
        return kernels | bias(self.use_bias, self.filters)


@dataclass(frozen=True, slots=True, kw_only=True)
class SeparableConv2D(SeparableConvolution):
    """Separable convolution of an image."""

    filters: int = parameter(rules.POSITIVE_INTEGER)
    kernel_size: tuple[int, ...] = parameter(rules.PAIR)
    strides: tuple[int, ...] = parameter(rules.PAIR, default=(1, 1))
    padding: str = parameter(PADDED, default="valid")
    data_format: str = parameter(DATA_FORMAT, default="channels_last")
    dilation_rate: tuple[int, ...] = parameter(rules.PAIR, default=(1, 1))
    depth_multiplier: int = parameter(rules.POSITIVE_INTEGER, default=1)
    activation: str = parameter(ACTIVATION, default="linear")
    use_bias: bool = parameter(rules.FLAG, default=True)


@dataclass(frozen=True, slots=True, kw_only=True)
class SeparableConv1D(SeparableConvolution):
    """Separable convolution of a sequence."""

    filters: int = parameter(rules.POSITIVE_INTEGER)
    kernel_size: tuple[int, ...] = parameter(rules.SINGLE)
    strides: tuple[int, ...] = parameter(rules.SINGLE, default=(1,))
    padding: str = parameter(PADDED, default="valid")
    data_format: str = parameter(DATA_FORMAT, default="channels_last")
    dilation_rate: tuple[int, ...] = parameter(rules.SINGLE, default=(1,))
    depth_multiplier: int = parameter(rules.POSITIVE_INTEGER, default=1)
    activation: str = parameter(ACTIVATION, default="linear")
    use_bias: bool = parameter(rules.FLAG, default=True)


@dataclass(frozen=True, slots=True, kw_only=True)
class TransposedConvolution(Layer):
    """The gradient of a convolution; its kernel is ``(*kernel_size, filters, input channels)``."""

    filters: int
    kernel_size: tuple[int, ...]
    strides: tuple[int, ...]
    padding: str
    output_padding: tuple[int, ...] | None
    dilation_rate: tuple[int, ...]
    activation: str
    use_bias: bool

    def output_shape(self, shape: Shape) -> Shape:
        """Return the feature map's shape."""
        sizes = spatial(shape, len(self.kernel_size))
        if max(self.dilation_rate) > 1:  # TensorFlow can't compute it on a CPU
            raise ValueError(f"dilation_rate must be 1, not {list(self.dilation_rate)}")
        extra = self.output_padding or (None,) * len(sizes)
        for stride, more in zip(self.strides, extra, strict=True):
            if more is not None and more >= stride:
                raise ValueError(f"output_padding must be below strides, not {more}")
        windows = zip(sizes, self.kernel_size, self.strides, extra, strict=True)
        steps = tuple(transposed_steps(*window, self.padding) for window in windows)
        if self.padding == "same" and any(
            -(-after // stride) != before
            for before, after, stride in zip(sizes, steps, self.strides, strict=True)
        ):
            raise ValueError("output_padding must not be 0 with an even kernel_size and 'same'")
        return *steps, self.filters

    def weights(self, shape: Shape) -> dict[str, Shape]:
        """Return kernel and bias."""
        kernel = (*self.kernel_size, self.filters, shape[-1])
        return {"kernel": kernel} | bias(self.use_bias, self.filters)


@dataclass(frozen=True, slots=True, kw_only=True)
class Conv2DTranspose(TransposedConvolution):
    """Transposed convolution of an image."""

    filters: int = parameter(rules.POSITIVE_INTEGER)
    kernel_size: tuple[int, ...] = parameter(rules.PAIR)
    strides: tuple[int, ...] = parameter(rules.PAIR, default=(1, 1))
    padding: str = parameter(PADDED, default="valid")
    output_padding: tuple[int, ...] | None = parameter(optional(rules.COUNT_PAIR), default=None)
    data_format: str = parameter(DATA_FORMAT, default="channels_last")
    dilation_rate: tuple[int, ...] = parameter(rules.PAIR, default=(1, 1))
    activation: str = parameter(ACTIVATION, default="linear")
    use_bias: bool = parameter(rules.FLAG, default=True)


@dataclass(frozen=True, slots=True, kw_only=True)
class Conv1DTranspose(TransposedConvolution):
    """Transposed convolution of a sequence."""

    filters: int = parameter(rules.POSITIVE_INTEGER)
    kernel_size: tuple[int, ...] = parameter(rules.SINGLE)
    strides: tuple[int, ...] = parameter(rules.SINGLE, default=(1,))
    padding: str = parameter(PADDED, default="valid")
    output_padding: tuple[int, ...] | None = parameter(optional(rules.COUNT), default=None)
    data_format: str = parameter(DATA_FORMAT, default="channels_last")
    dilation_rate: tuple[int, ...] = parameter(rules.SINGLE, default=(1,))
    activation: str = parameter(ACTIVATION, default="linear")
    use_bias: bool = parameter(rules.FLAG, default=True)
