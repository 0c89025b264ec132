"""A small builder for ONNX graphs that keeps track of layouts, names and layers.

A tensor is in one of two layouts: Keras's own, ``(batch, *shape)``, or that of ONNX's image
operators, ``(batch, channels, height, width)``, where a sequence ``(steps, channels)`` is an image
of one row.
"""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from typing import Any, TypeAlias

import numpy as np
import onnx
from numpy.typing import NDArray
from onnx import helper, numpy_helper

from frontend.layers import Shape

Padding: TypeAlias = tuple[tuple[int, int], tuple[int, int]]
NO_PADDING: Padding = ((0, 0), (0, 0))


def add_padding(first: Padding, second: Padding) -> Padding:
    """Return the padding of ``first`` and then ``second``."""
    (a, b), (c, d) = first
    (e, f), (g, h) = second
    return (a + e, b + f), (c + g, d + h)


@dataclass(frozen=True, slots=True)
class Value:
    """What a layer call puts out.

    Attributes:
        tensor: name in the graph.
        shape: Keras's shape of one frame, what ``padding`` adds not counted.
        channels_first: the layout is ``(batch, channels, height, width)``.
        padding: zeros ((top, bottom), (left, right)) that all takers have to put around it.
    """

    tensor: str
    shape: Shape
    channels_first: bool = False
    padding: Padding = NO_PADDING


@dataclass(slots=True)
class GraphBuilder:
    """The graph while it grows. Nodes belong to ``layer`` and work on the current ``value``.

    ``inputs`` are all tensors of the current call; the first is the current value at its begin.
    """

    layer: str = ""
    value: Value = field(default_factory=lambda: Value("", ()))
    inputs: tuple[Value, ...] = ()
    nodes: list[onnx.NodeProto] = field(default_factory=list)
    constants: list[onnx.TensorProto] = field(default_factory=list)
    layers: dict[str, str] = field(default_factory=dict)
    producers: dict[str, onnx.NodeProto] = field(default_factory=dict)
    names: set[str] = field(default_factory=set)
    _by_role: dict[tuple[str, str], list[onnx.TensorProto]] = field(default_factory=dict)
    _converted: dict[str, str] = field(default_factory=dict)

    @property
    def tensor(self) -> str:
        """Name of the current tensor."""
        return self.value.tensor

    @property
    def channels_first(self) -> bool:
        """Whether the current tensor is in the layout of ONNX's image operators."""
        return self.value.channels_first

    def begin(self, layer: str, inputs: tuple[Value, ...]) -> None:
        """Begin a call of ``layer`` on ``inputs``."""
        self.layer, self.inputs, self.value = layer, inputs, inputs[0]

    def unique(self, name: str) -> str:
        """Return ``name``, numbered where it is taken: two layers may be called ``a`` and ``a``."""
        candidate, count = name, 1
        while candidate in self.names:
            count += 1
            candidate = f"{name}_{count}"
        self.names.add(candidate)
        return candidate

    def constant(self, role: str, values: NDArray[Any]) -> str:
        """Return an initializer of the current layer; a layer called again has the same one."""
        for known in self._by_role.setdefault((self.layer, role), []):
            if np.array_equal(numpy_helper.to_array(known), values):
                return str(known.name)
        name = self.unique(f"{self.layer}/{role}")
        self.constants.append(numpy_helper.from_array(np.asarray(values, order="C"), name))
        self._by_role[self.layer, role].append(self.constants[-1])
        return name

    def scalar(self, role: str, value: float) -> str:
        """Return a float32 constant without dimensions."""
        return self.constant(role, np.array(value, np.float32))

    def node(self, operator: str, *extra: str, role: str = "", **attributes: Any) -> str:
        """Append ``operator(current tensor, *extra)``, whose output becomes the current tensor."""
        return self.free_node(operator, self.tensor, *extra, role=role, **attributes)

    def free_node(self, operator: str, *inputs: str, role: str = "", **attributes: Any) -> str:
        """Append ``operator(*inputs)`` likewise."""
        name = self.unique(f"{self.layer}/{role}" if role else self.layer)
        tensor = self.unique(f"{name}:0")
        self.nodes.append(helper.make_node(operator, inputs, [tensor], name, **attributes))
        self.producers[tensor] = self.nodes[-1]
        self.layers[name] = self.layer
        self.value = replace(self.value, tensor=tensor, padding=NO_PADDING)
        return tensor

    def reshape(self, shape: Shape, role: str) -> None:
        """Append a Reshape of each frame in Keras's layout."""
        self.to_channels_last()
        self._reshape(shape, role)
        self.value = Value(self.tensor, shape)

    def _reshape(self, shape: Shape, role: str) -> None:
        sizes = np.array([-1, *shape], np.int64)
        self.node("Reshape", self.constant(f"{role}_shape", sizes), role=role)

    def flatten(self, shape: Shape) -> None:
        """Append a Reshape of each frame to a vector; in NCHW it has one pixel or one channel."""
        sizes = np.array([-1, *shape], np.int64)
        self.node("Reshape", self.constant("shape", sizes), role="flatten")
        self.value = Value(self.tensor, shape)

    def to_channels_first(self) -> None:
        """Make sure that an image or a sequence is in the layout of ONNX's image operators."""
        value = self.value
        if not value.channels_first and not self._known():
            if len(value.shape) == 2:
                self._reshape((1, *value.shape), "to_image")
            self.node("Transpose", role="to_nchw", perm=[0, 3, 1, 2])
            self._convert(value)

    def to_channels_last(self) -> None:
        """Make sure that the current tensor is in Keras's layout."""
        value = self.value
        if value.channels_first and not self._known():
            self.node("Transpose", role="to_nhwc", perm=[0, 2, 3, 1])
            if len(value.shape) == 2:
                self._reshape(value.shape, "to_sequence")
            self._convert(value)

    def _convert(self, value: Value) -> None:
        """Take the current tensor as ``value`` in the other layout, and remember it."""
        self._converted[value.tensor] = self.tensor
        self.value = replace(value, tensor=self.tensor, channels_first=not value.channels_first)

    def _known(self) -> bool:
        """Take the current tensor in the other layout if there is one already."""
        known = self._converted.get(self.tensor)
        if known is not None:
            self.value = replace(self.value, tensor=known, channels_first=not self.channels_first)
        return known is not None

    def axis(self, frame_axis: int) -> int:
        """Return the axis of the current tensor that is ``frame_axis`` of a frame, in NHWC."""
        rank = len(self.value.shape)
        if not self.channels_first:
            return frame_axis + 1
        return 1 if frame_axis == rank - 1 else frame_axis + 4 - rank + 1

    def per_channel(self, values: NDArray[np.float32]) -> NDArray[np.float32]:
        """Return one value for each channel, shaped so that it spreads over the current tensor."""
        return values.reshape(-1, 1, 1) if self.channels_first and values.size > 1 else values
