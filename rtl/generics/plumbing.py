"""Ports, FIFOs, forks and width converters."""

from __future__ import annotations

from ir.elements import Fifo, Fork, Input, Output, WidthConverter
from rtl.formals import Formals, bit_pattern, number_formals
from rtl.generics.context import Context, instance


@instance.register
def _input(element: Input, context: Context) -> tuple[str, Formals]:
    number = element.output.number
    return "axis_input", {
        "bits": str(number.bits),
        "lanes": context.output_lanes,
        "beats": str(element.output.beats),
        "pad_value": str(bit_pattern(element.pad_value, number)),
        **_buffered(element),
    }


@instance.register
def _output(element: Output, context: Context) -> tuple[str, Formals]:
    return "axis_output", {
        **number_formals("", element.output.number),
        "lanes": context.input_lanes,
        "beats": str(element.output.beats),
        **_buffered(element),
    }


def _buffered(element: Input | Output) -> Formals:
    return {} if element.buffered else {"buffered": "false"}


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
