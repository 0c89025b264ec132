"""A random graph under construction: calls of drawn layers within a budget of work."""

from __future__ import annotations

from dataclasses import dataclass, field
from math import prod

from hypothesis import strategies as st

from frontend.layers import SUPPORTED, TrainingOnly
from tests.drawn_layers import IMAGE, VECTOR
from tests.layer_strategies import single_layers
from zoo.graphs import GraphBuilder, Value, called
from zoo.network import Again, Graph, KerasLayer, Node, SingleLayer
from zoo.shapes import Shape, layer_macs, output_shape

MAC_BUDGET = 12_000
"""Multiplications per frame: GHDL simulates about 10**5 a second."""
LARGEST = 8
"""Height, width and steps of the largest input; padding may add to it."""
MOST_VALUES = 400
"""Values of the largest tensor, unless the inputs are larger."""
MOST_OUTPUTS = 3

MERGES = ("Add", "Subtract", "Multiply", "Average", "Maximum", "Minimum")
OF_TWO = ("Subtract",)
"""They take two tensors, the other merging layers any number."""


@dataclass(slots=True)
class Growth:
    """A graph under construction."""

    draw: st.DrawFn
    graph: GraphBuilder
    budget: int
    nodes: list[Node] = field(default_factory=list)

    @property
    def shapes(self) -> list[Shape]:
        return self.graph.shapes

    def call(self, layer: KerasLayer | Graph | Again, *sources: Value) -> Value:
        self.nodes.append(Node(layer, sources))
        return self.graph.call(layer, *sources)

    def any_tensor(self) -> Value:
        """Draw a tensor: mostly the newest."""
        newest = len(self.shapes) - 1
        return self.draw(st.one_of(st.just(newest), st.just(newest), st.integers(0, newest)))

    def layer(self, source: Value) -> Value:
        """Call a layer of any kind, unless its result or its work would be too large."""
        shape = self.shapes[source]
        layer = self.draw(single_layers(shape))
        work = layer_macs(layer, shape)
        large = prod(output_shape(layer, shape)) > max(MOST_VALUES, prod(shape))
        if work > self.budget or large:
            layer, work = KerasLayer("ReLU"), 0
        self.budget -= work
        return self.call(layer, source)

    def convolution(self, source: Value, channels: int, stride: int = 1) -> Value:
        """Call a convolution (or dense layer) with ``channels``, padded; without the work if none.

        A tensor for which there is no work left is only activated, if that gives the same shape.
        """
        shape = self.shapes[source]
        activation = self.draw(st.sampled_from(["linear", "relu"]))
        if len(shape) == VECTOR:
            layer = KerasLayer("Dense", units=channels, activation=activation)
        else:
            layer = KerasLayer(
                "Conv2D" if len(shape) == IMAGE else "Conv1D",
                filters=channels,
                kernel_size=self.draw(st.integers(1, 3)),
                strides=stride,
                padding="same",
                activation=activation,
            )
        self.budget -= layer_macs(layer, shape)
        return self.call(layer, source)

    def merge(self, *sources: Value) -> Value:
        """Merge tensors of one shape, or concatenate them."""
        names = [n for n in MERGES if n in SUPPORTED and (len(sources) == 2 or n not in OF_TWO)]
        name = self.draw(st.sampled_from(["Add", *names]))
        return self.call(KerasLayer(name), *sources)

    def concatenate(self, *sources: Value) -> Value:
        """Join tensors along an axis in which alone they may differ; merge if there is none."""
        shapes = [self.shapes[source] for source in sources]
        axes = [
            axis
            for axis in range(len(shapes[0]))
            if len({shape[:axis] + shape[axis + 1 :] for shape in shapes}) == 1
        ]
        axis = self.draw(st.sampled_from(axes))
        negative = self.draw(st.booleans())
        number = axis - len(shapes[0]) if negative else axis + 1
        return self.call(KerasLayer("Concatenate", axis=number), *sources)

    def smaller(self, source: Value) -> Value:
        """Return a tensor that is repeated along an axis or two where it meets ``source``."""
        shape = self.shapes[source]
        if len(shape) == VECTOR:
            return self.convolution(source, 1)
        dimensions = "2D" if len(shape) == IMAGE else "1D"
        kind = self.draw(st.sampled_from(["channels", "pixels", "rows"]))
        if kind == "channels":
            pool = self.draw(st.sampled_from(["GlobalAveragePooling", "GlobalMaxPooling"]))
            return self.call(KerasLayer(pool + dimensions, keepdims=True), source)
        if kind == "pixels":
            return self.convolution(source, 1)
        size = (shape[0], 1) if len(shape) == IMAGE else shape[0]
        return self.call(KerasLayer(f"MaxPooling{dimensions}", pool_size=size), source)

    def dot(self, first: Value, second: Value) -> Value:
        """Multiply two tensors along axes of one length; merge them if none will do."""
        left, right = self.shapes[first], self.shapes[second]
        pairs = [
            (a + 1, b + 1)
            for a, length in enumerate(left)
            for b, other in enumerate(right)
            if length == other and prod(left) * prod(right) // length <= self.budget
            and prod(left) * prod(right) // length**2 <= MOST_VALUES
            and len(left) + len(right) - 2 <= IMAGE
        ]  # fmt: skip
        if not pairs:
            return self.merge(first, first)
        axes = self.draw(st.sampled_from(pairs))
        self.budget -= prod(left) * prod(right) // left[axes[0] - 1]
        vectors = len(left) == len(right) == VECTOR
        normalize = vectors and self.draw(st.booleans())
        return self.call(KerasLayer("Dot", axes=axes, normalize=normalize), first, second)

    def outputs(self) -> list[Value]:
        """Return what nothing takes: all but the last two of it joined in a vector.

        An output is computed: it is no input, and no other output, that nothing changed.
        """
        taken = {source for node in self.nodes for source in node.sources}
        loose = [value for value in range(len(self.shapes)) if value not in taken]
        first, rest = loose[: 1 - MOST_OUTPUTS], loose[1 - MOST_OUTPUTS :]
        if len(first) > 1:
            flat = [self.call(KerasLayer("Flatten"), value) for value in first]
            first = [self.call(KerasLayer("Concatenate"), *flat)]
        outputs: list[Value] = []
        known = set(range(len(self.graph.input_shapes)))
        for value in (*first, *rest):
            source = self._unchanged(value)
            outputs.append(self.call(KerasLayer("ReLU"), value) if source in known else value)
            known.add(source)
        return outputs

    def _unchanged(self, value: Value) -> Value:
        """Return the tensor that ``value`` is, whatever layers without effect stand between."""
        number = value - len(self.graph.input_shapes)
        if number < 0:
            return value
        *others, source = self.nodes[number].sources
        if others or not is_idle(called(self.nodes[number], tuple(self.nodes))):
            return value
        return self._unchanged(source)


def is_idle(layer: SingleLayer | Graph) -> bool:
    """Return whether the layer, or model, puts out what it takes."""
    if isinstance(layer, Graph):
        return all(is_idle(called(node, layer.nodes)) for node in layer.nodes)
    if not isinstance(layer, KerasLayer):
        return False
    if issubclass(SUPPORTED[layer.kind], TrainingOnly):
        return True
    if layer.kind == "Normalization":
        values = dict(layer.parameters)
        return _parts(values["mean"]) == {0.0} and _parts(values["variance"]) == {1.0}
    nothing = {"activation": "linear", "size": 1, "padding": 0, "cropping": 0}
    settings = {name: value for name, value in layer.parameters if name in nothing}
    return layer.kind.startswith(("Activation", "UpSampling", "ZeroPadding", "Cropping")) and all(
        _parts(value) == {nothing[name]} for name, value in settings.items()
    )


def _parts(value: object) -> set[object]:
    """Return the numbers and words in nested tuples."""
    if isinstance(value, tuple):
        return {item for inner in value for item in _parts(inner)}
    return {value}
