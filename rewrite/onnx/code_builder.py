"""Collects the nodes that replace an operator on codes by one on numbers."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import onnx_ir as ir

from rewrite.onnx.execution import SHIFT
from rewrite.onnx.graphs import add_initializer, constant

_DROPPED = ("channels_last", "opset")
"""Attributes that only onnxruntime's operators have."""

Parameters = tuple[ir.Value, ir.Value]
"""Scale and zero point."""


@dataclass(frozen=True, slots=True)
class CodeBuilder:
    """Collects the nodes that replace ``node``; each gets its name with a suffix."""

    graph: ir.Graph
    node: ir.Node
    nodes: list[ir.Node]

    def add(self, operator: str, inputs: list[ir.Value | None], suffix: str = "") -> ir.Node:
        """Add a standard operator and return it; the last one makes the result."""
        new = ir.node(operator, inputs)
        stem = self.node.outputs[0].name or ""
        new.name = f"{self.node.name or stem}{suffix}"
        new.outputs[0].name = f"{stem}{suffix or '_result'}"
        self.nodes.append(new)
        return new

    def dequantized(
        self, codes: ir.Value, scale: ir.Value, zero_point: ir.Value | None, axis: int | None = None
    ) -> ir.Value:
        """Add a DequantizeLinear and return its numbers."""
        node = self.add(
            "DequantizeLinear",
            [codes, *(self.scalar(v) for v in (scale, zero_point))],
            f"_operand_{len(self.nodes)}",
        )
        if axis is not None:
            node.attributes["axis"] = ir.AttrInt64("axis", axis)
        return node.outputs[0]

    def unsigned(
        self, codes: ir.Value, zero_point: ir.Value | None, scale: ir.Value
    ) -> tuple[ir.Value, ir.Value, ir.Value | None]:
        """Return codes, scale and zero point; constant int8 codes as uint8, as activations are."""
        array, zero = constant(codes), constant(zero_point)
        if array is None or array.dtype != np.int8:
            return codes, scale, zero_point
        zeros = np.zeros((), np.int8) if zero is None else zero
        shifted = [(a.astype(np.int64) + SHIFT).astype(np.uint8) for a in (array, zeros)]
        names = (f"{codes.name}_unsigned", f"{codes.name}_unsigned_zero_point")
        values = [add_initializer(self.graph, n, a) for n, a in zip(names, shifted, strict=True)]
        return values[0], scale, values[1]

    def quantized(self, numbers: ir.Node, scale: ir.Value, zero_point: ir.Value | None) -> None:
        """Add the QuantizeLinear that makes the result."""
        inputs = [numbers.outputs[0], *(self.scalar(v) for v in (scale, zero_point))]
        self.add("QuantizeLinear", inputs, "_quantize")

    def scalar(self, value: ir.Value | None) -> ir.Value | None:
        """Return ``value``, without axes if it is one number."""
        array = constant(value)
        if value is None or array is None or array.size != 1 or array.ndim == 0:
            return value
        return add_initializer(self.graph, f"{value.name}_scalar", array.reshape(()))

    def computing(self, operator: str, inputs: list[ir.Value | None]) -> ir.Node:
        """Add the operator itself, with the attributes that it shares with the standard's."""
        new = self.add(operator, inputs)
        dropped = (*_DROPPED, "alpha") if self.node.op_type == "QGemm" else _DROPPED
        for name, attribute in self.node.attributes.items():
            if name not in dropped:
                new.attributes[name] = attribute
        return new


def operand_of(node: ir.Node, index: int) -> ir.Value:
    """Return an operand that must be there."""
    value = node.inputs[index]
    assert value is not None
    return value


def optional_operand(node: ir.Node, index: int) -> ir.Value | None:
    """Return an operand, None if it is left out."""
    return node.inputs[index] if index < len(node.inputs) else None
