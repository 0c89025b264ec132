"""Each rewrite fires where it should, nowhere else, once, and changes no integer."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import Any

import numpy as np
import onnx
import onnx_ir as ir
import pytest
from onnx import TensorProto, helper, numpy_helper

from ir.errors import CompileError
from rewrite.onnx import COMPARED_FRAMES, PIPELINE, compare, fuse, random_inputs
from tests.code_chain import CodeChain
from tests.integer_products import product
from tests.qdq import QdqChain
from tests.shift_chain import ShiftChain

Chain = Callable[[], onnx.ModelProto]

IMAGE = (3, 8, 7)


def without_zero_points(model: onnx.ModelProto) -> onnx.ModelProto:
    for node in model.graph.node:
        if node.op_type in ("QuantizeLinear", "DequantizeLinear"):
            del node.input[2:]
    return model


def unsigned() -> QdqChain:
    """A chain whose only zero points are 0, so that they can be left out."""
    chain = QdqChain((6,))
    chain.zero = lambda: 0  # type: ignore[method-assign]
    chain.nodes.clear()
    chain.zero_point = 0
    chain.tensor = chain.quantize("x")
    return chain


def residual(operator: str = "Add", **attributes: Any) -> QdqChain:
    """A convolution whose result is joined with what it read, dequantized once for both."""
    chain = QdqChain(IMAGE).conv(4, pads=[1, 1, 1, 1])
    before = chain.here
    chain.conv(4, pads=[1, 1, 1, 1])
    chain.join(operator, before, scale=float(chain.scale) * 1.2, **attributes)
    dequantizations = [
        n for n in chain.nodes if n.op_type == "DequantizeLinear" and n.input[0] == before.tensor
    ]
    first, second = dequantizations
    chain.nodes.remove(second)
    join = next(n for n in chain.nodes if n.op_type == operator)
    join.input[list(join.input).index(second.output[0])] = first.output[0]
    return chain


def blocks() -> onnx.ModelProto:
    """A Gemm with a scale for each block of three weights."""
    chain = QdqChain((6,))
    x = chain.dequantize()
    operands = [
        chain.constant("w", chain.random.integers(-9, 9, (6, 4)).astype(np.int8)),
        chain.constant("w_scale", np.full((2, 4), 0.01, np.float32)),
        chain.constant("w_zero", np.zeros((2, 4), np.int8)),
    ]
    w = chain.node("DequantizeLinear", operands, axis=0, block_size=3)
    return chain.requantize(chain.node("Gemm", [x, w]), 0.1).model()


def channel_scales() -> onnx.ModelProto:
    """An input with a scale for each channel, and nothing behind it."""
    chain = QdqChain(IMAGE)
    model = chain.model()
    for tensor in model.graph.initializer:
        array = np.repeat(numpy_helper.to_array(tensor).reshape(1), IMAGE[0])
        tensor.CopyFrom(numpy_helper.from_array(array, tensor.name))
    for node in model.graph.node:
        node.attribute.append(helper.make_attribute("axis", 1))
    return model


def of_any_scale(model: onnx.ModelProto) -> onnx.ModelProto:
    """The model with another scale of its input."""
    scale = next(i for i in model.graph.initializer if i.name == model.graph.node[0].input[1])
    scale.CopyFrom(numpy_helper.from_array(np.float32(0.03), scale.name))
    reader = next(n for n in model.graph.node[1:] if n.input[0] == model.graph.node[0].output[0])
    reader.input[1] = scale.name
    return model


def interpolated(scale: float, **attributes: str) -> QdqChain:
    """A linear Resize."""
    chain = QdqChain(IMAGE)
    chain.scale = np.float32(scale)
    chain.nodes.clear()
    chain.tensor = chain.quantize("x")
    scales = chain.constant("scales", np.array([1, 1, 2, 2], np.float32))
    region = chain.constant("region", np.zeros(0, np.float32))
    return chain.same("Resize", region, scales, mode="linear", **attributes)


def interpolated_codes() -> onnx.ModelProto:
    """A linear Resize of codes."""
    chain = CodeChain(IMAGE)
    operands = chain.constant([]), chain.constant([1, 1, 2, 2])
    return chain.plain("Resize", *operands, mode="linear").model()


def resized() -> onnx.ModelProto:
    """A Resize by sizes, which name the batch, too."""
    chain = QdqChain(IMAGE)
    sizes = chain.constant("sizes", np.array([1, 3, 16, 7], np.int64))
    model = chain.same("Resize", "", "", sizes, mode="nearest").model()
    model.graph.input[0].type.tensor_type.shape.dim[0].dim_value = 1
    return model


def subtraction() -> QdqChain:
    """Quantize(Relu(Sub(Dequantize(a), Dequantize(b)))): computed in float, still a function."""
    chain = QdqChain(IMAGE)
    before = chain.here
    chain.conv(3, pads=[1, 1, 1, 1])
    after, scale = chain.dequantize(), chain.scale
    y = chain.node("Sub", [after, chain.back_to(before).dequantize()])
    return chain.requantize(chain.node("Relu", [y]), float(scale))


def softmax(scale: float, zero_point: int) -> QdqChain:
    """A Softmax over the channels."""
    chain = QdqChain(IMAGE)
    value = chain.node("Softmax", [chain.dequantize()], axis=1)
    return chain.requantize(value, scale, zero_point)


def layer_norm(channels: int, *, summands: bool = True, **attributes: Any) -> QdqChain:
    """A LayerNormalization of a vector."""
    chain = QdqChain((channels,))
    inputs = [chain.dequantize(), chain.constant("gamma", np.ones(channels, np.float32))]
    if summands:
        inputs.append(chain.constant("beta", np.zeros(channels, np.float32)))
    return chain.requantize(chain.node("LayerNormalization", inputs, **attributes), 0.03)


def split(*sizes: int) -> QdqChain:
    """A Split of the channels into parts of ``sizes``, each with a scale of its own, joined."""
    chain = QdqChain((sum(sizes), 4, 5))
    operands = [chain.dequantize(), chain.constant("sizes", np.array(sizes, np.int64))]
    names = [f"part{number}" for number in range(len(sizes))]
    chain.nodes.append(helper.make_node("Split", operands, names, name="split", axis=1))
    parts = []
    for name, size in zip(names, sizes, strict=True):
        part = chain.requantize(name, float(chain.scale) * 1.1).here
        parts.append(replace(part, shape=(size, 4, 5)))
    return chain.back_to(parts[0]).join("Concat", *parts[1:], axis=1)


def mean_over(*axes: int) -> QdqChain:
    """A ReduceMean that keeps its axes."""
    chain = QdqChain(IMAGE)
    operand = chain.constant("axes", np.array(axes, np.int64))
    return chain.requantize(chain.node("ReduceMean", [chain.dequantize(), operand]), 0.02)


def read_in_float(*, host: bool = False) -> onnx.ModelProto:
    """A pool whose numbers two functions read; with ``host``, the host reads them, too."""
    chain = QdqChain(IMAGE)
    pooled = chain.node("MaxPool", [chain.dequantize()], kernel_shape=[2, 2])
    chain.requantize(chain.node("Tanh", [pooled]), 1 / 128)
    first = chain.here
    chain.requantize(chain.node("Sigmoid", [pooled]), 1 / 256).join("Add", first, scale=0.02)
    model = chain.model()
    if host:
        model.graph.output.append(helper.make_tensor_value_info(pooled, TensorProto.FLOAT, None))
    return model


def reshaped_in_float() -> onnx.ModelProto:
    """A dense layer of reshaped numbers."""
    chain = QdqChain((2, 3))
    sizes = chain.constant("sizes", np.array([-1, 6], np.int64))
    moved = chain.node("Reshape", [chain.dequantize(), sizes])
    weights, scales = chain.weights((6, 4), 1, codes="int8", per_channel=True)
    return chain.requantize(
        chain.node("Gemm", [moved, weights, chain.bias(4, scales, 99)]), 0.5
    ).model()


def reshaped_by_shape(axes: int) -> QdqChain:
    """A Reshape to the first ``axes`` sizes of its input, and the rest as one."""
    chain = QdqChain((2, 3))
    numbers = chain.dequantize()
    ends = [chain.constant("end", np.array([end], np.int64)) for end in (0, axes - 1)]
    first = chain.node("Slice", [chain.node("Shape", [numbers]), *ends])
    rest = chain.constant("rest", np.array([-1], np.int64))
    target = chain.node("Concat", [first, rest], axis=0)
    chain.requantize(chain.node("Reshape", [numbers, target]), float(chain.scale), chain.zero_point)
    return chain.gemm(4, size=6)


def batch_twice() -> QdqChain:
    """A Reshape to rows of as many values as there are frames."""
    chain = QdqChain((2, 3))
    numbers = chain.dequantize()
    ends = [chain.constant("end", np.array([end], np.int64)) for end in (0, 1)]
    batch = chain.node("Slice", [chain.node("Shape", [numbers]), *ends])
    rest = chain.constant("rest", np.array([-1], np.int64))
    target = chain.node("Concat", [rest, batch], axis=0)
    moved = chain.node("Reshape", [numbers, target])
    return chain.requantize(moved, float(chain.scale), chain.zero_point).unary("Tanh")


def shuffled_blocks() -> QdqChain:
    """Blocks of pixels as channels, some of these, and blocks of channels as pixels again."""
    chain = QdqChain((2, 6, 4))
    chain.same("SpaceToDepth", blocksize=2)
    chain.same("Gather", chain.constant("chosen", np.array([1, 3, 5, 7], np.int64)), axis=1)
    chain.same("DepthToSpace", blocksize=2, mode="CRD")
    chain.shape = (1, 6, 4)
    return chain.conv(2)


def one_bias() -> QdqChain:
    """A dense layer that adds one value to all."""
    chain = QdqChain((6,))
    numbers = chain.dequantize()
    weights, scales = chain.weights((6, 4), 1, codes="int8", per_channel=False)
    result = chain.node("Gemm", [numbers, weights, chain.bias(1, scales, 500)])
    return chain.requantize(result, chain.spread(scales, 6))


def largest_of(count: int, *, shown: bool = False) -> QdqChain:
    """Maximum of a tensor and of convolutions of it; ``shown``: its numbers are read twice."""
    chain = QdqChain(IMAGE)
    before = chain.here
    others = [chain.back_to(before).conv(3, pads=[1, 1, 1, 1]).here for _ in range(count - 1)]
    chain.back_to(before).join("Max", *others, scale=float(others[0].scale))
    if shown:
        numbers = chain.nodes[-1].input[0]
        again = chain.node("Softplus", [numbers])
        here = chain.here
        chain.requantize(again, 0.1).join("Add", here)
    return chain


def quantized_again(*, bias: int | None = None, codes: str = "uint8") -> QdqChain:
    """A second quantization behind that of a convolution."""
    chain = QdqChain(IMAGE).conv(4)
    numbers, chain.codes = chain.dequantize(), np.dtype(codes)
    chain.requantize(numbers, float(chain.scale) * 1.25)
    result = chain.node("Sigmoid", [chain.dequantize()])
    chain.codes = np.dtype("uint8")
    return chain.requantize(result, 1 / 256).conv(2, bias=bias)


def dequantized_factors() -> QdqChain:
    """A LayerNormalization whose factors and summands are codes."""
    chain = QdqChain((5,))
    factors, _ = chain.weights((5,), 0, codes="int8", per_channel=False)
    operands = [chain.dequantize(), factors, chain.bias(5, np.float32(0.01), 100)]
    return chain.requantize(chain.node("LayerNormalization", operands), 0.03).gemm(3)


def sloped(shape: tuple[int, ...]) -> QdqChain:
    """A PRelu with slopes of ``shape``."""
    chain = QdqChain(IMAGE)
    slopes = chain.constant("slope", chain.random.uniform(-1, 2, shape).astype(np.float32))
    return chain.requantize(chain.node("PRelu", [chain.dequantize(), slopes]), 0.04)


def float_pool(*, shown: bool = False) -> onnx.ModelProto:
    """Quantize(MaxPool(LeakyRelu(Dequantize(x)))); ``shown``: the pool's numbers are an output."""
    chain = QdqChain(IMAGE)
    y = chain.node("LeakyRelu", [chain.dequantize()], alpha=0.2)
    pooled = chain.node("MaxPool", [y], kernel_shape=[2, 2], strides=[2, 2])
    model = chain.requantize(pooled, float(chain.scale)).model()
    if shown:
        output = helper.make_tensor_value_info(pooled, TensorProto.FLOAT, None)
        model.graph.output.append(output)
    return model


