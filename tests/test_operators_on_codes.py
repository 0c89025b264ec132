"""Operators on codes (QOperator form): computed bit for bit, or refused by what is wrong."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import onnx
import pytest
from onnx import TensorProto, helper

from frontend.compiler import compile_model
from ir.elements import (
    ArgMax,
    Border,
    Concatenate,
    Element,
    Extremum,
    Fork,
    GlobalAverage,
    MaxPool,
    ProcessingElement,
    Reorder,
)
from ir.errors import CompileError
from sim import simulate_netlist
from tests.code_chain import MICROSOFT, CodeChain
from tests.lowering import kinds
from tests.third_party import check_interpreter
from tests.verdicts import compare_cycles, run_hardware

Build = Callable[[str], onnx.ModelProto]
NEAREST = {"nearest_mode": "floor", "coordinate_transformation_mode": "asymmetric"}


def image(codes: str) -> CodeChain:
    return CodeChain((4, 6, 6), codes).conv(4)


def selected(operator: str, *operands: list[int], **attributes: Any) -> Build:
    """An operator with sizes and places for operands, between convolutions."""

    def build(codes: str) -> onnx.ModelProto:
        chain = image(codes)
        chain.plain(operator, *(chain.constant(o, np.int64) for o in operands), **attributes)
        return chain.conv(3).model()

    return build


def resized(mode: str, factors: tuple[int, int] = (2, 2), **attributes: Any) -> Build:
    def build(codes: str) -> onnx.ModelProto:
        chain = image(codes)
        region, scales = chain.constant([]), chain.constant([1, 1, *factors])
        return chain.plain("Resize", region, scales, mode=mode, **attributes).conv(3).model()

    return build


def shuffled(operator: str, shape: tuple[int, ...], **attributes: Any) -> Build:
    def build(codes: str) -> onnx.ModelProto:
        chain = image(codes).plain(operator, blocksize=2, **attributes)
        chain.shape = shape
        return chain.conv(2).model()

    return build


def padded(codes: str) -> onnx.ModelProto:
    chain = image(codes)
    sizes = chain.constant([0, 0, 1, 0, 0, 0, 2, 1], np.int64)
    return chain.plain("Pad", sizes, chain.constant(17, codes)).conv(3).model()


def joined(operator: str, **attributes: Any) -> Build:
    """Codes, and the largest of each window around them."""

    def build(codes: str) -> onnx.ModelProto:
        chain = image(codes)
        before = chain.tensor
        chain.plain("MaxPool", kernel_shape=[3, 3], pads=[1, 1, 1, 1])
        chain.tensor = chain.node(operator, [before, chain.tensor], **attributes)
        return chain.model()

    return build


def clipped(codes: str) -> onnx.ModelProto:
    chain = image(codes)
    return chain.plain("Clip", chain.constant(3, codes), chain.constant(90, codes)).model()


def class_of(codes: str) -> onnx.ModelProto:
    chain = image(codes).average().plain("Flatten")
    chain.shape = (4,)
    chain.dense(5)
    index = chain.node("ArgMax", [chain.tensor], axis=1)
    model = chain.model()
    model.graph.output[0].CopyFrom(helper.make_tensor_value_info(index, TensorProto.INT64, None))
    return model


def repeated(codes: str) -> onnx.ModelProto:
    chain = image(codes).average()
    return chain.plain("Tile", chain.constant([1, 1, 3, 3], np.int64)).conv(3).model()


def with_alpha(alpha: float) -> Build:
    def build(codes: str) -> onnx.ModelProto:
        chain = CodeChain((8,), codes).dense(6, bias=True)
        chain.nodes[-1].attribute.append(helper.make_attribute("alpha", alpha))
        return chain.dense(5, bias=False).model()

    return build


def of_onnxruntime(codes: str) -> onnx.ModelProto:
    """A QLinearConv of onnxruntime's own, which may have its channels last, but has not."""
    chain = image(codes)
    chain.nodes[-1].domain = MICROSOFT
    chain.nodes[-1].attribute.append(helper.make_attribute("channels_last", 0))
    return chain.model()


