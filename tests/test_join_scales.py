"""Scales of tensors that are joined: short exact sums, concatenations that only move values."""

from __future__ import annotations

import numpy as np
import onnx
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from onnx import numpy_helper

from frontend.exactness import Quantized
from frontend.join_scales import FACTOR_BITS, MOST_GROWTH, Group, align
from frontend.quantize import quantize
from ir.elements import (
    Concatenate,
    Extremum,
    Fork,
    Lookup,
    Merge,
    ProcessingElement,
    Product,
)
from ir.errors import CompileError
from ir.sum_proof import short_sum
from rewrite.lower import Lowered
from tests.branching_networks import Network, compiled

IMAGE = (3, 12, 10)


def elements(lowered: Lowered, kind: type) -> list[object]:
    return [e for e in lowered.graph if isinstance(e, kind)]


def merges(lowered: Lowered) -> list[Merge]:
    return [e for e in lowered.graph if isinstance(e, Merge)]


def assert_short(merge: Merge) -> None:
    """Each factor alone is FACTOR_BITS long; over one denominator they may be longer."""
    for factor in map(abs, merge.factors):
        assert factor // (factor & -factor) < 1 << FACTOR_BITS, merge.factors
    assert merge.half_even or merge.shift == 0


def scales(model: onnx.ModelProto) -> dict[str, tuple[float, int]]:
    """Return (scale, zero point) by the tensor that is quantized."""
    constants = {i.name: numpy_helper.to_array(i) for i in model.graph.initializer}
    return {
        n.input[0].removesuffix("_QuantizeLinear_Input"): (
            float(constants[n.input[1]]), int(constants[n.input[2]])
        )
        for n in model.graph.node if n.op_type == "QuantizeLinear"
    }  # fmt: skip


def test_residual_network() -> None:
    """Identity shortcuts (one scale for a sum and a convolution), a strided one, sums in a row."""
    net = Network(IMAGE)
    x = net.conv("x", 8, relu=True)
    for channels, stride in ((8, 1), (8, 1), (12, 2), (12, 1)):
        y = net.conv(net.conv(x, channels, 3, stride, relu=True), channels)
        shortcut = x if channels == net.channels[x] else net.conv(x, channels, 1, stride)
        x = net.add("Relu", net.add("Add", shortcut, y))
    quantized, lowered = compiled(net, net.head(x))
    assert len(merges(lowered)) == 4
    for merge in merges(lowered):
        assert_short(merge)
        assert (merge.low, merge.high) == (0, 255)
    assert not elements(lowered, Lookup)
    assert len(elements(lowered, Fork)) == 4
    assert all(s.exact_channels == s.channels for s in quantized.snapping)


def test_both_operands_are_sums_already() -> None:
    net = Network(IMAGE)
    a, b, c = (net.conv("x", 4) for _ in range(3))
    first, second = net.add("Add", a, b), net.add("Add", c, net.conv("x", 4))
    _, lowered = compiled(net, net.add("Add", first, second))
    assert len(merges(lowered)) == 3
    for merge in merges(lowered):
        assert_short(merge)


def test_difference_of_operands_of_sums() -> None:
    net = Network(IMAGE)
    a, b = net.conv("x", 4), net.conv("x", 4)
    total, difference = net.add("Add", a, b), net.add("Sub", a, b)
    _, lowered = compiled(net, net.add("Add", total, net.add("Relu", difference)))
    by_layer = {merge.layer: merge for merge in merges(lowered)}
    assert len(by_layer) == 3
    del by_layer["add_2"]  # one operand and the result are bound by the others
    for merge in by_layer.values():
        assert_short(merge)
    assert len(elements(lowered, Lookup)) == 1  # the negative


def test_products_have_short_factors() -> None:
    """A product of layers, one with a gate behind it, and one whose result an Add binds."""
    net = Network(IMAGE)
    first = net.add("Relu", net.add("Mul", net.conv("x", 4), net.conv("x", 4)))
    gated = net.add("Mul", first, net.add("Sigmoid", net.conv("x", 4)))
    bound = net.add("Mul", net.conv("x", 4), net.conv("x", 4))
    _, lowered = compiled(net, net.add("Add", gated, bound))
    products = [e for e in lowered.graph if isinstance(e, Product)]
    assert len(products) == 3
    for product in products:
        assert product.half_even
        assert product.factor < 1 << FACTOR_BITS
    assert not elements(lowered, Lookup)


@pytest.mark.parametrize("operator", ["Max", "Min"])
def test_what_is_compared_has_one_scale(operator: str) -> None:
    net = Network(IMAGE)
    chosen = net.add(operator, net.conv("x", 4), net.conv("x", 4))
    _, lowered = compiled(net, net.add(operator, chosen, net.conv("x", 4)))
    assert len(elements(lowered, Extremum)) == 2
    assert not elements(lowered, Lookup)


def test_a_clamped_operand_of_a_maximum_has_a_table() -> None:
    net = Network(IMAGE)
    _, lowered = compiled(net, net.add("Max", net.conv("x", 4, relu=True), net.conv("x", 4)))
    assert len(elements(lowered, Extremum)) == 1
    assert elements(lowered, Lookup)


