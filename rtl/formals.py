"""Actual generics that several elements have in common, as VHDL text."""

from __future__ import annotations

from ir.elements import (
    Affine,
    AveragePool,
    Element,
    GlobalAverage,
    Kernel,
    LayerNormalization,
    Sharing,
)
from ir.errors import CompileError
from ir.numbers import IntegerType
from ir.requantize import Requantization, ScaleRequantization, Scaling

PACKAGE = "work.millrace_pkg"

Formals = dict[str, str]
"""Actual by formal, in the order of the entity's declaration."""


def number_formals(role: str, number: IntegerType) -> Formals:
    """Return the generics of a type; ``role``: prefix of their names, if any."""
    signed = f"{role}_signed" if role else "is_signed"
    return {f"{role}_bits".lstrip("_"): str(number.bits), signed: boolean(number.signed)}


def kernel_formals(kernel: Kernel) -> Formals:
    """Return the generics of a window."""
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


def pool_formals(element: Element, kernel: Kernel) -> Formals:
    """Return the generics of a pool's window, which has no dilation."""
    if max(kernel.dilation_height, kernel.dilation_width) > 1:
        raise CompileError(
            "print",
            element.layer,
            "a max pool's dilation must be 1",
            "use a pool without dilation",
        )
    formals = kernel_formals(kernel)
    return {name: value for name, value in formals.items() if "dilation" not in name}


def sharing_formals(sharing: Sharing) -> Formals:
    """Return the generics that say how products share multipliers."""
    if sharing.in_logic:
        return {"products_in_logic": "true"}
    return {
        "packing": str(sharing.rows),
        "spacing": str(sharing.spacing),
        "overlap": boolean(sharing.overlap),
        "chain": str(sharing.chain),
    }


def requantization_formals(function: Requantization) -> Formals:
    """Return the generics of a requantization in a processing element."""
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


def scale_formals(
    element: GlobalAverage | Affine | AveragePool | LayerNormalization, function: Requantization
) -> Formals:
    """Return the generics of a requantization by a multiplier."""
    if not isinstance(function, ScaleRequantization):
        raise CompileError(
            "print",
            element.layer,
            "requantization must be a multiplier, not a table of thresholds",
            "quantize the model with snapped scales (compile the float model)",
        )
    formals = requantization_formals(function)
    del formals["requantization"]
    return formals


def scaling_formals(scaling: Scaling) -> Formals:
    """Return the generic that says what multiplies, if not multipliers."""
    return {} if scaling is Scaling.MULTIPLIED else {"scaling": f"{PACKAGE}.{scaling.value}"}


def boolean(value: bool) -> str:
    """Return the VHDL literal."""
    return "true" if value else "false"


def bit_pattern(value: int, number: IntegerType) -> int:
    """Return the bit pattern of ``value`` as a natural number."""
    return value & ((1 << number.bits) - 1)


def signed_digits(value: int) -> str:
    """Return the shortest two's complement of ``value`` in binary digits."""
    bits = (value if value >= 0 else ~value).bit_length() + 1
    return format(value & ((1 << bits) - 1), f"0{bits}b")
