"""The vocabulary in which the zoo and the random networks of the tests are described.

A description is plain data: comparable, hashable, and its ``repr`` is one line of Python that
builds it again.  Sizes are in pixels, (height, width); a single number stands for both.
Feature maps are (height, width, channels), vectors (features,).
"""

from __future__ import annotations

from dataclasses import MISSING, dataclass, fields
from typing import Literal, TypeAlias

Parameter: TypeAlias = (
    bool | float | str | tuple[int, ...] | tuple[float, ...] | tuple[tuple[int, ...], ...] | None
)
Size: TypeAlias = int | tuple[int, int]
Padding: TypeAlias = Literal["valid", "same"]
Function: TypeAlias = Literal[
    "linear", "relu", "relu6", "leaky_relu", "softmax", "elu", "celu", "selu", "sigmoid",
    "hard_sigmoid", "log_sigmoid", "sparse_sigmoid", "tanh", "hard_tanh", "tanh_shrink",
    "hard_shrink", "soft_shrink", "softplus", "sparse_plus", "squareplus", "softsign", "silu",
    "hard_silu", "gelu", "mish",
]  # fmt: skip
"""Activations, by Keras's names."""


class Described:
    """A base that prints only what differs from the defaults."""

    __slots__ = ()

    def __repr__(self) -> str:
        values = []
        for field in fields(self):  # type: ignore[arg-type]
            value = getattr(self, field.name)
            if field.default is MISSING:
                values.append(repr(value))
            elif value != field.default:
                values.append(f"{field.name}={value!r}")
        return f"{type(self).__name__}({', '.join(values)})"


@dataclass(frozen=True, slots=True, repr=False)
class Conv(Described):
    """A two-dimensional convolution (correlation, as Keras computes it)."""

    filters: int
    kernel: Size
    stride: Size = 1
    dilation: Size = 1
    padding: Padding = "valid"
    bias: bool = True
    activation: Function = "linear"


@dataclass(frozen=True, slots=True, repr=False)
class Dense(Described):
    """A fully connected layer, over the last axis."""

    units: int
    bias: bool = True
    activation: Function = "linear"


@dataclass(frozen=True, slots=True, repr=False)
class BatchNorm(Described):
    """A batch normalization: at inference a factor and a summand per channel."""


@dataclass(frozen=True, slots=True, repr=False)
class LayerNorm(Described):
    """A normalization of each pixel's channels, with a factor and a summand for each channel."""


@dataclass(frozen=True, slots=True, repr=False)
class Relu(Described):
    """``min(x, max_value) if x >= threshold else negative_slope * (x - threshold)``."""

    max_value: float | None = None
    negative_slope: float = 0.0
    threshold: float = 0.0


@dataclass(frozen=True, slots=True, repr=False)
class LeakyRelu(Described):
    """``x if x >= 0 else negative_slope * x``."""

    negative_slope: float


@dataclass(frozen=True, slots=True, repr=False)
class PRelu(Described):
    """``x if x >= 0 else alpha * x``; one alpha for all along ``shared_axes`` (from 1)."""

    shared_axes: tuple[int, ...] = ()


@dataclass(frozen=True, slots=True, repr=False)
class Activate(Described):
    """An activation function as a layer of its own."""

    function: Function


@dataclass(frozen=True, slots=True, repr=False)
class MaxPool(Described):
    """A maximum over windows; without ``stride`` the windows lie side by side."""

    size: Size
    stride: Size | None = None
    padding: Padding = "valid"


@dataclass(frozen=True, slots=True, repr=False)
class GlobalAverage(Described):
    """The mean of each channel: a map becomes a vector."""


@dataclass(frozen=True, slots=True, repr=False)
class Flatten(Described):
    """A map becomes a vector, channel fastest."""


@dataclass(frozen=True, slots=True, repr=False)
class Pad(Described):
    """A border of zeros."""

    top: int
    bottom: int
    left: int
    right: int


@dataclass(frozen=True, slots=True, repr=False)
class Rescale(Described):
    """``x * scale + offset``."""

    scale: float
    offset: float = 0.0


@dataclass(frozen=True, slots=True, repr=False)
class Normalize(Described):
    """``(x - mean) / sqrt(variance)``, a pair per channel."""

    mean: tuple[float, ...]
    variance: tuple[float, ...]


@dataclass(frozen=True, slots=True, repr=False)
class Dropout(Described):
    """A layer of training only; at inference it does nothing."""

    rate: float = 0.25


@dataclass(frozen=True, slots=True, repr=False, init=False)
class KerasLayer(Described):
    """Any layer by its name in Keras, with the arguments of its constructor."""

    kind: str
    parameters: tuple[tuple[str, Parameter], ...]

    def __init__(self, kind: str, **parameters: Parameter) -> None:
        object.__setattr__(self, "kind", kind)
        object.__setattr__(self, "parameters", tuple(parameters.items()))

    def __repr__(self) -> str:
        named = (f"{name}={value!r}" for name, value in self.parameters)
        return f"KerasLayer({', '.join([repr(self.kind), *named])})"


@dataclass(frozen=True, slots=True, repr=False)
class Nested(Described):
    """Layers in a model of their own, which is used as one layer."""

    layers: tuple[Layer, ...]


SingleLayer: TypeAlias = (
    Conv
    | Dense
    | BatchNorm
    | Relu
    | LayerNorm
    | LeakyRelu
    | PRelu
    | Activate
    | MaxPool
    | GlobalAverage
    | Flatten
    | Pad
    | Rescale
    | Normalize
    | Dropout
    | KerasLayer
)
Layer: TypeAlias = SingleLayer | Nested


@dataclass(frozen=True, slots=True, repr=False)
class Network(Described):
    """A chain of layers.

    ``input_shape``: (height, width, channels) or (features,), without the batch.
    ``functional``: built with Keras's functional interface, not as a Sequential.
    """

    name: str
    input_shape: tuple[int, ...]
    layers: tuple[Layer, ...]
    functional: bool = False


@dataclass(frozen=True, slots=True, repr=False)
class Again(Described):
    """The layer, or model, of an earlier node once more, with the same weights.

    ``node``: its place among the nodes of the graph.
    """

    node: int


@dataclass(frozen=True, slots=True, repr=False)
class Node(Described):
    """A call of a layer on tensors.

    ``sources``: numbers of the tensors; the inputs of the graph come first, then the results of
    its nodes.
    """

    layer: SingleLayer | Graph | Again
    sources: tuple[int, ...]


@dataclass(frozen=True, slots=True, repr=False)
class Graph(Described):
    """A directed acyclic graph of layers.

    ``input_shapes``: one or more, without the batch.  ``nodes`` stand behind those they depend
    on.  ``outputs``: numbers of tensors, as in ``Node.sources``; a graph that is the layer of a
    node has one output.
    """

    name: str
    input_shapes: tuple[tuple[int, ...], ...]
    nodes: tuple[Node, ...]
    outputs: tuple[int, ...]


Description: TypeAlias = Network | Graph
