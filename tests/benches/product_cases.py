"""Cases of ``product_tb``: values from the interpreter, edges edge by edge."""

from __future__ import annotations

from harness import Case
from pairs import INT8, UINT8, case_of, number_generics, streams

from ir.elements import Product
from ir.numbers import IntegerType
from rtl.formals import signed_digits


def product_of(
    numbers: tuple[IntegerType, IntegerType, IntegerType],
    lanes: int,
    zero_points: tuple[int, int],
    factor: int,
    offset: int,
    shift: int,
    clamp: tuple[int, int],
    half_even: bool,
    depth: int,
) -> Product:
    """Return the element; ``numbers``: of a, b, output."""
    sources, output = streams(*numbers, lanes)
    return Product(
        "dut", "", sources, output, zero_points, factor, offset, shift, *clamp, half_even, depth
    )


def _case(name: str, seed: int, element: Product) -> Case:
    generics = {
        **number_generics(element),
        "zero_point_a": element.zero_points[0],
        "zero_point_b": element.zero_points[1],
        "factor": element.factor,
        "offset": signed_digits(element.offset),
        "shift": element.shift,
        "low": element.low,
        "high": element.high,
        "half_even": element.half_even,
    }
    return case_of(name, seed, element, generics)


I8S, U8S = (INT8, INT8, INT8), (UINT8, UINT8, UINT8)
MIXED = (IntegerType(12, True), IntegerType(3, False), IntegerType(5, True))
WIDE = (IntegerType(16, True), IntegerType(16, False), IntegerType(16, True))
BITS = (IntegerType(1, True), IntegerType(1, False), IntegerType(2, True))
PRODUCTS = {
    "power of two, half even": product_of(U8S, 2, (3, 200), 1, 77 << 8, 8, (0, 255), True, 9),
    "short factor, half even": product_of(I8S, 1, (-128, 127), 21, -3, 12, (-128, 127), True, 9),
    "floor": product_of(U8S, 3, (0, 255), 181, 12345, 14, (10, 250), False, 8),
    "shallow FIFO": product_of(I8S, 1, (0, 0), 1, 0, 7, (-100, 99), False, 1),
    "negative factor": product_of(U8S, 1, (9, 4), -3, 1 << 14, 9, (0, 255), True, 4),
    "no shift": product_of(I8S, 1, (1, -1), 1, -7, 0, (-128, 127), True, 9),
    "mixed types": product_of(MIXED, 4, (-2048, 7), 300, -4096, 18, (-16, 15), False, 8),
    "beyond 32 bits": product_of(
        WIDE, 1, (-5, 65535), 2**30 - 7, -(2**44), 47, (-32768, 32767), True, 9
    ),
    "single bits": product_of(BITS, 2, (0, 1), 1, -1, 0, (-2, 1), False, 8),
    "factor of zero": product_of(I8S, 1, (0, 0), 0, 5, 0, (-128, 127), False, 8),
    "shift beyond the sum": product_of(I8S, 1, (1, 1), 1, 0, 30, (-128, 127), False, 8),
}
CASES = tuple(
    _case(name, seed, product) for seed, (name, product) in enumerate(PRODUCTS.items(), 1)
)
