"""A loaded network: the graph of its layer calls with shapes and weights, in typed values."""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path
from typing import TypeAlias

import numpy as np
from numpy.typing import NDArray

from frontend.keras_files import open_keras_file
from frontend.layers import Layer, Shape
from frontend.limits import MAX_LAYERS, check_activation, check_parameters
from frontend.model_config import read_model
from frontend.model_tree import Entry, Model
from frontend.weights import read_weights
from ir.errors import CompileError


@dataclass(frozen=True, slots=True, eq=False)
class Input:
    """An input of the network; ``shape`` is that of one frame, NHWC."""

    name: str
    shape: Shape


@dataclass(frozen=True, slots=True, eq=False)
class Step:
    """One call of a layer. Shapes are NHWC of one frame; weights are read-only, by Keras's name.

    Steps of one layer, which was called several times, hold the same ``layer`` and ``weights``.
    """

    layer: Layer
    sources: tuple[Node, ...] = field(repr=False)
    shape: Shape
    weights: dict[str, NDArray[np.float32]] = field(repr=False)

    @property
    def input_shapes(self) -> tuple[Shape, ...]:
        """Shapes of the tensors that the call takes."""
        return tuple(source.shape for source in self.sources)

    @property
    def input_shape(self) -> Shape:
        """Shape of the only, or first, tensor that the call takes."""
        return self.sources[0].shape

    @property
    def output_shape(self) -> Shape:
        """The same as ``shape``."""
        return self.shape


Node: TypeAlias = Input | Step


@dataclass(frozen=True, slots=True, eq=False)
class Network:
    """The layer calls of a model file, nested models taken apart.

    ``steps`` stand behind the steps they depend on, and each leads to an output.
    """

    name: str
    inputs: tuple[Input, ...]
    steps: tuple[Step, ...]
    outputs: tuple[Node, ...]
    format: str
    keras_version: str

    @property
    def input_name(self) -> str:
        """Name of the only input."""
        return self._only_input().name

    @property
    def input_shape(self) -> Shape:
        """Shape of one frame of the only input, NHWC."""
        return self._only_input().shape

    @property
    def input_shapes(self) -> dict[str, Shape]:
        """Shape of one frame of each input, by name."""
        return {source.name: source.shape for source in self.inputs}

    @property
    def output_shape(self) -> Shape:
        """Shape of one frame of the only output, NHWC."""
        if len(self.outputs) != 1:
            raise CompileError(
                "load", self.name, f"has {len(self.outputs)} outputs, where one is needed",
                "make a model with one output",
            )  # fmt: skip
        return self.outputs[0].shape

    @property
    def output_shapes(self) -> tuple[Shape, ...]:
        """Shape of one frame of each output."""
        return tuple(node.shape for node in self.outputs)

    def consumers(self) -> dict[Node, list[Step]]:
        """Return the steps that take each tensor, a step once for each time that it does."""
        nodes: list[Node] = [*self.inputs, *self.steps]
        result: dict[Node, list[Step]] = {node: [] for node in nodes}
        for step in self.steps:
            for source in step.sources:
                result[source].append(step)
        return result

    def _only_input(self) -> Input:
        if len(self.inputs) != 1:
            names = ", ".join(repr(source.name) for source in self.inputs)
            raise CompileError(
                "load", self.name, f"has {len(self.inputs)} inputs ({names}), where one is needed",
                "make a model with one input",
            )  # fmt: skip
        return self.inputs[0]


def needed_steps(steps: tuple[Step, ...], outputs: tuple[Node, ...]) -> tuple[Step, ...]:
    """Return those of ``steps`` that lead to one of ``outputs``, in the same order."""
    needed: set[Node] = set(outputs)
    for step in reversed(steps):
        if step in needed:
            needed.update(step.sources)
    return tuple(step for step in steps if step in needed)


