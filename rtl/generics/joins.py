"""Elements that read several streams."""

from __future__ import annotations

from ir.elements import (
    Concatenate,
    DotProduct,
    Extremum,
    Merge,
    PairLookup,
    Pairwise,
    Product,
    SideBySide,
)
from ir.errors import CompileError
from rtl.formals import Formals, boolean, number_formals, requantization_formals, signed_digits
from rtl.generics.context import Context, constants, instance
from rtl.tables import tables


@instance.register
def _merge(element: Merge, context: Context) -> tuple[str, Formals]:
    _check_factors(element, *element.factors)
    return "merge", {
        **_pair(element, context),
        "factor_a": str(element.factors[0]),
        "factor_b": str(element.factors[1]),
        "offset": f'"{signed_digits(element.offset)}"',
        "shift": str(element.shift),
        "low": str(element.low),
        "high": str(element.high),
        "half_even": boolean(element.half_even),
        "zero_point": str(element.zero_point),
        "fifo_depth": context.knobs["fifo_depth"],
    }


def _pair(element: Pairwise | DotProduct, context: Context) -> Formals:
    first, second = element.sources
    return {
        **number_formals("input_a", first.output.number),
        **number_formals("input_b", second.output.number),
        **number_formals("output", element.output.number),
        "lanes": context.input_lanes,
    }


def _check_factors(element: Merge | Product, *factors: int) -> None:
    if any(not -(2**31) < factor < 2**31 for factor in factors):
        raise CompileError(
            "print",
            element.layer,
            f"its factors must be below 2**31, not {factors}",
            "quantize it with scales of fewer digits",
        )


@instance.register
def _product(element: Product, context: Context) -> tuple[str, Formals]:
    _check_factors(element, element.factor)
    return "product", {
        **_pair(element, context),
        "zero_point_a": str(element.zero_points[0]),
        "zero_point_b": str(element.zero_points[1]),
        "factor": str(element.factor),
        "offset": f'"{signed_digits(element.offset)}"',
        "shift": str(element.shift),
        "low": str(element.low),
        "high": str(element.high),
        "half_even": boolean(element.half_even),
        "fifo_depth": context.knobs["fifo_depth"],
    }


@instance.register
def _extremum(element: Extremum, context: Context) -> tuple[str, Formals]:
    return "extremum", {
        **number_formals("", element.output.number),
        "lanes": context.input_lanes,
        "minimum": boolean(element.minimum),
        "fifo_depth": context.knobs["fifo_depth"],
    }


@instance.register
def _pair_lookup(element: PairLookup, context: Context) -> tuple[str, Formals]:
    first, second = element.sources
    return "pair_lookup", {
        "input_a_bits": str(first.output.number.bits),
        "input_b_bits": str(second.output.number.bits),
        "output_bits": str(element.output.number.bits),
        "lanes": context.input_lanes,
        **constants(tables(element), context),
        "fifo_depth": context.knobs["fifo_depth"],
    }


@instance.register
def _dot_product(element: DotProduct, context: Context) -> tuple[str, Formals]:
    pair = _pair(element, context)
    del pair["lanes"]
    return "dot_product", {
        **pair,
        "zero_point_a": str(element.zero_points[0]),
        "zero_point_b": str(element.zero_points[1]),
        "channels": str(element.sources[0].output.shape.channels),
        "accumulator_bits": str(element.accumulator.bits),
        **requantization_formals(element.requantization),
        **constants(tables(element), context),
        **context.knobs,
    }


@instance.register
def _concatenate(element: Concatenate, context: Context) -> tuple[str, Formals]:
    return "concatenate", {
        "bits": str(element.output.number.bits),
        "channels": _channels(element, 1),
        "lanes": context.input_lanes,
        "fifo_depth": context.knobs["fifo_depth"],
    }


@instance.register
def _side_by_side(element: SideBySide, context: Context) -> tuple[str, Formals]:
    return "side_by_side", {
        "bits": str(element.output.number.bits),
        "channels": _channels(element, element.pixels),
        "pixels": str(element.pixels),
        "fifo_depth": context.knobs["fifo_depth"],
    }


def _channels(element: Concatenate | SideBySide, pixels: int) -> str:
    """Return the channels of each source, of one of ``pixels`` side by side, as an array."""
    channels = (source.output.shape.channels // pixels for source in element.sources)
    return f"({', '.join(map(str, channels))})"
