"""Quantize constants where the graph does.

    Quantize(w, s, z) -> the constant clamp(rint(w / s) + z)

for constant w, s and z, float32 up to the rounding, which is the operator's definition; scales and
zero points per tensor or along an axis.  Tools that train with quantization write weights so;
onnxruntime folds them, too.  Done in onnx-ir: the new initializer is computed.
"""

from __future__ import annotations

import numpy as np
import numpy.typing as npt
import onnx_ir as ir

from rewrite.onnx.graphs import CODE_TYPES, add_initializer, constant, is_operator


def quantized_constants(model: ir.Model) -> int:
    """Apply to ``model``; return how many constants were quantized."""
    changed = 0
    for node in list(model.graph):
        if not is_operator(node, "QuantizeLinear") or node.outputs[0].is_graph_output():
            continue
        codes = _codes(node)
        if codes is None:
            continue
        value = add_initializer(model.graph, f"{node.outputs[0].name}_constant", codes)
        ir.convenience.replace_all_uses_with(node.outputs[0], value)
        model.graph.remove(node, safe=True)
        changed += 1
    return changed


def _codes(node: ir.Node) -> npt.NDArray[np.generic] | None:
    """Return the codes that ``node`` makes of constants, None if they are none."""
    numbers, scale = constant(node.inputs[0]), constant(node.inputs[1])
    if numbers is None or scale is None or node.attributes.get_int("block_size", 0):
        return None
    zero_point = constant(node.inputs[2]) if len(node.inputs) > 2 else np.zeros((), np.uint8)
    if zero_point is None or ir.DataType.from_numpy(zero_point.dtype) not in CODE_TYPES:
        return None
    if zero_point.dtype.kind not in "iu":  # the 4-bit types are numpy's guests
        return None
    shape = [1] * numbers.ndim
    if scale.size > 1:
        shape[node.attributes.get_int("axis", 1) % numbers.ndim] = scale.size
    limits = np.iinfo(zero_point.dtype)
    quotients = np.rint(numbers / scale.reshape(shape)).astype(np.float64)
    shifted = quotients + (zero_point.reshape(shape) if scale.size > 1 else zero_point.reshape(()))
    codes: npt.NDArray[np.generic] = np.clip(shifted, limits.min, limits.max)
    return codes.astype(zero_point.dtype)
