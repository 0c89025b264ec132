"""The supported Keras layers: parameters, shapes and weights, one class for each.

The classes are the table of what the compiler takes: a field is a Keras constructor argument of
the same name, and its rule says what values are supported. ``SUPPORTED`` lists them all.
Shapes are of one frame, without the batch axis: ``(height, width, channels)`` or ``(features,)``.
"""

from __future__ import annotations

import dataclasses
import math
from dataclasses import dataclass

from frontend import rules
from frontend.rules import Rule, one_of, optional, parameter
from frontend.windows import window_steps

Shape = tuple[int, ...]

ACTIVATION = one_of("linear", "relu", "relu6", "leaky_relu", "softmax")
DATA_FORMAT = one_of("channels_last")
PADDED = one_of("valid", "same")


@dataclass(frozen=True, slots=True, kw_only=True)
class Layer:
    """What all layers have; this class itself computes the identity."""

    name: str

    def result_shape(self, shapes: tuple[Shape, ...]) -> Shape:
        """Return the output shape of a call on tensors of ``shapes``; ValueError as below."""
        if len(shapes) != 1:
            raise ValueError(f"takes 1 tensor, not {len(shapes)}")
        return self.output_shape(shapes[0])

    def output_shape(self, shape: Shape) -> Shape:
        """Return the output shape for an input ``shape``; ValueError says what does not fit."""
        return shape

    def weights(self, shape: Shape) -> dict[str, Shape]:
        """Return name and shape of each weight, in the order of Keras's files."""
        del shape
        return {}


@dataclass(frozen=True, slots=True, kw_only=True)
class TrainingOnly(Layer):
    """A layer that does nothing in inference, whatever its parameters."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Rescaling(Layer):
    """``y = x * scale + offset``; numbers, or one for each channel."""

    scale: tuple[float, ...] = parameter(rules.NUMBERS)
    offset: tuple[float, ...] = parameter(rules.NUMBERS, default=(0.0,))

    def output_shape(self, shape: Shape) -> Shape:
        """Return ``shape``."""
        _require_per_channel("scale", self.scale, shape)
        _require_per_channel("offset", self.offset, shape)
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
            _require_last_axis(self.axis, shape)
        if (self.mean is None) != (self.variance is None):
            raise ValueError("mean and variance must be given together")
        for name, values in (("mean", self.mean), ("variance", self.variance)):
            if values is not None:
                _require_per_channel(name, values, shape)
        return shape

    def weights(self, shape: Shape) -> dict[str, Shape]:
        """Return mean and variance, unless the configuration holds them."""
        if self.mean is not None:
            return {}
        values: Shape = () if self.axis is None else shape[-1:]
        return {"mean": values, "variance": values}


@dataclass(frozen=True, slots=True, kw_only=True)
class ZeroPadding2D(Layer):
    """Zeros around an image: ``padding = ((top, bottom), (left, right))``."""

    padding: tuple[tuple[int, int], tuple[int, int]] = parameter(
        rules.PADDING, default=((1, 1), (1, 1))
    )
    data_format: str = parameter(DATA_FORMAT, default="channels_last")

    def output_shape(self, shape: Shape) -> Shape:
        """Return the padded image's shape."""
        height, width, channels = _image(shape)
        return height + sum(self.padding[0]), width + sum(self.padding[1]), channels


@dataclass(frozen=True, slots=True, kw_only=True)
class Conv2D(Layer):
    """Convolution, kernel ``(kernel rows, kernel columns, input channels, filters)``."""

    filters: int = parameter(rules.POSITIVE_INTEGER)
    kernel_size: tuple[int, int] = parameter(rules.PAIR)
    strides: tuple[int, int] = parameter(rules.PAIR, default=(1, 1))
    padding: str = parameter(PADDED, default="valid")
    data_format: str = parameter(DATA_FORMAT, default="channels_last")
    dilation_rate: tuple[int, int] = parameter(rules.PAIR, default=(1, 1))
    groups: int = parameter(one_of(1), default=1)
    activation: str = parameter(ACTIVATION, default="linear")
    use_bias: bool = parameter(rules.FLAG, default=True)

    def output_shape(self, shape: Shape) -> Shape:
        """Return the feature map's shape."""
        height, width, _ = _image(shape)
        if max(self.strides) > 1 and max(self.dilation_rate) > 1:
            raise ValueError("strides and dilation_rate must not both be above 1")
        rows, columns = (
            window_steps(size, kernel, stride, dilation, self.padding)
            for size, kernel, stride, dilation in zip(
                (height, width), self.kernel_size, self.strides, self.dilation_rate, strict=True
            )
        )
        return rows, columns, self.filters

    def weights(self, shape: Shape) -> dict[str, Shape]:
        """Return kernel and bias."""
        kernel = {"kernel": (*self.kernel_size, shape[-1], self.filters)}
        return kernel | ({"bias": (self.filters,)} if self.use_bias else {})


