"""Elements that read several streams."""

from __future__ import annotations

from ir.elements import Concatenate, Merge
from ir.errors import CompileError
from rtl.formals import Formals, boolean, number_formals, signed_digits
from rtl.generics.context import Context, instance


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