def sequence(codes: str = "uint8") -> QdqChain:
    """A convolution and a pool along one axis."""
    chain = QdqChain((3, 12), codes)
    chain.conv(4, (3,), pads=[2, 1], dilations=[2])  # type: ignore[arg-type]
    return chain.same("MaxPool", kernel_shape=[2], strides=[2])


def nameless_sequence() -> onnx.ModelProto:
    """The same of nodes without names, twice."""
    model = sequence().conv(4, (3,)).model()  # type: ignore[arg-type]
    for node in model.graph.node:
        node.name = ""
    return model


def float_bias(operator: str, activation: str = "", *limits: float) -> QdqChain:
    """A layer with a bias in float, and an activation in front of the quantization."""
    chain = QdqChain(IMAGE if operator == "Conv" else (6,))
    shape, axis = ((4, 3, 3, 3), 0) if operator == "Conv" else ((6, 4), 1)
    w, _ = chain.weights(shape, axis, codes="int8", per_channel=True)
    bias = chain.constant("b", chain.random.normal(0, 1, 4).astype(np.float32))
    if operator == "MatMul":
        y = chain.node("Add", [bias, chain.node("MatMul", [chain.dequantize(), w])])
    else:
        y = chain.node(operator, [chain.dequantize(), w, bias])
    if activation:
        ends = [chain.constant("end", np.float32(v)) for v in limits]
        y = chain.node(activation, [y, *ends])
    return chain.requantize(y, 0.05, 0)


