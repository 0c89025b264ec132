"""Graphs for the float rewrites of dense layers and normalizations at each position."""

from __future__ import annotations

from rewrite.onnx.float import layer_normalization_form, matmul_of_positions
from tests.float_rewrite_cases import Array, Case, Node, build, integers, node, normal, scalar

TENSORDOT = {"rows": integers(-1, 6), "back": integers(-1, 2, 5, 4), "w": normal(6, 4)}
ROWS = [
    node("Reshape", "x rows", "r"), node("MatMul", "r w", "p"), node("Reshape", "p back", "y"),
]  # fmt: skip
LAST = {"last": integers(-1), "e": scalar(1e-3)}


def spread(*behind: Node, axis: str = "last", scaled: bool = True) -> list[Node]:
    """Return a normalization as TensorFlow writes it, up to ``m`` (mean), ``k``, ``p`` = x * k."""
    return [
        node("ReduceMean", f"x {axis}", "m", keepdims=1),
        node("Sub", "x m", "d"),
        node("Mul", "d d", "s"),
        node("ReduceMean", f"s {axis}", "v", keepdims=1),
        node("Add", "v e", "ve"),
        node("Sqrt", "ve", "root"),
        node("Reciprocal", "root", "inverse"),
        node("Mul", "inverse g", "k") if scaled else node("Identity", "inverse", "k"),
        node("Mul", "x k", "p"),
        *behind,
    ]


def channels(*shape: int) -> dict[str, Array]:
    return LAST | {"g": normal(*shape), "b": normal(*shape)}


def divided(power: str, *behind: Node) -> list[Node]:
    """Return a normalization as PyTorch writes it, up to ``n``."""
    return [
        node("ReduceMean", "x last", "m", keepdims=1),
        node("Sub", "x m", "d"),
        node("Pow", f"d {power}", "s"),
        node("ReduceMean", "s last", "v", keepdims=1),
        node("Add", "v e", "ve"),
        node("Sqrt", "ve", "root"),
        node("Div", "d root", "n"),
        *behind,
    ]


FIRES = {
    "tensordot": Case(matmul_of_positions.RULES, build((2, 5, 6), ROWS, TENSORDOT), 1, "MatMul"),
    "normalization_of_keras_3": Case(
        layer_normalization_form.RULES,
        build(
            (5, 6),
            spread(
                node("Neg", "m", "n"), node("Mul", "n k", "t"), node("Add", "t b", "u"),
                node("Add", "p u", "y"),
            ),
            channels(1, 1, 6),
        ),
        1,
        "LayerNormalization",
    ),
    "normalization_of_keras_2": Case(
        layer_normalization_form.RULES,
        build(
            (5, 6),
            spread(node("Mul", "m k", "t"), node("Sub", "b t", "u"), node("Add", "u p", "y")),
            channels(6),
        ),
        1,
        "LayerNormalization",
    ),
    "normalization_over_rows": Case(
        layer_normalization_form.RULES,
        build(
            (3, 5, 6),
            spread(
                node("Mul", "m k", "t"), node("Neg", "t", "u"), node("Add", "u p", "y"),
                axis="rows",
            ),
            {"rows": integers(2), "e": scalar(1e-3), "g": normal(5, 1)},
        ),
        1,
        "Transpose LayerNormalization Transpose",
    ),
    "normalization_of_pytorch": Case(
        layer_normalization_form.RULES,
        build(
            (5, 6),
            divided("two", node("Mul", "n g", "z"), node("Add", "b z", "y")),
            channels(6) | {"two": scalar(2)},
        ),
        3,
        "LayerNormalization",
    ),
    "normalization_without_constants": Case(
        layer_normalization_form.RULES,
        build((5, 6), divided("two", node("Relu", "n", "y")), LAST | {"two": scalar(2)}),
        1,
        "LayerNormalization Relu",
    ),
}  # fmt: skip

UNTOUCHED = {
    "tensordot_of_other_rows": (
        matmul_of_positions.RULES,
        build((2, 6, 6), ROWS, TENSORDOT | {"back": integers(-1, 6, 2, 4)}),
    ),
    "tensordot_of_other_axes": (
        matmul_of_positions.RULES,
        build((2, 3, 4), ROWS, TENSORDOT | {"back": integers(-1, 2, 2, 4)}),
    ),
    "cubes_in_place_of_squares": (
        layer_normalization_form.RULES,
        build((5, 6), divided("p", node("Relu", "n", "y")), LAST | {"p": scalar(4)}),
    ),
    "term_of_another_factor": (
        layer_normalization_form.RULES,
        build(
            (5, 6),
            spread(
                node("Mul", "m inverse", "t"), node("Sub", "b t", "u"), node("Add", "u p", "y")
            ),
            channels(6),
        ),
    ),
    "factors_of_each_step": (
        layer_normalization_form.RULES,
        build(
            (5, 6),
            spread(node("Mul", "m k", "t"), node("Sub", "b t", "u"), node("Add", "u p", "y")),
            LAST | {"g": normal(5, 6), "b": normal(6)},
        ),
    ),
    "mean_of_other_axes": (
        layer_normalization_form.RULES,
        build(
            (5, 6),
            spread(
                node("Mul", "m k", "t"), node("Sub", "b t", "u"), node("Add", "u p", "y"),
                axis="both",
            ),
            channels(6) | {"both": integers(1, 2)},
        ),
    ),
}  # fmt: skip
