"""Powers of two for scales: what onnxruntime computes in float32 is exact, and so is the core."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import onnx
import onnx_ir as ir
import onnxruntime
import pytest
from onnx import numpy_helper

from ir.elements import Border, Element, Fork, Merge, ProcessingElement, Reorder
from ir.errors import CompileError
from rewrite.lower import lower
from rewrite.onnx import fuse
from rewrite.onnx.census import float_operators
from rewrite.onnx.float_exactness import LARGEST_SUM, exact_in_float, float_refusal
from tests.lowering import kinds, lowered
from tests.qdq import QdqChain
from tests.shift_chain import ShiftChain

IMAGE = (3, 6, 5)
SAME = [1, 1, 1, 1]
LAYER = ProcessingElement


def residual(zero: int = 0) -> QdqChain:
    """int8 codes with two readers, which onnxruntime leaves in float."""
    chain = ShiftChain(IMAGE, "int8", zero).conv(4, pads=SAME)
    before = chain.here
    chain.conv(4, pads=SAME)
    return chain.join("Add", before, scale=float(chain.scale) * 2).conv(2)


def rectified() -> QdqChain:
    """The same with ReLUs, where the codes end at 0."""
    chain = ShiftChain(IMAGE, "int8", -128).conv(4, pads=SAME)
    for turn in range(2):
        codes = chain.nodes.pop()
        chain.nodes.append(onnx.helper.make_node("Relu", [codes.input[0]], [f"r_{codes.name}"]))
        codes.input[0] = f"r_{codes.name}"
        chain.nodes.append(codes)
        if not turn:
            before = chain.here
            chain.conv(4, pads=SAME)
    return chain.join("Add", before, scale=float(chain.scale) * 2).conv(2)


def nibbles(codes: str, zero: int, **attributes: Any) -> QdqChain:
    return ShiftChain(IMAGE, "uint8", 8).conv(
        4, codes=codes, weight_zero=zero, pads=SAME, **attributes
    )


def transposed(activations: str = "uint8", zero: int = 8, **attributes: Any) -> QdqChain:
    chain = ShiftChain(IMAGE, activations, zero)
    chain.conv(4, pads=SAME)
    return chain.transposed(6, **attributes).conv(2, (1, 1))


SHUFFLED: list[type[Element]] = [LAYER, LAYER, Reorder, Border, LAYER]
CASES: dict[str, tuple[Callable[[], QdqChain], set[str], list[type[Element]]]] = {
    "residual": (
        residual,
        {"Conv", "Add"},
        [LAYER, Fork, LAYER, Merge, LAYER],
    ),
    "residual with ReLUs": (rectified, {"Conv", "Add"}, [LAYER, Fork, LAYER, Merge, LAYER]),
    "int4": (lambda: nibbles("int4", 0), {"Conv"}, [LAYER]),
    "int4 with zero points": (lambda: nibbles("int4", -3), {"Conv"}, [LAYER]),
    "uint4": (lambda: nibbles("uint4", 8, per_channel=False), {"Conv"}, [LAYER]),
    "int4, no bias": (lambda: nibbles("int4", 0, bias=None), {"Conv"}, [LAYER]),
    "int4, Gemm": (lambda: ShiftChain((6,)).gemm(4, codes="int4"), {"Gemm"}, [LAYER]),
    "uint4, transposed Gemm": (
        lambda: ShiftChain((6,)).gemm(4, codes="uint4", weight_zero=5, transB=1), {"Gemm"}, [LAYER]
    ),
    "int4, MatMul": (
        lambda: ShiftChain((6,)).gemm(4, codes="int4", spelling="MatMul", bias=None),
        {"MatMul"},
        [LAYER],
    ),
    "transposed": (lambda: transposed(strides=[2, 2]), {"ConvTranspose"}, SHUFFLED),
    "transposed int8": (
        lambda: transposed("int8", 0, strides=[2, 2]), {"ConvTranspose"}, SHUFFLED
    ),
    "transposed, pads": (
        lambda: transposed(strides=[2, 2], pads=SAME, output_padding=[1, 1]),
        {"ConvTranspose"},
        SHUFFLED,
    ),
    "transposed, same": (
        lambda: transposed(strides=[2, 2], auto_pad="SAME_UPPER"),
        {"ConvTranspose"},
        [LAYER, LAYER, Reorder, LAYER],
    ),
    "transposed, no strides": (transposed, {"ConvTranspose"}, [LAYER, LAYER, LAYER]),
    "transposed, gaps": (
        lambda: transposed(strides=[3, 2], kernel=(2, 2), per_channel=True, weight_zero=-5),
        {"ConvTranspose"},
        SHUFFLED,
    ),
    "transposed, groups": (
        lambda: transposed(strides=[2, 2], group=2), {"ConvTranspose"}, SHUFFLED
    ),
    "transposed, dilation": (
        lambda: transposed(dilations=[2, 2], bias="none"), {"ConvTranspose"}, [LAYER] * 3
    ),
    "transposed, bias of numbers": (
        lambda: transposed(strides=[2, 2], bias="numbers"), {"ConvTranspose"}, SHUFFLED
    ),
    "transposed int4": (
        lambda: transposed(strides=[2, 2], codes="int4"),
        {"ConvTranspose"},
        SHUFFLED,
    ),
}  # fmt: skip


@pytest.mark.parametrize("name", CASES)
def test_equals_onnxruntime_in_float(name: str) -> None:
    build, in_float, expected = CASES[name]
    model = build().model()
    assert {operator for operator, _ in float_operators(model)} == in_float
    found = [k for k in kinds(lowered(model)) if k.__name__ != "Fifo"]
    assert found == expected


def any_scale(kind: str) -> onnx.ModelProto:
    """A model with one scale that is no power of two."""
    chain = nibbles("int4", 0) if kind == "Conv" else transposed(strides=[2, 2])
    model = chain.model()
    layer = next(n for n in model.graph.node if n.op_type == kind)
    quantize = next(n for n in model.graph.node if n.input[0] == layer.output[0])
    scale = next(i for i in model.graph.initializer if i.name == quantize.input[1])
    three = numpy_helper.to_array(scale) * np.float32(0.75)
    scale.CopyFrom(numpy_helper.from_array(three, scale.name))
    return model


@pytest.mark.parametrize(
    ("build", "message"),
    [
        (
            lambda: residual(3).model(),
            f"add_15: onnxruntime {onnxruntime.__version__} must run this Add in integers, but "
            "computes it in float32; quantize activations to uint8, or in QOperator form",
        ),
        (
            lambda: any_scale("Conv"),
            "conv_6: weights of 4 bits must be stored as int8, or all scales must be powers of "
            "two: onnxruntime computes with them in float32; store the same codes as int8",
        ),
        (
            lambda: any_scale("ConvTranspose"),
            "convtranspose_11: a ConvTranspose, which onnxruntime computes in float32, must be "
            "exact there: its scales must be powers of two; give the compiler the float model, "
            "which it quantizes as a convolution",
        ),
    ],
)
def test_refused_by_what_is_wrong(build: Callable[[], onnx.ModelProto], message: str) -> None:
    with pytest.raises(CompileError) as refusal:
        lower(fuse(build()))
    assert str(refusal.value) == message


def refusal_of(bias: float, scale: float = 0.25) -> str | None:
    """Return the refusal of a Gemm of 4 uint8 codes, of weights of 127 and a bias in numbers."""
    terms, weight = 4, 127
    chain = ShiftChain((terms,), "uint8", 0)
    w = [
        chain.constant("w", np.full((terms, 1), weight, np.int8)),
        chain.constant("s", np.float32(scale)),
        chain.constant("z", np.int8(0)),
    ]
    b = chain.constant("b", np.array([bias], np.float32))
    operands = [chain.dequantize(), chain.node("DequantizeLinear", w), b]
    model = chain.requantize(chain.node("Gemm", operands), 1.0).model()
    graph = ir.from_proto(onnx.shape_inference.infer_shapes(model)).graph
    return float_refusal(next(n for n in graph if n.op_type == "Gemm"))


def test_sums_end_where_float32_has_no_more_places() -> None:
    unit = 2.0**-5 * 0.25
    room = LARGEST_SUM - 4 * 127 * 255
    assert refusal_of(room * unit) is None
    assert refusal_of(-(room + 1) * unit) == (
        "its products and its bias must add up to 2^24 at most"
    )
    assert refusal_of(1.5 * unit) is not None
    assert refusal_of(0.0, scale=0.3) == "its scales must be powers of two"


def test_only_what_is_exact_is_named() -> None:
    model = ir.from_proto(onnx.shape_inference.infer_shapes(residual(3).model()))
    names = exact_in_float(model)
    assert names == {n.name for n in model.graph if n.op_type == "Conv"}
    plain = QdqChain(IMAGE).conv(4).model()
    assert exact_in_float(ir.from_proto(onnx.shape_inference.infer_shapes(plain))) == frozenset()