def relu_on_codes() -> QdqChain:
    """A ReLU alone, whose result has the smallest code for 0."""
    chain = QdqChain((6,))
    return chain.requantize(chain.node("Relu", [chain.dequantize()]), float(chain.scale) / 2, 0)


def float_weights(axis: int | None, *, moving: bool = False) -> onnx.ModelProto:
    """A convolution whose weights the graph quantizes; ``moving``: by a scale that it computes."""
    chain = QdqChain(IMAGE)
    w = chain.constant("w", chain.random.normal(0, 0.3, (4, 3, 3, 3)).astype(np.float32))
    count = () if axis is None else (4,)
    scale = chain.constant("s", chain.random.uniform(0.002, 0.004, count).astype(np.float32))
    if moving:
        scale = chain.node("ReduceMax", [w], keepdims=0)
    zero = chain.constant("z", np.zeros(count, np.int8))
    attributes = {} if axis is None else {"axis": axis}
    codes = chain.node("QuantizeLinear", [w, scale, zero], **attributes)
    weights = chain.node("DequantizeLinear", [codes, scale, zero], **attributes)
    y = chain.node("Conv", [chain.dequantize(), weights])
    return chain.requantize(y, 0.05).model()


FIRES: dict[str, tuple[Chain, dict[str, int]]] = {
    "convolution": (lambda: QdqChain(IMAGE).conv(4).model(), {"fuse_convolution": 1}),
    "two convolutions": (
        lambda: QdqChain(IMAGE).conv(4).conv(2, (1, 1), codes="uint8", weight_zero=99).model(),
        {"fuse_convolution": 2},
    ),
    "no bias": (
        lambda: QdqChain(IMAGE).conv(4, bias=None, per_channel=False).model(),
        {"explicit_biases": 1, "fuse_convolution": 1},
    ),
    "sequences": (
        lambda: sequence().model(),
        {
            "image_of_sequence": 2,
            "fuse_layout": 4,
            "fuse_convolution": 1,
            "fuse_max_pool": 1,
        },
    ),
    "weights in float": (
        lambda: float_weights(None),
        {"quantized_constants": 1, "explicit_biases": 1, "fuse_convolution": 1},
    ),
    "weights in float, per channel": (
        lambda: float_weights(0),
        {"quantized_constants": 1, "explicit_biases": 1, "fuse_convolution": 1},
    ),
    "bias in float": (
        lambda: float_bias("Conv").model(),
        {"quantized_biases": 1, "fuse_convolution": 1},
    ),
    "bias in float behind a MatMul": (
        lambda: float_bias("MatMul").model(),
        {"gemm_from_matmul": 1, "quantized_biases": 1, "fuse_dense": 1},
    ),
    "ReLU in float": (
        lambda: float_bias("Gemm", "Relu").model(),
        {"saturating_activation": 1, "quantized_biases": 1, "fuse_dense": 1},
    ),
    "ReLU on codes": (
        lambda: relu_on_codes().model(),
        {"fuse_table": 1},
    ),
    "Clip at the ends of the codes": (
        lambda: float_bias("Conv", "Clip", 0.0, 13.0).model(),
        {"saturating_activation": 1, "quantized_biases": 1, "fuse_convolution": 1},
    ),
    "Gemm": (lambda: QdqChain((6,)).gemm(4, transB=1).model(), {"fuse_dense": 1}),
    "MatMul": (
        lambda: QdqChain((6,)).gemm(4, spelling="MatMul", bias=None).model(),
        {"gemm_from_matmul": 1, "explicit_biases": 1, "fuse_dense": 1},
    ),
    "MatMul and Add": (
        lambda: QdqChain((6,)).gemm(4, spelling="MatMul").model(),
        {"gemm_from_matmul": 1, "fuse_dense": 1},
    ),
    "Add of bias and MatMul": (
        lambda: QdqChain((6,)).gemm(4, spelling="Add of bias and MatMul").model(),
        {"gemm_from_matmul": 1, "fuse_dense": 1},
    ),
    "MatMul of two tensors": (
        lambda: matrices().model(),
        {"fuse_layout": 1, "fuse_matrix_product": 1},
    ),
    "no zero points": (
        lambda: without_zero_points(unsigned().gemm(4).model()),
        {"explicit_zero_points": 6, "fuse_dense": 1},
    ),
    "layout": (
        lambda: (
            (QdqChain((8, 7, 3)).transpose(0, 3, 1, 2).conv(4).transpose(0, 2, 3, 1))
            .reshape(6 * 5 * 4)
            .gemm(2)
            .model()
        ),
        {"fuse_layout": 3, "fuse_convolution": 1, "fuse_dense": 1},
    ),
    "quantized twice": (
        lambda: QdqChain(IMAGE).same("Identity").conv(4).model(),
        {"drop_requantization": 1, "fuse_convolution": 1},
    ),
    "affine": (
        lambda: QdqChain(IMAGE).conv(3, (1, 1), group=3).model(),
        {"fuse_affine": 1},
    ),
    "groups": (
        lambda: QdqChain((4, 8, 8)).conv(6, group=2).conv(6, group=6).model(),
        {"fuse_convolution": 2},
    ),
    "pixels left out": (
        lambda: QdqChain((4, 8, 8)).conv(4, (1, 1), group=4, strides=[2, 1]).model(),
        {"fuse_convolution": 1},
    ),
    "global average": (lambda: QdqChain(IMAGE).average().model(), {"fuse_global_average": 1}),
    "average": (
        lambda: (
            QdqChain(IMAGE).unary("AveragePool", kernel_shape=[2, 3], pads=[1, 0, 0, 2]).model()
        ),
        {"fuse_average": 1},
    ),
    "mean": (
        lambda: mean_over(2, 3).conv(2, (1, 1)).model(),
        {"fuse_mean": 1, "fuse_convolution": 1},
    ),
    "pool read in float": (
        read_in_float,
        {"quantize_behind_moving": 1, "fuse_max_pool": 1, "fuse_table": 2, "fuse_merge": 1},
    ),
    "numbers reshaped": (
        reshaped_in_float,
        {"quantize_behind_moving": 1, "fuse_layout": 1, "fuse_dense": 1},
    ),
    "one bias": (lambda: one_bias().model(), {"explicit_biases": 1, "fuse_dense": 1}),
    "sizes that the batch decides": (
        lambda: reshaped_by_shape(2).model(),
        {"constant_shapes": 1, "fuse_layout": 1, "fuse_dense": 1},
    ),
    "blocks, and some of their channels": (
        lambda: shuffled_blocks().model(),
        {"fuse_layout": 3, "fuse_convolution": 1},
    ),
    "branches": (
        lambda: residual().model(),
        {"separate_dequantizations": 1, "fuse_convolution": 2, "fuse_merge": 1},
    ),
    "broadcast": (
        lambda: broadcast().model(),
        {"fuse_global_average": 1, "fuse_merge": 1},
    ),
    "largest of four": (
        lambda: largest_of(4).model(),
        {"extremum_in_pairs": 1, "fuse_convolution": 3, "fuse_merge": 3},
    ),
    "subtraction with an activation": (
        lambda: subtraction().model(),
        {"fuse_convolution": 1, "fuse_merge": 1},
    ),
    "concatenation": (
        lambda: residual("Concat", axis=1).conv(2).model(),
        {"separate_dequantizations": 1, "fuse_convolution": 3, "fuse_concatenation": 1},
    ),
    "max pool": (lambda: QdqChain(IMAGE).max_pool().model(), {"fuse_max_pool": 1}),
    "global maximum": (
        lambda: QdqChain(IMAGE).same("GlobalMaxPool").model(),
        {"fuse_selection": 1},
    ),
    "sizes": (resized, {"resize_by_scales": 1, "fuse_selection": 1}),
    "sums scaled in float": (
        lambda: product("ConvInteger"),
        {"qdq_from_operators": 1, "explicit_biases": 1, "fuse_scaled": 1},
    ),
    "blocks to pixels": (
        lambda: QdqChain((8, 3, 2)).same("DepthToSpace", blocksize=2).model(),
        {"fuse_layout": 1},
    ),
    "pixels to blocks": (
        lambda: QdqChain((2, 6, 4), "int8").same("SpaceToDepth", blocksize=2).model(),
        {"fuse_layout": 1},
    ),
    "weights of 4 bits": (
        lambda: ShiftChain(IMAGE).conv(4, codes="int4").model(),
        {"widen_weights": 1, "fuse_convolution": 1},
    ),
    "transposed convolution": (
        lambda: ShiftChain(IMAGE).transposed(4, strides=[2, 2], auto_pad="SAME_UPPER").model(),
        {"convolve_transposed": 1, "fuse_convolution": 1},
    ),
    "linear values": (lambda: interpolated(0.0625).model(), {"fuse_interpolation": 1}),
    "linear values of codes": (
        interpolated_codes,
        {"qdq_from_operators": 1, "fuse_interpolation": 1},
    ),
    "table": (lambda: QdqChain(IMAGE).unary("Sigmoid", 1 / 256).model(), {"fuse_table": 1}),
    "constants per channel": (
        lambda: QdqChain(IMAGE).binary("Mul", [[[0.5]], [[-1.0]], [[0.7]]]).model(),
        {"fuse_channelwise": 1},
    ),
    "pool in float": (
        float_pool,
        {"quantize_before_moving": 1, "fuse_table": 1, "fuse_max_pool": 1},
    ),
    "tables in a row": (
        lambda: QdqChain(IMAGE).unary("Tanh", 1 / 128).binary("Mul", 0.3).model(),
        {"fuse_table": 2},
    ),
    "softmax": (
        lambda: softmax(1 / 256, 0).conv(2).model(),
        {"fuse_softmax": 1, "fuse_convolution": 1},
    ),
    "layer normalization": (
        lambda: layer_norm(5).gemm(3).model(),
        {"fuse_layer_normalization": 1, "fuse_dense": 1},
    ),
    "layer normalization without summands": (
        lambda: layer_norm(5, summands=False).gemm(3).model(),
        {"fuse_layer_normalization": 1, "fuse_dense": 1},
    ),
    "layer normalization with factors that are codes": (
        lambda: dequantized_factors().model(),
        {"constant_parameters": 2, "fuse_layer_normalization": 1, "fuse_dense": 1},
    ),
    "split": (
        lambda: split(1, 3, 2).model(),
        {
            "slices_of_split": 1,
            "separate_dequantizations": 2,
            "fuse_selection": 3,
            "fuse_concatenation": 1,
        },
    ),
    "dense layer of a sequence": (
        lambda: positions(5, 6).model(),
        {
            "convolution_from_matmul": 1,
            "explicit_biases": 1,
            "fuse_convolution": 1,
            "fuse_layout": 4,
        },
    ),
    "dense layer of an image": (
        lambda: positions(5, 4, 6).model(),
        {
            "convolution_from_matmul": 1,
            "explicit_biases": 1,
            "fuse_convolution": 1,
            "fuse_layout": 2,
        },
    ),
    "two quantizations in a row": (
        lambda: quantized_again().model(),
        {
            "merge_quantizations": 1,
            "explicit_biases": 1,
            "fuse_convolution": 2,
            "fuse_table": 1,
            "absorb_table": 1,
        },
    ),
    "quantizations of two types in a row": (
        lambda: quantized_again(bias=100, codes="int8").model(),
        {"fuse_requantization": 1, "fuse_convolution": 2, "fuse_table": 1, "absorb_table": 1},
    ),
    "max pool to another scale": (
        lambda: changed_scale(QdqChain(IMAGE).conv(4), "MaxPool", kernel_shape=[2, 2]),
        {"fuse_convolution": 1, "fuse_max_pool": 1},
    ),
    "transposition to another scale": (
        lambda: changed_scale(QdqChain(IMAGE), "Transpose", perm=[0, 2, 3, 1]),
        {"fuse_layout": 1},
    ),
    "slices of codes": (
        lambda: CodeChain(IMAGE, "int8").part(1, 3).conv(4).model(),
        {"qdq_from_operators": 2, "fuse_selection": 1, "fuse_convolution": 1},
    ),
    "pad of codes": (
        lambda: CodeChain(IMAGE).surrounded(7).surrounded(None).model(),
        {"qdq_from_operators": 2, "fuse_selection": 2},
    ),
    "slopes": (
        lambda: sloped((3, 1, 1)).conv(2).model(),
        {"fuse_rectifier": 1, "fuse_convolution": 1},
    ),
    "slopes by position, then a table": (
        lambda: sloped((8, 7)).unary("Tanh", 1 / 128).model(),
        {"fuse_rectifier": 1, "fuse_table": 1},
    ),
    "arg max": (lambda: QdqChain((6,)).gemm(4).arg_max(), {"fuse_dense": 1, "fuse_arg_max": 1}),
    "convolution, table, pool": (
        lambda: QdqChain(IMAGE).conv(4).unary("LeakyRelu", alpha=0.2).max_pool().model(),
        {
            "fuse_convolution": 1,
            "fuse_table": 1,
            "fuse_max_pool": 1,
            "absorb_table": 1,
            "absorb_max_pool": 1,
        },
    ),
    "pool in front of table": (
        lambda: QdqChain(IMAGE).conv(4).max_pool().unary("LeakyRelu", alpha=0.2).model(),
        {"fuse_convolution": 1, "fuse_table": 1, "fuse_max_pool": 1, "absorb_max_pool": 1},
    ),
    "two pools": (
        lambda: QdqChain((3, 12, 12)).conv(4).max_pool().max_pool().model(),
        {"fuse_convolution": 1, "fuse_max_pool": 2, "absorb_max_pool": 1},
    ),
    "QLinearConv": (
        lambda: CodeChain(IMAGE).conv(4).conv(2, per_channel=False, bias=False).model(),
        {"qdq_from_operators": 2, "explicit_biases": 1, "fuse_convolution": 2},
    ),
    "QLinearConv of int8 codes": (
        lambda: CodeChain(IMAGE, "int8").conv(4).conv(2).model(),
        {"qdq_from_operators": 2, "fuse_convolution": 2},
    ),
    "QLinearMatMul": (
        lambda: CodeChain((6,)).dense(4).model(),
        {"qdq_from_operators": 1, "gemm_from_matmul": 1, "explicit_biases": 1, "fuse_dense": 1},
    ),
    "QGemm": (
        lambda: CodeChain((6,)).dense(4, bias=True).dense(3, bias=False).model("Softmax"),
        {"qdq_from_operators": 2, "explicit_biases": 1, "fuse_dense": 2},
    ),
    "QLinearAdd": (
        lambda: CodeChain(IMAGE).residual().model(),
        {"qdq_from_operators": 2, "fuse_convolution": 1, "fuse_merge": 1},
    ),
    "QLinearAdd of int8 codes": (
        lambda: CodeChain(IMAGE, "int8").residual().model(),
        {"qdq_from_operators": 2, "fuse_convolution": 1, "fuse_merge": 1},
    ),
    "QLinearMul": (
        lambda: CodeChain(IMAGE).residual("QLinearMul").model(),
        {"qdq_from_operators": 2, "fuse_convolution": 1, "fuse_merge": 1},
    ),
    "QLinearConcat": (
        lambda: CodeChain(IMAGE).concatenated().model(),
        {"qdq_from_operators": 2, "fuse_convolution": 1, "fuse_concatenation": 1},
    ),
    "QLinearGlobalAveragePool": (
        lambda: CodeChain(IMAGE).average().flat(3).model(),
        {"qdq_from_operators": 1, "fuse_global_average": 1},
    ),
    "QLinearLeakyRelu": (
        lambda: CodeChain(IMAGE).unary("QLinearLeakyRelu", 0.03, alpha=0.2).model(),
        {"qdq_from_operators": 1, "fuse_table": 1},
    ),
    "QLinearSigmoid": (
        lambda: CodeChain(IMAGE, "int8").unary("QLinearSigmoid", 1 / 256).model(),
        {"qdq_from_operators": 1, "fuse_table": 1},
    ),
    "max pool of codes": (
        lambda: CodeChain(IMAGE, enters=True).max_pool().conv(4).max_pool().model(),
        {
            "qdq_from_operators": 3,
            "fuse_max_pool": 2,
            "fuse_convolution": 1,
            "absorb_max_pool": 1,
        },
    ),
    "Dense and table": (
        lambda: QdqChain((6,)).gemm(4).clip(-1.0, 1.0).model("Softmax"),
        {"fuse_dense": 1, "fuse_table": 1, "absorb_table": 1},
    ),
}


