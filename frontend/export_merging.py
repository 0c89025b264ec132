"""Layers on several tensors as ONNX nodes; operators of two tensors follow each other."""

from __future__ import annotations

from frontend.emit import emit
from frontend.layers.merging import Average, Concatenate, Elementwise
from frontend.network import Step
from frontend.onnx_builder import GraphBuilder


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
