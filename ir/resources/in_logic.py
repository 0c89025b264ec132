"""Products without multipliers: a multiple of one factor for each two bits of the other, added."""

from __future__ import annotations

from ir.numbers import IntegerType
from ir.resources.part import Part

TABLE_BITS = 4
"""Up to so many bits of a value and 3 or as many of a weight, two tables hold the products."""

TABLE_LUTS = 14
"""Of such a product (row_sums.vhd)."""


def logic_products(
    value: IntegerType, factor: int, products: int, values: int, registered: bool = False
) -> Part:
    """Return products of ``value`` numbers with signed ones of ``factor`` bits: ``multiples``.

    ``values``: how many different ones are multiplied; the triple of each is formed once.
    ``registered``: whether a register holds the products.
    LUT: ``bits`` of multiples that are chosen, the topmost digit's without a triple; of the adders;
    and of the triples.  FF: the multiples, the sign of the factor, and products.
    """
    digits = -(-factor // 2)
    chosen = (digits - 1) * (value.bits + 2) + value.bits + 1
    tripled = value.bits - 1 if digits > 1 else 0
    lut = {"bits": products * (chosen + _adders(value, factor)) + values * tripled}
    ff = {
        "chosen": products * (chosen + 1),
        "product": products * (value.bits + factor) if registered else 0,
    }
    return Part("logic_products", lut, ff)


def table_products(products: int, bits: int) -> Part:
    """Return products of a few bits, ``bits`` each: two tables, one adder."""
    lut = {"tables": products * TABLE_LUTS}
    return Part("table_products", lut, {"tables": products * 3 * bits})


def _adders(value: IntegerType, factor: int) -> int:
    """Return the LUTs of the adders that make one number of the multiples of all digits.

    A sum takes one where both operands have a bit, and if they are signed up to the top of the
    longer one: its carry chain needs none above them.  The lower bits of the lower one pass it by.
    """
    digits, product = -(-factor // 2), value.bits + factor
    nodes = [(2 * digit, value.bits + 2) for digit in range(digits - 1)]
    nodes.append((2 * digits - 2, value.bits + 1))
    luts, passing = 0, 2
    while len(nodes) > 1:
        sums = []
        for (place, low), (_, high) in zip(nodes[::2], nodes[1::2], strict=False):
            upper, room = low - passing, product - place
            luts += min(max(upper, high) if value.signed else min(upper, high), room - passing)
            sums.append((place, min(max(upper, high) + 1 + passing, room)))
        nodes = sums + nodes[2 * len(sums) :]
        passing *= 2
    return luts