@pytest.mark.parametrize("case", FIRES)
def test_fires_exactly(case: str) -> None:
    build, expected = FIRES[case]
    fused = fuse(build())
    assert {name: count for name, count in fused.applied if count} == expected
    assert fused.compared_values > 0
    onnx.checker.check_model(fused.proto)


def test_every_rewrite_has_a_case() -> None:
    fired = {name for _, expected in FIRES.values() for name in expected}
    assert fired == {rewrite.__name__ for rewrite in PIPELINE}


@pytest.mark.parametrize("case", FIRES)
def test_idempotent(case: str) -> None:
    once = fuse(FIRES[case][0]())
    twice = fuse(once.proto)
    assert not any(count for _, count in twice.applied)


@pytest.mark.parametrize("case", FIRES)
def test_one_node_per_element_with_the_layers_name(case: str) -> None:
    model = FIRES[case][0]()
    names = {node.name for node in model.graph.node}
    fused = fuse(model)
    calls = [n for n in fused.proto.graph.node if n.domain == "millrace"]
    assert len({n.name for n in calls}) == len(calls)
    parts = {n.name.split("/")[0] for n in calls if n.op_type != "Layout"}  # of a Split
    assert parts <= names
    kinds = {n.op_type for n in fused.proto.graph.node if n.domain != "millrace"}
    assert kinds <= {"QuantizeLinear", "DequantizeLinear", "Softmax", "Reshape", "Transpose"}


