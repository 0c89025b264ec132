"""Float networks with branches, random weights, and the chain from there to the stream graph."""

from __future__ import annotations

from typing import Any

import numpy as np
import onnx
from onnx import TensorProto, helper, numpy_helper

from frontend.quantize import QuantizedModel, quantize
from rewrite.lower import Lowered, lower
from rewrite.onnx import fuse
from rewrite.onnx.float import canonicalize
from tests.lowering import Array, assert_equals_onnxruntime


class Network:
    """A float graph under construction, ONNX layout; every method returns the new tensor."""

    def __init__(self, shape: tuple[int, int, int], seed: int = 0) -> None:
        self.random = np.random.default_rng(seed)
        self.shape = shape
        self.channels = {"x": shape[0]}
        self.nodes: list[onnx.NodeProto] = []
        self.constants: dict[str, Array] = {}

    def add(
        self, operator: str, *inputs: str, channels: int | None = None, **attributes: Any
    ) -> str:
        name = f"{operator.lower()}_{len(self.nodes)}"
        self.nodes.append(
            helper.make_node(operator, list(inputs), [f"{name}.y"], name, **attributes)
        )
        self.channels[f"{name}.y"] = self.channels[inputs[0]] if channels is None else channels
        return f"{name}.y"

    def constant(self, values: Array) -> str:
        name = f"constant_{len(self.constants)}"
        self.constants[name] = values
        return name

    def conv(
        self, x: str, channels: int, kernel: int = 3, stride: int = 1, *, group: int = 1,
        relu: bool = False,
    ) -> str:  # fmt: skip
        inputs = self.channels[x] // group
        taps = inputs * kernel * kernel
        weights = self.random.normal(0, taps**-0.5, (channels, inputs, kernel, kernel))
        biases = self.random.normal(0, 0.1, channels)
        pads = [(kernel - 1) // 2] * 2 + [kernel // 2] * 2
        w, b = (self.constant(v.astype(np.float32)) for v in (weights, biases))
        y = self.add("Conv", x, w, b, channels=channels, kernel_shape=[kernel, kernel],
                     strides=[stride, stride], pads=pads, group=group)  # fmt: skip
        return self.add("Relu", y) if relu else y

    def concat(self, *tensors: str) -> str:
        return self.add("Concat", *tensors, channels=sum(self.channels[t] for t in tensors), axis=1)

    def head(self, x: str, classes: int = 5) -> str:
        mean = self.add("GlobalAveragePool", x)
        flat = self.add("Reshape", mean, self.constant(np.array([-1, self.channels[x]])))
        weights = self.random.normal(size=(self.channels[x], classes)).astype(np.float32)
        bias = np.zeros(classes, np.float32)
        return self.add("Gemm", flat, self.constant(weights), self.constant(bias))

    def model(self, *outputs: str) -> onnx.ModelProto:
        graph = helper.make_graph(
            self.nodes,
            "network",
            [helper.make_tensor_value_info("x", TensorProto.FLOAT, [1, *self.shape])],
            [helper.make_tensor_value_info(o, TensorProto.FLOAT, None) for o in outputs],
            [numpy_helper.from_array(v, k) for k, v in self.constants.items()],
        )
        model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 21)], ir_version=10)
        return canonicalize(onnx.shape_inference.infer_shapes(model))

    def frames(self, count: int = 24) -> Array:
        return self.random.normal(size=(count, *self.shape)).astype(np.float32)


def compiled(network: Network, output: str) -> tuple[QuantizedModel, Lowered]:
    """Quantize and lower; the interpreter must equal onnxruntime on the quantized graph."""
    quantized = quantize(network.model(output), network.frames())
    lowered = lower(fuse(quantized.model))
    frames = {"x": network.frames(16) * np.float32(1.2)}
    assert_equals_onnxruntime(quantized.model, lowered.graph, frames)
    return quantized, lowered
