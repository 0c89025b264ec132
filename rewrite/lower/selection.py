"""Edges, nearest upsampling and global maxima: codes selected or repeated."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import onnx
import onnx_ir as ir
from onnx import TensorProto, helper, numpy_helper

from ir.elements import GlobalMaximum, Lookup, Loop, Reorder, Shape, StreamType
from ir.errors import CompileError
from ir.identifiers import Identifiers
from ir.numbers import IntArray, frozen_integers
from rewrite.lower.arithmetic import Built, mapped
from rewrite.lower.borders import constant_pad, sides_of
from rewrite.lower.layout import as_map, reordered
from rewrite.lower.reading import Stage
from rewrite.lower.reduction import pixels_of
from rewrite.lower.streams import Stream
from rewrite.lower.tables import codes_by_pattern
from rewrite.onnx.execution import run


def pad(stages: tuple[Stage, ...], source: Stream, names: Identifiers, layer: str) -> Built:
    """Build what a Pad asks for: a constant border, or edges that come twice."""
    stage = stages[0]
    assert stage.operator is not None
    if stage.operator.attributes.get_string("mode", "constant") != "edge":
        return constant_pad(stage, source, names, layer)
    (_, top, left), _ = sides_of(stage, 3).tolist()
    return Built(edges_repeated(source, bool(top), bool(left), names, layer))


def edges_repeated(
    source: Stream, rows: bool, columns: bool, names: Identifiers, layer: str
) -> Stream:
    """Return a map whose first and last rows or columns come twice, through a Reorder."""
    stream = as_map(source, names, layer)
    if not rows and not columns:
        return stream
    shape = stream.shape
    pixel = Loop(shape.channels, 1)
    across = Loop(shape.width + 2, shape.channels, True) if columns else None
    loops = (across, pixel) if across else (Loop(shape.width * shape.channels, 1),)
    size = Shape(shape.height + 2 * rows, shape.width + 2 * columns, shape.channels)
    element = Reorder(
        name=names.new(layer),
        layer=layer,
        source=stream.element,
        output=StreamType(size, stream.element.output.number, 1),
        block_size=shape.width * shape.channels,
        loops=loops,
        edges=rows,
    )
    return mapped(element, stream.lows, stream.highs, layer)


def resize(stages: tuple[Stage, ...], source: Stream, names: Identifiers, layer: str) -> Built:
    """Build a Reorder from a Resize that repeats rows and columns (or leaves some out)."""
    if source.positions.ndim != 3:
        raise CompileError(
            "lower",
            layer,
            f"input must have channels, rows and columns, not {source.positions.ndim} axes",
            "resize images only",
        )
    rows, columns = _nearest(stages[0], source.positions.shape)
    chosen = source.positions[:, rows][:, :, columns]
    named = replace(source, layer=layer)
    return Built(reordered(named, chosen.transpose(1, 2, 0), names))


def _nearest(stage: Stage, shape: tuple[int, ...]) -> tuple[IntArray, IntArray]:
    """Return the rows and columns that onnxruntime's Resize takes: it is run on their numbers."""
    assert stage.operator is not None
    channels, height, width = shape
    node = onnx.NodeProto()
    node.op_type = "Resize"
    node.input.extend(["x", "", "scales"])
    node.output.append("y")
    for attribute in stage.operator.attributes.values():
        node.attribute.append(ir.to_proto(attribute))
    graph = helper.make_graph(
        [node],
        "nearest",
        [helper.make_tensor_value_info("x", TensorProto.FLOAT, [1, *shape])],
        [helper.make_tensor_value_info("y", TensorProto.FLOAT, None)],
        [numpy_helper.from_array(stage.array(stage.operator.inputs[2]), "scales")],
    )
    imports = [helper.make_opsetid("", stage.opset)]
    model = helper.make_model(graph, opset_imports=imports, ir_version=10)
    numbers = np.zeros((1, *shape), np.float32)
    numbers[:] = np.arange(height, dtype=np.float32)[:, None]
    by_row = run(model, None, {"x": numbers})[0][0]
    numbers[:] = np.arange(width, dtype=np.float32)[None, :]
    by_column = run(model, None, {"x": numbers})[0][0]
    assert len(by_row) == channels, "fusing checks that channels stay"
    return by_row[0, :, 0].astype(np.int64), by_column[0, 0].astype(np.int64)


def global_maximum(
    stages: tuple[Stage, ...], source: Stream, names: Identifiers, layer: str
) -> Built:
    """Build a global maximum."""
    del stages
    stream = as_map(source, names, layer)
    output = StreamType(Shape(1, 1, stream.shape.channels), stream.element.output.number, 1)
    element = GlobalMaximum(names.new(layer), layer, stream.element, output)
    return Built(mapped(element, stream.lows, stream.highs, layer))


def extremum(stages: tuple[Stage, ...], source: Stream, names: Identifiers, layer: str) -> Built:
    """Build a global maximum over any axes; a minimum is one of codes that run backwards."""
    stage = stages[0]
    assert stage.operator is not None
    stream, positions = pixels_of(stage, source, names, layer)
    minimum = stage.operator.op_type == "ReduceMin"
    if minimum:
        stream = _backwards(stream, names)
    output = StreamType(Shape(1, 1, stream.shape.channels), stream.element.output.number, 1)
    element = GlobalMaximum(names.new(layer), layer, stream.element, output)
    result = Stream(element, positions, stream.lows, stream.highs, layer)
    return Built(_backwards(result, names) if minimum else result)


def _backwards(stream: Stream, names: Identifiers) -> Stream:
    """Return a stream whose greatest code is the least of ``stream``, and the other way round."""
    number = stream.element.output.number
    ends = number.minimum + number.maximum
    table = frozen_integers(ends - codes_by_pattern(number))
    name = names.new(f"{stream.layer}_backwards")
    element = Lookup(name, stream.layer, stream.element, stream.element.output, table)
    return replace(stream, element=element, lows=ends - stream.highs, highs=ends - stream.lows)
