"""Small float graphs for the rewrites of reductions, selections and blocks."""

from __future__ import annotations

from typing import Any

import numpy as np
import onnx

from rewrite.onnx.float import (
    average_pool_form,
    bilinear_resize,
    constant_token,
    depth_to_space,
    gather_to_slice,
    instance_normalization,
    layer_normalization_axes,
    pad_of_copies,
    positional_affine,
    reduce_axes,
    slice_steps,
    softmax_form,
)
from tests.float_rewrite_cases import Array, Case, build, integers, node, normal, positive

IMAGE = (4, 6, 5)
SEQUENCE = (6, 4)
END = 2**31


def one(
    operator: str, operands: dict[str, Array], shape: tuple[int, ...] = IMAGE, **attributes: Any
) -> onnx.ModelProto:
    """Return a model of one node that reads x and constants."""
    return build(shape, [node(operator, " ".join(["x", *operands]), "y", **attributes)], operands)


def reduced(operator: str, *axes: int, shape: tuple[int, ...] = IMAGE, keep: int = 0) -> Any:
    return one(operator, {"axes": integers(*axes)}, shape, keepdims=keep)


def sliced(starts: Array, ends: Array, axes: Array, steps: Array, **shape: Any) -> Any:
    return one("Slice", {"s": starts, "e": ends, "a": axes, "k": steps}, **shape)


def pooled(**attributes: Any) -> onnx.ModelProto:
    return one("AveragePool", {}, **{"kernel_shape": [3, 3], "strides": [2, 2]} | attributes)


def padded(mode: str, *sides: int, shape: tuple[int, ...] = IMAGE) -> onnx.ModelProto:
    return one("Pad", {"sides": integers(*sides)}, shape, mode=mode)


def normalized(gamma: Array, beta: Array, shape: tuple[int, ...] = IMAGE) -> onnx.ModelProto:
    return one("InstanceNormalization", {"g": gamma, "b": beta}, shape, epsilon=0.01)


def flattened(operator: str, *shape: int, axis: int = 1) -> onnx.ModelProto:
    """What the converter makes of a Softmax of operator set 12, to ``shape`` behind it."""
    nodes = [
        node("Flatten", "x", "m", axis=3),
        node(operator, "m", "s", axis=axis),
        node("Reshape", "s t", "y"),
    ]
    return build((2, 3, 4), nodes, {"t": integers(*shape)})


PLACES = "Transpose Reshape {} Reshape Transpose"
GENERAL = "Transpose Reshape GlobalAveragePool Reshape"

