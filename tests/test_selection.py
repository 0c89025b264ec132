"""Borders, nearest upsampling, global maxima: from ONNX, exact and in one element each."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pytest

from ir.elements import (
    Border,
    Element,
    GlobalMaximum,
    Lookup,
    ProcessingElement,
    Reorder,
    Reshape,
)
from ir.errors import CompileError
from rewrite.lower import lower
from rewrite.onnx import fuse
from tests.lowering import kinds, lowered
from tests.qdq import QdqChain

IMAGE = (3, 6, 5)

Build = Callable[[], QdqChain]


def select(chain: QdqChain, operator: str, *operands: object, **attributes: object) -> QdqChain:
    names = ["" if o is None else chain.constant("operand", np.asarray(o)) for o in operands]
    return chain.same(operator, *names, **attributes)


def sizes(*numbers: int) -> np.ndarray:
    return np.array(numbers, np.int64)


def scales(*numbers: float) -> np.ndarray:
    return np.array(numbers, np.float32)


NEAREST = {
    "mode": "nearest",
    "coordinate_transformation_mode": "asymmetric",
    "nearest_mode": "floor",
}

SELECTED: dict[str, tuple[Build, list[type[Element]]]] = {
    "pad": (
        lambda: select(QdqChain(IMAGE), "Pad", sizes(0, 0, 1, 0, 0, 0, 2, 3)).conv(2),
        [Border, ProcessingElement],
    ),
    "pad with a number": (
        lambda: select(
            QdqChain(IMAGE, "int8"), "Pad", sizes(0, 0, 1, 0, 0, 0, 0, 1), np.float32(0.33)
        ),
        [Border],
    ),
    "pad with what saturates": (
        lambda: select(QdqChain(IMAGE), "Pad", sizes(1, 0, 2, 1), np.float32(-1e9), sizes(2, -1)),
        [Border],
    ),
    "pad and crop": (
        lambda: select(QdqChain(IMAGE), "Pad", sizes(0, 0, -1, 2, 0, 0, 2, -3)),
        [Border],
    ),
    "edges": (
        lambda: select(QdqChain(IMAGE), "Pad", sizes(0, 0, 1, 1, 0, 0, 1, 1), mode="edge").conv(2),
        [Reorder, ProcessingElement],
    ),
    "edges of rows": (
        lambda: select(
            QdqChain((3, 1, 5), "int8"), "Pad", sizes(0, 0, 1, 0, 0, 0, 1, 0), mode="edge"
        ),
        [Reorder],
    ),
    "edges of columns": (
        lambda: select(QdqChain((3, 4, 1)), "Pad", sizes(0, 0, 0, 1, 0, 0, 0, 1), mode="edge"),
        [Reorder],
    ),
    "crop": (
        lambda: select(QdqChain(IMAGE), "Slice", sizes(1, 0), sizes(5, -2), sizes(2, 3)).conv(2),
        [Border, ProcessingElement],
    ),
    "crop to the end": (
        lambda: select(QdqChain(IMAGE, "int8"), "Slice", sizes(-4), sizes(2**62), sizes(-1)),
        [Border],
    ),
    "crop behind a transposition": (
        lambda: select(
            QdqChain((6, 5, 3)).transpose(0, 3, 1, 2), "Slice", sizes(1), sizes(3), sizes(2)
        ),
        [Border],
    ),
    "channels behind and in front": (
        lambda: select(QdqChain(IMAGE), "Pad", sizes(0, 2, 0, 0, 0, 1, 0, 0), np.float32(0.5)),
        [Reshape, Border],
    ),
    "channels, rows and columns": (
        lambda: select(QdqChain(IMAGE), "Pad", sizes(0, 1, 1, 0, 0, -1, 2, 3)).conv(2),
        [Border, Reshape, Border, Reshape, ProcessingElement],
    ),
    "some of the channels": (
        lambda: select(QdqChain(IMAGE, "int8"), "Slice", sizes(1), sizes(3), sizes(1)),
        [Reshape, Border],
    ),
    "channels behind a transposition": (
        lambda: select(
            QdqChain((6, 5, 3)).transpose(0, 3, 2, 1), "Pad", sizes(2, 0, 0, 1), None, sizes(1, 3)
        ),
        [Border, Reshape, Border],
    ),
    "part of a vector": (
        lambda: select(QdqChain((9,)), "Slice", sizes(2), sizes(-1), sizes(-1)),
        [Reshape, Border],
    ),
    "a longer sequence": (
        lambda: select(QdqChain((4, 3)), "Pad", sizes(0, 1, 0, 0, 2, 0)),
        [Reshape, Border],
    ),
    "every other row from the second on": (
        lambda: select(QdqChain(IMAGE), "Slice", sizes(1), sizes(6), sizes(2), sizes(2)).conv(2),
        [Border, Reorder, ProcessingElement],
    ),
    "every third column, in the tensor's order": (
        lambda: select(QdqChain(IMAGE), "Slice", sizes(1), sizes(5), sizes(3), sizes(3)),
        [Border, Reorder],
    ),
    "largest pixel": (
        lambda: select(QdqChain(IMAGE), "ReduceMax", sizes(2, -1), keepdims=0),
        [Reshape, GlobalMaximum],
    ),
    "smallest row of signed codes": (
        lambda: select(QdqChain(IMAGE, "int8"), "ReduceMin", sizes(2)),
        [Reorder, Lookup, GlobalMaximum, Lookup],
    ),
    "nearest": (
        lambda: select(QdqChain(IMAGE), "Resize", None, scales(1, 1, 2, 3), **NEAREST),
        [Reorder],
    ),
    "nearest, half pixel": (
        lambda: select(QdqChain(IMAGE, "int8"), "Resize", None, scales(1, 1, 2, 2), mode="nearest"),
        [Reorder],
    ),
    "fewer pixels": (
        lambda: select(QdqChain((3, 6, 4)), "Resize", None, scales(1, 1, 0.5, 0.5), **NEAREST),
        [Reorder],
    ),
    "global maximum": (
        lambda: select(QdqChain(IMAGE), "GlobalMaxPool").conv(4, (1, 1)),
        [GlobalMaximum, ProcessingElement],
    ),
    "global maximum of signed codes": (
        lambda: select(QdqChain(IMAGE, "int8"), "GlobalMaxPool"),
        [GlobalMaximum],
    ),
}


@pytest.mark.parametrize("name", SELECTED)
def test_selected(name: str) -> None:
    build, elements = SELECTED[name]
    chain = build()
    assert kinds(lowered(chain.model())) == elements
    assert dict(fuse(chain.model()).applied)["fuse_selection"] == 1


def test_sizes_become_scales() -> None:
    chain = select(QdqChain(IMAGE), "Resize", None, None, sizes(1, 3, 12, 5), mode="nearest")
    model = chain.model()
    model.graph.input[0].type.tensor_type.shape.dim[0].dim_value = 1
    fused = fuse(model)
    assert dict(fused.applied)["resize_by_scales"] == 1
    assert dict(fuse(fused.proto).applied)["resize_by_scales"] == 0
    assert Reorder in kinds(lower(fused))


def test_a_border_widens_the_range_to_its_value() -> None:
    chain = select(QdqChain(IMAGE), "Pad", sizes(0, 0, 1, 0, 0, 0, 0, 0))
    element = next(e for e in lowered(chain.model()).graph if isinstance(e, Border))
    assert element.pad_value == chain.zero_point


REFUSED: dict[str, tuple[Build, str]] = {
    "reflection": (
        lambda: select(QdqChain(IMAGE), "Pad", sizes(0, 0, 1, 0, 0, 0, 1, 0), mode="reflect"),
        "pad_3: Pad's mode must be 'constant' or 'edge', not 'reflect'; change the Pad",
    ),
    "wide edges": (
        lambda: select(QdqChain(IMAGE), "Pad", sizes(0, 0, 2, 0, 0, 0, 2, 0), mode="edge"),
        "pad_3: Pad must repeat both edges of rows or columns once; change the Pad",
    ),
    "more frames": (
        lambda: select(QdqChain(IMAGE), "Pad", sizes(1, 0, 1, 0, 0, 0, 1, 0)),
        "pad_3: Pad must surround each frame, not the batch with frames; change the Pad",
    ),
    "edges of channels": (
        lambda: select(QdqChain(IMAGE), "Pad", sizes(0, 1, 1, 0, 0, 1, 1, 0), mode="edge"),
        "pad_3: Pad must repeat the edges of an image's rows and columns, not of other axes; "
        "change the Pad",
    ),
    "some of the frames": (
        lambda: select(QdqChain(IMAGE), "Slice", sizes(0), sizes(1), sizes(-4)),
        "slice_3: Slice must cut each frame, not the batch; change the Slice",
    ),
    "rows from the last to the first": (
        lambda: select(QdqChain(IMAGE), "Slice", sizes(-1), sizes(-7), sizes(2), sizes(-1)).conv(2),
        "slice_3: values must change places as transpositions, reshapes and repetitions make them; "
        "leave out what mixes them in another way",
    ),
    "largest of several frames": (
        lambda: select(QdqChain(IMAGE), "ReduceMax", sizes(0, 1)),
        "reducemax_3: ReduceMax must be one of some axes of each frame, not of the batch; change "
        "the ReduceMax",
    ),
    "interpolation": (
        lambda: select(QdqChain(IMAGE), "Resize", None, scales(1, 1, 2, 2), mode="cubic"),
        "resize_3: Resize must take nearest or linear values, not cubic ones; change the Resize",
    ),
    "more channels": (
        lambda: select(QdqChain(IMAGE), "Resize", None, scales(1, 2, 2, 2), **NEAREST),
        "resize_3: Resize must leave the channels of an image alone; change the Resize",
    ),
    "uneven repetition": (
        lambda: select(QdqChain(IMAGE), "Resize", None, None, sizes(1, 3, 8, 5), **NEAREST),
        "resize_3: Resize must repeat each row and column of an image equally often; change the "
        "Resize",
    ),
}


@pytest.mark.parametrize("name", REFUSED)
def test_refused(name: str) -> None:
    build, message = REFUSED[name]
    with pytest.raises(CompileError) as refusal:
        lower(fuse(build().model()))
    assert str(refusal.value) == message


@pytest.mark.parametrize("codes", ["uint8", "int8"])
def test_another_scale_is_a_table_in_front(codes: str) -> None:
    chain = QdqChain(IMAGE, codes)
    chain.unary("GlobalMaxPool")
    pads = chain.constant("sizes", np.array([0, 0, 1, 0, 0, 0, 0, 1], np.int64))
    value = chain.constant("value", np.float32(0.7))
    chain.requantize(chain.node("Pad", [chain.dequantize(), pads, value]), 0.05)
    result = lowered(chain.model())
    assert kinds(result) == [Lookup, GlobalMaximum, Lookup, Border]
