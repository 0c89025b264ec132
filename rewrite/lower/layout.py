"""Where each value of an ONNX tensor is in the stream.

``positions`` has the ONNX tensor's shape without the batch; each entry is the value's place in the
stream's order (rows, columns, channels; channel fastest).  Transposes and reshapes of the tensor
move entries of this array and nothing in the hardware.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import numpy.typing as npt
import onnx_ir as ir

from ir.elements import Element, Reorder, Reshape, Shape, StreamType
from ir.errors import CompileError
from ir.identifiers import Identifiers
from ir.numbers import IntArray
from rewrite.lower.loops import blocked, loops_of
from rewrite.onnx.graphs import node_label


@dataclass(frozen=True, slots=True)
class Stream:
    """An ONNX tensor of codes as a stream.

    ``lows``, ``highs``: (channels,) codes that can occur in each channel of the element's output.
    ``layer``: the operator that gave the tensor its present shape.
    """

    element: Element
    positions: IntArray
    lows: IntArray
    highs: IntArray
    layer: str

    @property
    def shape(self) -> Shape:
        """Shape of the element's output."""
        return self.element.output.shape


def map_positions(shape: Shape) -> IntArray:
    """Return the positions of a tensor (channels, height, width)."""
    raster = np.arange(shape.size).reshape(shape.height, shape.width, shape.channels)
    return raster.transpose(2, 0, 1)


Constants = Callable[[ir.Value | None], npt.NDArray[Any] | None]
"""Returns the array that a value stands for, None if it is no constant."""


def moved(stream: Stream, node: ir.Node, constants: Constants) -> Stream:
    """Return the stream behind a Transpose, Reshape, Flatten, Squeeze or Unsqueeze."""
    layer = node_label(node)
    batched = stream.positions[None]
    match node.op_type:
        case "Transpose":
            order = [int(a) for a in node.attributes.get_ints("perm", [])]
            result = batched.transpose(order or None)
        case "Reshape":
            result = _reshaped(batched, node, constants, layer)
        case "Flatten":
            axis = node.attributes.get_int("axis", 1) % batched.ndim
            result = batched.reshape(int(np.prod(batched.shape[:axis])), -1)
        case "Squeeze":
            result = np.squeeze(batched, _axes(node, constants, layer))
        case "Unsqueeze":
            result = np.expand_dims(batched, _axes(node, constants, layer))
        case _:
            raise AssertionError(node.op_type)
    if result.ndim == 0 or result.shape[0] != 1 or result.size != stream.positions.size:
        raise _unclear(layer, f"{node.op_type} must leave the batch axis alone")
    return replace(stream, positions=result[0], layer=layer)


def _reshaped(batched: IntArray, node: ir.Node, constants: Constants, layer: str) -> IntArray:
    target = constants(node.inputs[1])
    if target is None:
        raise _unclear(layer, "the shape given to Reshape must be a constant")
    sizes = [int(s) for s in target]
    if not node.attributes.get_int("allowzero", 0):
        sizes = [s or batched.shape[i] for i, s in enumerate(sizes)]
    frame = int(np.prod(sizes[1:]))
    if sizes[0] > 1 and frame == batched.size:  # a model with a fixed batch
        sizes[0] = 1
    try:
        return batched.reshape(sizes)
    except ValueError:
        raise _unclear(layer, f"Reshape must keep the size {batched.size}, not {sizes}") from None


def _axes(node: ir.Node, constants: Constants, layer: str) -> tuple[int, ...]:
    given = constants(node.inputs[1]) if len(node.inputs) > 1 else None
    if given is None:
        raise _unclear(layer, f"the axes given to {node.op_type} must be constant")
    return tuple(int(a) for a in given)


def _unclear(layer: str, problem: str) -> CompileError:
    return CompileError("lower", layer, problem, "export the model with constant shapes")


def as_map(stream: Stream, names: Identifiers, layer: str) -> Stream:
    """Return the stream of a tensor (channels, height, width) as a map of that shape.

    Raises:
        CompileError: the tensor has other axes.
    """
    if stream.positions.ndim != 3:
        raise CompileError(
            "lower",
            layer,
            f"input must have channels, rows and columns, not {stream.positions.ndim} axes",
            "only two-dimensional convolutions and pools are supported",
        )
    return reordered(stream, stream.positions.transpose(1, 2, 0), names)


def reordered(stream: Stream, places: IntArray, names: Identifiers) -> Stream:
    """Return a map whose values are those of ``stream`` at ``places``, (height, width, channels).

    A Reshape if that is the order in which they come, else a Reorder.

    Raises:
        CompileError: no nested loops visit the places.
    """
    shape, flat = Shape(*places.shape), places.reshape(-1)
    if np.array_equal(flat, np.arange(stream.shape.size)):
        seen = seen_as(stream, shape, names)
        return replace(seen, positions=map_positions(shape))
    block, loops = blocked(loops_of(flat, stream.layer), stream.shape.size)
    output = StreamType(shape, stream.element.output.number, 1)
    name = names.new(stream.layer)
    element = Reorder(name, stream.layer, stream.element, output, block, loops)
    channels = flat.reshape(-1, shape.channels) % stream.shape.channels
    lows, highs = stream.lows[channels].min(axis=0), stream.highs[channels].max(axis=0)
    return Stream(element, map_positions(shape), lows, highs, stream.layer)


def as_vector(stream: Stream, names: Identifiers) -> Stream:
    """Return the stream as a (1, 1, channels) vector in the stream's order."""
    return seen_as(stream, Shape(1, 1, stream.shape.size), names)


def seen_as(stream: Stream, shape: Shape, names: Identifiers) -> Stream:
    """Return the stream with another shape, through a Reshape if it differs."""
    if shape == stream.shape:
        return stream
    output = StreamType(shape, stream.element.output.number, 1)
    element = Reshape(names.new(stream.layer), stream.layer, stream.element, output)
    pixels = stream.shape.pixels
    lows = np.tile(stream.lows, pixels).reshape(-1, shape.channels).min(axis=0)
    highs = np.tile(stream.highs, pixels).reshape(-1, shape.channels).max(axis=0)
    return replace(stream, element=element, lows=lows, highs=highs)


def stream_order(positions: IntArray, layer: str) -> tuple[int, ...]:
    """Return the tensor's axes, slowest first, in the order in which they are streamed.

    Raises:
        CompileError: the stream is no permutation of axes.
    """
    axes = range(positions.ndim)
    origin = (0,) * positions.ndim

    def stride(axis: int) -> int:
        second = tuple(int(a == axis) for a in axes)
        size = positions.shape[axis]
        return int(positions[second] - positions[origin]) if size > 1 else positions.size

    order = tuple(sorted(axes, key=lambda axis: -stride(axis)))
    if not np.array_equal(positions.transpose(order).reshape(-1), np.arange(positions.size)):
        raise CompileError(
            "lower",
            layer,
            "the output must be streamed in an order of its axes; a layout change in front of it "
            "mixes them",
            "flatten with the channels last",
        )
    return order
