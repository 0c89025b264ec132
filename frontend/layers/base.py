"""What all layers have, and what their parameters and shapes are checked with."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import TypeAlias

from frontend.rules import Rule, one_of

Shape: TypeAlias = tuple[int, ...]

KERAS_2_HARD_SIGMOID = "hard_sigmoid of Keras 2"
"""``clip(0.2 * x + 0.5, 0, 1)``; Keras 3 computes ``clip(x / 6 + 0.5, 0, 1)`` by the old name."""

_ACTIVATION = one_of(
    "linear", "relu", "relu6", "leaky_relu", "softmax", "log_softmax", "elu", "celu", "selu",
    "sigmoid", "hard_sigmoid", "log_sigmoid", "sparse_sigmoid", "tanh", "hard_tanh", "tanh_shrink",
    "hard_shrink", "soft_shrink", "softplus", "sparse_plus", "squareplus", "softsign", "silu",
    "swish", "hard_silu", "hard_swish", "gelu", "mish", "exponential", KERAS_2_HARD_SIGMOID,
)  # fmt: skip
ACTIVATION = Rule(_ACTIVATION.text.removesuffix(f" or {KERAS_2_HARD_SIGMOID!r}"), _ACTIVATION.read)
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


def image(shape: Shape) -> tuple[int, int, int]:
    """Return ``shape`` if it is that of an image."""
    if len(shape) != 3:
        raise ValueError(f"its input must be [height, width, channels], not {list(shape)}")
    return shape[0], shape[1], shape[2]


def spatial(shape: Shape, rank: int) -> Shape:
    """Return ``shape`` without the channels if it is that of an image (rank 2) or sequence (1)."""
    if rank == 2:
        return image(shape)[:2]
    if len(shape) != 2:
        raise ValueError(f"its input must be [steps, channels], not {list(shape)}")
    return shape[:1]


def up_to_images(shape: Shape) -> Shape:
    """Return ``shape`` if it is that of a vector, a sequence or an image."""
    if not 1 <= len(shape) <= 3:
        raise ValueError(f"its input must have 1 to 3 axes, not {list(shape)}")
    return shape


def one_or_one_each(name: str, values: tuple[float, ...], shape: Shape) -> None:
    """Refuse a parameter that has neither one value nor one for each channel."""
    if len(values) not in (1, shape[-1]):
        raise ValueError(f"{name} must have 1 or {shape[-1]} values, not {len(values)}")


def last_axis(axis: int, shape: Shape) -> None:
    """Refuse an axis that is not the channels'."""
    if axis not in (-1, len(shape)):
        raise ValueError(f"axis must be -1 (the channels), not {axis}")


def frame_axes(axes: tuple[int, ...], shape: Shape) -> tuple[int, ...]:
    """Return the positions in ``shape`` of Keras's ``axes``, which count from the batch."""
    rank = len(shape)
    found = tuple(axis - 1 if axis > 0 else axis + rank for axis in axes)
    if len(set(found)) != len(found) or not all(0 <= axis < rank for axis in found):
        shown = axes[0] if len(axes) == 1 else list(axes)
        raise ValueError(f"axis must be of the axes 1 to {rank}, each once, not {shown}")
    return found


def bias(use: bool, channels: int) -> dict[str, Shape]:
    """Return the bias among the weights of a layer that may have one."""
    return {"bias": (channels,)} if use else {}


def listed(names: Iterable[str]) -> str:
    """Return names for an error message, in their alphabet's order."""
    return ", ".join(sorted(names))
