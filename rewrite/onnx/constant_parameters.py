"""Dequantize what a LayerNormalization multiplies with and adds, and what a Pad puts around.

    f(x, Dequantize(c, s, z)) -> f(x, (c - z) * s)

for constant c, s and z: one product of float32, which is the operator's definition.  onnxruntime
has no integer kernel for these operators, so it computes the same numbers itself.  Done in onnx-ir:
the new initializers are computed.
"""

from __future__ import annotations

import numpy as np
import numpy.typing as npt
import onnx_ir as ir

from rewrite.onnx.graphs import add_initializer, constant, is_operator

PARAMETERS = {"LayerNormalization": (1, 2), "Pad": (2,), "Clip": (1, 2)}
"""Operands that are numbers, by operator."""


def constant_parameters(model: ir.Model) -> int:
    """Apply to ``model``; return how many operands became constants."""
    changed = 0
    for node in list(model.graph):
        if not is_operator(node, *PARAMETERS):
            continue
        for index in PARAMETERS[node.op_type]:
            value = node.inputs[index] if index < len(node.inputs) else None
            numbers = None if value is None else _numbers(value.producer())
            if value is not None and numbers is not None:
                constants = add_initializer(model.graph, f"{value.name}_constant", numbers)
                node.replace_input_with(index, constants)
                changed += 1
    return changed


def _numbers(node: ir.Node | None) -> npt.NDArray[np.float32] | None:
    """Return what a DequantizeLinear of a constant makes, None if ``node`` is something else."""
    if node is None or not is_operator(node, "DequantizeLinear"):
        return None
    codes, scale = constant(node.inputs[0]), constant(node.inputs[1])
    zero = constant(node.inputs[2]) if len(node.inputs) > 2 else np.zeros((), np.int64)
    if codes is None or scale is None or zero is None or scale.dtype != np.float32:
        return None
    shape = [1] * codes.ndim
    if scale.size > 1:
        axis = node.attributes.get_int("axis", 1) % codes.ndim
        if scale.size != codes.shape[axis] or node.attributes.get_int("block_size", 0):
            return None
        shape[axis] = scale.size
    zeros, factors = (a.reshape(shape if a.size > 1 else ()) for a in (zero, scale))
    centred = codes.astype(np.int64) - zeros.astype(np.int64)
    return np.asarray(centred.astype(np.float32) * factors, np.float32)
