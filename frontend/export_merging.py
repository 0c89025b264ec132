"""Layers on several tensors as ONNX nodes; operators of two tensors follow each other."""

from __future__ import annotations

import math

from frontend.emit import emit
from frontend.layers.merging import Average, Concatenate, Dot, Elementwise
from frontend.network import Step
from frontend.onnx_builder import GraphBuilder, Value


@emit.register
def _elementwise(layer: Elementwise, step: Step, graph: GraphBuilder) -> None:
    del step
    first, *others = _in_one_layout(graph)
    for number, other in enumerate(others, start=1):
        role = "" if number == len(others) else f"part_{number}"
        first = graph.free_node(layer.operator, first, other, role=role)


@emit.register
def _average(layer: Average, step: Step, graph: GraphBuilder) -> None:
    _elementwise(layer, step, graph)
    if len(graph.inputs) > 1:
        graph.node("Mul", graph.scalar("share", 1 / len(graph.inputs)), role="average")


@emit.register
def _concatenate(layer: Concatenate, step: Step, graph: GraphBuilder) -> None:
    tensors = _in_one_layout(graph)
    axis = graph.axis(layer.frame_axis(len(step.shape)))
    if len(tensors) > 1:
        graph.free_node("Concat", *tensors, axis=axis)


@emit.register
def _dot(layer: Dot, step: Step, graph: GraphBuilder) -> None:
    first, second = layer.frame_axes(tuple(value.shape for value in graph.inputs))
    left, right = graph.inputs
    rows = _matrix(graph, left, first, "first", axis_last=True)
    columns = _matrix(graph, right, second, "second", axis_last=False)
    product = graph.free_node("MatMul", rows, columns)
    if layer.normalize:
        for value, role in ((left, "first"), (right, "second")):
            row = _matrix(graph, value, 0, role, axis_last=True)
            column = _matrix(graph, value, 0, role, axis_last=False)
            graph.free_node("MatMul", row, column, role=f"{role}_square")
            graph.node("Sqrt", role=f"{role}_length")
            graph.node("Max", graph.scalar("epsilon", SMALLEST_LENGTH), role=f"{role}_nonzero")
            inverse = graph.node("Reciprocal", role=f"{role}_inverse")
            product = graph.free_node("Mul", product, inverse, role=f"over_{role}")
    rest = (
        (*left.shape[:first], *left.shape[first + 1 :]),
        (
            *right.shape[:second],
            *right.shape[second + 1 :],
        ),
    )
    graph.value = Value(graph.tensor, (math.prod(rest[0]), math.prod(rest[1])))
    if step.shape != graph.value.shape:
        graph.reshape(step.shape, "result")


SMALLEST_LENGTH = 1e-7
"""Keras 3 divides a vector that is shorter by this, its ``epsilon()``; Keras 2 by 1e-6."""


def _matrix(graph: GraphBuilder, value: Value, axis: int, role: str, *, axis_last: bool) -> str:
    """Return ``value`` as a matrix with its rows along ``axis``, or its columns."""
    graph.value = value
    graph.to_channels_last()
    others = [a for a in range(len(value.shape)) if a != axis]
    order = [*others, axis] if axis_last else [axis, *others]
    if order != sorted(order):
        graph.node("Transpose", perm=[0, *(a + 1 for a in order)], role=f"{role}_moved")
    count, length = math.prod(value.shape[a] for a in others), value.shape[axis]
    sizes = (count, length) if axis_last else (length, count)
    graph.value = Value(graph.tensor, tuple(value.shape[a] for a in order))
    if sizes != graph.value.shape:
        way = "rows" if axis_last else "columns"
        graph.reshape(sizes, f"{role}_{way}")
    return graph.tensor


def _in_one_layout(graph: GraphBuilder) -> list[str]:
    """Return the tensors of the call, channels first if any of them is."""
    channels_first = any(value.channels_first for value in graph.inputs)
    tensors = []
    for value in graph.inputs:
        graph.value = value
        if channels_first:
            graph.to_channels_first()
        tensors.append(graph.tensor)
    return tensors
