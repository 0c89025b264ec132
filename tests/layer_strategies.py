"""A Hypothesis strategy for one layer of any supported kind.

Which layers random networks use is decided by ``frontend.layers.SUPPORTED`` alone;
``tests/test_completeness.py`` sees to it that each of them has a drawing function.
"""

from __future__ import annotations

from collections.abc import Sequence

from hypothesis import strategies as st

from frontend import layers
from tests import pointwise_layers, window_layers
from tests.drawn_layers import DRAWN
from zoo.network import KerasLayer
from zoo.shapes import Shape

MODULES = (pointwise_layers, window_layers)
"""They fill ``DRAWN``."""


def kinds(shape: Shape) -> list[str]:
    """Return the supported layers that take ``shape``, each as often as its weight says."""
    return [
        name
        for name, how in DRAWN.items()
        if name in layers.SUPPORTED and len(shape) in how.axes
        for _ in range(how.weight)
    ]


@st.composite
def single_layers(draw: st.DrawFn, shape: Shape, names: Sequence[str] = ()) -> KerasLayer:
    """A layer called one of ``names``, or any supported one, for an input of ``shape``."""
    return DRAWN[draw(st.sampled_from(names or kinds(shape)))].draw(draw, shape)