FIRES = {
    "normalized_frames": Case(
        layer_normalization_axes.RULES,
        one("LayerNormalization", {"g": normal(4, 6, 5), "b": normal(6, 1)}, axis=1),
        1,
        "Reshape LayerNormalization Reshape",
    ),
    "normalized_rows": Case(
        layer_normalization_axes.RULES,
        one("LayerNormalization", {"g": normal(6, 5)}, axis=-2),
        1,
        "Reshape LayerNormalization Reshape",
    ),
    "class_token": Case(
        constant_token.RULES,
        build(SEQUENCE, [node("Concat", "c x", "y", axis=1)], {"c": normal(1, 1, 4)}),
        1,
        "Pad Add",
    ),
    "constant_channels": Case(
        constant_token.RULES,
        build(
            IMAGE,
            [node("Concat", "c x d c", "y", axis=-3)],
            {"c": normal(1, 2, 6, 5), "d": normal(1, 1, 6, 5)},
        ),
        1,
        "Pad Add",
    ),
    "bilinear_from_0": Case(
        bilinear_resize.RULES,
        build(
            IMAGE,
            [
                node(
                    "Resize", "x - s", "y", mode="linear",
                    coordinate_transformation_mode="asymmetric",
                )
            ],
            {"s": np.array([1, 1, 2, 3], np.float32)},
        ),
        1,
        "Pad Conv Reshape Transpose Reshape",
    ),
    "softmax_of_a_matrix": Case(
        softmax_form.RULES, flattened("Softmax", 1, 2, 3, 4, axis=-1), 1, "Softmax"
    ),
    "logarithms_of_a_matrix": Case(
        softmax_form.RULES, flattened("LogSoftmax", 1, 2, 3, 4), 1, "LogSoftmax"
    ),
    "pool_beyond_the_image": Case(
        average_pool_form.RULES, pooled(ceil_mode=1), 1, "AveragePool"
    ),
    "pool_beyond_padding": Case(
        average_pool_form.RULES, pooled(ceil_mode=1, pads=[1, 1, 1, 1]), 1, "AveragePool"
    ),
    "pool_beyond_padding_that_counts": Case(
        average_pool_form.RULES,
        pooled(ceil_mode=1, pads=[1, 0, 1, 1], count_include_pad=1),
        1,
        "Pad AveragePool",
    ),
    "normalized_channels": Case(
        instance_normalization.RULES,
        normalized(normal(4), normal(4)),
        1,
        "Reshape LayerNormalization Reshape Mul Add",
    ),
    "normalized_groups": Case(
        instance_normalization.RULES,
        normalized(np.ones(2, np.float32), np.zeros(2, np.float32), (2, 12)),
        1,
        "Reshape LayerNormalization Reshape",
    ),
    "reflected_rows_and_columns": Case(
        pad_of_copies.RULES,
        padded("reflect", 0, 0, 1, 2, 0, 0, 2, 0),
        1,
        "Slice Slice Slice Concat Slice Slice Concat",
    ),
    "edges_of_a_sequence": Case(
        pad_of_copies.RULES,
        padded("edge", 0, 2, 0, 0, 1, 0, shape=SEQUENCE),
        1,
        "Slice Slice Concat",
    ),
    "wrapped_columns": Case(
        pad_of_copies.RULES, padded("wrap", 0, 0, 0, 2, 0, 0, 0, 3), 1, "Slice Slice Concat"
    ),
    "padded_by_nothing": Case(
        pad_of_copies.RULES, padded("reflect", 0, 0, 0, 0, 0, 0, 0, 0), 1, "Identity"
    ),
    "a_constant_for_each_pixel": Case(
        positional_affine.RULES, one("Add", {"c": normal(1, 4, 6, 5)}), 1, PLACES.format("Add")
    ),
    "a_constant_less_pixels": Case(
        positional_affine.RULES,
        build(IMAGE, [node("Sub", "c x", "y")], {"c": normal(6, 5)}),
        1,
        PLACES.format("Sub"),
    ),
    "a_divisor_for_each_step": Case(
        positional_affine.RULES,
        one("Div", {"c": positive(6, 4)}, SEQUENCE),
        1,
        "Reshape Div Reshape",
    ),
    "depth_to_space": Case(
        depth_to_space.RULES,
        one("DepthToSpace", {}, blocksize=2, mode="DCR"),
        1,
        "Reshape Transpose Reshape",
    ),
    "depth_to_space_by_columns": Case(
        depth_to_space.RULES,
        one("DepthToSpace", {}, (8, 3, 2), blocksize=2, mode="CRD"),
        1,
        "Reshape Transpose Reshape",
    ),
    "space_to_depth": Case(
        depth_to_space.RULES,
        one("SpaceToDepth", {}, (2, 6, 4), blocksize=2),
        1,
        "Reshape Transpose Reshape",
    ),
    "gather_one": Case(
        gather_to_slice.RULES, one("Gather", {"i": np.array(-1)}, axis=2), 1, "Slice Reshape"
    ),
    "gather_with_steps": Case(
        gather_to_slice.RULES,
        one("Gather", {"i": integers(1, 3, 5)}, axis=2),
        1,
        "Slice Reshape",
    ),
    "gather_runs": Case(
        gather_to_slice.SEVERAL,
        one("Gather", {"i": integers(3, 2, 0, 1, 1)}, axis=1),
        1,
        "Slice Slice Slice Slice Concat Reshape",
    ),
    "every_other_row_and_column": Case(
        slice_steps.RULES,
        sliced(integers(1, 0), integers(END, END), integers(2, 3), integers(2, 3)),
        1,
        "Slice MaxPool",
    ),
    "every_other_channel_and_row": Case(
        slice_steps.RULES,
        sliced(integers(0, 0), integers(END, -1), integers(1, 2), integers(3, 2)),
        1,
        "Slice MaxPool Pad Reshape Slice Reshape",
    ),
    "every_other_step": Case(
        slice_steps.RULES,
        sliced(integers(1), integers(END), integers(1), integers(2), shape=SEQUENCE),
        1,
        "Slice Pad Reshape Slice Reshape",
    ),
    "mean_of_rows": Case(
        reduce_axes.RULES, reduced("ReduceMean", 2), 1, "AveragePool Reshape"
    ),
    "largest_of_columns": Case(
        reduce_axes.RULES, reduced("ReduceMax", -1, keep=1), 1, "MaxPool Reshape"
    ),
    "mean_of_channels": Case(reduce_axes.RULES, reduced("ReduceMean", 1), 1, "Conv Reshape"),
    "largest_of_channels": Case(
        reduce_axes.RULES,
        reduced("ReduceMax", 1, keep=1),
        1,
        "Transpose Reshape GlobalMaxPool Reshape",
    ),
    "mean_of_rows_and_channels": Case(
        reduce_axes.RULES, reduced("ReduceMean", 1, 2), 1, GENERAL
    ),
    "mean_of_a_frame": Case(reduce_axes.RULES, reduced("ReduceMean", 1, 2, 3), 1, GENERAL),
    "mean_of_time": Case(
        reduce_axes.RULES, reduced("ReduceMean", 1, shape=SEQUENCE), 1, GENERAL
    ),
    "mean_of_features": Case(
        reduce_axes.RULES, reduced("ReduceMean", 1, shape=(5,), keep=1), 1, GENERAL
    ),
    "mean_of_five_axes": Case(
        reduce_axes.RULES, reduced("ReduceMean", 2, 4, shape=(2, 3, 4, 5)), 1, GENERAL
    ),
    "smallest_of_rows": Case(
        reduce_axes.RULES, reduced("ReduceMin", 2), 1, "Neg MaxPool Reshape Neg"
    ),
}  # fmt: skip

