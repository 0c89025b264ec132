"""Functions of two streams, value by value."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

import numpy as np

from ir.elements import Element, Extremum, Lookup, Merge, PairLookup, Product, StreamType
from ir.identifiers import Identifiers
from ir.numbers import IntArray, IntegerType, frozen_integers
from ir.product_proof import ScaledProduct
from ir.proof import ProofRecord
from ir.sum_proof import Pairs, WeightedSum
from rewrite.lower.arithmetic import Built
from rewrite.lower.ordering import in_step
from rewrite.lower.pair_forms import ChosenCode, PairForm, every_pair, form_of
from rewrite.lower.reading import Stage
from rewrite.lower.streams import Stream
from rewrite.lower.tables import codes_by_pattern


def merge(
    stages: tuple[Stage, ...], sources: Sequence[Stream], names: Identifiers, layer: str
) -> Built:
    """Build the cheapest form, proved equal on every pair of codes that can occur."""
    stage = stages[0]
    a, b = in_step(sources, names)
    golden = every_pair(stage, a, b)
    form = form_of(stage, golden, (a.element.output.number, b.element.output.number))
    output = StreamType(a.shape, stage.output.number, 1)
    element = _element(form, golden, (a, b), output, names, layer)
    lows, highs = _range(golden, a, b)
    stream = replace(a, element=element, lows=lows, highs=highs, layer=layer)
    return Built(stream, _record(layer, golden, form, stage.output.number))


def _element(
    form: PairForm,
    golden: Pairs,
    operands: tuple[Stream, Stream],
    output: StreamType,
    names: Identifiers,
    layer: str,
) -> Element:
    name, (a, b) = names.new(layer), operands
    streams = a.element, b.element
    match form:
        case WeightedSum():
            return Merge(
                name, layer, streams, output, form.factors, form.offset, form.shift, form.low,
                form.high, form.half_even,
            )  # fmt: skip
        case ScaledProduct():
            return Product(
                name, layer, streams, output, form.zero_points, form.factor, form.offset,
                form.shift, form.low, form.high, form.half_even,
            )  # fmt: skip
        case ChosenCode():
            first, second = (
                stream.element if map_ is None else _mapped(stream, map_, start, output, names)
                for stream, map_, start in zip(operands, form.maps, golden.first, strict=True)
            )
            return Extremum(name, layer, (first, second), output, form.minimum)
        case _:
            rows, columns = (
                _inside(stream.element.output.number, start, count)
                for stream, start, count in zip(
                    operands, golden.first, golden.values.shape, strict=True
                )
            )
            table = frozen_integers(golden.values[np.ix_(rows, columns)])
            return PairLookup(name, layer, streams, output, table)


def _mapped(
    stream: Stream, results: IntArray, start: int, output: StreamType, names: Identifiers
) -> Lookup:
    """Return a table behind ``stream``: ``results`` of the codes from ``start`` on."""
    source = stream.element
    table = frozen_integers(results[_inside(source.output.number, start, len(results))])
    return Lookup(names.new(f"{stream.layer}_scale"), stream.layer, source, output, table)


def _inside(number: IntegerType, start: int, count: int) -> IntArray:
    """Return, by bit pattern, the place of each code among ``count`` codes from ``start`` on.

    Codes that cannot occur get the place of the nearest that can.
    """
    places: IntArray = np.clip(codes_by_pattern(number) - start, 0, count - 1)
    return places


def _range(golden: Pairs, a: Stream, b: Stream) -> tuple[IntArray, IntArray]:
    """Return per channel the least and greatest result of the codes that it can carry."""
    ends = np.stack([a.lows, a.highs + 1, b.lows, b.highs + 1], axis=1)
    ends = ends - np.repeat(golden.first, 2)
    distinct, channel = np.unique(ends, axis=0, return_inverse=True)
    parts = [golden.values[r0:r1, c0:c1] for r0, r1, c0, c1 in distinct]
    lows, highs = (np.array([f(part) for part in parts]) for f in (np.min, np.max))
    return lows[channel.reshape(-1)], highs[channel.reshape(-1)]


def _record(layer: str, golden: Pairs, form: PairForm, number: IntegerType) -> ProofRecord:
    """Return the record of a comparison on all pairs; its range is that of the sum or product."""
    a, b = golden.codes
    arguments, bits, shift, kind = golden.values, number.bits, 0, "table"
    match form:
        case WeightedSum():
            arguments = a * form.factors[0] + b * form.factors[1] + form.offset
            bits = max(abs(f) for f in form.factors).bit_length() + 1
            kind, shift = "scale", form.shift
        case ScaledProduct():
            arguments = (a - form.zero_points[0]) * (b - form.zero_points[1])
            bits, kind, shift = form.factor.bit_length() + 1, "scale", form.shift
        case ChosenCode():
            kind = "choice"
    return ProofRecord(
        layer=layer,
        channels=1,
        low=int(arguments.min()),
        high=int(arguments.max()),
        form=kind,
        parameter_bits=bits,
        shift=shift,
        covered=golden.values.size,
        evaluated=golden.values.size,
    )
