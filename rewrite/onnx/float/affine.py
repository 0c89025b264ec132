"""Chains of affine operators with constant operands, composed in float64."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import onnx_ir as ir

from rewrite.onnx.float.values import constant, floating, integer, only_user, static_shape

FloatArray = npt.NDArray[np.float64]

AFFINE_OPERATORS = ("Mul", "Add", "Sub", "Div", "Neg", "BatchNormalization")


@dataclass(frozen=True, slots=True)
class AffineChain:
    """``y = x * scale + offset`` where x is ``source``.

    ``scale``, ``offset``: float64, as many axes as x, each 1 long or as long as x's.
    ``first``: the node that reads x, None for an empty chain.
    """

    source: ir.Value
    scale: FloatArray
    offset: FloatArray
    first: ir.Node | None = None

    def after(self, inner: AffineChain) -> AffineChain:
        """Return this chain applied behind ``inner``."""
        offset = self.scale * inner.offset + self.offset
        return AffineChain(inner.source, self.scale * inner.scale, offset, inner.first)

    @property
    def is_scalar(self) -> bool:
        """One factor and one summand for all elements."""
        return self.scale.size == 1 and self.offset.size == 1

    def per_channel(self, axis: int = 1) -> tuple[FloatArray, FloatArray] | None:
        """Return (channels,) scale and offset if they vary along ``axis`` only."""
        shape = static_shape(self.source)
        if shape is None or len(shape) < 2:
            return None
        both = []
        for values in (self.scale, self.offset):
            if values.size != values.shape[axis]:
                return None
            both.append(np.broadcast_to(values.reshape(-1), (shape[axis],)).copy())
        return both[0], both[1]


def affine_step(node: ir.Node | None) -> AffineChain | None:
    """Return what a single node computes if that is affine in its one variable input."""
    if node is None or node.op_type not in AFFINE_OPERATORS or node.domain not in ("", "ai.onnx"):
        return None
    if node.op_type == "BatchNormalization":
        return _batch_normalization(node)
    if node.op_type == "Neg":
        return _step(node, node.inputs[0], -1.0, 0.0)
    left, right = node.inputs
    if constant(right) is not None and constant(left) is None:
        c = np.asarray(constant(right), np.float64)
        if node.op_type == "Div" and np.any(c == 0):
            return None
        return _step(node, left, *_operand_right(node.op_type, c))
    if constant(left) is not None and constant(right) is None and node.op_type != "Div":
        c = np.asarray(constant(left), np.float64)
        return _step(node, right, *_operand_left(node.op_type, c))
    return None


def _operand_right(operator: str, c: FloatArray) -> tuple[npt.ArrayLike, npt.ArrayLike]:
    """Return scale and offset of ``x operator c``."""
    if operator in ("Mul", "Div"):
        return (c if operator == "Mul" else 1.0 / c), 0.0
    return 1.0, (c if operator == "Add" else -c)


def _operand_left(operator: str, c: FloatArray) -> tuple[npt.ArrayLike, npt.ArrayLike]:
    """Return scale and offset of ``c operator x``, not for Div."""
    if operator == "Mul":
        return c, 0.0
    return (1.0 if operator == "Add" else -1.0), c


def _step(
    node: ir.Node, source: ir.Value | None, scale: npt.ArrayLike, offset: npt.ArrayLike
) -> AffineChain | None:
    shape = static_shape(source)
    if source is None or shape is None or static_shape(node.outputs[0]) != shape:
        return None  # the constant would broadcast the variable
    arrays = []
    for value in (scale, offset):
        array = np.asarray(value, np.float64)
        arrays.append(array.reshape((1,) * (len(shape) - array.ndim) + array.shape))
    return AffineChain(source, arrays[0], arrays[1], node)


def _batch_normalization(node: ir.Node) -> AffineChain | None:
    shape = static_shape(node.inputs[0])
    statistics = [constant(v) for v in node.inputs[1:5]]
    if shape is None or integer(node, "training_mode", 0) or any(s is None for s in statistics):
        return None
    gamma, beta, mean, variance = (np.asarray(s, np.float64) for s in statistics)
    scale = gamma / np.sqrt(variance + floating(node, "epsilon", 1e-5))
    per_channel = (1, -1) + (1,) * (len(shape) - 2)
    offset = (beta - mean * scale).reshape(per_channel)
    return AffineChain(_known(node.inputs[0]), scale.reshape(per_channel), offset, node)


def _known(value: ir.Value | None) -> ir.Value:
    assert value is not None
    return value


def affine_chain(value: ir.Value) -> AffineChain:
    """Return the longest affine chain that ends in ``value``.

    Values inside the chain have no other users (folding it must not compute anything twice); the
    chain may be empty.
    """
    rank = len(value.shape) if value.shape is not None else 0
    chain = AffineChain(value, np.ones((1,) * rank), np.zeros((1,) * rank))
    while (step := affine_step(chain.source.producer())) is not None:
        if chain.first is not None and only_user(chain.source) is None:
            break
        chain = chain.after(step)
    return chain