def changed_scale(chain: QdqChain, operator: str, **attributes: object) -> onnx.ModelProto:
    y = chain.node(operator, [chain.dequantize()], **attributes)
    return chain.requantize(y, float(chain.scale) * 1.25, chain.zero_point).model()


def requantized(chain: QdqChain) -> onnx.ModelProto:
    return chain.requantize(chain.dequantize(), float(chain.scale) * 1.25).model()


def wrong_bias_scale() -> onnx.ModelProto:
    chain = QdqChain((6,)).gemm(4)
    name = next(n for n in chain.constants if n.startswith("b_scale"))
    chain.constants[name] = (chain.constants[name] * 2).astype(np.float32)
    return chain.model()


def matrices(codes: str = "uint8") -> QdqChain:
    """A matrix times its transpose."""
    chain = QdqChain((5, 6), codes)
    x = chain.here
    transposed = chain.transpose(0, 2, 1).here
    return chain.back_to(x).join("MatMul", transposed, scale=0.5)


def constant_rows() -> QdqChain:
    """A constant matrix, and the rows of a computed one."""
    chain = QdqChain((5, 6))
    weights, _ = chain.weights((4, 5), 1, codes="int8", per_channel=False)
    return chain.requantize(chain.node("MatMul", [weights, chain.dequantize()]), 0.5)


