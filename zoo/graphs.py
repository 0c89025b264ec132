"""Whole descriptions, chains and graphs: the shape of every tensor, operation counts, branches."""

from __future__ import annotations

from typing import TypeAlias

from zoo.network import Again, Description, Graph, KerasLayer, Network, Node, SingleLayer
from zoo.shapes import Shape, keras_layer, layer_macs, output_shape

Value: TypeAlias = int
"""The number of a tensor of a graph."""


class GraphBuilder:
    """Builds a graph call by call."""

    def __init__(self, name: str, *input_shapes: Shape) -> None:
        self._name = name
        self.input_shapes = input_shapes
        self._nodes: list[Node] = []
        self.shapes: list[Shape] = list(input_shapes)

    def call(self, layer: SingleLayer | Graph | Again, *sources: Value) -> Value:
        """Add a call of ``layer`` on tensors; return its result.

        Raises:
            ValueError: the layer does not take tensors of these shapes.
        """
        node = Node(layer, sources)
        shape = result_shape(node, tuple(self._nodes), tuple(self.shapes))
        self._nodes.append(node)
        self.shapes.append(shape)
        return len(self.shapes) - 1

    def chain(self, source: Value, *layers: SingleLayer) -> Value:
        """Add one layer behind the other; return the last one's result."""
        for layer in layers:
            source = self.call(layer, source)
        return source

    def build(self, *outputs: Value) -> Graph:
        """Return the graph that puts out ``outputs``."""
        return Graph(self._name, self.input_shapes, tuple(self._nodes), outputs)


def result_shape(node: Node, nodes: tuple[Node, ...], tensors: tuple[Shape, ...]) -> Shape:
    """Return the shape of ``node``'s result in a graph with ``nodes`` and shapes of ``tensors``."""
    sources = tuple(tensors[source] for source in node.sources)
    match called(node, nodes):
        case Graph() as inner:
            return tensor_shapes(inner, sources)[inner.outputs[0]]
        case KerasLayer() as layer:
            return keras_layer(layer).result_shape(sources)
        case layer:
            return output_shape(layer, *sources)


def called(node: Node, nodes: tuple[Node, ...]) -> SingleLayer | Graph:
    """Return the layer, or model, that ``node`` calls, itself or again."""
    layer = node.layer
    while isinstance(layer, Again):
        layer = nodes[layer.node].layer
    return layer


def tensor_shapes(graph: Graph, inputs: tuple[Shape, ...] | None = None) -> list[Shape]:
    """Return the shapes of all tensors: the inputs, or ``inputs`` in their place, then results."""
    shapes = list(graph.input_shapes if inputs is None else inputs)
    for node in graph.nodes:
        shapes.append(result_shape(node, graph.nodes, tuple(shapes)))
    return shapes


def input_shapes(network: Description) -> tuple[Shape, ...]:
    """Return the shape of each input."""
    return (network.input_shape,) if isinstance(network, Network) else network.input_shapes


def output_shapes(network: Description) -> tuple[Shape, ...]:
    """Return the shape of each output."""
    if isinstance(network, Graph):
        shapes = tensor_shapes(network)
        return tuple(shapes[output] for output in network.outputs)
    shape = network.input_shape
    for layer in network.layers:
        shape = output_shape(layer, shape)
    return (shape,)


def macs(network: Description) -> int:
    """Return the multiplications of convolutions and dense layers per frame."""
    total = 0
    if isinstance(network, Network):
        shape = network.input_shape
        for layer in network.layers:
            total += layer_macs(layer, shape)
            shape = output_shape(layer, shape)
        return total
    shapes = tensor_shapes(network)
    for node in network.nodes:
        match called(node, network.nodes):
            case Graph() as inner:
                total += macs(inner)
            case layer:
                total += layer_macs(layer, shapes[node.sources[0]])
    return total
