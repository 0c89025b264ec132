"""Fuse what selects, repeats or surrounds codes and computes no new ones.

    Quantize(Pad(Dequantize(x, s, z), sizes, value), t, u) -> Pad(x, s, z, t, u, sizes, value)

and the same for Slice, Resize to nearest values, GlobalMaxPool, ReduceMax and ReduceMin.
Quantize(Dequantize(c)) = c for every code c if both use the same scale and zero point; with others
each code becomes another one, and never a smaller one than a smaller code, so that a table may
stand in front; the greatest number is that of the greatest code; a Pad's value becomes one code.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import onnx_ir as ir
from onnxscript.rewriter import RewriteRuleSet

from rewrite.onnx.fusion_rule import FusionRule, codes_refusal
from rewrite.onnx.graphs import DOMAIN, constant


class FuseSelection(FusionRule):
    """The rewrite for one operator; ``reason`` says why an operator of a wrong form is refused."""

    parameters = ("x", "x_scale", "x_zero_point", "y_scale", "y_zero_point")

    def __init__(self, operator: str, reason: Callable[[ir.Node], str | None]) -> None:
        super().__init__()
        self.function = operator
        self.reason = reason

    def pattern(
        self, op: Any, x: Any, x_scale: Any, x_zero_point: Any, y_scale: Any, y_zero_point: Any
    ) -> Any:
        """Match the operator between dequantization and quantization."""
        selected = getattr(op, self.function)(
            op.DequantizeLinear(x, x_scale, x_zero_point),
            _allow_other_inputs=True,
            _outputs=["result"],
        )
        return op.QuantizeLinear(selected, y_scale, y_zero_point)

    def refusal(self, result: ir.Node, values: dict[str, ir.Value]) -> str | None:
        """Refuse quantizations that are not per tensor, and a wrong form."""
        codes = codes_refusal("input", values["x_scale"], values["x_zero_point"]) or codes_refusal(
            "output", values["y_scale"], values["y_zero_point"]
        )
        if codes is None and any(v is not None and constant(v) is None for v in result.inputs[1:]):
            return f"all operands of {self.function} but the first must be constants"
        return codes or self.reason(result)

    def rewrite(self, op: Any, **values: ir.Value) -> ir.Value:
        """Return the call; the operator's constants come last."""
        selecting = values["result"].producer()
        assert selecting is not None
        operands = [v for v in selecting.inputs[1:] if v is not None]
        inputs = [*(values[name] for name in self.parameters), *operands]
        call: ir.Value = getattr(op, self.function)(*inputs, _domain=DOMAIN)
        node = call.producer()
        assert node is not None
        node.name = selecting.name
        return call


def pad_sides(sizes: Any, axes: Any | None, rank: int) -> Any:
    """Return a Pad's sizes as (begin and end, axes of a tensor of ``rank``)."""
    sides = np.zeros((2, rank), np.int64)
    chosen = range(rank) if axes is None else [int(a) % rank for a in np.asarray(axes).reshape(-1)]
    sides[:, list(chosen)] = np.asarray(sizes).reshape(2, -1)
    return sides


def _pad(node: ir.Node) -> str | None:
    mode = node.attributes.get_string("mode", "constant")
    if mode not in ("constant", "edge"):
        return f"Pad's mode must be 'constant' or 'edge', not {mode!r}"
    sizes = constant(node.inputs[1])
    axes = constant(node.inputs[3]) if len(node.inputs) > 3 else None
    rank = _rank(node)
    if sizes is None or rank is None or (axes is None and sizes.size != 2 * rank):
        return "Pad must have a known number of axes"
    begin, end = pad_sides(sizes, axes, rank)
    if begin[0] or end[0]:
        return "Pad must surround each frame, not the batch with frames"
    if mode == "constant":
        return None
    if rank != 4 or begin[1] or end[1]:
        return "Pad must repeat the edges of an image's rows and columns, not of other axes"
    if np.any(begin != end) or np.any(begin > 1) or np.any(begin < 0):
        return "Pad must repeat both edges of rows or columns once"
    return None


def _rank(node: ir.Node) -> int | None:
    shape = None if node.inputs[0] is None else node.inputs[0].shape
    return None if shape is None else shape.rank()


def _slice(node: ir.Node) -> str | None:
    axes = constant(node.inputs[3]) if len(node.inputs) > 3 else None
    steps = constant(node.inputs[4]) if len(node.inputs) > 4 else None
    rank = _rank(node)
    if axes is None or rank is None:
        return "Slice must state its axes, of a known number"
    if any(int(a) % rank == 0 for a in axes.reshape(-1)):
        return "Slice must cut each frame, not the batch"
    if len(node.inputs) > 4 and node.inputs[4] is not None and steps is None:
        return "Slice must have constant steps"
    return None


def _resize(node: ir.Node) -> str | None:
    mode = node.attributes.get_string("mode", "nearest")
    if mode != "nearest":
        return f"Resize must take nearest or linear values, not {mode} ones"
    scales = constant(node.inputs[2]) if len(node.inputs) > 2 else None
    if scales is None or scales.size != 4:
        return "Resize must repeat each row and column of an image equally often"
    return None if np.all(scales[:2] == 1) else "Resize must leave the channels of an image alone"


def _global_max(node: ir.Node) -> str | None:
    return None


def _extremum(node: ir.Node) -> str | None:
    axes = constant(node.inputs[1]) if len(node.inputs) > 1 else None
    rank = _rank(node)
    if axes is None or rank is None:
        return f"{node.op_type} must state its axes, of a known number"
    if axes.size == 0 or any(int(a) % rank == 0 for a in axes.reshape(-1)):
        return f"{node.op_type} must be one of some axes of each frame, not of the batch"
    return None


_REASONS: dict[str, Callable[[ir.Node], str | None]] = {
    "Pad": _pad,
    "Slice": _slice,
    "Resize": _resize,
    "GlobalMaxPool": _global_max,
    "ReduceMax": _extremum,
    "ReduceMin": _extremum,
}

SELECTING = tuple(_REASONS)
"""Operators that select, repeat or surround codes."""

RULES = RewriteRuleSet([FuseSelection.rule(name, reason) for name, reason in _REASONS.items()])


def fuse_selection(model: ir.Model) -> int:
    """Apply to ``model``; return how many were fused."""
    return int(RULES.apply_to_model(model))