def positions(*shape: int, axis: int = 1) -> QdqChain:
    """A dense layer at each position of a tensor; its weights have scales along ``axis``."""
    chain = QdqChain(shape)
    weights, _ = chain.weights((shape[-1], 4), axis, codes="int8", per_channel=True)
    return chain.requantize(chain.node("MatMul", [chain.dequantize(), weights]), 0.5)


def unknown_parts() -> onnx.ModelProto:
    """A Split of an axis whose length no one knows."""
    chain = split(2, 4)
    node = next(n for n in chain.nodes if n.op_type == "Split")
    del node.input[1:]
    node.attribute.append(helper.make_attribute("num_outputs", 2))
    model = chain.model()
    model.graph.input[0].type.tensor_type.shape.dim[1].dim_param = "channels"
    return model


def computed_factors() -> onnx.ModelProto:
    """A LayerNormalization whose factors are those of a layer."""
    chain = QdqChain((5,))
    before = chain.here
    factors = chain.gemm(5).dequantize()
    axes = chain.constant("axes", np.array([0], np.int64))
    factors = chain.node("ReduceMax", [factors, axes], keepdims=0)
    numbers = chain.back_to(before).dequantize()
    result = chain.node("LayerNormalization", [numbers, factors])
    return chain.requantize(result, 0.03).gemm(3).model()


def broadcast() -> QdqChain:
    """Axes of size 1 are repeated."""
    chain = QdqChain((3, 8, 8))
    before = chain.here
    return chain.average().join("Add", before)


def missing_axes() -> QdqChain:
    """Vectors added to images: the batch of the one is added along the rows of the other."""
    chain = QdqChain((1, COMPARED_FRAMES, 8))
    before = chain.here
    kernel = [COMPARED_FRAMES, 1]
    chain.same("MaxPool", kernel_shape=kernel, strides=kernel).same("Flatten", axis=1)
    return chain.join("Add", before)


def wide_sum() -> QdqChain:
    """16 bits: onnxruntime adds them in float, and 2**32 pairs are too many to look at."""
    chain = QdqChain(IMAGE, "uint16")
    before = chain.here
    return chain.unary("Relu").join("Add", before)


def computed_scale() -> onnx.ModelProto:
    chain = CodeChain(IMAGE)
    scale = chain.node("ReduceMax", ["x"], keepdims=0)
    chain.parameters[0] = scale
    chain.constants["unused"] = np.float32(1)
    operands = chain.weights((4, 3, 3, 3), 0, per_channel=True)
    return chain.layer("QLinearConv", operands, 0.02).model()


def test_sequences_of_nodes_without_names() -> None:
    fused = fuse(nameless_sequence())
    assert dict(fused.applied)["image_of_sequence"] == 3
    names = [n.name for n in fused.proto.graph.node if n.domain == "millrace"]
    assert all(names)
    assert len(set(names)) == len(names)


