"""Small float graphs: where each rewrite fires, and the nearest ones that it leaves alone."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt
import onnx
from onnx import TensorProto, helper, numpy_helper

from rewrite.onnx.float import (
    Rules,
    activation_before_pool,
    add_of_negative,
    affine_below_pool,
    affine_to_depthwise,
    average_to_depthwise,
    bilinear_resize,
    channel_selection,
    conv_form,
    extremum_of_several,
    fold_affine_after,
    fold_affine_before,
    matmul_to_conv,
    matmul_to_gemm,
    mean_to_global_average,
    one_row_images,
    one_row_selection,
    pad_into_conv,
    prelu_form,
    relu_form,
    remove_identity,
    reshape_form,
    scalar_batch_normalization,
    slice_form,
    sums,
    tile_to_resize,
    transpose_elementwise,
    transpose_pairs,
    transpose_selection,
    transposed_conv,
)

Array = npt.NDArray[Any]
RNG = np.random.default_rng(5)
TO_NHWC, TO_NCHW = [0, 2, 3, 1], [0, 3, 1, 2]


def normal(*shape: int) -> Array:
    return RNG.normal(size=shape).astype(np.float32)


def positive(*shape: int) -> Array:
    return RNG.uniform(0.5, 2, shape).astype(np.float32)


def integers(*values: int) -> Array:
    return np.array(values, np.int64)


def scalar(value: float) -> Array:
    return np.array(value, np.float32)


Node = tuple[str, list[str], str, dict[str, Any]]


def node(operator: str, inputs: str, output: str, **attributes: Any) -> Node:
    return operator, [name if name != "-" else "" for name in inputs.split()], output, attributes


def build(
    shape: Sequence[int],
    nodes: Sequence[Node],
    constants: dict[str, Array] | None = None,
    *,
    outputs: Sequence[str] = ("y",),
    opset: int = 21,
) -> onnx.ModelProto:
    """Return a model with input x of (1, *shape)."""
    graph = helper.make_graph(
        [
            helper.make_node(operator, inputs, [output], f"layer_{output}", **attributes)
            for operator, inputs, output, attributes in nodes
        ],
        "test",
        [helper.make_tensor_value_info("x", TensorProto.FLOAT, [1, *shape])],
        [helper.make_tensor_value_info(o, TensorProto.FLOAT, None) for o in outputs],
        [numpy_helper.from_array(v, k) for k, v in (constants or {}).items()],
    )
    opsets = [helper.make_opsetid("", opset)]
    model = helper.make_model(graph, opset_imports=opsets, ir_version=10)
    return onnx.shape_inference.infer_shapes(model, strict_mode=True, data_prop=True)


@dataclass(frozen=True)
class Case:
    rules: Rules
    model: onnx.ModelProto
    fires: int
    operators: str


def conv(x: str, y: str, **attributes: Any) -> Node:
    defaults = {
        "dilations": [1, 1],
        "group": 1,
        "kernel_shape": [3, 3],
        "pads": [0, 0, 0, 0],
        "strides": [1, 1],
    }
    return node("Conv", f"{x} w b", y, **(defaults | attributes))


def build_split() -> onnx.ModelProto:
    """A Split into 2 and 3 channels, both of which go on."""
    model = build((5, 3, 4), [node("Relu", "x", "z")], {"sizes": integers(2, 3)}, outputs=())
    split = helper.make_node("Split", ["z", "sizes"], ["y", "y2"], "layer_split", axis=1)
    model.graph.node.append(split)
    for name in ("y", "y2"):
        model.graph.output.append(helper.make_tensor_value_info(name, TensorProto.FLOAT, None))
    return onnx.shape_inference.infer_shapes(model, strict_mode=True, data_prop=True)


CONV = {"w": normal(4, 3, 3, 3), "b": normal(4)}
GEMM = {"w": normal(6, 4), "b": normal(4)}
BATCH_NORM = {"g": positive(4), "o": normal(4), "m": normal(4), "v": positive(4)}
IMAGE = (3, 6, 5)

FIRES = {
    "matmul": Case(
        matmul_to_gemm.RULES,
        build([6], [node("MatMul", "x w", "y")], {"w": normal(6, 4)}),
        1,
        "Gemm",
    ),
    "gemm_attributes": Case(
        matmul_to_gemm.RULES,
        build(
            [6],
            [node("Gemm", "x w b", "y", alpha=0.5, beta=2.0, transB=1)],
            {"w": normal(4, 6), "b": normal(1)},
        ),
        1,
        "Gemm",
    ),
    "difference": Case(
        add_of_negative.RULES,
        build(
            IMAGE,
            [node("Relu", "x", "r"), node("Exp", "x", "e"), node("Sub", "r e", "y")],
        ),
        1,
        "Relu Exp Neg Add",
    ),
    "conv_without_bias": Case(
        conv_form.RULES, build(IMAGE, [node("Conv", "x w", "y")], {"w": CONV["w"]}), 1, "Conv"
    ),
    "conv_same_upper": Case(
        conv_form.RULES,
        build(
            IMAGE,
            [node("Conv", "x w b", "y", auto_pad="SAME_UPPER", strides=[2, 2])],
            {"w": normal(4, 3, 3, 2), "b": normal(4)},
        ),
        1,
        "Conv",
    ),
    "conv_same_lower_dilated": Case(
        conv_form.RULES,
        build(
            IMAGE,
            [node("Conv", "x w b", "y", auto_pad="SAME_LOWER")],
            {"w": normal(4, 3, 2, 4), "b": normal(4)},
        ),
        1,
        "Conv",
    ),
    "chain_after_conv": Case(
        fold_affine_after.RULES,
        build(
            IMAGE,
            [
                conv("x", "c", pads=[1, 1, 1, 1]),
                node("Mul", "c s", "c1"),
                node("Sub", "t c1", "c2"),
                node("Div", "c2 s", "c3"),
                node("Neg", "c3", "c4"),
                node("BatchNormalization", "c4 g o m v", "y", epsilon=1e-3),
            ],
            CONV | BATCH_NORM | {"s": positive(1, 4, 1, 1), "t": scalar(0.3)},
        ),
        1,
        "Conv",
    ),
    "chain_after_gemm": Case(
        fold_affine_after.RULES,
        build(
            [6],
            [node("Gemm", "x w b", "g"), node("Mul", "s g", "p"), node("Add", "p t", "y")],
            GEMM | {"s": normal(1, 4), "t": normal(4)},
        ),
        1,
        "Gemm",
    ),
    "affine_before_conv": Case(
        fold_affine_before.RULES,
        build(
            IMAGE,
            [node("Mul", "x s", "p"), node("Add", "p t", "q"), conv("q", "y")],
            CONV | {"s": normal(3, 1, 1), "t": normal(1, 3, 1, 1)},
        ),
        1,
        "Conv",
    ),
    "scale_before_padded_conv": Case(
        fold_affine_before.RULES,
        build(
            IMAGE,
            [node("Mul", "x s", "p"), conv("p", "y", pads=[0, 0, 1, 1])],
            CONV | {"s": normal(3, 1, 1)},
        ),
        1,
        "Conv",
    ),
    "affine_before_grouped_conv": Case(
        fold_affine_before.RULES,
        build(
            (4, 6, 5),
            [node("BatchNormalization", "x g o m v", "p"), conv("p", "y", group=2)],
            BATCH_NORM | {"w": normal(6, 2, 3, 3), "b": normal(6)},
        ),
        1,
        "Conv",
    ),
    "affine_before_flattened_gemm": Case(
        fold_affine_before.RULES,
        build(
            (4, 3, 2),
            [
                node("BatchNormalization", "x g o m v", "p"),
                node("Transpose", "p", "q", perm=TO_NHWC),
                node("Reshape", "q shape", "r"),
                node("Gemm", "r w b", "y"),
            ],
            BATCH_NORM | {"w": normal(24, 5), "b": normal(5), "shape": integers(-1, 24)},
        ),
        1,
        "Transpose Reshape Gemm",
    ),
    "pad_into_conv": Case(
        pad_into_conv.RULES,
        build(
            IMAGE,
            [node("Pad", "x p", "z"), conv("z", "y", pads=[1, 0, 0, 1])],
            CONV | {"p": integers(0, 0, 1, 2, 0, 0, 0, 3)},
        ),
        1,
        "Conv",
    ),
    "pad_below_pool": Case(
        pad_into_conv.RULES,
        build(
            IMAGE,
            [node("Pad", "x p - a", "z"), node("MaxPool", "z", "y", kernel_shape=[2, 1])],
            {"p": integers(1, 2, 0, 3), "a": integers(2, 3)},
        ),
        1,
        "Conv MaxPool",
    ),
    "average": Case(
        average_to_depthwise.RULES,
        build(IMAGE, [node("AveragePool", "x", "y", kernel_shape=[2, 3], strides=[2, 1])]),
        1,
        "Conv",
    ),
    "average_over_zeros": Case(
        average_to_depthwise.RULES,
        build(
            IMAGE,
            [
                node(
                    "AveragePool",
                    "x",
                    "y",
                    kernel_shape=[2, 3],
                    auto_pad="SAME_LOWER",
                    count_include_pad=1,
                )
            ],
        ),
        1,
        "Conv",
    ),
    "bilinear": Case(
        bilinear_resize.RULES,
        build(
            IMAGE,
            [node("Resize", "x - s", "y", mode="linear")],
            {"s": np.array([1, 1, 3, 2], np.float32)},
        ),
        1,
        "Pad Conv Reshape Transpose Reshape",
    ),
    "bilinear_of_columns": Case(
        bilinear_resize.RULES,
        build(
            (2, 1, 1),
            [
                node(
                    "Resize",
                    "x - s",
                    "y",
                    mode="linear",
                    coordinate_transformation_mode="pytorch_half_pixel",
                )
            ],
            {"s": np.array([1, 1, 2, 4], np.float32)},
        ),
        1,
        "Pad Conv Reshape Transpose Reshape",
    ),
    "transposed_conv": Case(
        transposed_conv.RULES,
        build(
            (2, 4, 3),
            [
                node(
                    "ConvTranspose",
                    "x w b",
                    "y",
                    kernel_shape=[3, 4],
                    strides=[2, 3],
                    pads=[1, 0, 0, 2],
                    output_padding=[1, 1],
                )
            ],
            {"w": normal(2, 5, 3, 4), "b": normal(5)},
        ),
        1,
        "Conv Reshape Transpose Reshape Slice",
    ),
    "transposed_conv_in_groups": Case(
        transposed_conv.RULES,
        build(
            (4, 3, 3),
            [node("ConvTranspose", "x w b", "y", strides=[2, 2], group=2, dilations=[2, 1])],
            {"w": normal(4, 3, 2, 2), "b": normal(6)},
        ),
        1,
        "Conv Reshape Transpose Reshape Slice",
    ),
    "transposed_conv_of_stride_1": Case(
        transposed_conv.RULES,
        build(
            (4, 3, 3),
            [node("ConvTranspose", "x w b", "y", auto_pad="SAME_LOWER")],
            {"w": normal(4, 3, 2, 3), "b": normal(3)},
        ),
        1,
        "Conv",
    ),
    "transposed_conv_of_a_shape": Case(
        transposed_conv.RULES,
        build(
            (4, 3, 3),
            [node("ConvTranspose", "x w b", "y", strides=[3, 2], output_shape=[9, 6])],
            {"w": normal(4, 3, 2, 3), "b": normal(3)},
        ),
        1,
        "Conv Reshape Transpose Reshape Slice",
    ),
    "transposed_bias": Case(
        transposed_conv.BIASES,
        build((4, 3, 3), [node("ConvTranspose", "x w", "y")], {"w": normal(4, 3, 2, 3)}),
        1,
        "ConvTranspose",
    ),
    "affine_after_transposed_conv": Case(
        fold_affine_after.RULES,
        build(
            (4, 3, 3),
            [
                node("ConvTranspose", "x w b", "z", group=2, strides=[2, 2]),
                node("BatchNormalization", "z g o m v", "y"),
            ],
            BATCH_NORM | {"w": normal(4, 2, 3, 3), "b": normal(4)},
        ),
        1,
        "ConvTranspose",
    ),
    "activation_before_slice": Case(
        activation_before_pool.RULES,
        build(
            IMAGE,
            [node("Slice", "x b e a", "z"), node("Relu", "z", "y")],
            {"b": integers(1), "e": integers(4), "a": integers(2)},
        ),
        1,
        "Relu Slice",
    ),
    "affine_of_channels": Case(
        affine_to_depthwise.RULES,
        build(
            IMAGE,
            [node("Relu", "x", "r"), node("Mul", "r s", "p"), node("Add", "p t", "y")],
            {"s": normal(3, 1, 1), "t": scalar(1.5)},
        ),
        1,
        "Relu Conv",
    ),
    "affine_of_features": Case(
        affine_to_depthwise.RULES,
        build([6], [node("Sub", "x t", "y")], {"t": normal(6)}),
        1,
        "Reshape Conv Reshape",
    ),
    "affine_of_steps": Case(
        affine_to_depthwise.RULES,
        build((7, 3), [node("Mul", "x s", "y")], {"s": normal(3)}),
        1,
        "Reshape Transpose Conv Transpose Reshape",
    ),
    "affine_of_channels_of_steps": Case(
        affine_to_depthwise.RULES,
        build((3, 7), [node("Mul", "x s", "y")], {"s": normal(3, 1)}),
        1,
        "Reshape Conv Reshape",
    ),
    "scalar_batch_normalization": Case(
        scalar_batch_normalization.RULES,
        build(
            (1, 4, 4),
            [node("BatchNormalization", "x g o m v", "y")],
            {"g": positive(1), "o": normal(1), "m": normal(1), "v": positive(1)},
        ),
        1,
        "Mul Add",
    ),
    "mean_channels_first": Case(
        mean_to_global_average.RULES,
        build(IMAGE, [node("ReduceMean", "x a", "y", keepdims=0)], {"a": integers(-1, 2)}),
        1,
        "GlobalAveragePool Reshape",
    ),
    "mean_of_rows_and_columns": Case(
        mean_to_global_average.RULES,
        build(IMAGE, [node("ReduceMean", "x a", "y", keepdims=0)], {"a": integers(1, 2)}),
        1,
        "Transpose GlobalAveragePool Reshape",
    ),
    "maximum_of_rows_and_columns": Case(
        mean_to_global_average.RULES,
        build(IMAGE, [node("ReduceMax", "x a", "y")], {"a": integers(2, 1)}),
        1,
        "Transpose GlobalMaxPool Reshape",
    ),
    "repeated_rows": Case(
        tile_to_resize.RULES,
        build(
            (4, 3, 2),
            [node("Reshape", "x s", "w"), node("Tile", "w k", "t"), node("Reshape", "t m", "y")],
            {
                "s": integers(1, 4, 1, 3, 2),
                "k": integers(1, 1, 3, 1, 1),
                "m": integers(1, 12, 3, 2),
            },
        ),
        1,
        "Transpose Resize Transpose Reshape Reshape",
    ),
    "repeated_columns": Case(
        tile_to_resize.RULES,
        build(
            (4, 1, 2),
            [node("Reshape", "x s", "w"), node("Tile", "w k", "y"), node("Relu", "w", "r")],
            {"s": integers(1, 4, 1, 1, 2), "k": integers(1, 1, 1, 2, 1)},
            outputs=("y", "r"),
        ),
        1,
        "Relu Reshape Reshape Resize Transpose Transpose",
    ),
    "repeated_steps": Case(
        tile_to_resize.RULES,
        build(
            (4, 2),
            [node("Reshape", "x s", "w"), node("Tile", "w k", "y")],
            {"s": integers(1, 4, 1, 2), "k": integers(1, 1, 3, 1)},
        ),
        1,
        "Reshape Transpose Resize Transpose Reshape",
    ),
    "concat_channels_last": Case(
        transpose_selection.RULES,
        build(
            IMAGE,
            [
                node("Transpose", "x", "t", perm=TO_NHWC),
                node("Relu", "x", "r"),
                node("Transpose", "r", "u", perm=TO_NHWC),
                node("Concat", "t u t", "y", axis=-1),
            ],
        ),
        1,
        "Concat Relu Transpose",
    ),
    "slice_of_one_axis": Case(
        slice_form.RULES,
        build(
            IMAGE,
            [node("Slice", "x b e - k", "s"), node("Slice", "s b2 e2 a2", "y")],
            {
                "b": integers(0, -3, 1, 0),
                "e": integers(1, 9, -1, 2**40),
                "k": integers(1, 1, 2, 1),
                "b2": integers(0),
                "e2": integers(9),
                "a2": integers(-1),
            },
        ),
        2,
        "Slice Identity",
    ),
    "slice_channels_last": Case(
        transpose_selection.RULES,
        build(
            IMAGE,
            [
                node("Transpose", "x", "t", perm=TO_NHWC),
                node("Slice", "t b e a k", "u"),
                node("Slice", "u b2 e2", "y"),
            ],
            {
                "b": integers(1, 0),
                "e": integers(5, 3),
                "a": integers(1, -1),
                "k": integers(2, 1),
                "b2": integers(0, 0, 1),
                "e2": integers(1, 2, 4),
            },
        ),
        2,
        "Slice Slice Transpose",
    ),
    "mean_channels_last": Case(
        mean_to_global_average.RULES,
        build(
            IMAGE,
            [
                node("Transpose", "x", "t", perm=TO_NHWC),
                node("ReduceMean", "t", "y", axes=[1, 2], keepdims=1),
            ],
            opset=17,
        ),
        1,
        "GlobalAveragePool Reshape",
    ),
    "average_pool_of_all": Case(
        mean_to_global_average.RULES,
        build(IMAGE, [node("AveragePool", "x", "y", kernel_shape=[6, 5], strides=[6, 5])]),
        1,
        "GlobalAveragePool",
    ),
    "average_pool_of_all_as_converted": Case(
        mean_to_global_average.RULES,
        build(
            IMAGE,
            [node("AveragePool", "x", "y", kernel_shape=[6, 5], strides=[6, 5], auto_pad="NOTSET")],
        ),
        1,
        "GlobalAveragePool",
    ),
    "clip_to_relu": Case(
        relu_form.RULES, build(IMAGE, [node("Clip", "x z", "y")], {"z": scalar(0)}), 1, "Relu"
    ),
    "max_to_relu": Case(
        relu_form.RULES, build(IMAGE, [node("Max", "z x", "y")], {"z": scalar(0)}), 1, "Relu"
    ),
    "min_of_relu": Case(
        relu_form.RULES,
        build(IMAGE, [node("Relu", "x", "r"), node("Min", "r h", "y")], {"h": scalar(0.7)}),
        1,
        "Clip",
    ),
    "relu_after_pool": Case(
        activation_before_pool.RULES,
        build(IMAGE, [node("MaxPool", "x", "p", kernel_shape=[2, 2]), node("Relu", "p", "y")]),
        1,
        "Relu MaxPool",
    ),
    "affine_before_max": Case(
        affine_below_pool.RULES,
        build(
            IMAGE,
            [
                node("Mul", "x s", "p"),
                node("Add", "p t", "q"),
                node("MaxPool", "q", "y", kernel_shape=[3, 3], pads=[1, 1, 1, 1]),
            ],
            {"s": positive(3, 1, 1), "t": normal(3, 1, 1)},
        ),
        1,
        "Mul MaxPool Add",
    ),
    "affine_before_mean": Case(
        affine_below_pool.RULES,
        build(
            IMAGE,
            [node("Mul", "x s", "p"), node("GlobalAveragePool", "p", "y")],
            {"s": -positive(3, 1, 1)},
        ),
        1,
        "GlobalAveragePool Mul",
    ),
    "transposes_that_undo": Case(
        transpose_pairs.RULES,
        build(
            IMAGE,
            [
                node("Transpose", "x", "t", perm=TO_NHWC),
                node("Transpose", "t", "u", perm=TO_NCHW),
                node("Relu", "u", "y"),
            ],
        ),
        1,
        "Identity Relu",
    ),
    "transpose_of_one_pixel": Case(
        transpose_pairs.RULES,
        build((3, 1, 1), [node("Transpose", "x", "y", perm=TO_NHWC)]),
        1,
        "Reshape",
    ),
    "reshape_of_one_channel": Case(
        transpose_pairs.RULES,
        build((4, 5, 1), [node("Reshape", "x s", "y")], {"s": integers(-1, 1, 4, 5)}),
        1,
        "Transpose",
    ),
    "elementwise_below_transpose": Case(
        transpose_elementwise.RULES,
        build(
            IMAGE,
            [
                node("Transpose", "x", "t", perm=TO_NHWC),
                node("Mul", "t s", "p"),
                node("Add", "p t", "y"),
            ],
            {"s": normal(3)},
        ),
        2,
        "Mul Add Transpose",
    ),
    "transpose_above_elementwise": Case(
        transpose_elementwise.RULES,
        build(
            (6, 5, 3),
            [
                node("Pad", "x p", "z"),
                node("Sub", "z s", "d"),
                node("Transpose", "d", "y", perm=TO_NCHW),
            ],
            {"s": normal(5, 3), "p": integers(0, 1, 0, 0, 0, 2, 0, 0)} | {"s": normal(5, 3)},
        ),
        1,
        "Pad Transpose Sub",
    ),
    "flatten": Case(reshape_form.RULES, build(IMAGE, [node("Flatten", "x", "y")]), 1, "Reshape"),
    "squeeze_then_unsqueeze": Case(
        reshape_form.RULES,
        build(
            (3, 1, 1),
            [node("Squeeze", "x a", "s"), node("Unsqueeze", "s b", "y")],
            {"a": integers(2, 3), "b": integers(1)},
        ),
        2,
        "Reshape",
    ),
    "nothing_done": Case(
        remove_identity.RULES,
        build(
            IMAGE,
            [
                node("Identity", "x", "a"),
                node("Cast", "a", "b", to=1),
                node("Dropout", "b", "c"),
                node("Reshape", "c s", "d"),
                node("Transpose", "d", "e", perm=[0, 1, 2, 3]),
                node("Mul", "e one", "f"),
                node("Add", "zero f", "g"),
                node("Relu", "g", "y"),
            ],
            {"s": integers(-1, *IMAGE), "one": scalar(1), "zero": scalar(0)},
        ),
        7,
        "Relu",
    ),
    "sum": Case(
        sums.RULES,
        build([6], [node("Relu", "x", "r"), node("Sum", "x r r", "y")]),
        1,
        "Add Add Relu",
    ),
    "sum_of_one": Case(sums.RULES, build([6], [node("Sum", "x", "y")]), 1, "Identity"),
    "mean": Case(
        sums.RULES,
        build([6], [node("Relu", "x", "r"), node("Mean", "x r", "y")]),
        1,
        "Add Mul Relu",
    ),
    "maximum_of_three": Case(
        extremum_of_several.RULES,
        build([6], [node("Relu", "x", "r"), node("Exp", "x", "e"), node("Max", "x r e", "y")]),
        1,
        "Exp Max Max Relu",
    ),
    "minimum_of_one": Case(
        extremum_of_several.RULES, build([6], [node("Min", "x", "y")]), 1, "Identity"
    ),
    "sum_of_pixels": Case(
        sums.RULES,
        build(IMAGE, [node("ReduceSum", "x a", "y", keepdims=0)], {"a": integers(2, 3)}),
        1,
        "Mul ReduceMean",
    ),
    "prelu_of_keras": Case(
        prelu_form.RULES,
        build(
            IMAGE,
            [
                node("Relu", "x", "p"),
                node("Neg", "x", "m"),
                node("Relu", "m", "r"),
                node("Mul", "s r", "q"),
                node("Add", "p q", "u"),
                node("Relu", "u", "v"),
                node("Neg", "u", "w"),
                node("Relu", "w", "z"),
                node("Mul", "z s", "t"),
                node("Add", "t v", "y"),
            ],
            {"s": normal(3, 1, 1)},
        ),
        2,
        "PRelu PRelu",
    ),
    "pad_of_a_sequence": Case(
        one_row_selection.RULES,
        build(
            (5, 3),
            [node("Pad", "x p", "u"), node("Pad", "u p2 v a2", "y")],
            {
                "p": integers(0, 2, 0, 0, 1, 0),
                "p2": integers(1, 2),
                "v": scalar(3),
                "a2": integers(-1),
            },
        ),
        2,
        "Reshape Pad Reshape Reshape Pad Reshape",
    ),
    "slice_of_a_sequence": Case(
        one_row_selection.RULES,
        build(
            (5, 3),
            [node("Slice", "x b e", "s"), node("Slice", "s b2 e2 a2 k2", "y")],
            {
                "b": integers(0, 1, 0),
                "e": integers(1, 9, 3),
                "b2": integers(0),
                "e2": integers(3),
                "a2": integers(-1),
                "k2": integers(2),
            },
        ),
        2,
        "Reshape Slice Reshape Reshape Slice Reshape",
    ),
    "conv_of_a_sequence": Case(
        one_row_images.RULES,
        build(
            (3, 9),
            [
                node("Conv", "x w b", "c", kernel_shape=[3], pads=[2, 1], strides=[2]),
                node("Mul", "c s", "p"),
                node("Relu", "p", "r"),
                node("MaxPool", "r", "y", kernel_shape=[2]),
            ],
            {"w": normal(4, 3, 3), "b": normal(4), "s": normal(4, 1)},
        ),
        2,
        "Reshape Conv Mul Relu Reshape Reshape MaxPool Reshape",
    ),
    "batch_normalization_of_a_sequence": Case(
        one_row_images.RULES,
        build((4, 9), [node("BatchNormalization", "x g o m v", "y")], BATCH_NORM),
        1,
        "Reshape BatchNormalization Reshape",
    ),
    "bias_behind_a_dense_sequence": Case(
        one_row_images.RULES,
        build(
            (5, 6),
            [node("Reshape", "x up", "i"), node("Reshape", "i down", "s"), node("Add", "s b", "y")],
            {"up": integers(-1, 1, 5, 6), "down": integers(-1, 5, 6), "b": normal(1, 5, 6)},
        ),
        1,
        "Reshape Add Reshape",
    ),
    "dense_sequence": Case(
        matmul_to_conv.RULES,
        build([5, 6], [node("MatMul", "x w", "y")], {"w": normal(6, 4)}),
        1,
        "Reshape Transpose Conv Transpose Reshape",
    ),
    "dense_pixels": Case(
        matmul_to_conv.RULES,
        build([2, 5, 6], [node("MatMul", "x w", "y")], {"w": normal(6, 4)}),
        1,
        "Transpose Conv Transpose",
    ),
    "split": Case(
        channel_selection.RULES,
        build_split(),
        1,
        "Slice Slice Relu",
    ),
    "conv_of_some_channels": Case(
        channel_selection.RULES,
        build(
            (5, 6, 5),
            [node("Slice", "x from e a s", "z"), conv("z", "y")],
            CONV | {"from": integers(-1), "e": integers(-99), "a": integers(1), "s": integers(-2)},
        ),
        1,
        "Conv",
    ),
    "conv_of_gathered_channels": Case(
        channel_selection.RULES,
        build(
            (5, 6, 5),
            [node("Gather", "x i", "z", axis=1), conv("z", "y")],
            CONV | {"i": integers(4, 0, 4)},
        ),
        1,
        "Conv",
    ),
    "gemm_of_some_features": Case(
        channel_selection.RULES,
        build(
            (9,),
            [node("Slice", "x b e a", "z"), node("Gemm", "z w bias", "y")],
            {
                "b": integers(2),
                "e": integers(8),
                "a": integers(1),
                "w": normal(6, 4),
                "bias": normal(4),
            },
        ),
        1,
        "Gemm",
    ),
}

UNTOUCHED = {
    "canonical_conv": (conv_form.RULES, build(IMAGE, [conv("x", "y")], CONV)),
    "constant_less_a_tensor": (
        add_of_negative.RULES,
        build(IMAGE, [node("Sub", "one x", "d"), node("Sub", "d one", "y")], {"one": scalar(1)}),
    ),
    "matmul_of_images": (
        matmul_to_gemm.RULES,
        build(IMAGE, [node("MatMul", "x w", "y")], {"w": normal(5, 4)}),
    ),
    "matmul_of_two_tensors": (
        matmul_to_gemm.RULES,
        build([6], [node("Transpose", "x", "t"), node("MatMul", "t x", "y")]),
    ),
    "conv_read_twice": (
        fold_affine_after.RULES,
        build(
            IMAGE,
            [conv("x", "c"), node("Mul", "c s", "p"), node("Add", "p c", "y")],
            CONV | {"s": scalar(2)},
        ),
    ),
    "constant_of_pixels": (
        fold_affine_after.RULES,
        build(IMAGE, [conv("x", "c"), node("Add", "c s", "y")], CONV | {"s": normal(4, 3)}),
    ),
    "constant_that_broadcasts": (
        fold_affine_after.RULES,
        build((3, 3, 3), [conv("x", "c"), node("Mul", "c s", "y")], CONV | {"s": normal(4, 2, 1)}),
    ),
    "constant_over_tensor": (
        fold_affine_after.RULES,
        build(IMAGE, [conv("x", "c"), node("Div", "s c", "y")], CONV | {"s": scalar(2)}),
    ),
    "intermediate_is_output": (
        fold_affine_after.RULES,
        build(
            IMAGE,
            [conv("x", "c"), node("Mul", "c s", "y")],
            CONV | {"s": scalar(2)},
            outputs=("y", "c"),
        ),
    ),
    "offset_before_padded_conv": (
        fold_affine_before.RULES,
        build(
            IMAGE,
            [node("Add", "x s", "p"), conv("p", "y", pads=[0, 0, 1, 0])],
            CONV | {"s": normal(3, 1, 1)},
        ),
    ),
    "affine_read_twice": (
        fold_affine_before.RULES,
        build(
            IMAGE,
            [node("Mul", "x s", "p"), conv("p", "y"), conv("p", "z")],
            CONV | {"s": scalar(2)},
            outputs=("y", "z"),
        ),
    ),
    "pad_alone": (
        pad_into_conv.RULES,
        build(
            IMAGE,
            [node("Pad", "x p - a", "z"), node("Relu", "z", "y")],
            {"p": integers(1, 2, 0, 3), "a": integers(2, 3)},
        ),
    ),
    "average_without_padding": (
        average_to_depthwise.RULES,
        build(IMAGE, [node("AveragePool", "x", "y", kernel_shape=[2, 3], pads=[0, 1, 0, 1])]),
    ),
    "average_beyond_the_image": (
        average_to_depthwise.RULES,
        build(
            IMAGE,
            [node("AveragePool", "x", "y", kernel_shape=[3, 2], strides=[2, 2], ceil_mode=1)],
        ),
    ),
    "linear_between_corners": (
        bilinear_resize.RULES,
        build(
            IMAGE,
            [
                node(
                    "Resize",
                    "x - s",
                    "y",
                    mode="linear",
                    coordinate_transformation_mode="align_corners",
                )
            ],
            {"s": np.array([1, 1, 2, 2], np.float32)},
        ),
    ),
    "bilinear_by_halves": (
        bilinear_resize.RULES,
        build(
            (3, 4, 6),
            [node("Resize", "x - s", "y", mode="linear")],
            {"s": np.array([1, 1, 1.5, 2], np.float32)},
        ),
    ),
    "pads_of_the_kernel": (
        transposed_conv.RULES,
        build(
            IMAGE,
            [node("ConvTranspose", "x w b", "y", pads=[0, 2, 0, 0])],
            {"w": normal(3, 4, 2, 2), "b": normal(4)},
        ),
    ),
    "transposed_conv_with_bias": (
        transposed_conv.BIASES,
        build(
            IMAGE,
            [node("ConvTranspose", "x w b", "y")],
            {"w": normal(3, 4, 2, 2), "b": normal(4)},
        ),
    ),
    "pad_with_ones": (
        pad_into_conv.RULES,
        build(
            IMAGE,
            [node("Pad", "x p v", "z"), conv("z", "y")],
            CONV | {"p": integers(0, 0, 1, 1, 0, 0, 1, 1), "v": scalar(1)},
        ),
    ),
    "pad_reflecting": (
        pad_into_conv.RULES,
        build(
            IMAGE,
            [node("Pad", "x p", "z", mode="reflect"), conv("z", "y")],
            CONV | {"p": integers(0, 0, 1, 1, 0, 0, 1, 1)},
        ),
    ),
    "pad_of_channels": (
        pad_into_conv.RULES,
        build(
            (2, 6, 5),
            [node("Pad", "x p", "z"), conv("z", "y")],
            CONV | {"p": integers(0, 1, 0, 0, 0, 0, 0, 0)},
        ),
    ),
    "crop": (
        pad_into_conv.RULES,
        build(
            IMAGE,
            [node("Pad", "x p", "z"), conv("z", "y")],
            CONV | {"p": integers(0, 0, -1, 0, 0, 0, 1, 1)},
        ),
    ),
    "scalar_affine": (
        affine_to_depthwise.RULES,
        build(IMAGE, [node("Mul", "x s", "p"), node("Add", "p s", "y")], {"s": scalar(2)}),
    ),
    "affine_of_each_step": (
        affine_to_depthwise.RULES,
        build((7, 3), [node("Mul", "x s", "y")], {"s": normal(7, 3)}),
    ),
    "batch_normalization_of_channels": (
        scalar_batch_normalization.RULES,
        build((4, 3, 3), [node("BatchNormalization", "x g o m v", "y")], BATCH_NORM),
    ),
    "repeated_blocks": (
        tile_to_resize.RULES,
        build(
            (4, 3, 2),
            [node("Reshape", "x s", "w"), node("Tile", "w k", "y")],
            {"s": integers(1, 4, 1, 3, 2), "k": integers(1, 2, 1, 1, 1)},
        ),
    ),
    "repeated_twice": (
        tile_to_resize.RULES,
        build(
            (4, 3, 2),
            [node("Reshape", "x s", "w"), node("Tile", "w k", "y")],
            {"s": integers(1, 4, 1, 3, 2), "k": integers(1, 1, 2, 2, 1)},
        ),
    ),
    "repeated_channels": (
        tile_to_resize.RULES,
        build(
            (4, 3, 2),
            [node("Reshape", "x s", "w"), node("Tile", "w k", "y")],
            {"s": integers(1, 4, 3, 2, 1), "k": integers(1, 1, 1, 1, 2)},
        ),
    ),
    "concat_of_both_layouts": (
        transpose_selection.RULES,
        build(
            (4, 4, 4),
            [node("Transpose", "x", "t", perm=TO_NHWC), node("Concat", "x t", "y", axis=1)],
        ),
    ),
    "slice_backwards": (
        slice_form.RULES,
        build(
            IMAGE,
            [node("Slice", "x b e a k", "y")],
            {"b": integers(-1), "e": integers(-99), "a": integers(2), "k": integers(-1)},
        ),
    ),
    "relu_of_another": (
        prelu_form.RULES,
        build(
            IMAGE,
            [
                node("Relu", "x", "p"),
                node("Neg", "p", "m"),
                node("Relu", "m", "r"),
                node("Mul", "r s", "q"),
                node("Add", "p q", "y"),
            ],
            {"s": normal(3, 1, 1)},
        ),
    ),
    "pad_of_both_axes": (
        one_row_selection.RULES,
        build((5, 3), [node("Pad", "x p", "y")], {"p": integers(0, 2, 1, 0, 1, 0)}),
    ),
    "pad_of_an_image": (
        one_row_selection.RULES,
        build(IMAGE, [node("Pad", "x p", "y")], {"p": integers(0, 0, 2, 0, 0, 0, 1, 0)}),
    ),
    "slice_channels_first": (
        transpose_selection.RULES,
        build(
            IMAGE,
            [node("Transpose", "x", "t", perm=TO_NCHW), node("Slice", "t b e a", "y")],
            {"b": integers(1), "e": integers(3), "a": integers(1)},
        ),
    ),
    "mean_over_rows": (
        mean_to_global_average.RULES,
        build(IMAGE, [node("ReduceMean", "x a", "y")], {"a": integers(2)}),
    ),
    "average_pool_of_part": (
        mean_to_global_average.RULES,
        build(IMAGE, [node("AveragePool", "x", "y", kernel_shape=[6, 4])]),
    ),
    "average_pool_padded": (
        mean_to_global_average.RULES,
        build(
            IMAGE,
            [
                node(
                    "AveragePool",
                    "x",
                    "y",
                    kernel_shape=[6, 5],
                    pads=[0, 0, 0, 1],
                    count_include_pad=1,
                )
            ],
        ),
    ),
    "clip_above_0": (
        relu_form.RULES,
        build(IMAGE, [node("Clip", "x l h", "y")], {"l": scalar(0.5), "h": scalar(2)}),
    ),
    "max_of_two_tensors": (
        relu_form.RULES,
        build(IMAGE, [node("Neg", "x", "n"), node("Max", "x n", "y")]),
    ),
    "relu_of_average": (
        activation_before_pool.RULES,
        build(IMAGE, [node("AveragePool", "x", "p", kernel_shape=[2, 2]), node("Relu", "p", "y")]),
    ),
    "negative_before_max": (
        affine_below_pool.RULES,
        build(
            IMAGE,
            [node("Mul", "x s", "p"), node("MaxPool", "p", "y", kernel_shape=[2, 2])],
            {"s": np.array([[[1]], [[-1]], [[1]]], np.float32)},
        ),
    ),
    "chain_that_cannot_follow": (
        affine_below_pool.RULES,
        build(
            IMAGE,
            [
                node("Mul", "x s", "p"),
                node("Add", "p p1", "q"),
                node("MaxPool", "q", "y", kernel_shape=[2, 2]),
            ],
            {"s": np.array([[[1]], [[-1]], [[1]]], np.float32), "p1": scalar(1)},
        ),
    ),
    "foldable_before_max": (
        affine_below_pool.RULES,
        build(
            IMAGE,
            [
                conv("x", "c"),
                node("Mul", "c s", "p"),
                node("MaxPool", "p", "y", kernel_shape=[2, 2]),
            ],
            CONV | {"s": scalar(2)},
        ),
    ),
    "transpose_that_moves": (
        transpose_pairs.RULES,
        build(IMAGE, [node("Transpose", "x", "y", perm=TO_NHWC)]),
    ),
    "reshape_that_reorders": (
        transpose_pairs.RULES,
        build((4, 5, 2), [node("Reshape", "x s", "y")], {"s": integers(-1, 2, 4, 5)}),
    ),
    "one_layout_of_two": (
        transpose_elementwise.RULES,
        build((4, 4, 4), [node("Transpose", "x", "t", perm=TO_NHWC), node("Add", "x t", "y")]),
    ),
    "reshape_of_batch": (
        reshape_form.RULES,
        build(IMAGE, [node("Reshape", "x s", "y")], {"s": integers(6, 15)}),
    ),
    "cast_to_double": (
        remove_identity.RULES,
        build(IMAGE, [node("Cast", "x", "d", to=11), node("Cast", "d", "y", to=1)]),
    ),
    "one_that_broadcasts": (
        remove_identity.RULES,
        build(
            (3, 1, 1),
            [node("Mul", "x s", "p"), node("Relu", "p", "y")],
            {"s": np.ones((3, 2, 2), np.float32)},
        ),
    ),
    "maximum_of_two": (
        extremum_of_several.RULES,
        build([6], [node("Relu", "x", "r"), node("Max", "x r", "y")]),
    ),
    "sum_of_a_constant": (
        sums.RULES,
        build([6], [node("Add", "x s", "y")], {"s": scalar(2)}),
    ),
    "image_of_one_row": (
        one_row_images.RULES,
        build(
            (3, 1, 9),
            [node("Conv", "x w", "c"), node("Relu", "c", "y")],
            {"w": normal(4, 3, 1, 3)},
        ),
    ),
    "dense_vector": (
        matmul_to_conv.RULES,
        build([6], [node("MatMul", "x w", "y")], {"w": normal(6, 4)}),
    ),
    "conv_of_some_rows": (
        channel_selection.RULES,
        build(
            IMAGE,
            [node("Slice", "x from e a", "z"), conv("z", "y")],
            CONV | {"from": integers(1), "e": integers(5), "a": integers(2)},
        ),
    ),
    "groups_of_some_channels": (
        channel_selection.RULES,
        build(
            (5, 6, 5),
            [node("Slice", "x from e a", "z"), conv("z", "y", group=2)],
            {"w": normal(4, 2, 3, 3), "b": normal(4)}
            | {"from": integers(0), "e": integers(4), "a": integers(1)},
        ),
    ),
}
