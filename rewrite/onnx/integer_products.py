"""Write products of codes that are scaled in float as operators on numbers.

    Cast(ConvInteger(x, w, zx, zw); float) -> Conv(Dequantize(x, 1, zx), Dequantize(w, 1, zw))

and the same for a MatMulInteger of matrices, which becomes a Gemm.  The numbers are the codes less
their zero points, so the float kernel computes the same sums.  Condition: constant weights, and
float32 holds every partial sum (``rewrite/onnx/float_exactness.py``).  What scales the sums follows
in ``rewrite/onnx/fuse_scaled.py``.
"""

from __future__ import annotations

import numpy as np
import onnx_ir as ir

from rewrite.onnx.code_builder import CodeBuilder, Parameters, operand_of, optional_operand
from rewrite.onnx.float_exactness import layer_refusal
from rewrite.onnx.graphs import add_initializer, constant, is_operator

_FLOAT_FORMS = {"ConvInteger": "Conv", "MatMulInteger": "Gemm"}


def product_of(cast: ir.Node) -> ir.Node | None:
    """Return the product of codes that ``cast`` alone reads and makes float32, or None."""
    if not is_operator(cast, "Cast") or cast.attributes.get_int("to", 0) != ir.DataType.FLOAT:
        return None
    source = cast.inputs[0]
    node = None if source is None else source.producer()
    if node is None or not is_operator(node, *_FLOAT_FORMS) or len(list(source.uses())) > 1:
        return None
    return node


def integer_product(b: CodeBuilder, cast: ir.Node, scales: dict[ir.Value, Parameters]) -> None:
    """Replace ``cast`` and the product that it reads."""
    node = product_of(cast)
    assert node is not None
    operator, weights = _FLOAT_FORMS[node.op_type], constant(node.inputs[1])
    zeros = [constant(optional_operand(node, index)) for index in (2, 3)]
    source = operand_of(node, 0)
    matrix = source.shape is not None and source.shape.rank() == 2
    if weights is None or (operator == "Gemm" and not (matrix and weights.ndim == 2)):
        return
    if any(z is None and optional_operand(node, i) is not None for i, z in enumerate(zeros, 2)):
        return
    x, w = (
        _numbers(b, operand_of(node, place), zero, axis)
        for place, zero, axis in ((0, zeros[0], None), (1, zeros[1], _channels(operator)))
    )
    layer = b.add(operator, [x, w])
    layer.name = node.name or layer.name
    for name, attribute in node.attributes.items():
        layer.attributes[name] = attribute
    if layer_refusal(layer) is not None:
        b.nodes.clear()
        return
    _fold_scales(b.graph, cast)


def _channels(operator: str) -> int:
    return 0 if operator == "Conv" else 1


def _numbers(
    b: CodeBuilder, codes: ir.Value, zero: np.ndarray | None, axis: int | None
) -> ir.Value:
    """Return ``codes`` less their zero points."""
    assert codes.dtype is not None
    zeros = np.zeros((), codes.dtype.numpy()) if zero is None else zero
    zeros = zeros.reshape(()) if zeros.size == 1 else zeros.reshape(-1)
    one = add_initializer(b.graph, f"{codes.name}_one", np.ones(zeros.shape, np.float32))
    return b.dequantized(codes, one, add_initializer(b.graph, f"{codes.name}_zero", zeros), axis)


def _fold_scales(graph: ir.Graph, cast: ir.Node) -> None:
    """Multiply the scales of both operands where the graph does so itself."""
    for node, _ in list(cast.outputs[0].uses()):
        for index, value in enumerate(node.inputs):
            maker = None if value is None else value.producer()
            if maker is None or not is_operator(maker, "Mul"):
                continue
            factors = [constant(v) for v in maker.inputs]
            if factors[0] is not None and factors[1] is not None:
                name = f"{maker.outputs[0].name}_product"
                product = add_initializer(graph, name, factors[0] * factors[1])
                node.replace_input_with(index, product)