UNTOUCHED = {
    "normalized_features": (
        layer_normalization_axes.RULES,
        one("LayerNormalization", {"g": normal(5), "b": normal(5)}, axis=3),
    ),
    "constant_between_tensors": (
        constant_token.RULES,
        build(SEQUENCE, [node("Concat", "x c x", "y", axis=1)], {"c": normal(1, 1, 4)}),
    ),
    "softmax_along_the_other_axis": (
        softmax_form.RULES, flattened("Softmax", 1, 2, 3, 4, axis=0)
    ),
    "softmax_to_another_shape": (softmax_form.RULES, flattened("Softmax", 1, 3, 2, 4)),
    "pool_within_the_image": (average_pool_form.RULES, pooled(pads=[1, 1, 1, 1])),
    "normalized_by_computed_factors": (
        instance_normalization.RULES,
        build(
            (4, 6),
            [
                node("ReduceMean", "x a", "f", keepdims=0),
                node("InstanceNormalization", "x f b", "y"),
            ],
            {"a": integers(0, 2), "b": normal(4)},
        ),
    ),
    "edges_that_come_twice": (pad_of_copies.RULES, padded("edge", 0, 0, 1, 1, 0, 0, 1, 1)),
    "padded_with_a_constant": (pad_of_copies.RULES, padded("constant", 0, 0, 1, 2, 0, 0, 1, 1)),
    "a_constant_for_each_channel": (positional_affine.RULES, one("Add", {"c": normal(4, 1, 1)})),
    "a_constant_divided_by_pixels": (
        positional_affine.RULES, build(IMAGE, [node("Div", "c x", "y")], {"c": normal(4, 6, 5)})
    ),
    "blocks_of_other_operators": (
        depth_to_space.RULES, one("Reshape", {"s": integers(1, 1, 12, 10)})
    ),
    "gather_of_frames": (gather_to_slice.RULES, one("Gather", {"i": integers(0)}, axis=0)),
    "gather_runs_in_the_first_stage": (
        gather_to_slice.RULES, one("Gather", {"i": integers(1, 0)}, axis=1)
    ),
    "gather_too_many_runs": (
        gather_to_slice.SEVERAL,
        one("Gather", {"i": integers(*range(17, 0, -1))}, (18, 2, 2), axis=1),
    ),
    "steps_of_one": (
        slice_steps.RULES, sliced(integers(1), integers(3), integers(2), integers(1))
    ),
    "steps_backwards": (
        slice_steps.RULES, sliced(integers(-1), integers(-END), integers(2), integers(-2))
    ),
    "mean_of_frames": (reduce_axes.RULES, reduced("ReduceMean", 0, 2, keep=1)),
    "mean_of_nothing": (
        reduce_axes.RULES, build(IMAGE, [node("ReduceMean", "x", "y", noop_with_empty_axes=1)])
    ),
}  # fmt: skip
