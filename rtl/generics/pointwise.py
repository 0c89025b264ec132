"""Elements that work on each value or pixel alone."""

from __future__ import annotations

from ir.elements import Affine, ArgMax, Lookup, Rectifier
from rtl.formals import PACKAGE, Formals, boolean, number_formals, scale_formals
from rtl.generics.context import Context, constants, instance
from rtl.tables import signed_bits, tables


@instance.register
def _affine(element: Affine, context: Context) -> tuple[str, Formals]:
    return "pointwise", {
        "operation": f"{PACKAGE}.op_requantize",
        **_pointwise(element, context),
        **scale_formals(element, element.requantization),
        **constants(tables(element), context),
        "fifo_depth": context.knobs["fifo_depth"],
    }


@instance.register
def _lookup(element: Lookup, context: Context) -> tuple[str, Formals]:
    return "pointwise", {
        "operation": f"{PACKAGE}.op_lookup",
        **_pointwise(element, context),
        **({"shared_table": boolean(False)} if element.table.ndim > 1 else {}),
        **constants(tables(element), context),
        "fifo_depth": context.knobs["fifo_depth"],
    }


@instance.register
def _rectifier(element: Rectifier, context: Context) -> tuple[str, Formals]:
    return "rectifier", {
        **number_formals("input", element.source.output.number),
        **number_formals("output", element.output.number),
        "lanes": context.input_lanes,
        "folds": f"{element.multipliers.shape[1]} / {context.input_lanes}",
        "knee": str(element.knee),
        "multiplier_bits": str(signed_bits(element.multipliers)),
        "offset_bits": str(signed_bits(element.offsets)),
        "shift": str(element.shift),
        "low": str(element.low),
        "high": str(element.high),
        **constants(tables(element), context),
        "fifo_depth": context.knobs["fifo_depth"],
    }


@instance.register
def _arg_max(element: ArgMax, context: Context) -> tuple[str, Formals]:
    source = element.source.output
    return "argmax", {
        **number_formals("", source.number),
        "lanes": context.input_lanes,
        "channels": str(source.shape.channels),
        "index_bits": str(element.output.number.bits),
        "fifo_depth": context.knobs["fifo_depth"],
    }


def _pointwise(element: Affine | Lookup, context: Context) -> Formals:
    return {
        **number_formals("input", element.source.output.number),
        **number_formals("output", element.output.number),
        "lanes": context.input_lanes,
        "folds": f"{element.output.shape.channels} / {context.input_lanes}",
    }
