"""Scales of tensors that are joined: added, multiplied, compared or concatenated.

onnxruntime adds two codes with the float32 factors f32(sa/sy) and f32(sb/sy).  If both are numbers
m * 2^-e with short m, the sum is exact in float32 and in a few adders alike, rounding to even
included.  So the scales of what an Add reads and writes are chosen together: one as its range asks
for it, the others grown by 1/32 or so until the factors are some 6 bits long.

It multiplies two codes with the float32 factor f32(f32(sa*sb)/sy), which the choice of sy alone
makes short.

A MatMul of two tensors is requantized like a layer with weights: its scale is snapped as theirs.

A Concat only moves values, and a Max or Min only compares them, if all its operands and its result
have one scale: they get the scale of their common range.  Operands that are clamped in other ways
keep their own, for saturation does the clamping; a table then takes their codes to the result's.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import onnx

from frontend.activation_scales import clamped_scale, range_scale, short_scale
from frontend.exactness import NEIGHBOURS, Quantized
from frontend.plan import (
    ADDING,
    AVERAGING,
    CHOOSING,
    CONCATENATING,
    JOINING,
    MATRIX_PRODUCTS,
    MOVING,
    MULTIPLYING,
    WEIGHTED,
    Plan,
    tensor_shapes,
)
from frontend.snap_product import snap_product
from ir.errors import CompileError

FACTOR_BITS = 6
"""Width of the factors of a sum or product, where the scales can be chosen."""
LONGEST_FACTOR = 1 << 9
"""Factors tried where an operand has its scale already."""
MOST_GROWTH = 1 / 16
"""What a scale may lose for that; beyond it, a sum with longer factors is better."""

Range = tuple[float, float]
Least = Callable[[onnx.NodeProto, Quantized], float]
"""Returns the smallest output scale that a Conv or Gemm with this input scale allows."""


@dataclass(slots=True, eq=False)
class Group:
    """Tensors of one scale.

    ``values``: their common range.  ``clamp``: what saturation has to do.  ``average``: its scale
    follows from its input's, later.  ``least``: smallest scale that the producers allow.
    ``quantized``: the choice, once made.  ``name``: a tensor of the group.
    ``short``: the scale must have few digits, for sums in float32.
    """

    values: Range
    clamp: tuple[float, float] | None = None
    average: bool = False
    least: float = 0.0
    quantized: Quantized | None = None
    name: str = ""
    short: bool = False

    @property
    def movable(self) -> bool:
        """True if the scale may still grow; a bound above would be passed."""
        growing = self.clamp in (None, (0.0, np.inf))
        return self.quantized is None and growing and not self.average

    def at_least(self, scale: float = 0.0) -> Quantized:
        """Return the smallest scale from ``scale`` up that covers the range.

        Raises:
            CompileError: a step of the producer's accumulators is larger than the clamp allows.
        """
        least = max(self.least, scale)
        if self.clamp is None and not self.short:
            return range_scale(self.values, least)
        try:
            if self.clamp is None or self.short:
                return short_scale(self.values, self.clamp, least)
            return clamped_scale(self.values, self.clamp, least)
        except ValueError as error:
            raise CompileError("quantize", self.name, str(error), "rescale its weights") from error

    @property
    def present(self) -> Quantized:
        """The choice, or what it would be without joins."""
        return self.quantized or self.at_least()


def join_scales(
    plan: Plan, ranges: Mapping[str, Range], given: Mapping[str, Quantized], least: Least
) -> dict[str, Quantized]:
    """Return the scales of all tensors that take part in joins, those ``given`` left out.

    Args:
        plan: the quantization.
        ranges: by tensor.
        given: scales that cannot be chosen (the model's input), by tensor.
        least: smallest output scale of a Conv or Gemm.
    """
    inside = {name for region in plan.regions for name in region.nodes}
    nodes = [n for n in plan.model.graph.node if n.name not in inside and n.name not in plan.host]
    groups = make_groups(plan, nodes, ranges, given)
    for node in nodes:
        if node.op_type in WEIGHTED:
            target, source = groups[node.output[0]], groups[node.input[0]]
            slack = 1 + 2.0 ** (2 - FACTOR_BITS)  # the source may still grow
            target.least = max(target.least, slack * least(node, source.present))
    depths = {name: shape[-1] for name, shape in tensor_shapes(plan.model.graph).items() if shape}
    joined: set[Group] = set()
    for node in reversed(nodes):  # a sum of sums: the last one decides
        if node.op_type in JOINING:
            members = [groups[name] for name in (*node.input, *node.output)]
            joined.update(members)
            known = not any(member.average for member in members)
            if node.op_type in ADDING and known:
                align(*members)
            elif node.op_type in MULTIPLYING and known:
                align_product(*members)
            elif node.op_type in MATRIX_PRODUCTS and known:
                align_matrix_product(depths[node.input[0]], *members)
    return {
        name: group.present
        for name, group in groups.items()
        if group in joined and not group.average and name not in given
    }


def make_groups(
    plan: Plan,
    nodes: Sequence[onnx.NodeProto],
    ranges: Mapping[str, Range],
    given: Mapping[str, Quantized],
) -> dict[str, Group]:
    """Return the group of each tensor: which of them must, or had better, have one scale."""
    averages = {n.output[0] for n in nodes if n.op_type in AVERAGING}
    groups = {
        name: Group(
            ranges[name],
            plan.clamps.get(name),
            name in averages,
            quantized=given.get(name),
            name=name,
            short=name in plan.summed,
        )
        for name in plan.activations
    }
    for node in nodes:
        if node.op_type in MOVING:
            _unite(groups, node.input[0], node.output[0])
        elif node.op_type in (*CONCATENATING, *CHOOSING):
            free = [n for n in node.input if groups[n].movable]
            alike = len({groups[n].clamp for n in free}) == 1 and len(free) == len(node.input)
            for name in free:
                if alike or groups[name].clamp is None:
                    _unite(groups, name, node.output[0])
    return groups


def _unite(groups: dict[str, Group], source: str, target: str) -> None:
    """Let the tensors of ``target``'s group have the parameters of ``source``'s."""
    kept, dropped = groups[source], groups[target]
    if kept is dropped:
        return
    lows, highs = zip(kept.values, dropped.values, strict=True)
    kept.values = min(lows), max(highs)
    kept.clamp = kept.clamp or dropped.clamp
    kept.short |= dropped.short
    for name, group in groups.items():
        if group is dropped:
            groups[name] = kept


def align(first: Group, second: Group, result: Group) -> None:
    """Choose the scales of a sum's operands and result, as far as they are free."""
    operands = (first, second)
    if result.movable:
        fixed = [group.present.scale for group in operands if not group.movable]
        least = result.present.scale
        scale = _result_scale(fixed, least) if fixed else _rounded_up(least)
        result.quantized = result.at_least(float(least if scale is None else scale))
    target = result.present.scale
    fixed = [group.present.scale for group in operands if not group.movable]
    hopeless = not all(_is_short(scale / target) for scale in fixed)
    for group in operands:
        if group.movable:  # one short factor alone would only make for ties
            least = group.present.scale
            scale = None if hopeless else _operand_scale(least, target)
            group.quantized = group.at_least(float(least if scale is None else scale))


def align_product(first: Group, second: Group, result: Group) -> None:
    """Choose the scale of a product's result, or of one operand if the result's is given."""
    if not result.movable:
        for group, other in ((first, second), (second, first)):
            if group.movable and group is not other:
                other.quantized = other.present
                group.quantized = _factor_of(group, other.present.scale, result.present.scale)
                return
    for group in (first, second):
        group.quantized = group.present
    if result.movable:
        scale = _product_scale(first.present.scale * second.present.scale, result.present.scale)
        result.quantized = result.present if scale is None else result.at_least(float(scale))


def align_matrix_product(depth: int, first: Group, second: Group, result: Group) -> None:
    """Choose the scale of a product of matrices with ``depth`` products for each value, if free."""
    for group in (first, second):
        group.quantized = group.present
    if result.movable:
        result.quantized = snap_product(depth, first.present, second.present, result.at_least)


def _factor_of(group: Group, other: np.float32, result: np.float32) -> Quantized:
    """Return the parameters of an operand of which ``other`` makes a short multiple of ``result``.

    They stay what they would be if no scale up to MOST_GROWTH larger does.
    """
    least = group.present.scale
    wanted = float(least) * float(other) / float(result)
    exponent = int(np.floor(np.log2(wanted))) + 1 - FACTOR_BITS
    first = int(np.ceil(np.ldexp(wanted, -exponent)))
    for factor in range(first, int(first * (1 + MOST_GROWTH)) + 1):
        ratio = np.ldexp(np.float32(factor), exponent)
        for scale in _neighbours(float(ratio) * float(result) / float(other)):
            if scale >= least and scale * other / result == ratio:
                return group.at_least(float(scale))
    return group.present


def _product_scale(product: np.float32, least: np.float32) -> np.float32 | None:
    """Return a scale from ``least`` up of which ``product`` is a short multiple, in float32."""
    wanted = float(product) / float(least)
    exponent = int(np.floor(np.log2(wanted))) + 1 - FACTOR_BITS
    first = int(np.floor(np.ldexp(wanted, -exponent)))
    for factor in range(first, int(first / (1 + MOST_GROWTH)) - 1, -1):
        ratio = np.ldexp(np.float32(factor), exponent)
        for scale in _neighbours(float(product) / float(ratio)):
            if scale >= least and product / scale == ratio:
                return scale
    return None


def _rounded_up(scale: np.float32) -> np.float32:
    """Return a scale of 16 bits: its products with short factors are float32 numbers."""
    mantissa, exponent = np.frexp(np.float64(scale))
    return np.float32(np.ldexp(np.ceil(np.ldexp(mantissa, 16)), int(exponent) - 16))


def _operand_scale(least: np.float32, result: np.float32) -> np.float32 | None:
    """Return a scale from ``least`` up that is a short factor times ``result``, in float32."""
    wanted = float(least) / float(result)
    for bits in range(FACTOR_BITS, LONGEST_FACTOR.bit_length()):
        exponent = int(np.floor(np.log2(wanted))) + 1 - bits
        first = int(np.ceil(np.ldexp(wanted, -exponent)))
        for factor in range(first, int(first * (1 + MOST_GROWTH / 2)) + 1):
            ratio = np.ldexp(np.float32(factor), exponent)
            for scale in _neighbours(float(ratio) * float(result)):
                if scale >= least and scale / result == ratio:
                    return scale
    return None


def _result_scale(operands: Sequence[np.float32], least: np.float32) -> np.float32 | None:
    """Return a scale from ``least`` up of which all ``operands`` are short multiples."""
    candidates = []
    for factor in range(1, LONGEST_FACTOR, 2):
        exponent = int(np.floor(np.log2(float(operands[0]) / (factor * float(least)))))
        wanted = np.ldexp(float(operands[0]) / factor, -exponent)
        if wanted <= float(least) * (1 + MOST_GROWTH):
            candidates.append((factor.bit_length(), wanted, np.ldexp(np.float32(factor), exponent)))
    for _, wanted, ratio in sorted(candidates):
        for scale in _neighbours(wanted):
            exact = scale >= least and operands[0] / scale == ratio
            if exact and all(_is_short(operand / scale) for operand in operands):
                return scale
    return None


def _is_short(ratio: np.float32) -> bool:
    return bool(np.isfinite(ratio)) and float(ratio).as_integer_ratio()[0] < LONGEST_FACTOR


def _neighbours(value: float) -> Iterator[np.float32]:
    """Yield the float32 numbers around ``value``, the nearest first."""
    middle = np.float32(value).view(np.int32)
    for step in sorted(range(-NEIGHBOURS, NEIGHBOURS + 1), key=abs):
        yield np.int32(middle + step).view(np.float32)
