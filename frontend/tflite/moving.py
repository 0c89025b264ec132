"""Operators that take tensors apart, put them together and repeat them."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import tflite

from frontend.tflite.builder import TO_IMAGE, Builder, requantized
from frontend.tflite.model import Operator

Convert = Callable[[Builder, Operator], None]


def _integers(graph: Builder, role: str, values: list[int]) -> str:
    return graph.constant(role, np.array(values, np.int64))


def _frame_axis(graph: Builder, axis: int, rank: int) -> int:
    """Return an axis that is not the batch's."""
    axis += rank if axis < 0 else 0
    if not 0 < axis < rank:
        graph.refuse("takes frames apart, or joins them", "keep frames apart")
    return axis


def _part(graph: Builder, source: int, axis: int, begin: int, end: int, *, image: bool) -> str:
    """Return the values from ``begin`` to ``end`` along an axis of TFLite's layout."""
    own = TO_IMAGE.index(axis) if image else axis
    ends = (("begin", begin), ("end", end), ("axis", own))
    constants = [_integers(graph, role, [number]) for role, number in ends]
    return graph.node("Slice", graph.read(source, image=image), *constants, role="part")


def _split(
    graph: Builder, source: int, results: tuple[int, ...], axis: int, sizes: list[int]
) -> None:
    shape = graph.frame(source)
    axis = _frame_axis(graph, axis, len(shape) + 1)
    if sum(sizes) != shape[axis - 1] or len(sizes) != len(results):
        graph.refuse(f"makes parts of {sizes} of {shape[axis - 1]}", "convert the model again")
    image, begin = graph.is_image(source), 0
    for result, size in zip(results, sizes, strict=True):
        if graph.is_read(result):
            tensor = _part(graph, source, axis, begin, begin + size, image=image)
            graph.write(result, tensor, image=image)
        begin += size


