"""Read fused calls back: which operators, with which constants, in which order.

The body of a fused function is a chain of *stages*; each ends in the QuantizeLinear that makes its
codes, except an ArgMax, which makes an index.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt
import onnx_ir as ir

from ir.errors import CompileError
from ir.numbers import IntArray, IntegerType
from rewrite.onnx.fuse_selection import SELECTING
from rewrite.onnx.graphs import CODE_TYPES, constant, is_operator

COMPUTING = (
    *("Conv", "Gemm", "MatMul", "MaxPool", "GlobalAveragePool", "ArgMax", "Concat", "Softmax"),
    "AveragePool",
    "ReduceMean",
    "LayerNormalization",
    *SELECTING,
)
"""Operators that make a stage's result."""


@dataclass(frozen=True, slots=True)
class Quantization:
    """``real = (code - zero_points) * scales``; one or one per channel, both (n,)."""

    scales: npt.NDArray[np.float32]
    zero_points: IntArray
    number: IntegerType

    @property
    def scale(self) -> np.float32:
        """The only scale."""
        return np.float32(self.scales[0])

    @property
    def zero_point(self) -> int:
        """The only zero point."""
        return int(self.zero_points[0])


@dataclass(frozen=True, slots=True)
class Stage:
    """Nodes from the codes ``sources`` to the codes ``result``, inside one fused call.

    ``operator``: the node that computes, None for elementwise functions.  ``bindings``: parameters
    of the function and the values they stand for.  ``opset``: version of the standard operators.
    """

    nodes: tuple[ir.Node, ...]
    operator: ir.Node | None
    sources: tuple[ir.Value, ...]
    result: ir.Value
    bindings: dict[ir.Value, ir.Value]
    opset: int

    @property
    def kind(self) -> str:
        """Operator name, or ``"Table"`` or ``"Merge"``: a function of one or two values."""
        if self.operator is None:
            return "Table" if len(self.sources) == 1 else "Merge"
        name: str = self.operator.op_type
        return name

    @property
    def is_bare(self) -> bool:
        """True if there is nothing between the numbers of some codes and other codes of them."""
        return all(is_operator(n, "DequantizeLinear", "QuantizeLinear") for n in self.nodes)

    def array(self, value: ir.Value | None) -> npt.NDArray[Any]:
        """Return the constant that ``value``, a parameter or an operand, stands for."""
        bound = None if value is None else self.bindings.get(value, value)
        array = constant(bound)
        assert array is not None, "fusing checks that parameters are constant"
        return array

    def quantization(self, node: ir.Node) -> Quantization:
        """Return scale and zero point of a QuantizeLinear or DequantizeLinear."""
        zero_point = node.inputs[2]
        assert zero_point is not None
        bound = self.bindings.get(zero_point, zero_point)
        assert bound.const_value is not None
        dtype = bound.const_value.dtype
        return Quantization(
            self.array(node.inputs[1]).reshape(-1).astype(np.float32),
            self.array(zero_point).reshape(-1).astype(np.int64),
            number_type(dtype) if dtype in CODE_TYPES else IntegerType(32, True),
        )

    @property
    def output(self) -> Quantization:
        """Quantization of the stage's result."""
        return self.quantization(self.nodes[-1])

    def operand(self, index: int) -> ir.Node:
        """Return the DequantizeLinear that feeds input ``index`` of the operator."""
        assert self.operator is not None
        value = self.operator.inputs[index]
        node = None if value is None else value.producer()
        assert node is not None
        return node


def number_type(dtype: ir.DataType) -> IntegerType:
    """Return the integer type of an ONNX element type."""
    name = dtype.name.lower()
    return IntegerType(int(name.lstrip("uint")), not name.startswith("u"))


def stages(model: ir.Model, call: ir.Node) -> tuple[Stage, ...]:
    """Return the stages of a fused call, in order."""
    function = model.functions[call.op_identifier()]
    bindings = {
        parameter: value
        for parameter, value in zip(function.inputs, call.inputs, strict=True)
        if value is not None
    }
    found: list[Stage] = []
    nodes: list[ir.Node] = []
    sources = tuple(p for p in function.inputs if constant(bindings.get(p)) is None)
    for node in function:
        nodes.append(node)
        if is_operator(node, "QuantizeLinear", "ArgMax"):
            result = node.outputs[0]
            operator = next((n for n in nodes if is_operator(n, *COMPUTING)), None)
            opset = function.opset_imports[""]
            found.append(Stage(tuple(nodes), operator, sources, result, bindings, opset))
            nodes, sources = [], (result,)
    return tuple(found)


def ints(node: ir.Node, name: str, default: list[int]) -> list[int]:
    """Return an attribute that is a list of integers."""
    return [int(i) for i in node.attributes.get_ints(name, default)]


def known_shape(value: ir.Value, layer: str) -> tuple[int, ...]:
    """Return the shape of ``value`` without the batch.

    Raises:
        CompileError: a size is unknown.
    """
    sizes = [] if value.shape is None else list(value.shape.dims)[1:]
    if value.shape is None or not all(isinstance(s, int) and s > 0 for s in sizes):
        raise CompileError(
            "lower",
            layer,
            f"the shape of {value.name} must be known but for the batch, not {value.shape}",
            "export the model with fixed sizes",
        )
    return tuple(int(s) for s in sizes if isinstance(s, int))
