"""Layers that make one tensor of several."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

from frontend import rules
from frontend.layers.base import Layer, Shape
from frontend.rules import parameter


@dataclass(frozen=True, slots=True, kw_only=True)
class Merge(Layer):
    """A layer on a list of tensors."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Elementwise(Merge):
    """``operator`` of all tensors, from left to right; axes of size 1 are repeated."""

    operator: ClassVar[str]

    def result_shape(self, shapes: tuple[Shape, ...]) -> Shape:
        """Return the shape that all tensors are repeated to."""
        if len({len(shape) for shape in shapes}) > 1:
            raise ValueError(f"its inputs must have as many axes as each other, not {_all(shapes)}")
        result = []
        for sizes in zip(*shapes, strict=True):
            others = {size for size in sizes if size != 1}
            if len(others) > 1:
                raise ValueError(f"its inputs must have one shape, not {_all(shapes)}")
            result.append(others.pop() if others else 1)
        return tuple(result)


@dataclass(frozen=True, slots=True, kw_only=True)
class Add(Elementwise):
    """Sum."""

    operator = "Add"


@dataclass(frozen=True, slots=True, kw_only=True)
class Multiply(Elementwise):
    """Product."""

    operator = "Mul"


@dataclass(frozen=True, slots=True, kw_only=True)
class Average(Elementwise):
    """Sum, divided by the number of tensors."""

    operator = "Add"


@dataclass(frozen=True, slots=True, kw_only=True)
class Maximum(Elementwise):
    """Largest element."""

    operator = "Max"


@dataclass(frozen=True, slots=True, kw_only=True)
class Minimum(Elementwise):
    """Smallest element."""

    operator = "Min"


@dataclass(frozen=True, slots=True, kw_only=True)
class Subtract(Elementwise):
    """The first tensor minus the second."""

    operator = "Sub"

    def result_shape(self, shapes: tuple[Shape, ...]) -> Shape:
        """Return the shape that both tensors are repeated to."""
        if len(shapes) != 2:
            raise ValueError(f"takes 2 tensors, not {len(shapes)}")
        return Elementwise.result_shape(self, shapes)


@dataclass(frozen=True, slots=True, kw_only=True)
class Dot(Merge):
    """Dot products of two tensors along ``axes``, one of each, the batch being axis 0.

    ``normalize``: of the vectors divided by their length.
    """

    axes: tuple[int, int] = parameter(rules.AXIS_PAIR)
    normalize: bool = parameter(rules.FLAG, default=False)

    def frame_axes(self, shapes: tuple[Shape, ...]) -> tuple[int, int]:
        """Return the axes in a frame of each tensor, the batch not counted, from 0."""
        found = []
        for axis, shape in zip(self.axes, shapes, strict=True):
            counted = axis + len(shape) if axis < 0 else axis - 1
            if not 0 <= counted < len(shape):
                raise ValueError(f"axes must be -1 or 1 to {len(shape)}, not {axis}")
            found.append(counted)
        return found[0], found[1]

    def result_shape(self, shapes: tuple[Shape, ...]) -> Shape:
        """Return the axes of the first, then those of the second tensor that are left."""
        if len(shapes) != 2:
            raise ValueError(f"takes 2 tensors, not {len(shapes)}")
        first, second = self.frame_axes(shapes)
        left, right = shapes
        if left[first] != right[second]:
            raise ValueError(
                f"its inputs must be of one length along axes, not {left[first]} and "
                f"{right[second]}"
            )
        if self.normalize and max(len(left), len(right)) > 1:
            raise ValueError("normalize must be False where an input is no vector")
        rest = (*left[:first], *left[first + 1 :], *right[:second], *right[second + 1 :])
        return rest or (1,)


@dataclass(frozen=True, slots=True, kw_only=True)
class Concatenate(Merge):
    """All tensors one behind the other along ``axis``, the batch being axis 0."""

    axis: int = parameter(rules.ANY_AXIS, default=-1)

    def frame_axis(self, rank: int) -> int:
        """Return the axis in a frame of ``rank`` axes, the batch not counted, from 0."""
        axis = self.axis + rank if self.axis < 0 else self.axis - 1
        if not 0 <= axis < rank:
            raise ValueError(f"axis must be -1 or 1 to {rank}, not {self.axis}")
        return axis

    def result_shape(self, shapes: tuple[Shape, ...]) -> Shape:
        """Return the shape of all together."""
        axis = self.frame_axis(len(shapes[0]))
        if len({(*shape[:axis], 0, *shape[axis + 1 :]) for shape in shapes}) > 1:
            raise ValueError(f"its inputs must differ along axis {self.axis} only: {_all(shapes)}")
        length = sum(shape[axis] for shape in shapes)
        return *shapes[0][:axis], length, *shapes[0][axis + 1 :]


def _all(shapes: tuple[Shape, ...]) -> str:
    shown = ", ".join(str(list(shape)) for shape in shapes[:4])
    return shown + (", ..." if len(shapes) > 4 else "")
