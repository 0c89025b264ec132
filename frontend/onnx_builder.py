"""A small builder for chains of ONNX nodes that keeps track of layouts, names and layers."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

import numpy as np
import onnx
from numpy.typing import NDArray
from onnx import helper, numpy_helper

from frontend.layers import Shape

Padding = tuple[tuple[int, int], tuple[int, int]]
NO_PADDING: Padding = ((0, 0), (0, 0))


@dataclass(slots=True)
class GraphBuilder:
    """The graph while it grows: one current tensor, its shape (NHWC) and whether it lies NCHW.

    ``padding`` is ((top, bottom), (left, right)) that the next convolution or pool takes over.
    """

    tensor: str
    shape: Shape
    channels_first: bool = False
    padding: Padding = NO_PADDING
    layer: str = ""
    nodes: list[onnx.NodeProto] = field(default_factory=list)
    constants: list[onnx.TensorProto] = field(default_factory=list)
    by_role: dict[tuple[str, str], list[onnx.TensorProto]] = field(default_factory=dict)
    layers: dict[str, str] = field(default_factory=dict)
    names: set[str] = field(default_factory=set)

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
        for known in self.by_role.setdefault((self.layer, role), []):
            if np.array_equal(numpy_helper.to_array(known), values):
                return str(known.name)
        name = self.unique(f"{self.layer}/{role}")
        self.constants.append(numpy_helper.from_array(np.asarray(values, order="C"), name))
        self.by_role[self.layer, role].append(self.constants[-1])
        return name

    def node(self, operator: str, *extra: str, role: str = "", **attributes: Any) -> str:
        """Append ``operator(current tensor, *extra)``, whose output becomes the current tensor."""
        return self.free_node(operator, self.tensor, *extra, role=role, **attributes)

    def free_node(self, operator: str, *inputs: str, role: str = "", **attributes: Any) -> str:
        """Append ``operator(*inputs)`` likewise."""
        name = self.unique(f"{self.layer}/{role}" if role else self.layer)
        self.tensor = self.unique(f"{name}:0")
        self.nodes.append(helper.make_node(operator, inputs, [self.tensor], name, **attributes))
        self.layers[name] = self.layer
        return self.tensor

    def to_channels_first(self) -> None:
        """Make sure that an image lies NCHW."""
        if not self.channels_first:
            self.node("Transpose", role="to_nchw", perm=[0, 3, 1, 2])
            self.channels_first = True

    def to_channels_last(self) -> None:
        """Make sure that an image lies NHWC."""
        if self.channels_first:
            self.node("Transpose", role="to_nhwc", perm=[0, 2, 3, 1])
            self.channels_first = False

    def per_channel(self, values: NDArray[np.float32]) -> NDArray[np.float32]:
        """Return one value for each channel, shaped so that it spreads over the current tensor."""
        return values.reshape(-1, 1, 1) if self.channels_first and values.size > 1 else values
