"""Sums of products: matrix_vector, depthwise_vector, and the serializer behind them."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from functools import lru_cache

import numpy as np

from ir.elements import Input, Kernel, ProcessingElement, Shape, Sharing
from ir.elements.processing import weight_rows
from ir.numbers import IntArray, clog2
from ir.resources.count import Resources
from ir.resources.in_logic import TABLE_BITS, logic_products, table_products
from ir.resources.memory import SMALLEST_BLOCK_RAM, filled_words, rom
from ir.resources.part import Part
from ir.resources.products import dsps
from ir.resources.tables import (
    SHALLOW_WORDS,
    different_columns,
    logic_luts,
    most_columns,
    searched,
    split_by_depth,
    table_luts,
)
from ir.resources.trees import SHORTEST_SHIFT_REGISTER, Tree, nodes, row_tree


@dataclass(frozen=True, slots=True)
class _Folded:
    """What the sums depend on, the key of a cache: the weights are the same, not merely equal."""

    weights: int
    pe: int
    simd: int
    taps: int
    sharing: Sharing
    block_rom: bool
    element: ProcessingElement = field(compare=False)


def sums_of_products(element: ProcessingElement) -> tuple[Part, ...]:
    """Return the parts that multiply and add in ``element``."""
    folding = element.pe, element.simd, element.taps, element.sharing, element.block_rom
    return _sums_of_products(_Folded(id(element.weights), *folding, element))


@lru_cache(64)
def _sums_of_products(folded: _Folded) -> tuple[Part, ...]:
    element = folded.element
    if element.reads is not None:
        return (cluster_sums(element),)
    own = depthwise_vector(element) if element.depthwise else matrix_vector(element)
    return (own, _logic_products(element)) if element.sharing.in_logic else (own,)


def _logic_products(element: ProcessingElement) -> Part:
    number, weight = element.input.number, element.weight_number
    if number.bits <= TABLE_BITS and weight.bits in (TABLE_BITS - 1, TABLE_BITS):
        return table_products(element.products, number.bits + weight.bits)
    factor = _value_bits(weight.bits, weight.signed)
    return logic_products(number, factor, element.products, element.simd, registered=True)


def matrix_vector(element: ProcessingElement) -> Part:
    """Return the parts of matrix_vector.vhd in ``element``.

    LUT: ``rom`` and so on, those of tables in logic, ``late_rom`` where their address is a register
    behind that of the table before; ``multiplexed``, bits of block RAMs one behind the other;
    ``tree`` and ``sum``, bits of the adders behind the multipliers and of the accumulators;
    ``parity``, products of lowest bits, and what they correct; ``soft``, bits of products in logic;
    ``count``, of the counters, ``wraps``, of those that are set back.
    FF: the tree's registers and the accumulators'; ``borrow``, bits that wait beside the tree;
    ``word``, weights read from logic; ``ahead``, those of large ROMs, and when they are read;
    ``history``, values that wait for their place in a chain and are too few for a shift register,
    or for products in logic, which have no registers for them as DSPs do.
    """
    sharing, steps, folds = element.sharing, element.steps, element.folds
    words, width = folds * steps, element.pe * element.simd * element.weight_number.bits
    chain = sharing.chain
    chains = element.simd // chain
    whole, rest = divmod(element.pe, sharing.rows)
    # Rows that share multipliers, and how often there are as many of them.
    packs = {rows: count for rows, count in ((sharing.rows, whole), (rest, 1)) if rows and count}
    value = _value_bits(element.input.number.bits, element.input.number.signed)
    weight = _value_bits(element.weight_number.bits, element.weight_number.signed)
    multipliers, soft, tree = 0, 0, Tree()
    for rows, count in packs.items():
        packed = (rows - 1) * sharing.spacing + weight
        each = dsps(packed, value + (2 if rows > 1 else 0), packed + element.input.number.bits)
        if not sharing.in_logic:
            multipliers += count * each * element.simd
            soft += 0 if each else count * packed * value * element.simd
        for row in range(rows):
            # A DSP adds up two products, where these are all it holds.
            in_dsps = -1 if sharing.in_logic or not each else int(rows == chain == 1)
            product = packed + element.input.number.bits
            tree += count * row_tree(element, rows, row, product, chains, in_dsps)
    alone = multipliers > 0 and sharing.rows == chain == 1
    inside = alone and element.simd == 1  # the DSP accumulates
    sums = 0 if inside else element.pe * element.accumulator.bits
    filled = filled_words(words, width // chain) if element.block_rom else words
    table = rom(filled, width // chain)
    borrowed = sum(count * (rows - 1) for rows, count in packs.items())
    overlapped = borrowed * element.simd if sharing.overlap else 0
    columns = 0 if table.bram18 else _columns(element)
    counters = clog2(words) + clog2(steps)
    ahead = words > 1 and filled * (width // chain) >= SMALLEST_BLOCK_RAM
    held = columns or width
    beat = chains * element.input.number.bits
    levels = clog2(chains)
    shifted = nodes(chains, SHORTEST_SHIFT_REGISTER) if levels >= SHORTEST_SHIFT_REGISTER else 0
    lut = {
        "one": 1.0,
        **_rom_luts(words, columns, chain),
        "multiplexed": width * (table.rows - 1) if table.bram18 else 0,
        "tree": tree.adders,
        "sum": sums if steps > 1 else 0,
        "parity": overlapped + (borrowed * chains if sharing.overlap else 0),
        "soft": soft,
        "count": counters,
        "wraps": _wrapping(words) + _wrapping(steps),
    }
    ff = {
        "one": 1.0,
        # The registers of a DSP in front of its multiplier are two, of which this is one.
        "word": 0 if alone and not ahead else columns,
        "ahead": (0 if alone else held) + chain if ahead else 0,
        "history": beat * (1 if sharing.in_logic else min(3, chain * (chain - 1) // 2)),
        "tree": tree.registers,
        "borrow": borrowed * sum(nodes(chains, n) - shifted for n in range(1, min(levels, 2) + 1)),
        "sum": sums,
        "parity": overlapped + (borrowed * chains if sharing.overlap and chain == 1 else 0),
        "soft": soft,
        "count": counters,
        "delay": 3 + (chain if chain > 1 else 0) + levels,
        "addresses": clog2(words) * (chain - 1),
    }
    flags = 2 if steps > 1 else 1
    # Behind a chain of multipliers parities wait as long, and the borrows beside a high tree.
    waiting = borrowed * (shifted + (chains if sharing.overlap and chain > 1 else 0))
    exact = Resources(
        lut_memory=beat * max(0, chain - SHORTEST_SHIFT_REGISTER) + flags + waiting + tree.shifted,
        dsp=multipliers,
        bram18=table.bram18 * chain,
    )
    return Part("matrix_vector", lut, ff, exact)


LATE_WORDS_PER_LUT = 40
"""Of a long table whose address is a register; yosys shares logic of a counter with a table."""


def _rom_luts(words: int, columns: int, chain: int) -> dict[str, float]:
    """Return the LUTs of the tables of all positions of a chain."""
    if words <= SHALLOW_WORDS:
        return split_by_depth(words, logic_luts(words, columns))
    late = columns * (chain - 1) // chain
    first = split_by_depth(words, logic_luts(words, columns - late))
    return first | {"late_rom": late * max(1.0, words / LATE_WORDS_PER_LUT)}


def cluster_sums(element: ProcessingElement) -> Part:
    """Return the parts of cluster_sums.vhd in ``element``: so many times those of a cluster.

    Products with weights that are 0 in all rows that share a multiplier are left out.
    """
    rows = element.pe // element.clusters
    weights = weight_rows(element).reshape(element.clusters, rows, -1)
    packs = range(0, rows, element.sharing.rows)
    used = sum(int(weights[:, n : n + element.sharing.rows].any(axis=1).sum()) for n in packs)
    share = used / (len(packs) * element.clusters * element.fan_in)
    fullest = int(np.count_nonzero(weights, axis=(1, 2)).argmax())
    values = replace(element.input, shape=Shape(1, 1, element.fan_in), lanes=1)
    one = replace(
        element,
        source=Input("", "", "", values, 0),
        kernel=Kernel(1, 1),
        weights=weights[fullest].T[None, None],
        pe=rows,
        simd=element.fan_in,
        taps=1,
        output=replace(element.output, shape=Shape(1, 1, rows), lanes=rows),
        reads=None,
        members=None,
    )
    part, times = matrix_vector(one), element.clusters
    exact = Resources(
        # What tells beats is the same for all of them.
        lut_memory=(part.exact.lut_memory - 1) * times + 1,
        dsp=round(part.exact.dsp * times * share),
        bram18=0,
    )
    return Part(
        part.entity,
        {name: size * times * share for name, size in part.lut.items()},
        {name: size * times * share for name, size in part.ff.items()},
        exact,
    )


def depthwise_vector(element: ProcessingElement) -> Part:
    """Return the parts of depthwise_vector.vhd in ``element``; sizes as in ``matrix_vector``."""
    words, taps = element.folds * element.steps, element.taps
    bits = element.weight_number.bits
    value = _value_bits(element.input.number.bits, element.input.number.signed)
    weight = _value_bits(bits, element.weight_number.signed)
    in_logic = element.sharing.in_logic
    each = 0 if in_logic else dsps(weight, value, weight + element.input.number.bits)
    soft = 0 if each or in_logic else weight * value * element.products
    tree = row_tree(element, 1, 0, weight + value, taps, in_dsps=1 if each else -1)
    # A DSP accumulates, where it holds all products of a channel.
    sums = 0 if each and taps == 1 else element.pe * element.accumulator.bits
    order = element.weights.reshape(element.steps, taps, element.folds, element.pe)
    contents = order.transpose(2, 0, 3, 1).reshape(words, element.pe * taps)
    table = rom(words, element.pe * taps * bits)
    lut = {
        "one": 1.0,
        **split_by_depth(words, table_luts(contents, bits)),
        "tree": element.pe * tree.adders,
        "sum": sums,
        "soft": soft,
        "wraps": _wrapping(words) + _wrapping(element.steps),
    }
    ff = {
        "one": 1.0,
        "word": 0 if table.bram18 else different_columns(contents, bits),
        "tree": element.pe * tree.registers,
        "sum": sums,
        "soft": soft,
        "count": clog2(words) + clog2(element.steps),
    }
    flags = 2 if element.steps > 1 else 1
    exact = Resources(
        lut_memory=flags + element.pe * tree.shifted,
        dsp=each * element.products,
        bram18=table.bram18,
    )
    return Part("depthwise_vector", lut, ff, exact)


@lru_cache(1024)
def serializer(width: int, parts: int, registered: bool = True) -> Part:
    """Return a register of ``parts`` parts of ``width`` bits, and a multiplexer of them.

    ``registered``: with a register behind that takes flip-flops.

    LUT: ``multiplexed``, multiplexers of 4 to 1 in a tree, each a LUT for each bit; ``count``, bits
    of the part's number, ``wraps``, the same where its range is no power of two.
    """
    lut = {
        "one": 1.0,
        "multiplexed": -(-(parts - 1) // 3) * width,
        "count": clog2(parts),
        "wraps": _wrapping(parts),
    }
    bits = (parts + registered) * width
    return Part("serializer", lut, {"one": 1.0, "beat": bits, "count": clog2(parts)})


def _value_bits(bits: int, signed: bool) -> int:
    return bits if signed else bits + 1


def _wrapping(count: int) -> int:
    """Return the bits of a counter that has to be set back: its range is no power of two."""
    return clog2(count) if count & (count - 1) else 0


def _columns(element: ProcessingElement) -> int:
    """Return the columns of all ROMs that are no constants: see ``different_columns``."""
    bits, count = element.weight_number.bits, element.folds * element.steps
    tables = element.sharing.chain
    columns = element.pe * element.simd * bits // tables
    if not searched(count, columns):
        return tables * most_columns(count, columns)
    return sum(different_columns(part, bits) for part in _tables(element))


def _tables(element: ProcessingElement) -> list[IntArray]:
    """Return the words of each ROM: (folds * steps, weights of a word), borrows taken away."""
    outputs = int(element.weights.shape[3])
    matrix = element.weights.reshape(-1, outputs).T
    shape = (element.folds, element.pe, element.steps, element.simd)
    padded = np.pad(matrix, ((0, element.surplus), (0, 0)))
    words = padded.reshape(shape).transpose(0, 2, 1, 3)
    if element.sharing.rows > 1 and element.weight_number.signed:
        below = np.zeros_like(words)
        below[:, :, 1:] = words[:, :, :-1] < 0
        below[:, :, :: element.sharing.rows] = 0
        words = words - below
    words = words.reshape(element.folds * element.steps, element.pe, -1, element.sharing.chain)
    return [
        words[:, :, :, position].reshape(len(words), -1)
        for position in range(element.sharing.chain)
    ]
