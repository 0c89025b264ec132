"""The one function that each supported layer class extends: from a layer call to ONNX nodes."""

from __future__ import annotations

from functools import singledispatch

from frontend.layers import Layer, TrainingOnly
from frontend.network import Step
from frontend.onnx_builder import GraphBuilder


@singledispatch
def emit(layer: Layer, step: Step, graph: GraphBuilder) -> None:
    """Append the nodes of one call of a layer; the current value becomes its result."""
    raise NotImplementedError(type(layer).__name__)


@emit.register
def _training_only(layer: TrainingOnly, step: Step, graph: GraphBuilder) -> None:
    del layer, step, graph
