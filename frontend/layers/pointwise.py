"""Layers that compute each element, or each pixel's channels, on their own."""

from __future__ import annotations

from dataclasses import dataclass

from frontend import rules
from frontend.layers.base import (
    ACTIVATION,
    Layer,
    Shape,
    frame_axes,
    last_axis,
    one_or_one_each,
    up_to_images,
)
from frontend.rules import one_of, optional, parameter


@dataclass(frozen=True, slots=True, kw_only=True)
class Rescaling(Layer):
    """``y = x * scale + offset``; numbers, or one for each channel."""

    scale: tuple[float, ...] = parameter(rules.NUMBERS)
    offset: tuple[float, ...] = parameter(rules.NUMBERS, default=(0.0,))

    def output_shape(self, shape: Shape) -> Shape:
        """Return ``shape``."""
        one_or_one_each("scale", self.scale, shape)
        one_or_one_each("offset", self.offset, shape)
        return shape


@dataclass(frozen=True, slots=True, kw_only=True)
class Normalization(Layer):
    """``y = (x - mean) / max(sqrt(variance), 1e-7)``, values in the config or the weights."""

    axis: int | None = parameter(rules.AXIS_OR_NONE, default=-1)
    mean: tuple[float, ...] | None = parameter(optional(rules.NUMBERS), default=None)
    variance: tuple[float, ...] | None = parameter(optional(rules.NUMBERS), default=None)
    invert: bool = parameter(one_of(False), default=False)

    def output_shape(self, shape: Shape) -> Shape:
        """Return ``shape``."""
        if self.axis is not None:
            last_axis(self.axis, shape)
        if (self.mean is None) != (self.variance is None):
            raise ValueError("mean and variance must be given together")
        for name, values in (("mean", self.mean), ("variance", self.variance)):
            if values is not None:
                one_or_one_each(name, values, shape)
        return shape

    def weights(self, shape: Shape) -> dict[str, Shape]:
        """Return mean and variance, unless the configuration holds them."""
        if self.mean is not None:
            return {}
        values: Shape = () if self.axis is None else shape[-1:]
        return {"mean": values, "variance": values}


@dataclass(frozen=True, slots=True, kw_only=True)
class BatchNormalization(Layer):
    """``y = (x - moving_mean) / sqrt(moving_variance + epsilon) * gamma + beta``."""

    axis: int = parameter(rules.AXIS, default=-1)
    epsilon: float = parameter(rules.ABOVE_ZERO, default=1e-3)
    center: bool = parameter(rules.FLAG, default=True)
    scale: bool = parameter(rules.FLAG, default=True)

    def output_shape(self, shape: Shape) -> Shape:
        """Return ``shape``."""
        last_axis(self.axis, shape)
        return up_to_images(shape)

    def weights(self, shape: Shape) -> dict[str, Shape]:
        """Return gamma and beta where used, moving mean and variance."""
        used = ["gamma"] * self.scale + ["beta"] * self.center + ["moving_mean", "moving_variance"]
        return dict.fromkeys(used, shape[-1:])


@dataclass(frozen=True, slots=True, kw_only=True)
class ReLU(Layer):
    """``clip(x if x > threshold else 0, 0, max_value) - negative_slope * relu(threshold - x)``."""

    max_value: float | None = parameter(optional(rules.AT_LEAST_ZERO), default=None)
    negative_slope: float = parameter(rules.AT_LEAST_ZERO, default=0.0)
    threshold: float = parameter(rules.AT_LEAST_ZERO, default=0.0)


@dataclass(frozen=True, slots=True, kw_only=True)
class LeakyReLU(Layer):
    """``x if x > 0 else negative_slope * x``."""

    negative_slope: float = parameter(rules.AT_LEAST_ZERO, default=0.3)


@dataclass(frozen=True, slots=True, kw_only=True)
class Activation(Layer):
    """An activation by name."""

    activation: str = parameter(ACTIVATION)


@dataclass(frozen=True, slots=True, kw_only=True)
class Softmax(Layer):
    """Softmax over the channels, or over other axes."""

    axis: tuple[int, ...] = parameter(rules.FRAME_AXES, default=(-1,))

    def output_shape(self, shape: Shape) -> Shape:
        """Return ``shape``."""
        frame_axes(self.axis, shape)
        return shape


@dataclass(frozen=True, slots=True, kw_only=True)
class ThresholdedReLU(Layer):
    """``x if x > theta else 0``."""

    theta: float = parameter(rules.AT_LEAST_ZERO, default=1.0)


@dataclass(frozen=True, slots=True, kw_only=True)
class ELU(Layer):
    """``x if x > 0 else alpha * (exp(x) - 1)``."""

    alpha: float = parameter(rules.NUMBER, default=1.0)


@dataclass(frozen=True, slots=True, kw_only=True)
class LayerScale(Layer):
    """``x * gamma``, one for each channel; of ConvNeXt in keras.applications."""

    projection_dim: int = parameter(rules.POSITIVE_INTEGER)
    init_values: float = parameter(rules.NUMBER, default=1e-6)

    def output_shape(self, shape: Shape) -> Shape:
        """Return ``shape``."""
        if shape[-1] != self.projection_dim:
            raise ValueError(f"projection_dim must be {shape[-1]}, not {self.projection_dim}")
        return up_to_images(shape)

    def weights(self, shape: Shape) -> dict[str, Shape]:
        """Return gamma."""
        return {"gamma": shape[-1:]}


@dataclass(frozen=True, slots=True, kw_only=True)
class PReLU(Layer):
    """``x if x > 0 else alpha * x``, alpha one for each element, or for all along shared axes."""

    shared_axes: tuple[int, ...] | None = parameter(optional(rules.AXES), default=None)

    def output_shape(self, shape: Shape) -> Shape:
        """Return ``shape``."""
        if any(axis > len(shape) for axis in self.shared_axes or ()):
            axes = list(self.shared_axes or ())
            raise ValueError(f"shared_axes must be of the axes 1 to {len(shape)}, not {axes}")
        return shape

    def weights(self, shape: Shape) -> dict[str, Shape]:
        """Return alpha."""
        shared = self.shared_axes or ()
        return {"alpha": tuple(1 if i in shared else n for i, n in enumerate(shape, start=1))}


@dataclass(frozen=True, slots=True, kw_only=True)
class LayerNormalization(Layer):
    """``(x - mean) / sqrt(variance + epsilon) * gamma + beta``, mean and variance over ``axis``.

    That is each pixel's channels, or other axes.
    """

    axis: tuple[int, ...] = parameter(rules.FRAME_AXES, default=(-1,))
    epsilon: float = parameter(rules.ABOVE_ZERO, default=1e-3)
    center: bool = parameter(rules.FLAG, default=True)
    scale: bool = parameter(rules.FLAG, default=True)

    def output_shape(self, shape: Shape) -> Shape:
        """Return ``shape``."""
        frame_axes(self.axis, shape)
        return shape

    def weights(self, shape: Shape) -> dict[str, Shape]:
        """Return gamma and beta where used."""
        sizes = tuple(shape[axis] for axis in frame_axes(self.axis, shape))
        return dict.fromkeys(["gamma"] * self.scale + ["beta"] * self.center, sizes)
