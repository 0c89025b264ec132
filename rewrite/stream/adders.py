"""Adder graphs for constant matrices: the sums of a layer without multipliers.

``element -> adder graph``.  ``shared_sums`` finds what rows have in common; the matrix of its graph
is computed anew and compared, so that nothing rests on that search.  Factors of the requantization
are more adders behind the sums.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from functools import lru_cache

import numpy as np
from scipy.sparse import csr_array
from scipy.sparse.csgraph import connected_components

from ir.adders import AdderGraph, signed_digits
from ir.elements import ALONE, ProcessingElement
from ir.elements.processing import weight_rows
from ir.errors import CompileError
from ir.numbers import IntArray, IntegerType
from ir.requantize import ScaleRequantization
from ir.resources.adders import cells
from rewrite.stream.adder_builder import AdderBuilder, Scaled
from rewrite.stream.linear import linear
from rewrite.stream.shared_sums import shared_sums
from rewrite.stream.stages import staged

SEARCHES = 4
"""For the adders of a matrix, each with other numbers drawn; the cheapest is taken."""

REGISTERS_PER_LUT = 2
"""In the slices of 7-series."""

ODD_FACTORS = 1 << 24
"""What the odd parts of factors are below: 64 bits hold their products with any accumulator."""

MOST_DIGITS = 100_000
"""Digits that are not zero of the largest matrix that is tried: as many adders, before sharing."""

MOST_COEFFICIENTS = 1 << 25
"""Digits times inputs, likewise: the graph is checked input by input."""

MOST_DIGITS_AT_A_TIME = 8_000
"""Of rows that are searched for common parts: the time grows with the square of the digits."""


def in_adders(element: ProcessingElement) -> Iterator[ProcessingElement]:
    """Yield ``element``, whose parallelism is chosen, with adders for multipliers if that works."""
    function = element.requantization
    if not element.is_fully_parallel:
        return
    digits = int(signed_digits(weight_rows(element)).sum())
    if digits > MOST_DIGITS or digits * element.simd > MOST_COEFFICIENTS:
        return
    if isinstance(function, ScaleRequantization):
        factors = np.abs(function.multipliers)
        if np.any(factors // np.maximum(factors & -factors, 1) >= ODD_FACTORS):
            return
    yield replace(element, sharing=ALONE, adder_levels=1)


def adder_graph(element: ProcessingElement) -> AdderGraph:
    """Return the adders of a fully parallel ``element``.

    Raises:
        CompileError: what was found multiplies with another matrix.
    """
    matrix, inputs, function = element.lane_matrix, element.input.number, element.requantization
    builder = AdderBuilder(element.simd)
    sums = [Scaled(-1)] * element.pe
    for rows, columns in blocks(matrix, element.reads):
        block = _solve(matrix[np.ix_(rows, columns)], inputs, element.adder_levels)
        found = builder.place(block, [Scaled(int(column)) for column in columns])
        for row, value in zip(rows, found, strict=True):
            sums[row] = value
    if isinstance(function, ScaleRequantization):
        for row, factor in enumerate(function.multipliers):
            digits = _solve(np.array([[factor]]), element.accumulator, element.adder_levels)
            (sums[row],) = builder.place(digits, [sums[row]])
    else:
        sums = [builder.negated(value) for value in sums]
    graph = builder.graph(sums)
    if not np.array_equal(graph.matrix(), element.adder_matrix):
        raise CompileError(
            "fold",
            element.layer,
            "the adders must multiply with the weights, not with another matrix",
            "this is a bug, please report it",
        )
    return graph


def blocks(matrix: IntArray, reads: IntArray | None = None) -> Iterator[tuple[IntArray, IntArray]]:
    """Yield the rows and columns of each part of a matrix that is solved for itself.

    Parts have no columns in common, unless they are so large that rows are solved a few at a time.
    With ``reads``, the values that each of as many equal parts of the rows has weights for, these
    are the parts: pixels of a block, which have the same weights for other values.  Else rows and
    columns of zeros are left out.
    """
    parts = _components(matrix)
    if reads is not None:
        parts = zip(np.arange(len(matrix)).reshape(len(reads), -1), reads, strict=True)
    for rows, columns in parts:
        digits = signed_digits(matrix[np.ix_(rows, columns)]).sum(axis=1)
        if not digits.any():
            continue
        share = digits.sum() / -(-digits.sum() // MOST_DIGITS_AT_A_TIME)
        numbers = (np.cumsum(digits) - 1) // share
        for number in np.unique(numbers):
            yield rows[numbers == number], columns


def _components(matrix: IntArray) -> Iterator[tuple[IntArray, IntArray]]:
    """Yield the rows and columns of each part that has nothing in common with others."""
    outputs, inputs = matrix.shape
    rows, columns = np.nonzero(matrix)
    edges = csr_array((np.ones(len(rows)), (rows, outputs + columns)), (outputs + inputs,) * 2)
    count, parts = connected_components(edges, directed=False)
    for part in range(count):
        members = np.flatnonzero(parts == part)
        if len(members) > 1:
            yield members[members < outputs], members[members >= outputs] - outputs


def _solve(matrix: IntArray, inputs: IntegerType, levels_per_stage: int) -> AdderGraph:
    """Return an adder graph that is to multiply with ``matrix``, (outputs, inputs)."""
    content = matrix.astype(np.int64).tobytes()
    return _solved_once(content, matrix.shape, inputs, levels_per_stage)


@lru_cache(maxsize=4096)
def _solved_once(
    content: bytes, shape: tuple[int, ...], inputs: IntegerType, levels_per_stage: int
) -> AdderGraph:
    """Return the cheapest of those that some searches find, no deeper than they must be."""
    matrix = np.frombuffer(content, np.int64).reshape(shape)
    most = int(signed_digits(matrix).sum(axis=1).max())
    depth = max(most - 1, 0).bit_length()
    span = inputs.maximum - inputs.minimum
    found = (shared_sums(matrix, span, depth, seed) for seed in range(SEARCHES))

    def cost(graph: AdderGraph) -> float:
        luts, registers = cells(staged(linear(graph, inputs), levels_per_stage))
        return luts + registers / REGISTERS_PER_LUT

    return min(found, key=cost)
