"""Sums of products and what makes codes of them: parts of processing elements."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace

import numpy as np

from ir.elements import IN_LOGIC, ProcessingElement
from ir.numbers import IntegerType
from ir.requantize import Scaling
from ir.resources.codes import lookup, requantization
from ir.resources.sums import depthwise_vector, serializer, sums_of_products
from rtl.formals import number_formals, requantization_formals, sharing_formals
from rtl.tables import Table, tables
from sim.alone import Value
from tools.resource_grid.random_elements import INT8, UINT4, UINT8, kernel, processing
from tools.resource_grid.sample import Sample

EIGHT = (UINT8, INT8, UINT8)
MIXED = (UINT8, INT8, INT8)
SIGNED = (INT8, INT8, INT8)
FOUR = (UINT4, IntegerType(4, True), UINT4)
TWO = (UINT4, IntegerType(2, True), UINT4)
"""Types of activations, weights and results."""


def sum_values(element: ProcessingElement) -> dict[str, Value]:
    """Return the generics that all sums have."""
    weights = tables(element)[0]
    return {
        "activation_bits": element.input.number.bits,
        "activation_signed": element.input.number.signed,
        "weight_bits": element.weight_number.bits,
        "weight_signed": element.weight_number.signed,
        "accumulator_bits": element.accumulator.bits,
        "steps": element.steps,
        "weights": weights.rows(),
    }


def matrix_sample(element: ProcessingElement) -> Sample:
    """Return the sums of an element."""
    sharing = sharing_formals(element.sharing)
    values = sum_values(element) | {
        "pe": element.pe,
        "simd": element.simd,
        "folds": element.folds,
        **({"logic_rows": element.pe} if element.sharing.in_logic else sharing),
    }
    return Sample(("matrix_vector", values), sums_of_products(element))


def matrices() -> Iterator[Sample]:
    """Yield dense layers and convolutions, folded from one multiplier to many."""
    k = kernel
    for element in (
        processing((1, 1, 64), 32, k(1), 1, 1),
        processing((1, 1, 64), 32, k(1), 8, 8),
        processing((1, 1, 16), 64, k(1), 8, 4, numbers=SIGNED),
        processing((1, 1, 32), 32, k(1), 8, 32, numbers=SIGNED),
        processing((1, 1, 64), 10, k(1), 2, 1),
        processing((1, 1, 64), 10, k(1), 10, 4),
        processing((1, 1, 128), 64, k(1), 4, 2),
        processing((8, 8, 4), 8, k(3), 8, 4),
        processing((8, 8, 8), 16, k(3), 4, 8),
        processing((8, 8, 3), 16, k(3), 4, 3),
        processing((8, 8, 1), 6, k(5), 6, 1),
        processing((8, 8, 16), 16, k(3), 4, 8, numbers=FOUR),
        processing((8, 8, 16), 16, k(3), 8, 16, numbers=FOUR),
        processing((8, 8, 16), 32, k(3), 8, 2, numbers=FOUR),
        processing((8, 8, 8), 16, k(3), 4, 8, numbers=TWO),
        processing((8, 8, 32), 32, k(3), 2, 2),
        processing((8, 8, 32), 64, k(3), 4, 8),
        processing((8, 8, 8), 16, k(3), 4, 4, shares=False),
        processing((8, 8, 6), 9, k(3), 3, 3),
        processing((8, 8, 5), 7, k(3), 7, 5),
        processing((1, 1, 64), 32, k(1), 4, 4),
        processing((8, 8, 16), 32, k(3), 4, 8, numbers=SIGNED),
        processing((8, 8, 8), 32, k(3), 2, 4),
    ):
        yield matrix_sample(element)


def depthwise() -> Iterator[Sample]:
    """Yield depthwise convolutions."""
    k = kernel
    # fmt: off
    for channels, multiplier, simd, numbers, size in (
        (8, 1, 1, EIGHT, 3), (8, 1, 4, SIGNED, 3), (16, 1, 8, SIGNED, 3),
        (16, 2, 4, EIGHT, 3), (32, 1, 2, EIGHT, 5),
        (64, 1, 2, SIGNED, 3), (8, 1, 8, FOUR, 3), (128, 1, 1, EIGHT, 3),
        (4, 2, 2, EIGHT, 3), (128, 1, 16, SIGNED, 3),
    ):
        # fmt: on
        element = processing(
            (8, 8, channels),
            channels * multiplier,
            k(size),
            simd * multiplier,
            simd,
            groups=channels,
            numbers=numbers,
        )
        values = sum_values(element) | {
            "lanes": element.pe,
            "multiplier": element.depth_multiplier,
            "blocks": element.folds,
        }
        yield Sample(("depthwise_vector", values), (depthwise_vector(element),))


def serializers() -> Iterator[Sample]:
    """Yield sums that leave in parts."""
    for width, parts in ((20, 2), (20, 4), (20, 8), (18, 3), (40, 2), (44, 4), (22, 16), (12, 5)):
        yield Sample(("serializer", {"width": width, "parts": parts}), (serializer(width, parts),))


def code_sample(element: ProcessingElement) -> Sample:
    """Return the requantization of an element."""
    lanes, folds = element.output.lanes, element.folds * element.parts
    function = requantization_formals(element.requantization)
    entity = "requantize" if "shift" in function else "threshold"
    if element.scaling is Scaling.SERIAL:
        entity = "serial_requantize"
    del function["requantization"]
    convolved = element.convolved
    values: dict[str, Value] = {
        "input_bits": element.accumulator.bits,
        **number_formals("output", convolved),
        **function,
        "lanes": lanes,
        "folds": folds,
        **{table.generic: table.rows() for table in tables(element)[1:]},
    }
    if element.scaling is Scaling.IN_LOGIC:
        values["in_logic"] = True
    own = requantization(
        element.requantization,
        element.accumulator.bits,
        convolved.bits,
        lanes,
        folds,
        element.scaling,
    )
    return Sample((entity, values), own)


def logic() -> Iterator[Sample]:
    """Yield products and requantizations without multipliers."""
    k = kernel
    for element in (
        processing((1, 1, 16), 8, k(1), 2, 2),
        processing((1, 1, 16), 8, k(1), 4, 4, numbers=SIGNED),
        processing((1, 1, 16), 8, k(1), 1, 8),
        processing((1, 1, 16), 8, k(1), 2, 4, numbers=(UINT8, IntegerType(5, True), UINT8)),
        processing((1, 1, 16), 8, k(1), 2, 4, numbers=(UINT8, IntegerType(4, True), UINT8)),
        processing((1, 1, 16), 8, k(1), 2, 4, numbers=(IntegerType(6, False), INT8, UINT8)),
        processing((1, 1, 16), 8, k(1), 2, 4, numbers=FOUR),
        processing((1, 1, 32), 16, k(1), 8, 8, numbers=FOUR),
        processing((8, 8, 4), 8, k(3), 4, 4, numbers=(UINT4, IntegerType(3, True), UINT4)),
        processing((1, 1, 72), 16, k(1), 1, 36),
        processing((1, 1, 64), 12, k(1), 3, 16, numbers=SIGNED),
    ):
        yield matrix_sample(replace(element, sharing=IN_LOGIC))
    for outputs, pe, lanes, bits in ((16, 4, 1, 8), (16, 4, 2, 8), (32, 2, 2, 12), (32, 8, 4, 6)):
        element = processing(
            (8, 8, 4), outputs, k(3), pe, 1, lanes, multiplier_bits=bits, shares=False
        )
        yield code_sample(replace(element, scaling=Scaling.IN_LOGIC))


def requantizations() -> Iterator[Sample]:
    """Yield multipliers."""
    k = kernel
    # fmt: off
    for channels, outputs, pe, lanes, numbers, bits in (
        (4, 16, 1, 1, EIGHT, 8), (4, 16, 4, 1, EIGHT, 8),
        (4, 16, 4, 2, EIGHT, 8), (8, 16, 4, 4, MIXED, 8),
        (16, 64, 4, 1, MIXED, 8), (16, 32, 2, 2, EIGHT, 12),
        (16, 32, 8, 8, EIGHT, 8), (64, 64, 4, 1, EIGHT, 16),
        (32, 128, 8, 2, EIGHT, 20), (8, 8, 8, 8, FOUR, 8), (8, 32, 4, 2, FOUR, 6),
        (16, 10, 10, 1, MIXED, 8), (16, 5, 5, 5, EIGHT, 8),
        (16, 6, 6, 6, EIGHT, 2), (16, 200, 4, 4, EIGHT, 8),
        (16, 256, 4, 2, EIGHT, 8),
    ):
        # fmt: on
        yield code_sample(
            processing(
                (8, 8, channels),
                outputs,
                k(3),
                pe,
                1,
                lanes,
                numbers=numbers,
                multiplier_bits=bits,
                shares=False,
            )
        )


def serial_requantizations() -> Iterator[Sample]:
    """Yield an adder instead of a multiplier."""
    k = kernel
    # fmt: off
    for channels, outputs, lanes, numbers, bits in (
        (4, 4, 1, EIGHT, 11), (4, 8, 1, EIGHT, 11), (4, 8, 2, EIGHT, 10), (4, 16, 1, EIGHT, 10),
        (8, 16, 2, MIXED, 8), (8, 32, 1, EIGHT, 11), (16, 64, 1, MIXED, 8), (32, 10, 1, MIXED, 10),
        (16, 32, 4, EIGHT, 9), (4, 12, 1, FOUR, 6), (16, 128, 1, EIGHT, 9), (16, 6, 6, EIGHT, 5),
        (4, 512, 1, EIGHT, 11), (4, 512, 2, EIGHT, 9), (4, 768, 1, EIGHT, 8),
    ):
        # fmt: on
        element = processing(
            (8, 8, channels),
            outputs,
            k(3),
            lanes,
            1,
            lanes,
            numbers=numbers,
            multiplier_bits=bits,
            shares=False,
        )
        yield code_sample(replace(element, scaling=Scaling.SERIAL))


def threshold_samples() -> Iterator[Sample]:
    """Yield thresholds."""
    k = kernel
    # fmt: off
    for channels, outputs, pe, lanes, numbers, levels in (
        (4, 16, 1, 1, FOUR, 15), (4, 16, 4, 2, FOUR, 15), (4, 64, 8, 8, FOUR, 15),
        (4, 16, 2, 1, FOUR, 7), (4, 8, 8, 8, FOUR, 3), (4, 32, 4, 1, EIGHT, 255),
        (4, 4, 2, 2, EIGHT, 255), (4, 16, 4, 1, EIGHT, 200),
        (2, 6, 1, 1, FOUR, 1), (4, 64, 1, 1, FOUR, 15),
    ):
        # fmt: on
        yield code_sample(
            processing(
                (8, 8, channels),
                outputs,
                k(3),
                pe,
                1,
                lanes,
                numbers=numbers,
                levels=levels,
                shares=False,
            )
        )


def lookups() -> Iterator[Sample]:
    """Yield tables."""
    # fmt: off
    for bits_in, bits_out, lanes in (
        (8, 8, 1), (8, 8, 2), (8, 8, 8), (4, 4, 4), (6, 8, 2), (8, 4, 1), (10, 8, 1), (12, 8, 1),
    ):
        # fmt: on
        table = np.random.default_rng(bits_in).integers(0, 1 << bits_out, 1 << bits_in)
        values: dict[str, Value] = {
            "input_bits": bits_in,
            "output_bits": bits_out,
            "lanes": lanes,
            "table": Table("table", table, bits_out).rows(),
        }
        yield Sample(("lookup", values), (lookup(table, bits_out, lanes),))
