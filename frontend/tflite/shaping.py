"""Operators that move, cut, join, repeat or average values."""

from __future__ import annotations

import math
from collections.abc import Callable

import numpy as np
import tflite

from frontend.tflite.activations import write_activated
from frontend.tflite.builder import TO_IMAGE, TO_PLAIN, Builder, requantized, same_quantization
from frontend.tflite.model import Operator

Convert = Callable[[Builder, Operator], None]


def _sizes(graph: Builder, role: str, values: list[int]) -> str:
    return graph.constant(role, np.array(values, np.int64))


def _axis(axis: int, image: bool) -> int:
    """Return where an axis of TFLite's layout is."""
    return TO_IMAGE.index(axis) if image else axis


def reshape(graph: Builder, operator: Operator) -> None:
    """RESHAPE, SQUEEZE, EXPAND_DIMS: each frame anew -> Reshape."""
    source, result = operator.inputs[0], operator.outputs[0]
    before, after = graph.frame(source), graph.frame(result)
    if math.prod(before) != math.prod(after):
        graph.refuse(f"makes {list(after)} of {list(before)}", "convert the model again")
    if before == after:
        image = graph.is_image(source)
        graph.write(result, graph.read(source, image=image), image=image)
        return
    tensor = graph.read(source)
    graph.write(result, graph.node("Reshape", tensor, _sizes(graph, "shape", [-1, *after])))


def transpose(graph: Builder, operator: Operator) -> None:
    """TRANSPOSE of the axes of a frame -> Transpose."""
    source, result = operator.inputs[0], operator.outputs[0]
    order = graph.integers(operator.inputs[1], "order")
    frame = graph.frame(source)
    if sorted(order) != list(range(len(frame) + 1)) or order[0] != 0:
        graph.refuse(f"moves the batch or has the order {order}", "keep frames apart")
    graph.write(result, graph.node("Transpose", graph.read(source), perm=order))


def concatenation(graph: Builder, operator: Operator) -> None:
    """CONCATENATION along an axis of a frame -> Concat."""
    options = operator.options(tflite.ConcatenationOptions)
    rank = len(graph.frame(operator.outputs[0])) + 1
    axis = options.Axis() + (rank if options.Axis() < 0 else 0)
    if not 0 < axis < rank:
        graph.refuse("joins frames", "keep frames apart")
    computed = [index for index in operator.inputs if graph.values(index) is None]
    image = rank == 4 and any(map(graph.is_image, computed))
    tensors = [graph.read(index, image=image) for index in operator.inputs]
    joined = graph.node("Concat", *tensors, axis=_axis(axis, image))
    activation = options.FusedActivationFunction()
    write_activated(graph, operator.outputs[0], joined, activation, image=image)


def pad(graph: Builder, operator: Operator) -> None:
    """PAD with real zeros, PADV2 with a constant -> Pad, or padding of the convolutions behind.

    A convolution that takes the padded image and pads nothing itself takes over the zeros.
    """
    source, result = operator.inputs[0], operator.outputs[0]
    frame = graph.frame(source)
    flat = graph.integers(operator.inputs[1], "padding")
    pairs = list(zip(flat[::2], flat[1::2], strict=True))
    if len(pairs) != len(frame) + 1 or any(pairs[0]) or min(flat) < 0:
        graph.refuse(f"has the padding {flat}", "pad images only")
    value = "" if len(operator.inputs) < 3 else graph.read(operator.inputs[2])
    if not value and len(pairs) == 4 and not any(pairs[3]) and _pads_convolutions(graph, operator):
        (top, bottom), (left, right) = pairs[1:3]
        graph.padded[result] = (source, (top, left, bottom, right))
        return
    image = graph.is_image(source)
    pairs = [pairs[axis] for axis in TO_IMAGE] if image else pairs
    amounts = _sizes(graph, "pads", [p[0] for p in pairs] + [p[1] for p in pairs])
    tensor = graph.read(source, image=image)
    value = value or graph.constant("zero", np.float32(0))
    graph.write(result, graph.node("Pad", tensor, amounts, value), image=image)


def _pads_convolutions(graph: Builder, padding: Operator) -> bool:
    result = padding.outputs[0]
    if not same_quantization(graph, padding.inputs[0], result):
        return False
    takers = [operator for operator in graph.model.operators if result in operator.inputs]
    kinds = {"CONV_2D": tflite.Conv2DOptions, "DEPTHWISE_CONV_2D": tflite.DepthwiseConv2DOptions}
    return result not in {index for _, index in graph.model.outputs} and all(
        taker.kind in kinds
        and taker.inputs[0] == result
        and taker.options(kinds[taker.kind]).Padding() == tflite.Padding.VALID
        for taker in takers
    )


