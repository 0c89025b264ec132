"""Whole processing elements: what their parts take more together than alone."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace

from ir.elements import Element
from ir.requantize import Scaling
from tools.resource_grid.processing import FOUR, SIGNED
from tools.resource_grid.random_elements import UINT8, kernel, processing


def processing_elements() -> Iterator[Element]:
    """Yield layers of small networks, folded little and much."""
    k = kernel
    yield processing((28, 28, 1), 8, k(3), 2, 1, 1)
    yield processing((13, 13, 8), 16, k(3), 4, 4, 1, pool=k(2, 2))
    yield processing((16, 16, 16), 32, k(3, 1, 1), 4, 8, 1, numbers=SIGNED)
    yield processing((1, 1, 64), 32, k(1), 4, 4, 1)
    yield processing((1, 1, 32), 10, k(1), 2, 2, 1, numbers=(UINT8, *SIGNED[1:]))
    yield processing((8, 8, 32), 32, k(1), 8, 8, 2)
    yield processing((16, 16, 16), 16, k(3, 1, 1), 4, 4, groups=16)
    yield processing((16, 16, 8), 16, k(3, 1, 1), 8, 8, numbers=FOUR, levels=15)
    yield processing((32, 32, 3), 16, k(3, 2, 1), 8, 3, 1, has_table=True)
    yield processing((12, 12, 6), 16, k(5), 1, 1)
    yield processing((1, 1, 64), 64, k(1), 1, 1)
    yield processing((10, 10, 8), 64, k(3), 4, 2, 1)
    yield processing((9, 9, 4), 8, k(3, 1, 1), 2, 2, pool=k(3, 2))
    yield replace(processing((8, 8, 8), 32, k(3, 1, 1), 2, 4, 1), scaling=Scaling.SERIAL)
    yield replace(processing((1, 1, 64), 32, k(1), 1, 2), scaling=Scaling.SERIAL)