REFUSED: dict[str, tuple[str, Chain, str]] = {
    "affine": (
        "fuse_convolution",
        lambda: QdqChain(IMAGE, "uint16").conv(3, (1, 1), group=3).model(),
        "conv_5: the input must be quantized to 8 bits, not uint16: onnxruntime would compute in "
        "float; quantize activations and weights to 8 bits",
    ),
    "depthwise": (
        "fuse_affine",
        lambda: QdqChain((4, 8, 8), "uint16").conv(4, group=4).model(),
        "conv_5: the input must be quantized to 8 bits, not uint16: onnxruntime would compute in "
        "float; quantize activations and weights to 8 bits",
    ),
    "three spatial axes": (
        "image_of_sequence",
        lambda: QdqChain((4, 5, 5, 5)).conv(4, (3, 3, 3)).model(),  # type: ignore[arg-type]
        "conv_5: a convolution must have two spatial axes; change the Conv",
    ),
    "16 bits": (
        "fuse_convolution",
        lambda: QdqChain(IMAGE, "uint16").conv(4).model(),
        "conv_5: the input must be quantized to 8 bits, not uint16: onnxruntime would compute in "
        "float; quantize activations and weights to 8 bits",
    ),
    "alpha": (
        "fuse_dense",
        lambda: QdqChain((6,)).gemm(4, alpha=0.5).model(),
        "gemm_5: a Gemm must have alpha = beta = 1, for onnxruntime would compute in float; "
        "multiply them into weights and bias before quantizing",
    ),
    "bias scale": (
        "fuse_dense",
        wrong_bias_scale,
        "gemm_5: the scale of the bias must be the product of input and weight scales; "
        "quantize it with that scale, or leave it in float",
    ),
    "pool dilation": (
        "fuse_max_pool",
        lambda: QdqChain(IMAGE).max_pool(2, dilations=[2, 2]).model(),
        "maxpool_3: a max pool must have dilation 1; change the MaxPool",
    ),
    "change of scale at the end": (
        "merge_quantizations",
        lambda: requantized(QdqChain(IMAGE).conv(4)),
        "dequantizelinear_7: two quantizations in a row must have the same scale and zero point "
        "where codes enter or leave the core; change the DequantizeLinear",
    ),
    "change of scale at the start": (
        "fuse_requantization",
        lambda: requantized(QdqChain(IMAGE)),
        "dequantizelinear_2: two quantizations in a row must have the same scale and zero point "
        "where codes enter or leave the core; change the DequantizeLinear",
    ),
    "unknown parts": (
        "slices_of_split",
        unknown_parts,
        "split: Split must be one of the supported quantized operators; supported between",
    ),
    "factors that are computed": (
        "constant_parameters",
        computed_factors,
        "layernormalization_10: factors and summands of a LayerNormalization must be constants; "
        "change the LayerNormalization",
    ),
    "broadcasting constant": (
        "fuse_channelwise",
        lambda: QdqChain(IMAGE).average().binary("Mul", np.ones((3, 2, 2))).model(),
        "mul_6: Mul must be one of the supported quantized operators; supported between "
        "DequantizeLinear and QuantizeLinear:",
    ),
    "steps of a softmax": (
        "fuse_softmax",
        lambda: softmax(1 / 255, 0).conv(2).model(),
        "softmax_3: the result of a Softmax must have scale 1/256 and zero point 0, not 0.00392157 "
        "and 0; change the Softmax",
    ),
    "zero of a softmax": (
        "fuse_softmax",
        lambda: softmax(1 / 256, 3).conv(2).model(),
        "softmax_3: the result of a Softmax must have scale 1/256 and zero point 0, not 0.00390625 "
        "and 3; change the Softmax",
    ),
    "axis of a layer normalization": (
        "fuse_layer_normalization",
        lambda: layer_norm(5, axis=0).gemm(3).model(),
        "layernormalization_3: a LayerNormalization must work on the last axis, not on axis 0; "
        "change the LayerNormalization",
    ),
    "one slope": (
        "fuse_rectifier",
        lambda: sloped((1,)).same("LpPool", kernel_shape=[2, 2]).model(),
        "lppool_6: LpPool must be one of the supported quantized operators; supported between",
    ),
    "pool with another reader": (
        "quantize_before_moving",
        lambda: float_pool(shown=True),
        "maxpool_4: MaxPool must stand between DequantizeLinear and QuantizeLinear, not in float; "
        "quantize its operands and its result, or take it off the end of the model",
    ),
    "Clip inside the codes": (
        "saturating_activation",
        lambda: float_bias("Conv", "Clip", 0.0, 12.0).model(),
        "conv_4: Conv must be read by one QuantizeLinear, behind nothing but a ReLU or Clip that "
        "ends where its codes end, not by Clip; quantize its result, or",
    ),
    "bias of a layer in float": (
        "quantized_biases",
        lambda: float_bias("Conv", "Clip", 0.0, 12.0).model(),
        "conv_4: Conv must be read by one QuantizeLinear, behind nothing but a ReLU or Clip that "
        "ends where its codes end, not by Clip; quantize its result, or",
    ),
    "weights by a computed scale": (
        "quantized_constants",
        lambda: float_weights(None, moving=True),
        "reducemax_2: ReduceMax must be one of the supported quantized operators; supported",
    ),
    "scale that is computed": (
        "qdq_from_operators",
        computed_scale,
        "qlinearconv_2: all scales of QLinearConv must be constants; quantize the model statically",
    ),
    "sums scaled by negative numbers": (
        "fuse_scaled",
        lambda: product("ConvInteger", scales="negative"),
        "convinteger_1: what scales a layer must be positive; change the Conv",
    ),
    "weights of 4 bits with any scale": (
        "widen_weights",
        lambda: of_any_scale(ShiftChain(IMAGE).conv(4, codes="int4").model()),
        "conv_6: weights of 4 bits must be stored as int8, or all scales must be powers of two",
    ),
    "transposed convolution with any scale": (
        "convolve_transposed",
        lambda: of_any_scale(ShiftChain(IMAGE).transposed(4).model()),
        "convtranspose_6: a ConvTranspose, which onnxruntime computes in float32, must be exact "
        "there: its scales must be powers of two",
    ),
    "linear values, corners on corners": (
        "fuse_interpolation",
        lambda: interpolated(0.0625, coordinate_transformation_mode="align_corners").model(),
        "resize_4: the coordinates of a linear Resize must be half_pixel or asymmetric, not "
        "align_corners; change the",
    ),
    "wide matrices": (
        "fuse_matrix_product",
        lambda: matrices("uint16").model(),
        "matmul_7: operands and result of a MatMul must be quantized to 8 bits, not uint16: "
        "onnxruntime would compute in float; change the",
    ),
    "constant rows": (
        "fuse_matrix_product",
        lambda: constant_rows().model(),
        "matmul_4: a constant operand of a MatMul must be the second, a matrix that is quantized "
        "per tensor or by column; change the MatMul",
    ),
    "weights by row": (
        "convolution_from_matmul",
        lambda: positions(5, 6, axis=0).model(),
        "matmul_4: a constant operand of a MatMul must be the second, a matrix that is quantized "
        "per tensor or by column; change the MatMul",
    ),
    "largest number with another reader": (
        "extremum_in_pairs",
        lambda: largest_of(3, shown=True).model(),
        "max_15: Max must be one of the supported quantized operators; supported between",
    ),
    "missing axes": (
        "fuse_merge",
        lambda: missing_axes().model(),
        "add_10: Add must be one of the supported quantized operators; supported between",
    ),
    "wide sum": (
        "fuse_merge",
        lambda: wide_sum().model(),
        "add_7: Add must be one of the supported quantized operators; supported between",
    ),
    "unknown operator": (
        "fuse_table",
        lambda: QdqChain(IMAGE).same("LpPool", kernel_shape=[2, 2]).model(),
        "lppool_3: LpPool must be one of the supported quantized operators; supported between",
    ),
    "mean of the batch": (
        "fuse_mean",
        lambda: mean_over(0, 1).model(),
        "reducemean_3: a ReduceMean must be one of some axes of each frame, not of the batch; "
        "change the ReduceMean",
    ),
    "batch among the sizes": (
        "constant_shapes",
        lambda: batch_twice().model(),
        "reshape_6: all operands of Reshape but the first must be constants; change the Reshape",
    ),
    "pool that the host reads": (
        "quantize_behind_moving",
        lambda: read_in_float(host=True),
        "maxpool_3: MaxPool must be read by one QuantizeLinear, behind nothing but a ReLU or Clip "
        "that ends where its codes end, not by Sigmoid, Tanh; quantize its result, or",
    ),
    "average of padding in half windows": (
        "fuse_average",
        lambda: (
            QdqChain(IMAGE)
            .same("AveragePool", kernel_shape=[2, 2], count_include_pad=1, ceil_mode=1)
            .model()
        ),
        "averagepool_3: an average pool that counts its padding must have ceil_mode 0; change the "
        "AveragePool",
    ),
    "weights in blocks": (
        "fuse_dense",
        blocks,
        "gemm_4: the weights of a Gemm must not be quantized in blocks; quantize them per tensor",
    ),
    "channels of an input": (
        "fuse_layout",
        channel_scales,
        "quantizelinear_1: the input must be quantized per tensor, not with 3 scales; quantize the "
        "input per tensor",
    ),
    "average of gaps": (
        "fuse_average",
        lambda: QdqChain(IMAGE).same("AveragePool", kernel_shape=[2, 2], dilations=[2, 1]).model(),
        "averagepool_3: an average pool must have dilation 1; change the AveragePool",
    ),
}