@dataclass(frozen=True, slots=True, kw_only=True)
class BatchNormalization(Layer):
    """``y = (x - moving_mean) / sqrt(moving_variance + epsilon) * gamma + beta``."""

    axis: int = parameter(rules.AXIS, default=-1)
    epsilon: float = parameter(rules.ABOVE_ZERO, default=1e-3)
    center: bool = parameter(rules.FLAG, default=True)
    scale: bool = parameter(rules.FLAG, default=True)

    def output_shape(self, shape: Shape) -> Shape:
        """Return ``shape``."""
        _require_last_axis(self.axis, shape)
        return shape

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
    """Softmax over the channels."""

    axis: int = parameter(rules.AXIS, default=-1)

    def output_shape(self, shape: Shape) -> Shape:
        """Return ``shape``."""
        _require_last_axis(self.axis, shape)
        return shape


@dataclass(frozen=True, slots=True, kw_only=True)
class MaxPooling2D(Layer):
    """Maximum over windows; padding never wins."""

    pool_size: tuple[int, int] = parameter(rules.PAIR, default=(2, 2))
    strides: tuple[int, int] | None = parameter(optional(rules.PAIR), default=None)
    padding: str = parameter(PADDED, default="valid")
    data_format: str = parameter(DATA_FORMAT, default="channels_last")

    def output_shape(self, shape: Shape) -> Shape:
        """Return the pooled image's shape."""
        height, width, channels = _image(shape)
        rows, columns = (
            window_steps(size, pool, stride, 1, self.padding)
            for size, pool, stride in zip(
                (height, width), self.pool_size, self.strides or self.pool_size, strict=True
            )
        )
        return rows, columns, channels


@dataclass(frozen=True, slots=True, kw_only=True)
class GlobalAveragePooling2D(Layer):
    """Mean over all pixels."""

    data_format: str = parameter(DATA_FORMAT, default="channels_last")
    keepdims: bool = parameter(rules.FLAG, default=False)

    def output_shape(self, shape: Shape) -> Shape:
        """Return ``(channels,)``, or ``(1, 1, channels)``."""
        channels = _image(shape)[2]
        return (1, 1, channels) if self.keepdims else (channels,)


@dataclass(frozen=True, slots=True, kw_only=True)
class Flatten(Layer):
    """All elements as one vector, channels fastest (NHWC order)."""

    data_format: str = parameter(DATA_FORMAT, default="channels_last")

    def output_shape(self, shape: Shape) -> Shape:
        """Return ``(elements,)``."""
        return (math.prod(shape),)


@dataclass(frozen=True, slots=True, kw_only=True)
class Dense(Layer):
    """``activation(x @ kernel + bias)`` on a vector of features."""

    units: int = parameter(rules.POSITIVE_INTEGER)
    activation: str = parameter(ACTIVATION, default="linear")
    use_bias: bool = parameter(rules.FLAG, default=True)

    def output_shape(self, shape: Shape) -> Shape:
        """Return ``(units,)``."""
        if len(shape) != 1:
            raise ValueError(f"its input must be a vector, not {list(shape)}")
        return (self.units,)

    def weights(self, shape: Shape) -> dict[str, Shape]:
        """Return kernel and bias."""
        kernel = {"kernel": (shape[-1], self.units)}
        return kernel | ({"bias": (self.units,)} if self.use_bias else {})


SUPPORTED: dict[str, type[Layer]] = {
    "Activation": Activation,
    "ActivityRegularization": TrainingOnly,
    "AlphaDropout": TrainingOnly,
    "BatchNormalization": BatchNormalization,
    "Conv2D": Conv2D,
    "Dense": Dense,
    "Dropout": TrainingOnly,
    "Flatten": Flatten,
    "GaussianDropout": TrainingOnly,
    "GaussianNoise": TrainingOnly,
    "GlobalAveragePooling2D": GlobalAveragePooling2D,
    "LeakyReLU": LeakyReLU,
    "MaxPooling2D": MaxPooling2D,
    "Normalization": Normalization,
    "ReLU": ReLU,
    "Rescaling": Rescaling,
    "Softmax": Softmax,
    "SpatialDropout1D": TrainingOnly,
    "SpatialDropout2D": TrainingOnly,
    "ZeroPadding2D": ZeroPadding2D,
}


def supported_parameters(kind: type[Layer]) -> dict[str, Rule]:
    """Return the parameters of a layer class, by name, with the rule of each."""
    return {f.name: f.metadata["rule"] for f in dataclasses.fields(kind) if "rule" in f.metadata}


def _image(shape: Shape) -> tuple[int, int, int]:
    if len(shape) != 3:
        raise ValueError(f"its input must be [height, width, channels], not {list(shape)}")
    return shape[0], shape[1], shape[2]


def _require_last_axis(axis: int, shape: Shape) -> None:
    if axis not in (-1, len(shape)):
        raise ValueError(f"axis must be -1 (the channels), not {axis}")


def _require_per_channel(name: str, values: tuple[float, ...], shape: Shape) -> None:
    if len(values) not in (1, shape[-1]):
        raise ValueError(f"{name} must have 1 or {shape[-1]} values, not {len(values)}")
