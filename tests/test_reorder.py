"""Reorder: its loops are found in the places, and streams are put in order where layers ask."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pytest

from ir.elements import (
    ArgMax,
    Element,
    Lookup,
    Loop,
    MaxPool,
    Reorder,
    Reshape,
    Shape,
)
from ir.elements import ProcessingElement as P
from ir.errors import CompileError
from ir.numbers import IntArray
from rewrite.lower import lower
from rewrite.lower.loops import blocked, loops_of
from rewrite.onnx import fuse
from tests.lowering import kinds, lowered
from tests.qdq import QdqChain

PADS = [1, 1, 1, 1]


def raster(*sizes: int) -> IntArray:
    return np.arange(int(np.prod(sizes))).reshape(sizes)


ORDERS: dict[str, tuple[IntArray, int, tuple[Loop, ...]]] = {
    "as it comes": (raster(12), 1, (Loop(1, 0),)),
    "one value": (raster(1), 1, (Loop(1, 0),)),
    "transposed": (raster(3, 4).T, 12, (Loop(4, 1), Loop(3, 4))),
    "rows turned": (raster(2, 3, 4).transpose(0, 2, 1), 12, (Loop(4, 1), Loop(3, 4))),
    "each row twice": (raster(3, 4).repeat(2, axis=0), 4, (Loop(2, 0), Loop(4, 1))),
    "upsampled": (
        raster(2, 3, 2).repeat(2, axis=0).repeat(3, axis=1),
        6,
        (Loop(2, 0), Loop(3, 2), Loop(3, 0), Loop(2, 1)),
    ),
    "pixel shuffle": (
        raster(2, 3, 2, 2, 5).transpose(0, 2, 1, 3, 4),
        60,
        (Loop(2, 10), Loop(3, 20), Loop(10, 1)),
    ),
    "every other one": (raster(2, 3, 2)[:, :, 0], 2, (Loop(1, 0),)),
    "repeated frame": (np.tile(raster(5), 3), 5, (Loop(3, 0), Loop(5, 1))),
}


@pytest.mark.parametrize("name", ORDERS)
def test_loops(name: str) -> None:
    places, block, loops = ORDERS[name]
    size = int(places.max()) + 1 + (name == "every other one")
    assert blocked(loops_of(places.reshape(-1), "layer"), size) == (block, loops)


@pytest.mark.parametrize(
    "places", [[0, 1, 3], [1, 2], [2, 1, 0], [0, 1, 4, 6], [0, 1, 2, 3, 5, 6, 7, 8, 9]]
)
def test_irregular_orders_are_refused(places: list[int]) -> None:
    with pytest.raises(CompileError) as refusal:
        loops_of(np.array(places), "layer")
    assert str(refusal.value) == (
        "layer: values must change places as transpositions, reshapes and repetitions make them; "
        "leave out what mixes them in another way"
    )


def test_a_map_in_another_order_is_put_in_order() -> None:
    chain = QdqChain((4, 6, 5)).conv(4, pads=[1, 1, 1, 1]).transpose(0, 3, 1, 2).conv(3)
    result = lowered(chain.model())
    assert kinds(result) == [P, Reorder, P]
    element = next(e for e in result.graph if isinstance(e, Reorder))
    assert (element.block_size, element.loops) == (120, (Loop(4, 1), Loop(30, 4)))
    assert element.output.shape == Shape(4, 6, 5)


def test_what_is_in_order_is_only_seen_otherwise() -> None:
    chain = QdqChain((1, 6, 4)).max_pool(1).reshape(1, 8, 3).max_pool(2)
    assert kinds(lowered(chain.model())) == [MaxPool, Reshape, MaxPool]


LAYOUTS: dict[str, tuple[Callable[[], QdqChain], list[type[Element]]]] = {
    "a reshape of channels and pixels together": (
        lambda: QdqChain((4, 6, 6)).conv(4, pads=PADS).reshape(6, 4, 6).conv(2),
        [P, Reorder, Reorder, P],
    ),
    "two of them": (
        lambda: (
            QdqChain((4, 6, 6))
            .conv(4, pads=PADS)
            .reshape(6, 4, 6)
            .transpose(0, 3, 1, 2)
            .reshape(9, 4, 4)
            .conv(2)
        ),
        [P, Reorder, Reorder, P],
    ),
    "an output in no order of its axes": (
        lambda: QdqChain((3, 6, 5)).conv(4).same("Flatten", axis=1),
        [P, Reorder],
    ),
    "an output in another order of its axes": (
        lambda: QdqChain((3, 6, 5)).conv(4).transpose(0, 2, 1, 3),
        [P],
    ),
    "a repeated vector": (lambda: repeated(QdqChain((6,)).gemm(4)), [P, Reorder]),
    "an expanded vector": (lambda: expanded(QdqChain((6,)).gemm(4)), [P, Reorder]),
    "a dense layer of repeated values": (
        lambda: repeated(QdqChain((6,)).gemm(4)).same("Flatten", axis=1).gemm(3, size=12),
        [P, P],
    ),
    "a function of repeated values": (
        lambda: repeated(QdqChain((6,)).gemm(4)).unary("Tanh", 1 / 128),
        [P, Lookup, Reorder],
    ),
    "a dense layer of moved values": (
        lambda: (
            QdqChain((3, 6, 5))
            .conv(4)
            .transpose(0, 2, 1, 3)
            .same("Flatten", axis=1)
            .gemm(3, size=48)
        ),
        [P, Reshape, P],
    ),
}


def repeated(chain: QdqChain) -> QdqChain:
    chain.reshape(1, 4).same("Tile", chain.constant("repeats", np.array([1, 3, 1], np.int64)))
    chain.shape = (3, 4)
    return chain


def expanded(chain: QdqChain) -> QdqChain:
    return chain.reshape(1, 4).same(
        "Expand", chain.constant("sizes", np.array([1, 3, 4], np.int64))
    )


@pytest.mark.parametrize("name", LAYOUTS)
def test_layouts(name: str) -> None:
    build, expected = LAYOUTS[name]
    assert kinds(lowered(build().model())) == expected


def test_argmax_of_moved_values() -> None:
    chain = QdqChain((3, 4, 5)).transpose(0, 3, 2, 1).same("Flatten", axis=1)
    result = lower(fuse(chain.arg_max()))
    assert kinds(result) == [Reorder, ArgMax]


def test_repetitions_of_frames_are_refused() -> None:
    chain = QdqChain((6,)).gemm(4)
    chain.same("Tile", chain.constant("repeats", np.array([2, 1], np.int64)))
    with pytest.raises(CompileError) as refusal:
        lower(fuse(chain.model()))
    assert str(refusal.value) == (
        "tile_8: Tile must leave the batch axis alone; export the model with constant shapes"
    )
