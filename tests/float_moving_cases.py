"""Small float graphs for the rewrites of reductions, selections and blocks."""

from __future__ import annotations

from typing import Any

import numpy as np
import onnx

from rewrite.onnx.float import depth_to_space, gather_to_slice, reduce_axes, slice_steps
from tests.float_rewrite_cases import Array, Case, build, integers, node

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


GENERAL = "Transpose Reshape GlobalAveragePool Reshape"

FIRES = {
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
