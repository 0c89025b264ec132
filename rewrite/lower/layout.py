"""Where each value of an ONNX tensor is in the stream.

``positions`` has the ONNX tensor's shape without the batch; each entry is the value's place in the
stream's order (rows, columns, channels; channel fastest).  Transposes, reshapes and repetitions of
the tensor move entries of this array and nothing in the hardware, until an element asks for the
values in another order than they come in: then a Reorder is built.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import Any

import numpy as np
import numpy.typing as npt
import onnx_ir as ir

from ir.elements import Reorder, Shape, StreamType
from ir.errors import CompileError
from ir.identifiers import Identifiers
from ir.numbers import IntArray
from rewrite.lower.blocks import shuffled
from rewrite.lower.cropping import without_unused
from rewrite.lower.loops import blocked, is_nested, loops_of
from rewrite.lower.streams import Stream, seen_as
from rewrite.onnx.graphs import node_label


def map_positions(shape: Shape) -> IntArray:
    """Return the positions of a tensor (channels, height, width)."""
    raster = np.arange(shape.size).reshape(shape.height, shape.width, shape.channels)
    return raster.transpose(2, 0, 1)


Constants = Callable[[ir.Value | None], npt.NDArray[Any] | None]
"""Returns the array that a value stands for, None if it is no constant."""


def moved(stream: Stream, node: ir.Node, constants: Constants) -> Stream:
    """Return the stream behind one of fuse_layout's operators."""
    layer = node_label(node)
    batched = stream.positions[None]
    waypoints = stream.waypoints
    if node.op_type in ("Reshape", "Flatten", "DepthToSpace", "SpaceToDepth"):
        waypoints = (*waypoints, stream.positions.reshape(-1))
    match node.op_type:
        case "Transpose":
            order = [int(a) for a in node.attributes.get_ints("perm", [])]
            result = batched.transpose(order or None)
        case "Reshape":
            result = _reshaped(batched, node, constants, layer)
        case "Flatten":
            axis = node.attributes.get_int("axis", 1) % batched.ndim
            result = batched.reshape(int(np.prod(batched.shape[:axis])), -1)
        case "DepthToSpace" | "SpaceToDepth":
            result = shuffled(batched, node)
        case "Squeeze":
            result = np.squeeze(batched, _numbers(node, "axes", constants, layer))
        case "Unsqueeze":
            result = np.expand_dims(batched, _numbers(node, "axes", constants, layer))
        case "Tile":
            result = np.tile(batched, _numbers(node, "repeats", constants, layer))
        case "Expand":
            sizes = _numbers(node, "shape", constants, layer)
            result = np.broadcast_to(batched, np.broadcast_shapes(batched.shape, sizes))
        case "Gather":
            result = _gathered(batched, node, constants, layer)
        case _:
            raise AssertionError(node.op_type)
    if result.ndim == 0 or result.shape[0] != 1:
        raise _unclear(layer, f"{node.op_type} must leave the batch axis alone")
    return replace(stream, positions=result[0], layer=layer, waypoints=waypoints)


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


def _gathered(batched: IntArray, node: ir.Node, constants: Constants, layer: str) -> IntArray:
    chosen = constants(node.inputs[1])
    axis = node.attributes.get_int("axis", 0) % batched.ndim
    if chosen is None:
        raise _unclear(layer, "the indices given to Gather must be constant")
    if axis == 0:
        raise _unclear(layer, "Gather must leave the batch axis alone")
    try:
        result: IntArray = np.take(batched, chosen.astype(np.int64), axis)
    except IndexError:
        sizes = batched.shape[axis]
        raise _unclear(layer, f"Gather's indices must be below {sizes}, not {chosen}") from None
    return result


def _numbers(node: ir.Node, what: str, constants: Constants, layer: str) -> tuple[int, ...]:
    given = constants(node.inputs[1]) if len(node.inputs) > 1 else None
    if given is None:
        raise _unclear(layer, f"the {what} given to {node.op_type} must be constant")
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

    A Reshape if that is the order in which they come, else a Reorder, or several where no nested
    loops lead from one order to the other at once.  Loops begin with the first value of a frame:
    what no place names may have to be cut away first.

    Raises:
        CompileError: no nested loops visit the places.
    """
    stream, places = _nearer(stream, places, names)
    if not is_nested(places.reshape(-1)):
        stream, places = without_unused(stream, places, names)
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


def _nearer(stream: Stream, places: IntArray, names: Identifiers) -> tuple[Stream, IntArray]:
    """Return a stream, and the places in it, from which nested loops lead to the values."""
    if is_nested(places.reshape(-1)):
        return stream, places
    every = np.arange(stream.shape.size)
    for index in reversed(range(len(stream.waypoints))):
        waypoint = stream.waypoints[index]
        if np.array_equal(np.sort(waypoint), every):
            rank = np.empty_like(waypoint)
            rank[waypoint] = every
            if is_nested(rank[places].reshape(-1)):
                before = replace(stream, waypoints=stream.waypoints[:index])
                cube = waypoint.reshape(1, 1, -1)
                return reordered(before, cube, names), rank[places]
    return stream, places


def as_vector(stream: Stream, names: Identifiers) -> Stream:
    """Return the stream as a (1, 1, channels) vector in the stream's order."""
    return seen_as(stream, Shape(1, 1, stream.shape.size), names)
