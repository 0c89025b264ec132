"""Give every quantized convolution and Gemm a bias.

    Conv(Dequantize(x), Dequantize(w)) -> Conv(Dequantize(x), Dequantize(w), Dequantize(0))

Adding the integer zero to an accumulator changes nothing.  The bias's scale is the product of
the scales of input and weights, as onnxruntime's kernels take it to be.  Done in onnx-ir: the new
initializers are computed from matched constants.
"""

from __future__ import annotations

import numpy as np
import numpy.typing as npt
import onnx_ir as ir

from rewrite.onnx.graphs import add_initializer, constant, is_operator


def explicit_biases(model: ir.Model) -> int:
    """Apply to all Conv and Gemm of ``model`` without a bias; return how many changed."""
    changed = 0
    for node in list(model.graph):
        if not is_operator(node, "Conv", "Gemm"):
            continue
        if len(node.inputs) > 2 and node.inputs[2] is not None:
            continue
        scales = product_scales(node)
        if scales is None:
            continue
        bias, scale = _zero_bias(model.graph, node, *scales)
        dequantize = ir.node("DequantizeLinear", [bias, *scale], {"axis": 0})
        dequantize.outputs[0].name = f"{bias.name}_dequantized"
        model.graph.insert_before(node, dequantize)
        node.resize_inputs(3)
        node.replace_input_with(2, dequantize.outputs[0])
        changed += 1
    return changed


def product_scales(node: ir.Node) -> tuple[int, npt.NDArray[np.float32]] | None:
    """Return the number of output channels and the products of input and weight scales."""
    sources = [v.producer() if v is not None else None for v in node.inputs[:2]]
    if not all(is_operator(s, "DequantizeLinear") for s in sources):
        return None
    x_scale, w_scale = (constant(s.inputs[1]) for s in sources if s is not None)
    weights = constant(sources[1].inputs[0]) if sources[1] is not None else None
    if x_scale is None or w_scale is None or weights is None or x_scale.size != 1:
        return None
    by_rows = node.op_type == "Conv" or node.attributes.get_int("transB", 0)
    channels = weights.shape[0 if by_rows else -1]
    if w_scale.size not in (1, channels):  # blocks of weights
        return None
    products = (x_scale.reshape(()) * w_scale.reshape(-1)).astype(np.float32)
    return channels, products if len(products) > 1 else products.reshape(())


def _zero_bias(
    graph: ir.Graph,
    node: ir.Node,
    channels: int,
    scale: npt.NDArray[np.float32],
) -> tuple[ir.Value, tuple[ir.Value, ir.Value]]:
    stem = f"{node.outputs[0].name}_no_bias"
    zeros = np.zeros(scale.shape, np.int32)
    return add_initializer(graph, stem, np.zeros(channels, np.int32)), (
        add_initializer(graph, f"{stem}_scale", scale),
        add_initializer(graph, f"{stem}_zero_point", zeros),
    )