def strided_slice(graph: Builder, operator: Operator) -> None:
    """STRIDED_SLICE of each frame -> Slice."""
    options = operator.options(tflite.StridedSliceOptions)
    if options.EllipsisMask() or options.NewAxisMask():
        graph.refuse("adds axes", "use a Cropping layer, and Reshape")
    shape = (graph.batch, *graph.frame(operator.inputs[0]))
    begin, end, step = (
        graph.integers(index, what)
        for index, what in zip(operator.inputs[1:4], ("begin", "end", "step"), strict=True)
    )
    if not len(shape) == len(begin) == len(end) == len(step):
        graph.refuse("does not state each axis", "use a Cropping layer")
    parts = []
    for axis, size in enumerate(shape):
        first = None if options.BeginMask() >> axis & 1 else begin[axis]
        last = None if options.EndMask() >> axis & 1 else end[axis]
        if options.ShrinkAxisMask() >> axis & 1:
            only = begin[axis] % size
            parts.append((only, only + 1, 1))
        else:
            parts.append(slice(first, last, step[axis]).indices(size))
    if min(part[2] for part in parts) < 1:
        graph.refuse("goes backwards", "keep the order of values")
    _cut(graph, operator, parts)


def cut(graph: Builder, operator: Operator) -> None:
    """SLICE of each frame -> Slice."""
    shape = (graph.batch, *graph.frame(operator.inputs[0]))
    begin = graph.integers(operator.inputs[1], "begin")
    size = graph.integers(operator.inputs[2], "size")
    if not len(shape) == len(begin) == len(size):
        graph.refuse("does not state each axis", "convert the model again")
    ends = [n if s < 0 else b + s for n, b, s in zip(shape, begin, size, strict=True)]
    _cut(graph, operator, [(b, e, 1) for b, e in zip(begin, ends, strict=True)])


def _cut(graph: Builder, operator: Operator, parts: list[tuple[int, int, int]]) -> None:
    source, result = operator.inputs[0], operator.outputs[0]
    if parts[0] != (0, graph.batch, 1):
        graph.refuse("takes frames apart", "keep frames together")
    image = graph.is_image(source)
    frame = graph.frame(source)
    partial = [i + 1 for i, size in enumerate(frame) if parts[i + 1] != (0, size, 1)]
    if not partial:
        graph.write(result, graph.read(source, image=image), image=image)
        return
    axes = [_axis(axis, image) for axis in partial]
    columns = [[parts[axis][i] for axis in partial] for i in range(3)]
    begin, end, step = (
        _sizes(graph, role, column)
        for role, column in zip(("begin", "end", "step"), columns, strict=True)
    )
    where = _sizes(graph, "axes", axes)
    tensor = graph.node("Slice", graph.read(source, image=image), begin, end, where, step)
    if len(graph.frame(result)) == len(frame):
        graph.write(result, tensor, image=image)
        return
    tensor = requantized(graph, source, tensor)
    if image:
        tensor = graph.node("Transpose", tensor, role="to_nhwc", perm=TO_PLAIN)
        tensor = requantized(graph, source, tensor)
    shape = _sizes(graph, "shape", [-1, *graph.frame(result)])
    graph.write(result, graph.node("Reshape", tensor, shape, role="reshape"))


def resize_nearest(graph: Builder, operator: Operator) -> None:
    """RESIZE_NEAREST_NEIGHBOR -> Resize."""
    options = operator.options(tflite.ResizeNearestNeighborOptions)
    _resize(graph, operator, options, "nearest")


def resize_bilinear(graph: Builder, operator: Operator) -> None:
    """RESIZE_BILINEAR -> Resize."""
    _resize(graph, operator, operator.options(tflite.ResizeBilinearOptions), "linear")


def _resize(
    graph: Builder,
    operator: Operator,
    options: tflite.ResizeBilinearOptions | tflite.ResizeNearestNeighborOptions,
    mode: str,
) -> None:
    source, result = operator.inputs[0], operator.outputs[0]
    if len(graph.frame(source)) != 3:
        graph.refuse("resizes what is no image", "convert the model again")
    sizes = zip(graph.frame(source)[:2], graph.frame(result)[:2], strict=True)
    scales = [_factor(before, after) for before, after in sizes]
    coordinates = "asymmetric"
    if options.AlignCorners():
        coordinates = "align_corners"
    elif options.HalfPixelCenters():
        coordinates = "half_pixel"
    tensor = graph.node(
        "Resize",
        graph.read(source, image=True),
        "",
        graph.constant("scales", np.array([1, 1, *scales], np.float32)),
        mode=mode,
        coordinate_transformation_mode=coordinates,
        nearest_mode="floor" if coordinates == "asymmetric" else "round_prefer_ceil",
    )
    graph.write(result, tensor, image=True)


def _factor(before: int, after: int) -> np.float32:
    """Return the factor with which ONNX makes ``after = floor(before * factor)``."""
    factor = np.float32(after / before)
    exact = math.floor(before * float(factor)) == after
    return factor if exact else np.nextafter(factor, np.float32(np.inf))


OPERATORS: dict[str, Convert] = {
    "CONCATENATION": concatenation,
    "EXPAND_DIMS": reshape,
    "PAD": pad,
    "PADV2": pad,
    "RESHAPE": reshape,
    "RESIZE_BILINEAR": resize_bilinear,
    "RESIZE_NEAREST_NEIGHBOR": resize_nearest,
    "SLICE": cut,
    "SQUEEZE": reshape,
    "STRIDED_SLICE": strided_slice,
    "TRANSPOSE": transpose,
}
"""By TFLite's names."""
