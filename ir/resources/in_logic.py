"""Products without multipliers: a multiple of one factor for each two bits of the other, added."""

from __future__ import annotations

from ir.resources.part import Part

TABLE_BITS = 4
"""Up to so many bits of a value and 3 or as many of a weight, two tables hold the products."""

TABLE_LUTS = 14
"""Of such a product (row_sums.vhd)."""


def logic_products(
    value: int, factor: int, products: int, values: int, registered: bool = False
) -> Part:
    """Return products of signed numbers of ``value`` and ``factor`` bits: ``multiples``.

    ``values``: how many different ones are multiplied; the triple of each is formed once.
    ``registered``: whether a register holds the products.
    LUT: ``chosen``, bits of multiples; ``added``, of the adders; ``tripled``.  FF: the multiples
    and products.
    """
    digits = -(-factor // 2)
    multiple = value + 2
    lut = {
        "chosen": products * digits * multiple,
        "added": products * _adders(digits, multiple),
        "tripled": values * multiple if digits > 1 else 0,
    }
    ff = {
        "chosen": products * (digits * multiple + 1),
        "product": products * (value + factor) if registered else 0,
    }
    return Part("logic_products", lut, ff)


def table_products(products: int, bits: int) -> Part:
    """Return products of a few bits, ``bits`` each: two tables, one adder."""
    lut = {"tables": products * TABLE_LUTS}
    return Part("table_products", lut, {"tables": products * 3 * bits})


def _adders(digits: int, multiple: int) -> int:
    """Return the bits of the adders that make one number of the multiples of all digits."""
    bits, level, nodes = 0, 0, digits
    while nodes > 1:
        # The lower bits pass the adder by.
        bits += nodes // 2 * (multiple + 2 * (2**level - 1) + 1)
        nodes = -(-nodes // 2)
        level += 1
    return bits
