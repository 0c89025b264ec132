"""Pooling over images and sequences."""

from __future__ import annotations

from dataclasses import dataclass

from frontend import rules
from frontend.layers.base import DATA_FORMAT, PADDED, Layer, Shape, spatial
from frontend.rules import optional, parameter
from frontend.windows import window_steps


@dataclass(frozen=True, slots=True, kw_only=True)
class Pooling(Layer):
    """Windows over each channel; tuples have an entry for each spatial axis."""

    pool_size: tuple[int, ...]
    strides: tuple[int, ...] | None
    padding: str

    def output_shape(self, shape: Shape) -> Shape:
        """Return the pooled shape."""
        sizes = spatial(shape, len(self.pool_size))
        windows = zip(sizes, self.pool_size, self.strides or self.pool_size, strict=True)
        steps = (
            window_steps(size, pool, stride, 1, self.padding) for size, pool, stride in windows
        )
        return *steps, shape[-1]


@dataclass(frozen=True, slots=True, kw_only=True)
class Pooling2D(Pooling):
    """Parameters of pooling over an image."""

    pool_size: tuple[int, ...] = parameter(rules.PAIR, default=(2, 2))
    strides: tuple[int, ...] | None = parameter(optional(rules.PAIR), default=None)
    padding: str = parameter(PADDED, default="valid")
    data_format: str = parameter(DATA_FORMAT, default="channels_last")


@dataclass(frozen=True, slots=True, kw_only=True)
class Pooling1D(Pooling):
    """Parameters of pooling over a sequence."""

    pool_size: tuple[int, ...] = parameter(rules.SINGLE, default=(2,))
    strides: tuple[int, ...] | None = parameter(optional(rules.SINGLE), default=None)
    padding: str = parameter(PADDED, default="valid")
    data_format: str = parameter(DATA_FORMAT, default="channels_last")


@dataclass(frozen=True, slots=True, kw_only=True)
class MaxPooling2D(Pooling2D):
    """Maximum over windows; padding never wins."""


@dataclass(frozen=True, slots=True, kw_only=True)
class MaxPooling1D(Pooling1D):
    """Maximum over windows; padding never wins."""


@dataclass(frozen=True, slots=True, kw_only=True)
class AveragePooling2D(Pooling2D):
    """Mean over windows; padding is not counted."""


@dataclass(frozen=True, slots=True, kw_only=True)
class AveragePooling1D(Pooling1D):
    """Mean over windows; padding is not counted."""


@dataclass(frozen=True, slots=True, kw_only=True)
class GlobalPooling2D(Layer):
    """One value for each channel of an image."""

    data_format: str = parameter(DATA_FORMAT, default="channels_last")
    keepdims: bool = parameter(rules.FLAG, default=False)

    def output_shape(self, shape: Shape) -> Shape:
        """Return ``(channels,)``, or ``(1, 1, channels)``."""
        spatial(shape, 2)
        return (1, 1, shape[-1]) if self.keepdims else shape[-1:]


@dataclass(frozen=True, slots=True, kw_only=True)
class GlobalPooling1D(Layer):
    """One value for each channel of a sequence."""

    data_format: str = parameter(DATA_FORMAT, default="channels_last")
    keepdims: bool = parameter(rules.FLAG, default=False)

    def output_shape(self, shape: Shape) -> Shape:
        """Return ``(channels,)``, or ``(1, channels)``."""
        spatial(shape, 1)
        return (1, shape[-1]) if self.keepdims else shape[-1:]


@dataclass(frozen=True, slots=True, kw_only=True)
class GlobalAveragePooling2D(GlobalPooling2D):
    """Mean over all pixels."""


@dataclass(frozen=True, slots=True, kw_only=True)
class GlobalAveragePooling1D(GlobalPooling1D):
    """Mean over all steps."""


@dataclass(frozen=True, slots=True, kw_only=True)
class GlobalMaxPooling2D(GlobalPooling2D):
    """Maximum over all pixels."""


@dataclass(frozen=True, slots=True, kw_only=True)
class GlobalMaxPooling1D(GlobalPooling1D):
    """Maximum over all steps."""
