"""Builds quantized (QDQ) ONNX chains with random parameters, for tests of fusing and lowering."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt
import onnx
from onnx import TensorProto, helper, numpy_helper

Array = npt.NDArray[Any]


@dataclass(frozen=True)
class Point:
    """Codes in a graph, to go on from or to join later."""

    tensor: str
    shape: tuple[int, ...]
    scale: np.float32
    zero_point: int


class QdqChain:
    """A chain of quantized layers under construction; every method appends one layer.

    ``shape``: of the input without the batch, ONNX layout.  ``codes``: dtype of the activations.
    """

    def __init__(self, shape: tuple[int, ...], codes: str = "uint8", seed: int = 0) -> None:
        self.random = np.random.default_rng(seed)
        self.codes = np.dtype(codes)
        self.nodes: list[onnx.NodeProto] = []
        self.constants: dict[str, Array] = {}
        self.input_shape = shape
        self.shape = shape
        self.count = 0
        self.scale, self.zero_point = np.float32(self.random.uniform(0.01, 0.1)), self.zero()
        self.tensor = self.quantize("x")

    def zero(self) -> int:
        limits = np.iinfo(self.codes)
        return int(self.random.integers(limits.min, limits.max, endpoint=True))

    def constant(self, role: str, value: Any) -> str:
        name = f"{role}_{len(self.constants)}"
        self.constants[name] = np.asarray(value)
        return name

    def node(self, operator: str, inputs: list[str], **attributes: Any) -> str:
        self.count += 1
        output = f"t{self.count}"
        name = f"{operator.lower()}_{self.count}"
        self.nodes.append(helper.make_node(operator, inputs, [output], name=name, **attributes))
        return output

    def parameters(self) -> list[str]:
        return [
            self.constant("scale", np.float32(self.scale)),
            self.constant("zero", np.array(self.zero_point, self.codes)),
        ]

    def quantize(self, value: str) -> str:
        return self.node("QuantizeLinear", [value, *self.parameters()])

    def dequantize(self) -> str:
        return self.node("DequantizeLinear", [self.tensor, *self.parameters()])

    def requantize(self, value: str, scale: float, zero_point: int | None = None) -> QdqChain:
        self.scale = np.float32(scale)
        self.zero_point = self.zero() if zero_point is None else zero_point
        self.tensor = self.quantize(value)
        return self

    def weights(
        self, shape: tuple[int, ...], axis: int, *, codes: str, per_channel: bool, zero: int = 0
    ) -> tuple[str, Array]:
        limits = np.iinfo(codes)
        values = self.random.integers(limits.min, limits.max, shape, endpoint=True).astype(codes)
        count = (shape[axis],) if per_channel else ()
        scales = self.random.uniform(0.001, 0.01, count).astype(np.float32)
        inputs = [
            self.constant("w", values),
            self.constant("w_scale", scales),
            self.constant("w_zero", np.full(count, zero, codes)),
        ]
        return self.node("DequantizeLinear", inputs, axis=axis), scales

    def bias(self, channels: int, scales: Array, magnitude: int) -> str:
        values = self.random.integers(-magnitude, magnitude, channels, endpoint=True)
        products = (self.scale * scales).astype(np.float32)
        inputs = [
            self.constant("b", values.astype(np.int32)),
            self.constant("b_scale", products),
            self.constant("b_zero", np.zeros(products.shape, np.int32)),
        ]
        return self.node("DequantizeLinear", inputs, axis=0)

    def spread(self, scales: Array, terms: int) -> float:
        """Return an output scale that uses most of the codes."""
        return float(self.scale * np.mean(scales) * np.sqrt(terms) * 100)

    def conv(
        self,
        channels: int,
        kernel: tuple[int, int] = (3, 3),
        *,
        codes: str = "int8",
        per_channel: bool = True,
        bias: int | None = 1000,
        weight_zero: int = 0,
        scale: float | None = None,
        **attributes: Any,
    ) -> QdqChain:
        x = self.dequantize()
        groups = attributes.get("group", 1)
        shape = (channels, self.shape[0] // groups, *kernel)
        w, scales = self.weights(shape, 0, codes=codes, per_channel=per_channel, zero=weight_zero)
        operands = [x, w] + ([] if bias is None else [self.bias(channels, scales, bias)])
        y = self.node("Conv", operands, kernel_shape=list(kernel), **attributes)
        self.shape = (channels, *self.shape[1:])
        return self.requantize(y, scale or self.spread(scales, int(np.prod(shape[1:]))))

    def gemm(
        self,
        channels: int,
        *,
        codes: str = "int8",
        per_channel: bool = True,
        bias: int | None = 1000,
        spelling: str = "Gemm",
        weight_zero: int = 0,
        size: int | None = None,
        **attributes: Any,
    ) -> QdqChain:
        x = self.dequantize()
        size = self.shape[0] if size is None else size
        transposed = attributes.get("transB", 0)
        shape, axis = ((channels, size), 0) if transposed else ((size, channels), 1)
        w, scales = self.weights(
            shape, axis, codes=codes, per_channel=per_channel, zero=weight_zero
        )
        b = [] if bias is None else [self.bias(channels, scales, bias)]
        if spelling == "Gemm":
            y = self.node("Gemm", [x, w, *b], **attributes)
        else:
            y = self.node("MatMul", [x, w])
            if b:
                y = self.node("Add", [*b, y] if spelling == "Add of bias and MatMul" else [y, *b])
        self.shape = (channels,)
        return self.requantize(y, self.spread(scales, size))

    def unary(self, operator: str, scale: float | None = None, **attributes: Any) -> QdqChain:
        y = self.node(operator, [self.dequantize()], **attributes)
        return self.requantize(y, scale or float(self.scale) * 0.7)

    def binary(self, operator: str, value: Any, scale: float | None = None) -> QdqChain:
        constant = self.constant("c", np.asarray(value, np.float32))
        y = self.node(operator, [self.dequantize(), constant])
        return self.requantize(y, scale or float(self.scale))

    def clip(self, low: float, high: float) -> QdqChain:
        ends = [self.constant("end", np.float32(v)) for v in (low, high)]
        y = self.node("Clip", [self.dequantize(), *ends])
        return self.requantize(y, float(self.scale), self.zero_point)

    def same(self, operator: str, *more: str, **attributes: Any) -> QdqChain:
        """Append an operator between equal quantizations."""
        y = self.node(operator, [self.dequantize(), *more], **attributes)
        return self.requantize(y, float(self.scale), self.zero_point)

    def max_pool(self, kernel: int = 2, **attributes: Any) -> QdqChain:
        attributes = {"strides": [kernel, kernel]} | attributes
        return self.same("MaxPool", kernel_shape=[kernel, kernel], **attributes)

    def average(self) -> QdqChain:
        y = self.node("GlobalAveragePool", [self.dequantize()])
        return self.requantize(y, float(self.scale) * 0.3)

    def reshape(self, *sizes: int) -> QdqChain:
        self.same("Reshape", self.constant("sizes", np.array([-1, *sizes], np.int64)))
        self.shape = sizes
        return self

    def transpose(self, *order: int) -> QdqChain:
        self.same("Transpose", perm=list(order))
        self.shape = tuple(self.shape[i - 1] for i in order[1:])
        return self

    @property
    def here(self) -> Point:
        return Point(self.tensor, self.shape, self.scale, self.zero_point)

    def back_to(self, point: Point) -> QdqChain:
        self.tensor, self.shape = point.tensor, point.shape
        self.scale, self.zero_point = point.scale, point.zero_point
        return self

    def join(
        self,
        operator: str,
        *others: Point,
        scale: float | None = None,
        zero_point: int | None = None,
        **attributes: Any,
    ) -> QdqChain:
        """Append an operator of the last codes and ``others``; by default with the last scale."""
        points = (self.here, *others)
        y = self.node(operator, [self.back_to(p).dequantize() for p in points], **attributes)
        self.back_to(points[0])
        if operator == "Concat":
            axis = attributes["axis"] - 1
            sizes = list(self.shape)
            sizes[axis] = sum(p.shape[axis] for p in points)
            self.shape = tuple(sizes)
        if scale is None:
            scale, zero_point = float(self.scale), self.zero_point
        return self.requantize(y, scale, zero_point)

    def arg_max(self, **attributes: Any) -> onnx.ModelProto:
        """Return the model that ends in an ArgMax over the channels."""
        y = self.node("ArgMax", [self.dequantize()], **({"axis": 1} | attributes))
        return self.model_of(y, TensorProto.INT64)

    def model(self, *host: str) -> onnx.ModelProto:
        """Return the model: a last DequantizeLinear, then the operators ``host``."""
        result = self.dequantize()
        for operator in host:
            result = self.node(operator, [result])
        return self.model_of(result)

    def model_of(self, result: str, element_type: int = TensorProto.FLOAT) -> onnx.ModelProto:
        graph = helper.make_graph(
            self.nodes,
            "chain",
            [helper.make_tensor_value_info("x", TensorProto.FLOAT, ["N", *self.input_shape])],
            [helper.make_tensor_value_info(result, element_type, None)],
            [numpy_helper.from_array(v, k) for k, v in self.constants.items()],
        )
        return helper.make_model(graph, opset_imports=[helper.make_opsetid("", 21)], ir_version=10)
