"""Make int8 codes with several readers, or readers behind a move, uint8.

    c = Quantize(x, s, z: int8); Dequantize(c, s, z), Dequantize(c, s, z)
        -> c' = Quantize(x, s, z + 128: uint8); Dequantize(c', s, z + 128), ...      c' = c + 128

The numbers stay what they are.  onnxruntime moves int8 codes between quantizations to its integer
kernels in the same way, but only where one DequantizeLinear reads them as they are, and nothing
else; operators on codes need no such move.  So the second form of a graph of operators on codes
needs it here, or onnxruntime would compute a part of it in float.  Inputs and outputs that are int8
codes become uint8, too.  Condition: all that reads the codes, moved or not, is a DequantizeLinear.
``SHIFTED`` in the model's metadata lists the tensors, for whoever compares codes.
"""

from __future__ import annotations

import json

import numpy as np
import onnx_ir as ir

from rewrite.onnx.execution import SHIFT
from rewrite.onnx.fuse_layout import MOVING
from rewrite.onnx.graphs import add_initializer, constant, is_operator

SHIFTED = "millrace.shifted_codes"
"""Key of the names of tensors whose codes are ``SHIFT`` above those of the original graph."""


def unsigned_codes(model: ir.Model) -> int:
    """Apply to ``model``; return how many tensors were shifted."""
    names: list[str] = []
    entering = [v for v in model.graph.inputs if constant(v) is None]
    made = [n.outputs[0] for n in model.graph if is_operator(n, "QuantizeLinear")]
    for codes in (*entering, *made):
        found = _group(codes) if codes.dtype == ir.DataType.INT8 else None
        if found is None:
            continue
        values, nodes = found
        one_reader = len(values) == 1 and len(nodes) == 2 and not codes.is_graph_output()
        if one_reader and codes.producer() is not None:
            continue
        for node in nodes:
            zero = _zero(node)
            assert zero is not None
            shifted = (zero.astype(np.int64) + SHIFT).astype(np.uint8)
            name = f"{node.outputs[0].name}_unsigned_zero_point"
            node.resize_inputs(max(3, len(node.inputs)))
            node.replace_input_with(2, add_initializer(model.graph, name, shifted))
        for value in values:
            value.type = ir.TensorType(ir.DataType.UINT8)
            names.append(value.name or "")
    if names:
        model.metadata_props[SHIFTED] = json.dumps(sorted({*names, *shifted_tensors(model)}))
    return len(names)


def shifted_tensors(model: ir.Model) -> frozenset[str]:
    """Return the names of the tensors of ``model`` that are shifted."""
    return frozenset(json.loads(model.metadata_props.get(SHIFTED, "[]")))


def _group(codes: ir.Value) -> tuple[list[ir.Value], list[ir.Node]] | None:
    """Return ``codes`` with all that moves them, and all quantizations that make or read them.

    None if something else reads them.
    """
    maker = codes.producer()
    values, nodes = [codes], [] if maker is None else [maker]
    for value in values:
        for node, _ in value.uses():
            if is_operator(node, *MOVING) and node.inputs[0] is value:
                values += node.outputs
            elif is_operator(node, "DequantizeLinear"):
                nodes.append(node)
            else:
                return None
    return None if any(_zero(node) is None for node in nodes) else (values, nodes)


def _zero(node: ir.Node) -> np.ndarray[tuple[int, ...], np.dtype[np.int8]] | None:
    """Return the int8 zero point of a quantization, 0 where it is left out."""
    operand = node.inputs[2] if len(node.inputs) > 2 else None
    array = np.zeros((), np.int8) if operand is None else constant(operand)
    return array if array is not None and array.dtype == np.int8 else None
