"""Elements that look at all channels of a pixel before they send the first."""

from __future__ import annotations

from ir.elements import LayerNormalization, Softmax
from ir.layer_normalization import element_half_width
from rtl.formals import Formals, boolean, number_formals, scale_formals
from rtl.generics.context import Context, constants, instance
from rtl.tables import tables


@instance.register
def _softmax(element: Softmax, context: Context) -> tuple[str, Formals]:
    return "softmax", {
        **number_formals("", element.source.output.number),
        "output_signed": boolean(element.output.number.signed),
        "lanes": context.input_lanes,
        "channels": str(element.output.shape.channels),
        "fraction_bits": str(element.fraction_bits),
        **constants(tables(element), context),
        "fifo_depth": context.knobs["fifo_depth"],
    }


@instance.register
def _layer_normalization(element: LayerNormalization, context: Context) -> tuple[str, Formals]:
    return "layer_normalization", {
        **number_formals("", element.source.output.number),
        **number_formals("output", element.output.number),
        "lanes": context.input_lanes,
        "channels": str(element.output.shape.channels),
        "epsilon": f'"{element.epsilon:b}"',
        "half_width": str(element_half_width(element)),
        **scale_formals(element, element.requantization),
        **constants(tables(element), context),
        "fifo_depth": context.knobs["fifo_depth"],
    }