@pytest.mark.parametrize("case", REFUSED)
def test_nearest_other_form_is_left_alone_and_named(case: str) -> None:
    rewrite, build, message = REFUSED[case]
    model = build()
    graph = ir.from_proto(onnx.shape_inference.infer_shapes(model))
    apply = next(r for r in PIPELINE if r.__name__ == rewrite)
    assert apply(graph) == 0
    with pytest.raises(CompileError) as refusal:
        fuse(model)
    assert str(refusal.value).startswith(message)


def test_a_softmax_that_is_not_asked_for() -> None:
    """It is fused where a layer of the core follows, and else left to the host."""
    chain = softmax(1 / 256, 0)
    assert fuse(chain.model(), approximate=False).host_operators == ("Softmax",)
    followed = fuse(chain.conv(2).model(), approximate=False)
    assert dict(followed.applied)["fuse_inner_softmax"] == 1
    assert followed.host_operators == ()


def test_arg_max_over_another_axis_stays_with_the_host() -> None:
    fused = fuse(QdqChain((6,)).gemm(4).arg_max(axis=0))
    assert dict(fused.applied)["fuse_arg_max"] == 0
    assert fused.host_operators == ("ArgMax",)


def test_unquantized_layer_at_the_end_is_not_left_to_the_host() -> None:
    chain = QdqChain((6,)).gemm(4)
    weights, _ = chain.weights((4, 2), 1, codes="int8", per_channel=False)
    model = chain.model_of(chain.node("Gemm", [chain.dequantize(), weights]))
    with pytest.raises(CompileError, match=r"gemm_9: Gemm must be read by one Quantize"):
        fuse(model)


def test_comparison_sees_one_changed_weight() -> None:
    before = QdqChain(IMAGE).conv(4).model()
    after = onnx.ModelProto()
    after.CopyFrom(before)
    weights = next(i for i in after.graph.initializer if i.name.startswith("w_"))
    array = numpy_helper.to_array(weights).copy()
    array[0, 0, 1, 1] ^= 64
    weights.CopyFrom(numpy_helper.from_array(array, weights.name))
    with pytest.raises(CompileError, match=r"values differ; this is a bug, please report it"):
        compare(before, after, random_inputs(before, 4))


def test_fusing_leaves_its_argument_alone() -> None:
    model = QdqChain(IMAGE).conv(4, bias=None).max_pool().model()
    before = model.SerializeToString()
    fuse(model)
    assert model.SerializeToString() == before


def test_deterministic() -> None:
    build = FIRES["convolution, table, pool"][0]
    first, second = (fuse(build()).proto.SerializeToString() for _ in range(2))
    assert first == second


def test_an_activation_of_codes_is_a_table() -> None:
    """Without the Relu two quantizations would follow each other."""
    chain = QdqChain(IMAGE)
    chain.requantize(chain.node("Relu", [chain.dequantize()]), float(chain.scale) / 2, 0)
    fused = dict(fuse(chain.model()).applied)
    assert (fused["saturating_activation"], fused["fuse_table"]) == (0, 1)
