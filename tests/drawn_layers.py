"""The registry of drawing functions: one for every layer of Keras that the front end reads.

Each takes the shape of the layer's input and draws a layer that is legal on it.  The functions are
in ``tests.window_layers`` and ``tests.pointwise_layers``; merging layers are drawn with the graphs
around them, in ``tests.graph_strategies``.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import TypeAlias, TypeVar

from hypothesis import strategies as st

from zoo.network import KerasLayer
from zoo.shapes import Shape

T = TypeVar("T")
DrawLayer: TypeAlias = Callable[[st.DrawFn, Shape], KerasLayer]
DrawNamed: TypeAlias = Callable[[st.DrawFn, Shape, str], KerasLayer]

VECTOR, SEQUENCE, IMAGE = 1, 2, 3
"""Axes of a tensor, without the batch."""

ACTIVATIONS = (
    "linear", "relu", "relu6", "leaky_relu", "elu", "celu", "selu", "sigmoid", "hard_sigmoid",
    "log_sigmoid", "sparse_sigmoid", "tanh", "hard_tanh", "tanh_shrink", "hard_shrink",
    "soft_shrink", "softplus", "sparse_plus", "squareplus", "softsign", "silu", "hard_silu", "gelu",
    "mish",
)  # fmt: skip
"""All of one value each, but the exponential, which overflows on inputs as large as are drawn."""
SLOPES = (0.125, 0.3, 0.01, 1.0, 1.7)


@dataclass(frozen=True, slots=True)
class Drawn:
    """How a layer is drawn, on tensors of which numbers of axes, how often beside the others."""

    draw: DrawLayer
    axes: tuple[int, ...] = (VECTOR, SEQUENCE, IMAGE)
    weight: int = 2


DRAWN: dict[str, Drawn] = {}
"""By Keras's name."""


def drawn(
    *names: str, axes: tuple[int, ...] = (VECTOR, SEQUENCE, IMAGE), weight: int = 2
) -> Callable[[DrawNamed], DrawNamed]:
    """Enter a drawing function, which gets the layer's name, too, under ``names``."""

    def enter(function: DrawNamed) -> DrawNamed:
        for name in names:

            def draw(draw: st.DrawFn, shape: Shape, name: str = name) -> KerasLayer:
                return function(draw, shape, name)

            DRAWN[name] = Drawn(draw, axes, weight)
        return function

    return enter


def plain(values: tuple[T, ...]) -> T | tuple[T, ...]:
    """Write equal values, one for each axis, as one, as people do."""
    return values[0] if len(set(values)) == 1 else values


def activations(draw: st.DrawFn) -> str:
    """Draw a function for the end of another layer: mostly none or a ReLU."""
    return draw(st.sampled_from(("linear", "relu") * 4 + ACTIVATIONS))
