"""Layers that move, repeat or drop elements and compute nothing, but for bilinear upsampling."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TypeAlias

from frontend import rules
from frontend.layers.base import DATA_FORMAT, Layer, Shape, image, spatial
from frontend.rules import one_of, parameter

Sides: TypeAlias = tuple[int, int]


@dataclass(frozen=True, slots=True, kw_only=True)
class ZeroPadding2D(Layer):
    """Zeros around an image: ``padding = ((top, bottom), (left, right))``."""

    padding: tuple[Sides, Sides] = parameter(rules.PADDING, default=((1, 1), (1, 1)))
    data_format: str = parameter(DATA_FORMAT, default="channels_last")

    @property
    def sides(self) -> tuple[Sides, Sides]:
        """Zeros ((top, bottom), (left, right))."""
        return self.padding

    def output_shape(self, shape: Shape) -> Shape:
        """Return the padded image's shape."""
        height, width, channels = image(shape)
        return height + sum(self.padding[0]), width + sum(self.padding[1]), channels


@dataclass(frozen=True, slots=True, kw_only=True)
class ZeroPadding1D(Layer):
    """Zeros around a sequence: ``padding = (before, after)``."""

    padding: tuple[int, int] = parameter(rules.SIDES, default=(1, 1))
    data_format: str = parameter(DATA_FORMAT, default="channels_last")

    @property
    def sides(self) -> tuple[Sides, Sides]:
        """Zeros ((top, bottom), (left, right)), the sequence being a row."""
        return (0, 0), self.padding

    def output_shape(self, shape: Shape) -> Shape:
        """Return the padded sequence's shape."""
        (steps,) = spatial(shape, 1)
        return steps + sum(self.padding), shape[-1]


@dataclass(frozen=True, slots=True, kw_only=True)
class Cropping2D(Layer):
    """An image without its borders: ``cropping = ((top, bottom), (left, right))``."""

    cropping: tuple[Sides, Sides] = parameter(rules.PADDING, default=((0, 0), (0, 0)))
    data_format: str = parameter(DATA_FORMAT, default="channels_last")

    @property
    def sides(self) -> tuple[Sides, ...]:
        """What is cut off each spatial axis."""
        return self.cropping

    def output_shape(self, shape: Shape) -> Shape:
        """Return the inner image's shape."""
        sizes = zip(image(shape), self.cropping, strict=False)
        return *(max(size - sum(cut), 0) for size, cut in sizes), shape[-1]


@dataclass(frozen=True, slots=True, kw_only=True)
class Cropping1D(Layer):
    """A sequence without its ends: ``cropping = (before, after)``."""

    cropping: tuple[int, int] = parameter(rules.SIDES, default=(1, 1))

    @property
    def sides(self) -> tuple[Sides, ...]:
        """What is cut off each spatial axis."""
        return (self.cropping,)

    def output_shape(self, shape: Shape) -> Shape:
        """Return the inner sequence's shape."""
        (steps,) = spatial(shape, 1)
        return max(steps - sum(self.cropping), 0), shape[-1]


@dataclass(frozen=True, slots=True, kw_only=True)
class UpSampling2D(Layer):
    """Each pixel ``size`` times, or linear between pixels' centers (those of the edge go on)."""

    size: tuple[int, int] = parameter(rules.PAIR, default=(2, 2))
    data_format: str = parameter(DATA_FORMAT, default="channels_last")
    interpolation: str = parameter(one_of("nearest", "bilinear"), default="nearest")

    def output_shape(self, shape: Shape) -> Shape:
        """Return the larger image's shape."""
        height, width, channels = image(shape)
        return height * self.size[0], width * self.size[1], channels


@dataclass(frozen=True, slots=True, kw_only=True)
class UpSampling1D(Layer):
    """Each step ``size`` times."""

    size: int = parameter(rules.POSITIVE_INTEGER, default=2)

    def output_shape(self, shape: Shape) -> Shape:
        """Return the longer sequence's shape."""
        (steps,) = spatial(shape, 1)
        return steps * self.size, shape[-1]


@dataclass(frozen=True, slots=True, kw_only=True)
class Flatten(Layer):
    """All elements as one vector, channels fastest (NHWC order)."""

    data_format: str = parameter(DATA_FORMAT, default="channels_last")

    def output_shape(self, shape: Shape) -> Shape:
        """Return ``(elements,)``."""
        return (math.prod(shape),)


@dataclass(frozen=True, slots=True, kw_only=True)
class Reshape(Layer):
    """The same elements in the same order (channels fastest) in another shape."""

    target_shape: tuple[int, ...] = parameter(rules.TARGET_SHAPE)

    def output_shape(self, shape: Shape) -> Shape:
        """Return ``target_shape`` with the one unknown size computed."""
        elements, known = math.prod(shape), math.prod(s for s in self.target_shape if s != -1)
        rest, remainder = divmod(elements, known)
        unknown = self.target_shape.count(-1)
        if remainder or (rest != 1 and not unknown):
            raise ValueError(
                f"target_shape must hold its {elements} elements, not {list(self.target_shape)}"
            )
        return tuple(rest if size == -1 else size for size in self.target_shape)


@dataclass(frozen=True, slots=True, kw_only=True)
class Permute(Layer):
    """Axis ``dims[i]`` of the input as axis ``i + 1`` of the output, the batch being axis 0."""

    dims: tuple[int, ...] = parameter(rules.AXES)

    def output_shape(self, shape: Shape) -> Shape:
        """Return the permuted shape."""
        if sorted(self.dims) != list(range(1, len(shape) + 1)):
            raise ValueError(f"dims must be the axes 1 to {len(shape)}, not {list(self.dims)}")
        return tuple(shape[dim - 1] for dim in self.dims)


@dataclass(frozen=True, slots=True, kw_only=True)
class RepeatVector(Layer):
    """A vector as each of ``n`` steps of a sequence."""

    n: int = parameter(rules.POSITIVE_INTEGER)

    def output_shape(self, shape: Shape) -> Shape:
        """Return ``(n, features)``."""
        if len(shape) != 1:
            raise ValueError(f"its input must be a vector, not {list(shape)}")
        return self.n, *shape
