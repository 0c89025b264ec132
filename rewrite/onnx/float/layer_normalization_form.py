"""What exporters write for a LayerNormalization -> LayerNormalization(x, scale, shift).

With m = ReduceMean(x; axis), d = x - m, r = 1 / Sqrt(ReduceMean(d * d or d ** 2; axis) + epsilon):

    d * r, d / Sqrt(...)                                -> LayerNormalization(x, 1, 0)
    x * k + (shift - m * k), k = r or r * scale          -> LayerNormalization(x, scale, shift)
    LayerNormalization(x, a, b) * c + d                 -> LayerNormalization(x, a * c, b * c + d)

The second is how TensorFlow writes it, in any form of the term (``-m * k + shift``).  An axis that
is not the last comes to the end first, and goes back.  Conditions: factors and terms are constants
of one value, or of one for each along the axis; the last line folds if nothing else reads what it
changes.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt
import onnx_ir as ir
from onnxscript.rewriter import MatchResult, RewriteRule, RewriteRuleClassBase

from rewrite.onnx.float.values import (
    constant,
    float_initializer,
    floating,
    integer,
    ints,
    only_user,
    static_shape,
    take_name,
)

Array = npt.NDArray[Any]
OPERATOR = "LayerNormalization"


@dataclass(frozen=True, slots=True)
class Deviation:
    """``1 / sqrt(variance of source + epsilon)``, or the root itself; ``mean`` of the source.

    ``axis``: that of mean and variance, counted from the end, from 1.
    """

    source: ir.Value
    mean: ir.Value
    epsilon: float
    axis: int


def _made_by(value: ir.Value | None, operator: str) -> ir.Node | None:
    node = None if value is None else value.producer()
    return node if node is not None and node.op_type == operator else None


def _operands(value: ir.Value | None, operator: str) -> list[tuple[ir.Value, ir.Value]]:
    """Return the operands of a commutative operator in both orders, nothing for others."""
    node = _made_by(value, operator)
    if node is None or len(node.inputs) != 2 or None in node.inputs:
        return []
    first, second = node.inputs
    assert first is not None
    assert second is not None
    return [(first, second), (second, first)]


def _averaged(value: ir.Value | None) -> tuple[ir.Value | None, int]:
    """Return what ``value`` is the mean of, and the axis, which it keeps, from the end."""
    node = _made_by(value, "ReduceMean")
    shape = None if node is None else static_shape(node.inputs[0])
    if node is None or shape is None or not integer(node, "keepdims", 1):
        return None, 0
    given = constant(node.inputs[1]) if len(node.inputs) > 1 else None
    axes = ints(node, "axes", ()) if given is None else tuple(int(a) for a in given.reshape(-1))
    return (node.inputs[0], len(shape) - axes[0] % len(shape)) if len(axes) == 1 else (None, 0)


def _single(value: ir.Value | None) -> float | None:
    values = constant(value)
    return float(values.reshape(-1)[0]) if values is not None and values.size == 1 else None


def _squared(value: ir.Value | None) -> ir.Value | None:
    """Return d where ``value`` is d * d or d ** 2."""
    power = _made_by(value, "Pow")
    if power is not None:
        return power.inputs[0] if _single(power.inputs[1]) == 2 else None
    return next((a for a, b in _operands(value, "Mul") if a is b), None)


def _root(value: ir.Value | None) -> Deviation | None:
    """Read ``sqrt(mean(d * d) + epsilon)``."""
    root = _made_by(value, "Sqrt")
    for variance, epsilon in _operands(root.inputs[0] if root is not None else None, "Add"):
        added = _single(epsilon)
        square, axis = _averaged(variance)
        difference = _made_by(_squared(square), "Sub")
        if added is None or added <= 0 or difference is None:
            continue
        source, mean = difference.inputs
        if source is not None and mean is not None and _averaged(mean) == (source, axis):
            return Deviation(source, mean, added, axis)
    return None


def _inverse(value: ir.Value | None) -> Deviation | None:
    """Read ``1 / sqrt(mean(d * d) + epsilon)``."""
    reciprocal, quotient = _made_by(value, "Reciprocal"), _made_by(value, "Div")
    if reciprocal is not None:
        return _root(reciprocal.inputs[0])
    if quotient is not None and _single(quotient.inputs[0]) == 1:
        return _root(quotient.inputs[1])
    return None


def _along(value: ir.Value | None, length: int, axis: int) -> Array | None:
    """Return a constant of one value, or of one for each along an axis, as one for each."""
    values = constant(value)
    if values is None:
        return None
    if values.size == 1:
        return np.full(length, values.item(), np.float64)
    fits = values.ndim >= axis and values.shape[-axis] == length == values.size
    return values.reshape(-1).astype(np.float64) if fits else None


def _scaled(value: ir.Value) -> tuple[Deviation, Array] | None:
    """Read ``r`` or ``r * scale``."""
    plain = _inverse(value)
    if plain is not None:
        return plain, np.ones(_length(plain.source, plain.axis))
    for inverse, factor in _operands(value, "Mul"):
        found = _inverse(inverse)
        if found is not None:
            scale = _along(factor, _length(found.source, found.axis), found.axis)
            return None if scale is None else (found, scale)
    return None


def _length(value: ir.Value, axis: int) -> int:
    shape = static_shape(value)
    assert shape is not None
    return shape[-axis]


def _is_product(value: ir.Value | None, first: ir.Value, second: ir.Value) -> bool:
    return any(a is first and b is second for a, b in _operands(value, "Mul"))


def _shift(term: ir.Value | None, found: Deviation, k: ir.Value) -> Array | None:
    """Return ``shift`` where ``term`` is ``shift - mean * k``."""
    length, mean = _length(found.source, found.axis), found.mean
    negative = _made_by(term, "Neg")
    if negative is not None and _is_product(negative.inputs[0], mean, k):
        return np.zeros(length)
    for factor, other in _operands(term, "Mul"):
        opposite = _made_by(factor, "Neg")
        if opposite is not None and opposite.inputs[0] is mean and other is k:
            return np.zeros(length)
    difference = _made_by(term, "Sub")
    if difference is not None and _is_product(difference.inputs[1], mean, k):
        return _along(difference.inputs[0], length, found.axis)
    for rest, added in _operands(term, "Add"):
        shift = _along(added, length, found.axis)
        inner = None if shift is None else _shift(rest, found, k)
        if inner is not None:
            return inner + shift
    return None


@dataclass(frozen=True, slots=True)
class Found:
    """A LayerNormalization of ``source`` over ``axis``, from the end; constants along it."""

    source: ir.Value
    scale: Array
    shift: Array
    epsilon: float
    axis: int = 1


def _normalized(y: ir.Value) -> Found | None:
    """Read ``d * r`` or ``d / sqrt(...)``."""
    quotient = _made_by(y, "Div")
    pairs = [(a, _inverse(b)) for a, b in _operands(y, "Mul")]
    if quotient is not None and quotient.inputs[0] is not None:
        pairs.append((quotient.inputs[0], _root(quotient.inputs[1])))
    for numerator, found in pairs:
        difference = _made_by(numerator, "Sub")
        if found is None or difference is None:
            continue
        if tuple(difference.inputs) == (found.source, found.mean):
            ones = np.ones(_length(found.source, found.axis))
            return Found(found.source, ones, np.zeros(ones.size), found.epsilon, found.axis)
    return None


def _spread(y: ir.Value) -> Found | None:
    """Read ``x * k + (shift - m * k)``."""
    for product, term in _operands(y, "Add"):
        for source, k in _operands(product, "Mul"):
            scaled = _scaled(k)
            if scaled is None or scaled[0].source is not source:
                continue
            shift = _shift(term, scaled[0], k)
            if shift is not None:
                return Found(source, scaled[1], shift, scaled[0].epsilon, scaled[0].axis)
    return None


def _folded(y: ir.Value) -> Found | None:
    """Read ``LayerNormalization(x, a, b)`` with a factor or a term behind it."""
    operator = "Mul" if _made_by(y, "Mul") is not None else "Add"
    for value, other in _operands(y, operator):
        node, shape = _made_by(value, OPERATOR), static_shape(value)
        if node is None or shape is None or only_user(value) is None or len(node.inputs) < 3:
            continue
        scale, shift, change = (_along(given, shape[-1], 1) for given in (*node.inputs[1:3], other))
        is_last = integer(node, "axis", -1) in (-1, len(shape) - 1)
        if scale is None or shift is None or change is None or not is_last:
            continue
        if node.inputs[0] is None or static_shape(y) != shape:
            continue
        changed = (scale * change, shift * change) if operator == "Mul" else (scale, shift + change)
        return Found(node.inputs[0], *changed, floating(node, "epsilon", 1e-5))
    return None


class LayerNormalizationForm(RewriteRuleClassBase):  # type: ignore[misc]
    """One rule for each operator that such a graph may end with, and each way to read it."""

    def __init__(self, operator: str, read: Any) -> None:
        super().__init__(f"LayerNormalizationForm{operator}{read.__name__}", remove_nodes=False)
        self.operator, self.read = operator, read

    def pattern(self, op: Any, x: ir.Value, z: ir.Value) -> Any:
        """Any two operands."""
        return getattr(op, self.operator)(x, z, _outputs=["y"])

    def check(self, context: Any, y: ir.Value, **_: Any) -> MatchResult:
        """It reads as a LayerNormalization."""
        result = MatchResult()
        return result if self.read(y) is not None else result.fail("it is something else", y)

    def rewrite(self, op: Any, y: ir.Value, **_: Any) -> Any:
        """Write the one operator."""
        node, found = y.producer(), self.read(y)
        assert node is not None
        name = take_name(node)
        constants = (
            float_initializer(op, node, "scale", found.scale),
            float_initializer(op, node, "shift", found.shift),
        )
        shape = static_shape(found.source)
        assert shape is not None
        axis = len(shape) - found.axis
        order = [*(a for a in range(len(shape)) if a != axis), axis]
        source = found.source
        if found.axis > 1:
            source = op.Transpose(source, perm=order, _name=f"{name}/to_last")
        result = op.LayerNormalization(
            source, *constants, axis=-1, epsilon=found.epsilon, _name=name
        )
        if found.axis > 1:
            back = [order.index(a) for a in range(len(shape))]
            result = op.Transpose(result, perm=back, _name=f"{name}/from_last")
        return result


RULES: tuple[RewriteRule, ...] = (
    LayerNormalizationForm.rule("Mul", _normalized),
    LayerNormalizationForm.rule("Div", _normalized),
    LayerNormalizationForm.rule("Add", _spread),
    LayerNormalizationForm.rule("Mul", _folded),
    LayerNormalizationForm.rule("Add", _folded),
)
