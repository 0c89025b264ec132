"""Give every quantized convolution and Gemm a bias.

    Conv(Dequantize(x), Dequantize(w)) -> Conv(Dequantize(x), Dequantize(w), Dequantize(0))
    Gemm(x, w, Dequantize(one code)) -> Gemm(x, w, Dequantize(the code for each channel))

Adding the integer zero to an accumulator changes nothing; a Gemm repeats a bias of one value.  The
scale of zero is the product of those of input and weights, as onnxruntime's kernels take it to be.
Done in onnx-ir: the new initializers are computed from matched constants.
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
        scales = product_scales(node)
        if len(node.inputs) > 2 and node.inputs[2] is not None:
            changed += scales is not None and _repeat_bias(model.graph, node, scales[0])
            continue
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


def _repeat_bias(graph: ir.Graph, node: ir.Node, channels: int) -> bool:
    """Give each channel of a Gemm the one value of its bias; return whether there was one."""
    value = node.inputs[2]
    dequantize = None if value is None else value.producer()
    if value is None or dequantize is None or not is_operator(dequantize, "DequantizeLinear"):
        return False
    codes, scale = constant(dequantize.inputs[0]), constant(dequantize.inputs[1])
    if codes is None or scale is None or (codes.size, scale.size) != (1, 1) or channels == 1:
        return False
    repeated = np.full(channels, codes.reshape(()), codes.dtype)
    own = ir.node("DequantizeLinear", list(dequantize.inputs), name=f"{dequantize.name}/repeated")
    own.replace_input_with(0, add_initializer(graph, f"{value.name}_repeated", repeated))
    for index, array in ((1, scale), (2, constant(dequantize.inputs[2]))):
        if array is not None:
            name = f"{value.name}_repeated_{index}"
            own.replace_input_with(index, add_initializer(graph, name, array.reshape(())))
    own.outputs[0].name = f"{value.name}_repeated_numbers"
    graph.insert_before(node, own)
    node.replace_input_with(2, own.outputs[0])
    return True


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
