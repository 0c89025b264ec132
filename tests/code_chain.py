"""Builds quantized ONNX chains of operators that work on codes (QOperator form)."""

from __future__ import annotations

from typing import Any

import numpy as np
import onnx
from onnx import TensorProto, helper, numpy_helper

from tests.qdq import Array

MICROSOFT = "com.microsoft"


class CodeChain:
    """A chain under construction; every method appends one layer.

    ``shape``: of the input without the batch, ONNX layout.  ``codes``: dtype of the activations.
    ``enters``: the model takes codes; it has no QuantizeLinear.
    """

    def __init__(
        self, shape: tuple[int, ...], codes: str = "uint8", *, enters: bool = False, seed: int = 0
    ) -> None:
        self.random = np.random.default_rng(seed)
        self.codes = np.dtype(codes)
        self.nodes: list[onnx.NodeProto] = []
        self.constants: dict[str, Array] = {}
        self.input_shape = self.shape = shape
        self.enters = enters
        self.tensor, self.parameters = "x", self.quantization(0.05)
        if not enters:
            self.tensor = self.node("QuantizeLinear", ["x", *self.parameters])

    def constant(self, value: Any, dtype: Any = np.float32) -> str:
        name = f"c_{len(self.constants)}"
        self.constants[name] = np.asarray(value, dtype)
        return name

    def quantization(self, scale: float) -> list[str]:
        limits = np.iinfo(self.codes)
        zero = self.random.integers(limits.min // 2, limits.max // 2, endpoint=True)
        return [
            self.constant(scale * self.random.uniform(0.8, 1.2)),
            self.constant(zero, self.codes),
        ]

    @property
    def scale(self) -> float:
        return float(self.constants[self.parameters[0]])

    def node(self, operator: str, inputs: list[str], domain: str = "", **attributes: Any) -> str:
        output = f"t{len(self.nodes)}"
        name = f"{operator.lower()}_{len(self.nodes)}"
        self.nodes.append(
            helper.make_node(operator, inputs, [output], name, domain=domain, **attributes)
        )
        return output

    def weights(self, shape: tuple[int, ...], axis: int, *, per_channel: bool) -> list[str]:
        values = self.random.integers(-127, 127, shape, endpoint=True)
        count = (shape[axis],) if per_channel else ()
        scales = self.random.uniform(0.001, 0.01, count)
        zeros = self.constant(np.zeros(count), np.int8)
        return [self.constant(values, np.int8), self.constant(scales), zeros]

    def bias(self, channels: int) -> str:
        return self.constant(self.random.integers(-999, 999, channels), np.int32)

    def layer(
        self, operator: str, operands: list[str], scale: float, domain: str = "", **attributes: Any
    ) -> CodeChain:
        """Append an operator of the codes, ``operands``, and the quantization of the result."""
        after = self.quantization(scale)
        inputs = [self.tensor, *self.parameters, *operands, *after]
        self.tensor = self.node(operator, inputs, domain, **attributes)
        self.parameters = after
        return self

    def conv(self, channels: int, *, per_channel: bool = True, bias: bool = True) -> CodeChain:
        shape = (channels, self.shape[0], 3, 3)
        operands = self.weights(shape, 0, per_channel=per_channel)
        self.layer("QLinearConv", operands, self.scale * 0.3, pads=[1, 1, 1, 1])
        if bias:
            self.nodes[-1].input.append(self.bias(channels))
        self.shape = (channels, *self.shape[1:])
        return self

    def dense(self, channels: int, *, bias: bool | None = None) -> CodeChain:
        """Append a QLinearMatMul, or, with ``bias`` said, a QGemm."""
        operands = self.weights((self.shape[0], channels), 1, per_channel=True)
        self.shape = (channels,)
        if bias is None:
            return self.layer("QLinearMatMul", operands, self.scale * 0.3)
        operands.append(self.bias(channels) if bias else "")
        return self.layer("QGemm", operands, self.scale * 0.3, MICROSOFT)

    def unary(self, operator: str, scale: float, **attributes: Any) -> CodeChain:
        return self.layer(operator, [], scale, MICROSOFT, **attributes)

    def average(self) -> CodeChain:
        self.unary("QLinearGlobalAveragePool", self.scale * 0.3)
        self.shape = (self.shape[0], 1, 1)
        return self

    def residual(self, operator: str = "QLinearAdd") -> CodeChain:
        """Append a convolution and its sum with what it reads."""
        before, parameters = self.tensor, self.parameters
        self.conv(self.shape[0])
        return self.layer(operator, [before, *parameters], self.scale * 1.3, MICROSOFT)

    def concatenated(self) -> CodeChain:
        """Append a convolution and its concatenation with what it reads."""
        before, parameters, channels = self.tensor, self.parameters, self.shape[0]
        self.conv(4)
        after = self.quantization(self.scale)
        operands = [before, *parameters, self.tensor, *self.parameters]
        self.tensor = self.node("QLinearConcat", [*after, *operands], MICROSOFT, axis=1)
        self.shape = (self.shape[0] + channels, *self.shape[1:])
        self.parameters = after
        return self

    def plain(self, operator: str, *more: str, **attributes: Any) -> CodeChain:
        """Append a standard operator that moves codes, or takes the largest."""
        self.tensor = self.node(operator, [self.tensor, *more], **attributes)
        return self

    def max_pool(self) -> CodeChain:
        return self.plain("MaxPool", kernel_shape=[2, 2], strides=[2, 2])

    def part(self, begin: int, end: int) -> CodeChain:
        """Append a Slice of the channels."""
        bounds = [self.constant([value], np.int64) for value in (begin, end, 1)]
        self.shape = (end - begin, *self.shape[1:])
        return self.plain("Slice", *bounds)

    def surrounded(self, code: int | None) -> CodeChain:
        """Append a Pad of an image's rows and columns with ``code``, or with what is left out."""
        sizes = self.constant([0, 0, 1, 0, 0, 0, 0, 2], np.int64)
        value = [] if code is None else [self.constant(code, self.codes)]
        self.shape = (self.shape[0], self.shape[1] + 1, self.shape[2] + 2)
        return self.plain("Pad", sizes, *value)

    def flat(self, size: int) -> CodeChain:
        self.shape = (size,)
        return self.plain("Reshape", self.constant([-1, size], np.int64))

    def model(self, *host: str, opset: int = 13, codes: bool = False) -> onnx.ModelProto:
        """Return the model: a last DequantizeLinear, then ``host``; or ``codes`` as they are."""
        kind = helper.np_dtype_to_tensor_dtype(self.codes)
        result = (
            self.tensor if codes else self.node("DequantizeLinear", [self.tensor, *self.parameters])
        )
        for operator in host:
            result = self.node(operator, [result])
        graph = helper.make_graph(
            self.nodes,
            "codes",
            [
                helper.make_tensor_value_info(
                    "x", kind if self.enters else TensorProto.FLOAT, ["N", *self.input_shape]
                )
            ],
            [helper.make_tensor_value_info(result, kind if codes else TensorProto.FLOAT, None)],
            [numpy_helper.from_array(v, k) for k, v in self.constants.items()],
        )
        imports = [helper.make_opsetid("", opset), helper.make_opsetid(MICROSOFT, 1)]
        return helper.make_model(graph, opset_imports=imports, ir_version=7)