LAYER = ProcessingElement
INTERPOLATED: list[type[Element]] = [LAYER, Reorder, LAYER, Reorder, LAYER]
CASES: dict[str, tuple[Build, list[type[Element]]]] = {
    "slice": (selected("Slice", [1], [5], [2]), [LAYER, Border, LAYER]),
    "pad with a code": (padded, [LAYER, Border, LAYER]),
    "pad with edges": (
        selected("Pad", [0, 0, 1, 1, 0, 0, 1, 1], mode="edge"), [LAYER, Reorder, LAYER]
    ),
    "nearest": (resized("nearest", (2, 3), **NEAREST), [LAYER, Reorder, LAYER]),
    "linear": (resized("linear"), INTERPOLATED),
    "linear by 4 and 2": (resized("linear", (4, 2)), INTERPOLATED),
    "linear from the corner": (
        resized("linear", coordinate_transformation_mode="asymmetric"), INTERPOLATED
    ),
    "blocks to pixels": (
        shuffled("DepthToSpace", (1, 12, 12)), [LAYER, Reorder, LAYER]
    ),
    "blocks to pixels, channels first": (
        shuffled("DepthToSpace", (1, 12, 12), mode="CRD"), [LAYER, Reorder, LAYER]
    ),
    "pixels to blocks": (shuffled("SpaceToDepth", (16, 3, 3)), [LAYER, Reorder, LAYER]),
    "concatenation": (joined("Concat", axis=1), [LAYER, Fork, MaxPool, Concatenate]),
    "larger code": (joined("Max"), [LAYER, Fork, MaxPool, Extremum]),
    "smaller code": (joined("Min"), [LAYER, Fork, MaxPool, Extremum]),
    "clip": (clipped, [LAYER]),
    "class": (class_of, [LAYER, GlobalAverage, LAYER, ArgMax]),
    "repeated": (repeated, [LAYER, GlobalAverage, Reorder, LAYER]),
    "alpha 0.37": (with_alpha(0.37), [LAYER, LAYER]),
    "alpha 2": (with_alpha(2.0), [LAYER, LAYER]),
    "onnxruntime's QLinearConv": (of_onnxruntime, [LAYER]),
}  # fmt: skip


@pytest.mark.parametrize("codes", ["uint8", "int8"])
@pytest.mark.parametrize("name", CASES)
def test_equals_onnxruntime(name: str, codes: str) -> None:
    build, expected = CASES[name]
    found = [kind for kind in kinds(check_interpreter(build(codes))) if kind.__name__ != "Fifo"]
    assert found == expected


def last_channels(codes: str) -> onnx.ModelProto:
    return image(codes).unary("QLinearGlobalAveragePool", 0.05, channels_last=1).model()


def chosen(codes: str) -> onnx.ModelProto:
    chain = image(codes)
    condition = chain.constant(np.resize([True, False], (1, 4, 6, 6)), bool)
    operands = [chain.tensor, *chain.parameters] * 2
    chain.tensor = chain.node("QLinearWhere", [condition, *operands, *chain.parameters], MICROSOFT)
    return chain.model()


SUPPORTED = (
    "QLinearConv, QLinearMatMul, QGemm, QLinearConcat, QLinearAdd, QLinearMul, "
    "QLinearGlobalAveragePool, QLinearAveragePool, QLinearLeakyRelu, QLinearSigmoid, "
    "QLinearSoftmax, MaxPool, Slice, Resize, Pad, Concat, Clip, Max, Min, ArgMax, Transpose, "
    "Reshape, Flatten, Squeeze, Unsqueeze, DepthToSpace, SpaceToDepth, Tile, Expand, Gather"
)
REFUSED: dict[str, tuple[Build, str]] = {
    "channels last": (
        last_channels,
        "qlinearglobalaveragepool_2: QLinearGlobalAveragePool must have its channels first, not "
        "last; export it with channels_last 0",
    ),
    "linear by 3": (
        resized("linear", (3, 2)),
        "resize_2: a linear Resize of codes must enlarge by 2, 4 or 8, since onnxruntime rounds "
        "other weights in one way or another, not by 3 and 2; interpolate between "
        "DequantizeLinear and QuantizeLinear",
    ),
    "corners on corners": (
        resized("linear", coordinate_transformation_mode="align_corners"),
        "resize_2: the coordinates of a linear Resize must be half_pixel or asymmetric, not "
        "align_corners; interpolate between DequantizeLinear and QuantizeLinear",
    ),
    "computed": (
        selected("Abs"),
        "abs_2: Abs must not work on codes; put it between DequantizeLinear and "
        f"QuantizeLinear; supported on codes: {SUPPORTED}",
    ),
    "gathered": (
        selected("Gather", [0, 2, 1, 1], axis=1),
        "gather_2: values must change places as transpositions, reshapes and repetitions make "
        "them; leave out what mixes them in another way",
    ),
    "chosen": (
        chosen,
        "qlinearwhere_2: operator com.microsoft.QLinearWhere is not supported; put the standard "
        "operator between DequantizeLinear and QuantizeLinear",
    ),
}


@pytest.mark.parametrize("codes", ["uint8", "int8"])
@pytest.mark.parametrize("name", REFUSED)
def test_refused_by_what_is_wrong(name: str, codes: str) -> None:
    build, message = REFUSED[name]
    with pytest.raises(CompileError) as refusal:
        check_interpreter(build(codes))
    assert str(refusal.value) == message


def test_linear_values_in_hardware(tmp_path: Path) -> None:
    path = tmp_path / "linear.onnx"
    onnx.save(resized("linear")("int8"), path)
    compilation = compile_model(path)
    (frames,) = compilation.test.inputs.values()
    result = run_hardware(
        compilation, frames, tmp_path, stalled_frames=2, seed=3, simulator=simulate_netlist
    )
    assert result.fault is None
    assert compare_cycles(compilation, result) is None