def test_input_is_added() -> None:
    """The scale of the model's input is given."""
    net = Network(IMAGE)
    _, lowered = compiled(net, net.add("Add", "x", net.conv("x", 3)))
    (merge,) = merges(lowered)
    assert_short(merge)


def test_sum_of_bounded_activations() -> None:
    """A scale must not grow past the bound that saturation stands for."""
    net = Network(IMAGE)
    six = net.constant(np.array(0.75, np.float32)), net.constant(np.array(0, np.float32))
    a = net.add("Clip", net.conv("x", 4), six[1], six[0])
    quantized, lowered = compiled(net, net.add("Add", a, net.conv("x", 4, relu=True)))
    assert len(merges(lowered)) == 1
    scale, zero_point = scales(quantized.model)[a]
    assert (255 - zero_point) * scale <= 0.75


def test_densely_connected_network() -> None:
    """One scale and no table for what is concatenated again and again."""
    net = Network(IMAGE)
    x = net.conv("x", 4, relu=True)
    for _ in range(3):
        x = net.concat(x, net.conv(net.conv(x, 8, 1, relu=True), 4, relu=True))
    quantized, lowered = compiled(net, net.head(x))
    assert len(elements(lowered, Concatenate)) == 3
    assert not elements(lowered, Lookup)
    joined = {scale for name, scale in scales(quantized.model).items() if name.startswith("concat")}
    assert len(joined) == 1


def test_clamped_beside_unclamped() -> None:
    """Saturation at 0 needs the zero point 0, which the other operand cannot use: one table."""
    net = Network(IMAGE)
    joined = net.concat(net.conv("x", 4, relu=True), net.conv("x", 4))
    _, lowered = compiled(net, net.conv(joined, 3))
    assert len(elements(lowered, Lookup)) == 1


def test_sum_of_concatenations() -> None:
    net = Network(IMAGE)
    a = net.concat(net.conv("x", 2), net.conv("x", 2))
    _, lowered = compiled(net, net.add("Add", a, net.conv("x", 4)))
    (merge,) = merges(lowered)
    assert_short(merge)
    assert not elements(lowered, Lookup)


def test_depthwise_separable_network() -> None:
    net = Network(IMAGE)
    x = net.conv("x", 8, 3, 2, relu=True)
    for channels, stride in ((12, 1), (16, 2)):
        x = net.conv(x, net.channels[x], 3, stride, group=net.channels[x], relu=True)
        x = net.conv(x, channels, 1, relu=True)
    quantized, lowered = compiled(net, net.head(x))
    built = [e for e in lowered.graph if isinstance(e, ProcessingElement)]
    assert [e.depthwise for e in built] == [False, True, False, True, False, False]
    assert all(s.exact_channels == s.channels for s in quantized.snapping)


def test_sums_of_unlike_ranks_are_refused() -> None:
    """The batch of the vectors would be added along the rows of the images."""
    net = Network((1, 12, 10))
    row = net.add("MaxPool", net.conv("x", 1), kernel_shape=[12, 1])
    vector = net.add("Reshape", row, net.constant(np.array([-1, 10])))
    with pytest.raises(CompileError) as refusal:
        quantize(net.model(net.add("Add", net.conv("x", 1), vector)), net.frames())
    assert str(refusal.value) == (
        "add_4: Add must read tensors of one shape, but for axes of size 1; replace the layer"
    )


def test_scales_that_a_clamp_does_not_allow_are_refused() -> None:
    group = Group((0.0, 3.0), (0.0, 6.0), least=0.1, name="conv_1.y")
    with pytest.raises(CompileError) as refusal:
        group.at_least()
    assert str(refusal.value) == (
        "conv_1.y: one accumulator step passes the whole range of its activation; rescale its "
        "weights"
    )


ranges = st.tuples(st.floats(-50, 0), st.floats(0.01, 50))


@given(ranges, ranges, ranges, st.booleans())
@settings(max_examples=200, deadline=None)
def test_alignment_costs_little_and_is_short(
    a: tuple[float, float], b: tuple[float, float], c: tuple[float, float], fixed: bool
) -> None:
    """Factors as float32 has them are short; no scale grows by more than 1/16."""
    first = Group(a, quantized=Quantized(np.float32(0.0371), 5) if fixed else None)
    groups = (first, Group(b), Group(c))
    wanted = [g.present.scale for g in groups]
    align(*groups)
    chosen = [g.present for g in groups]
    for before, after in zip(wanted, chosen, strict=True):
        assert 1 <= float(after.scale) / float(before) <= 1 + MOST_GROWTH
    ratios = chosen[0].scale / chosen[2].scale, chosen[1].scale / chosen[2].scale
    zeros = chosen[0].zero_point, chosen[1].zero_point
    if not fixed and max(np.abs(np.log2(ratios))) < 3:
        assert short_sum(ratios, zeros, chosen[2].zero_point, (0, 255)) is not None


def test_the_factor_of_an_average_is_in_the_scale() -> None:
    net = Network(IMAGE)
    total = net.add("Add", net.conv("x", 4), net.conv("x", 4))
    mean = net.add("Mul", total, net.constant(np.array(0.5, np.float32)))
    kept, lowered = compiled(net, mean)
    assert not elements(lowered, Lookup)
    found = scales(kept.model)
    assert found[mean] == (found[total][0] / 2, found[total][1])