def read_network(path: Path, weights: Path | None = None) -> Network:
    """Read a model file completely, without Keras, refusing all that is not supported.

    Args:
        path: ``.h5``, ``.hdf5``, ``.keras`` or ``.json``.
        weights: weights file of a ``.json``.

    Raises:
        CompileError: one line that names the file or the layer.
    """
    with open_keras_file(path, weights) as file:
        model = read_model(file.config, str(path), file.keras_version)
        inputs = _inputs(model, str(path))
        drafts = _Drafts(str(path), [source.shape for source in inputs])
        outputs = drafts.expand(model, list(range(len(inputs))))
        expected = {name: shapes for name, shapes in drafts.weights.items() if shapes}
        values = read_weights(file, model, expected)
        nodes: list[Node] = list(inputs)
        steps: list[Step] = []
        for layer, sources, shape in drafts.calls:
            taken = tuple(nodes[source] for source in sources)
            steps.append(Step(layer, taken, shape, values.get(layer.name, {})))
            nodes.append(steps[-1])
        ends = tuple(nodes[output] for output in outputs)
        return Network(
            model.name, inputs, needed_steps(tuple(steps), ends), ends,
            file.format, file.keras_version,
        )  # fmt: skip


def _inputs(model: Model, path: str) -> tuple[Input, ...]:
    inputs = []
    for source in model.inputs:
        if source.shape is None:
            raise CompileError(
                "load", path, "does not say its input shape",
                "start the model with keras.Input(shape)",
            )  # fmt: skip
        check_activation(source.name, source.shape)
        inputs.append(Input(source.name, source.shape))
    return tuple(inputs)


@dataclass(slots=True)
class _Drafts:
    """The calls of a network while nested models are taken apart, before weights are read.

    Tensors are numbered: first the inputs, then the result of each call. ``shapes`` has the shape
    of each; ``calls`` the layer, tensors and shape of each call; ``weights`` what each layer needs.
    """

    source: str
    shapes: list[Shape]
    calls: list[tuple[Layer, list[int], Shape]] = field(default_factory=list)
    weights: dict[str, dict[str, Shape]] = field(default_factory=dict)
    layers: dict[str, Layer] = field(default_factory=dict)
    parameters: int = 0

    def expand(self, model: Model, arguments: list[int]) -> list[int]:
        """Append the calls of ``model`` on the tensors ``arguments``; return its outputs."""
        if len(arguments) != len(model.inputs):
            raise CompileError(
                "load", model.name,
                f"is called with {len(arguments)} tensors, but has {len(model.inputs)} inputs",
                "save the model again with Keras",
            )  # fmt: skip
        results: list[list[int]] = []
        for call in model.calls:
            tensors = [
                arguments[t.number] if isinstance(t, Entry) else results[t.call][t.output]
                for t in call.tensors
            ]
            content = model.members[call.member].content
            if isinstance(content, Model):
                results.append(self.expand(content, tensors))
            elif isinstance(content, Layer):
                results.append([self._call(content, tensors)])
        return [
            arguments[t.number] if isinstance(t, Entry) else results[t.call][t.output]
            for t in model.outputs
        ]

    def _call(self, layer: Layer, tensors: list[int]) -> int:
        """Append one call, all within the limits; return the number of its result."""
        if len(self.calls) >= MAX_LAYERS:
            raise CompileError(
                "load", self.source, f"calls more than {MAX_LAYERS} layers", "use a smaller model"
            )
        shapes = tuple(self.shapes[tensor] for tensor in tensors)
        try:
            shape = layer.result_shape(shapes)
        except ValueError as error:
            raise CompileError(
                "load", layer.name, str(error), "change the model and train it again"
            ) from error
        check_activation(layer.name, shape)
        own = layer.weights(shapes[0])
        if self.layers.setdefault(layer.name, layer) is not layer:
            raise CompileError(
                "load", layer.name, "is the name of two layers", "give each a name of its own"
            )
        if layer.name not in self.weights:
            self.parameters = check_parameters(layer.name, own, self.parameters)
        elif own != self.weights[layer.name]:
            raise CompileError(
                "load", layer.name, f"is called again on another shape, {list(shapes[0])}",
                "use a layer of its own there",
            )  # fmt: skip
        self.weights[layer.name] = own
        self.calls.append((layer, tensors, shape))
        self.shapes.append(shape)
        return len(self.shapes) - 1
