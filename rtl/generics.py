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
    Element,
    Fifo,
    GlobalAverage,
    Input,
    Kernel,
    Lookup,
    MaxPool,
    Output,
    ProcessingElement,
    WidthConverter,
)
from ir.errors import CompileError
from ir.numbers import IntegerType
from ir.requantize import Requantization, ScaleRequantization
from rtl.tables import Table, tables

PACKAGE = "work.millrace_pkg"


@dataclass(frozen=True, slots=True)
class Context:
    """VHDL expressions that an element's generics refer to.

    ``knobs``: by suffix, the name of the top's generic; ``input_lanes``, ``output_lanes``: of its
    streams; ``tables``: the package of its constants.
    """

    knobs: Mapping[str, str]
    input_lanes: str
    output_lanes: str
    tables: str


Formals = dict[str, str]
"""Actual by formal, in the order of the entity's declaration."""


@singledispatch
def instance(element: Element, context: Context) -> tuple[str, Formals]:
    """Return the entity that does the work of ``element``, and its generics.

    Raises:
        CompileError: no entity of the library does this work.
    """
    raise _no_entity(element, type(element).__name__)


def _no_entity(element: Element, kind: str) -> CompileError:
    return CompileError(
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
        "pad_value": str(_pattern(element.pad_value, number)),
    }


@instance.register
def _output(element: Output, context: Context) -> tuple[str, Formals]:
    return "axis_output", {
        **_number("", element.output.number),
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
def _processing_element(element: ProcessingElement, context: Context) -> tuple[str, Formals]:
    if element.depthwise:
        raise _no_entity(element, "depthwise convolutions")
    shape = element.input.shape
    formals = {
        **_number("input", element.input.number),
        "height": str(shape.height),
        "width": str(shape.width),
        "channels": str(shape.channels),
        **_kernel(element.kernel),
        "pad_value": str(_pattern(element.pad_value, element.input.number)),
        "output_channels": str(element.weights.shape[3]),
        **_number("weight", element.weight_number),
        "accumulator_bits": str(element.accumulator.bits),
        **_number("convolved", element.convolved),
        **_requantization(element.requantization),
        **_number("output", element.output.number),
        "has_table": _boolean(element.table is not None),
        **_constants(tables(element), context),
    }
    if element.pool is not None:
        pool = _pool_kernel(element, element.pool)
        formals |= {"has_pool": "true"} | {f"pool_{name}": value for name, value in pool.items()}
    return "processing_element", {**formals, **context.knobs}


@instance.register
def _max_pool(element: MaxPool, context: Context) -> tuple[str, Formals]:
    shape = element.source.output.shape
    return "max_pool", {
        **_number("", element.output.number),
        "lanes": context.input_lanes,
        "height": str(shape.height),
        "width": str(shape.width),
        "channels": str(shape.channels),
        **_pool_kernel(element, element.kernel),
        "fifo_depth": context.knobs["fifo_depth"],
    }


@instance.register
def _global_average(element: GlobalAverage, context: Context) -> tuple[str, Formals]:
    shape = element.source.output.shape
    return "global_average", {
        **_number("", element.source.output.number),
        "lanes": context.input_lanes,
        "pixels": str(shape.pixels),
        "channels": str(shape.channels),
        "accumulator_bits": str(element.accumulator.bits),
        **_number("output", element.output.number),
        **_scale(element, element.requantization),
        **_constants(tables(element), context),
        "fifo_depth": context.knobs["fifo_depth"],
    }


@instance.register
def _affine(element: Affine, context: Context) -> tuple[str, Formals]:
    return "pointwise", {
        "operation": f"{PACKAGE}.op_requantize",
        **_pointwise(element, context),
        **_scale(element, element.requantization),
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
        **_number("", source.number),
        "lanes": context.input_lanes,
        "channels": str(source.shape.channels),
        "index_bits": str(element.output.number.bits),
        "fifo_depth": context.knobs["fifo_depth"],
    }


def _pointwise(element: Affine | Lookup, context: Context) -> Formals:
    return {
        **_number("input", element.source.output.number),
        **_number("output", element.output.number),
        "lanes": context.input_lanes,
        "folds": f"{element.output.shape.channels} / {context.input_lanes}",
    }


def _number(role: str, number: IntegerType) -> Formals:
    signed = f"{role}_signed" if role else "is_signed"
    return {f"{role}_bits".lstrip("_"): str(number.bits), signed: _boolean(number.signed)}


def _kernel(kernel: Kernel) -> Formals:
    return {
        "kernel_height": str(kernel.height),
        "kernel_width": str(kernel.width),
        "stride_height": str(kernel.stride_height),
        "stride_width": str(kernel.stride_width),
        "dilation_height": str(kernel.dilation_height),
        "dilation_width": str(kernel.dilation_width),
        "pad_top": str(kernel.pad_top),
        "pad_left": str(kernel.pad_left),
        "pad_bottom": str(kernel.pad_bottom),
        "pad_right": str(kernel.pad_right),
    }


def _pool_kernel(element: Element, kernel: Kernel) -> Formals:
    if max(kernel.dilation_height, kernel.dilation_width) > 1:
        raise CompileError(
            "print",
            element.layer,
            "a max pool's dilation must be 1",
            "use a pool without dilation",
        )
    formals = _kernel(kernel)
    return {name: value for name, value in formals.items() if "dilation" not in name}


def _requantization(function: Requantization) -> Formals:
    if isinstance(function, ScaleRequantization):
        return {
            "requantization": f"{PACKAGE}.scale",
            "multiplier_bits": str(function.multiplier_bits),
            "offset_bits": str(function.offset_bits),
            "shift": str(function.shift),
            "low": str(function.low),
            "high": str(function.high),
        }
    return {
        "requantization": f"{PACKAGE}.steps",
        "low": str(function.low),
        "levels": str(function.levels),
    }


def _scale(element: GlobalAverage | Affine, function: Requantization) -> Formals:
    if not isinstance(function, ScaleRequantization):
        raise CompileError(
            "print",
            element.layer,
            "requantization must be a multiplier, not a table of thresholds",
            "quantize the model with snapped scales (compile the float model)",
        )
    formals = _requantization(function)
    del formals["requantization"]
    return formals


def _constants(constants: tuple[Table, ...], context: Context) -> Formals:
    return {table.generic: f"work.{context.tables}.{table.generic}" for table in constants}


def _boolean(value: bool) -> str:
    return "true" if value else "false"


def _pattern(value: int, number: IntegerType) -> int:
    """Return the bit pattern of ``value`` as a natural number."""
    return value & ((1 << number.bits) - 1)
