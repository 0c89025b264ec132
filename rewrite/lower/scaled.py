"""Layers whose integer sums are scaled in float before they are quantized."""

from __future__ import annotations

from dataclasses import fields

import numpy as np

from ir.requantize import GoldenRequantization, GoldenScaledSum
from rewrite.lower.arithmetic import per_channel
from rewrite.lower.reading import Stage
from rewrite.onnx.graphs import is_operator


def scaled(golden: GoldenRequantization, stage: Stage) -> GoldenScaledSum:
    """Return the arithmetic of ``stage``, whose accumulators and biases are those of ``golden``."""
    kept = {f.name: getattr(golden, f.name) for f in fields(golden)}
    channels = len(golden.factors)
    factor, summand = (_constant(stage, operator) for operator in ("Mul", "Add"))
    assert factor is not None
    kept["factors"] = per_channel(factor, channels)
    summands = None if summand is None else per_channel(summand, channels)
    return GoldenScaledSum(**kept, summands=summands, output_scale=stage.output.scale)


def _constant(stage: Stage, operator: str) -> np.ndarray | None:
    """Return the constants that the stage's node ``operator`` reads, None without such a node."""
    node = next((n for n in stage.nodes if is_operator(n, operator)), None)
    if node is None:
        return None
    made = {output for other in stage.nodes for output in other.outputs}
    (value,) = (v for v in node.inputs if v not in made)
    return stage.array(value).astype(np.float32).reshape(-1)