def split(graph: Builder, operator: Operator) -> None:
    """SPLIT into equal parts -> Slice for each."""
    axis, source = graph.integers(operator.inputs[0], "axis")[0], operator.inputs[1]
    length = graph.tensor(source).shape[axis]
    count = len(operator.outputs)
    _split(graph, source, operator.outputs, axis, [length // count] * count)


def split_by_sizes(graph: Builder, operator: Operator) -> None:
    """SPLIT_V -> Slice for each part; one size may be left open."""
    source = operator.inputs[0]
    sizes = graph.integers(operator.inputs[1], "sizes")
    axis = graph.integers(operator.inputs[2], "axis")[0]
    rest = graph.tensor(source).shape[axis] - sum(size for size in sizes if size >= 0)
    _split(graph, source, operator.outputs, axis, [rest if s < 0 else s for s in sizes])


def unpack(graph: Builder, operator: Operator) -> None:
    """UNPACK along an axis -> Slice and Reshape for each."""
    source = operator.inputs[0]
    axis = _frame_axis(
        graph, operator.options(tflite.UnpackOptions).Axis(), len(graph.frame(source)) + 1
    )
    for number, result in enumerate(operator.outputs):
        if not graph.is_read(result):
            continue
        tensor = _part(graph, source, axis, number, number + 1, image=False)
        sizes = _integers(graph, "shape", [-1, *graph.frame(result)])
        tensor = graph.node("Reshape", requantized(graph, source, tensor), sizes, role="reshape")
        graph.write(result, tensor)


def pack(graph: Builder, operator: Operator) -> None:
    """PACK along a new axis -> Reshape of each, Concat."""
    result = operator.outputs[0]
    frame = graph.frame(result)
    axis = _frame_axis(graph, operator.options(tflite.PackOptions).Axis(), len(frame) + 1)
    single = [*frame[: axis - 1], 1, *frame[axis:]]
    parts = []
    for index in operator.inputs:
        sizes = _integers(graph, "shape", [-1, *single])
        tensor = graph.node("Reshape", graph.read(index), sizes, role="reshape")
        parts.append(requantized(graph, index, tensor))
    graph.write(result, graph.node("Concat", *parts, axis=axis))


def tile(graph: Builder, operator: Operator) -> None:
    """TILE: the whole tensor again and again along each axis -> Concat with itself."""
    source, result = operator.inputs[0], operator.outputs[0]
    times = graph.integers(operator.inputs[1], "repetitions")
    rank = len(graph.frame(source)) + 1
    if len(times) != rank or times[0] != 1 or min(times) < 1:
        graph.refuse(f"repeats by {times}", "keep frames apart")
    image = graph.is_image(source)
    tensor = graph.read(source, image=image)
    for axis, count in enumerate(times):
        if count > 1:
            own = TO_IMAGE.index(axis) if image else axis
            joined = graph.node("Concat", *[tensor] * count, axis=own, role="repeat")
            tensor = requantized(graph, source, joined)
    graph.write(result, tensor, image=image)


def _only(graph: Builder, index: int, tensor: str, axis: int, place: int) -> str:
    """Return one row or column of ``tensor``, values of the TFLite tensor ``index``."""
    ends = (("begin", place), ("end", place + 1), ("axis", axis))
    constants = [_integers(graph, role, [number]) for role, number in ends]
    return requantized(graph, index, graph.node("Slice", tensor, *constants, role="part"))


def mirror_pad(graph: Builder, operator: Operator) -> None:
    """MIRROR_PAD -> Slice for each row and column that is seen again, Concat."""
    source, result = operator.inputs[0], operator.outputs[0]
    mode = operator.options(tflite.MirrorPadOptions).Mode()
    flat, frame = graph.integers(operator.inputs[1], "padding"), graph.frame(source)
    if len(flat) != 2 * len(frame) + 2 or any(flat[:2]) or min(flat) < 0:
        graph.refuse(f"has the padding {flat}", "pad frames only")
    image, edge = graph.is_image(source), 0 if mode == tflite.MirrorPadMode.SYMMETRIC else 1
    tensor = graph.read(source, image=image)
    for axis, length in enumerate(frame, 1):
        before, after = flat[2 * axis : 2 * axis + 2]
        if max(before, after) > length - edge:
            graph.refuse(f"has the padding {flat}", "pad by less than the image")
        own = TO_IMAGE.index(axis) if image else axis
        first = [_only(graph, source, tensor, own, edge + i) for i in range(before)][::-1]
        last = [_only(graph, source, tensor, own, length - 1 - edge - i) for i in range(after)]
        if first or last:
            joined = graph.node("Concat", *first, tensor, *last, axis=own, role="mirror")
            tensor = requantized(graph, source, joined)
    graph.write(result, tensor, image=image)


def matrix_product(graph: Builder, operator: Operator) -> None:
    """BATCH_MATMUL of two computed tensors -> MatMul, behind Transposes."""
    options = operator.options(tflite.BatchMatMulOptions)
    operands = []
    for index, turned in zip(operator.inputs, (options.AdjX(), options.AdjY()), strict=True):
        rank = len(graph.frame(index)) + 1
        tensor = graph.read(index)
        if turned:
            order = [*range(rank - 2), rank - 1, rank - 2]
            tensor = requantized(
                graph, index, graph.node("Transpose", tensor, perm=order, role="turn")
            )
        operands.append(tensor)
    graph.write(operator.outputs[0], graph.node("MatMul", *operands))


def depth_to_space(graph: Builder, operator: Operator) -> None:
    """DEPTH_TO_SPACE -> DepthToSpace, blocks in the order of rows and columns."""
    size = operator.options(tflite.DepthToSpaceOptions).BlockSize()
    tensor = graph.read(operator.inputs[0], image=True)
    tensor = graph.node("DepthToSpace", tensor, blocksize=size, mode="DCR")
    graph.write(operator.outputs[0], tensor, image=True)


def space_to_depth(graph: Builder, operator: Operator) -> None:
    """SPACE_TO_DEPTH -> SpaceToDepth."""
    size = operator.options(tflite.SpaceToDepthOptions).BlockSize()
    tensor = graph.node("SpaceToDepth", graph.read(operator.inputs[0], image=True), blocksize=size)
    graph.write(operator.outputs[0], tensor, image=True)


OPERATORS: dict[str, Convert] = {
    "BATCH_MATMUL": matrix_product,
    "DEPTH_TO_SPACE": depth_to_space,
    "MIRROR_PAD": mirror_pad,
    "PACK": pack,
    "SPACE_TO_DEPTH": space_to_depth,
    "SPLIT": split,
    "SPLIT_V": split_by_sizes,
    "TILE": tile,
    "UNPACK": unpack,
}
"""By TFLite's names."""
