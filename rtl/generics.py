"""The generics of each element's entity.

Formal names are those of docs/elements.md and of the entities in `rtl/vhdl`.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from functools import singledispatch

from ir.elements import (
    Affine,
    ArgMax,
    Concatenate,
    Element,
    Fifo,
    Fork,
    GlobalAverage,
    Input,
    Lookup,
    MaxPool,
    Merge,
    Output,
    ProcessingElement,
    WidthConverter,
)
from ir.errors import CompileError
from rtl.formals import (
    PACKAGE,
    Formals,
    bit_pattern,
    boolean,
    kernel_formals,
    number_formals,
    pool_formals,
    requantization_formals,
    scale_formals,
    signed_digits,
)
from rtl.tables import Table, tables


@dataclass(frozen=True, slots=True)
class Context:
    """VHDL expressions that an element's generics refer to.

    ``knobs``: by suffix, the name of the top's generic; ``input_lanes``, ``output_lanes``: of its
    streams; ``ways``: readers of its stream; ``tables``: the package of its constants.
    """

    knobs: Mapping[str, str]
    input_lanes: str
    output_lanes: str
    tables: str
    ways: int = 1


@singledispatch
def instance(element: Element, context: Context) -> tuple[str, Formals]:
    """Return the entity that does the work of ``element``, and its generics.

    Raises:
        CompileError: no entity of the library does this work.
    """
    kind = type(element).__name__
    raise CompileError(
        "print",
        element.layer,
        f"the element library must have an entity for it, but has none for {kind}",
        "leave the layer out",
    )


@instance.register
def _input(element: Input, context: Context) -> tuple[str, Formals]:
    number = element.output.number
    return "axis_input", {
        "bits": str(number.bits),
        "lanes": context.output_lanes,
        "beats": str(element.output.beats),
        "pad_value": str(bit_pattern(element.pad_value, number)),
    }


@instance.register
def _output(element: Output, context: Context) -> tuple[str, Formals]:
    return "axis_output", {
        **number_formals("", element.output.number),
        "lanes": context.input_lanes,
        "beats": str(element.output.beats),
    }


@instance.register
def _width_converter(element: WidthConverter, context: Context) -> tuple[str, Formals]:
    return "width_converter", {
        "bits": str(element.output.number.bits),
        "input_lanes": context.input_lanes,
        "output_lanes": context.output_lanes,
    }


@instance.register
def _fifo(element: Fifo, context: Context) -> tuple[str, Formals]:
    width = f"{context.input_lanes} * {element.output.number.bits}"
    return "stream_fifo", {"depth": context.knobs["depth"], "width": width}


@instance.register
def _fork(element: Fork, context: Context) -> tuple[str, Formals]:
    width = f"{context.input_lanes} * {element.output.number.bits}"
    return "stream_fork", {"ways": str(context.ways), "width": width}


@instance.register
def _merge(element: Merge, context: Context) -> tuple[str, Formals]:
    first, second = element.sources
    limit = 2**31
    if any(not -limit <= factor < limit for factor in element.factors):
        raise CompileError(
            "print",
            element.layer,
            f"its factors must fit 32 bits, not be {element.factors}",
            "quantize it with scales of fewer digits",
        )
    return "merge", {
        **number_formals("input_a", first.output.number),
        **number_formals("input_b", second.output.number),
        **number_formals("output", element.output.number),
        "lanes": context.input_lanes,
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


@instance.register
def _concatenate(element: Concatenate, context: Context) -> tuple[str, Formals]:
    channels = (source.output.shape.channels for source in element.sources)
    return "concatenate", {
        "bits": str(element.output.number.bits),
        "channels": f"({', '.join(map(str, channels))})",
        "lanes": context.input_lanes,
        "fifo_depth": context.knobs["fifo_depth"],
    }


@instance.register
def _processing_element(element: ProcessingElement, context: Context) -> tuple[str, Formals]:
    shape = element.input.shape
    formals = {
        **number_formals("input", element.input.number),
        "height": str(shape.height),
        "width": str(shape.width),
        "channels": str(shape.channels),
        **kernel_formals(element.kernel),
        "pad_value": str(bit_pattern(element.pad_value, element.input.number)),
        "output_channels": str(element.weights.shape[3]),
        **number_formals("weight", element.weight_number),
        "accumulator_bits": str(element.accumulator.bits),
        **number_formals("convolved", element.convolved),
        **requantization_formals(element.requantization),
        **number_formals("output", element.output.number),
        "has_table": boolean(element.table is not None),
        **_constants(tables(element), context),
    }
    if element.pool is not None:
        pool = pool_formals(element, element.pool)
        formals |= {"has_pool": "true"} | {f"pool_{name}": value for name, value in pool.items()}
    if element.depthwise:
        formals |= {"depthwise": "true", "simd": context.knobs["pe"]}
    return "processing_element", {**formals, **context.knobs}


@instance.register
def _max_pool(element: MaxPool, context: Context) -> tuple[str, Formals]:
    shape = element.source.output.shape
    return "max_pool", {
        **number_formals("", element.output.number),
        "lanes": context.input_lanes,
        "height": str(shape.height),
        "width": str(shape.width),
        "channels": str(shape.channels),
        **pool_formals(element, element.kernel),
        "fifo_depth": context.knobs["fifo_depth"],
    }


@instance.register
def _global_average(element: GlobalAverage, context: Context) -> tuple[str, Formals]:
    shape = element.source.output.shape
    return "global_average", {
        **number_formals("", element.source.output.number),
        "lanes": context.input_lanes,
        "pixels": str(shape.pixels),
        "channels": str(shape.channels),
        "accumulator_bits": str(element.accumulator.bits),
        **number_formals("output", element.output.number),
        **scale_formals(element, element.requantization),
        **_constants(tables(element), context),
        "fifo_depth": context.knobs["fifo_depth"],
    }


@instance.register
def _affine(element: Affine, context: Context) -> tuple[str, Formals]:
    return "pointwise", {
        "operation": f"{PACKAGE}.op_requantize",
        **_pointwise(element, context),
        **scale_formals(element, element.requantization),
        **_constants(tables(element), context),
        "fifo_depth": context.knobs["fifo_depth"],
    }


@instance.register
def _lookup(element: Lookup, context: Context) -> tuple[str, Formals]:
    return "pointwise", {
        "operation": f"{PACKAGE}.op_lookup",
        **_pointwise(element, context),
        **_constants(tables(element), context),
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


def _constants(constants: tuple[Table, ...], context: Context) -> Formals:
    return {table.generic: f"work.{context.tables}.{table.generic}" for table in constants}
