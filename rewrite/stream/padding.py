"""Padded channels: even foldings of layers whose numbers of channels have few divisors.

``a -> pool -> b``  becomes  ``a(outputs + n) -> pool -> b(inputs + n)``

Weights of the channels that are appended are 0 on both sides, so no sum changes.  With 14 input
channels instead of 13, ``simd`` may be 2 or 7.  The channels are choices of a, b and what stands
between, which have to agree; whether they pay is a matter of cost.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from itertools import pairwise

import numpy as np

from ir.elements import (
    Consumer,
    Element,
    GlobalAverage,
    GlobalMaximum,
    Input,
    MaxPool,
    ProcessingElement,
    sources,
)
from ir.numbers import IntArray, frozen_integers
from ir.requantize import Requantization, ScaleRequantization
from rewrite.stream.adapters import without_reshapes
from rewrite.stream.choices import (
    Beat,
    Choice,
    Cost,
    choice_of,
    foldings,
    stand_in,
    undominated,
)
from rewrite.stream.counts import divisors, with_channels
from rewrite.stream.solve import Problem

FAR_APART = 4
"""Channels are padded where a divisor is so many times the one before, as of prime numbers."""

MOST_OF_CHANNELS = 16
"""One channel is appended at most to each so many, or one."""


def padding(channels: int) -> int:
    """Return how many channels are appended to ``channels``: those that make most divisors.

    0 where the divisors there are lie close enough together.
    """
    if all(large < FAR_APART * small for small, large in pairwise(divisors(channels))):
        return 0
    most = max(1, channels // MOST_OF_CHANNELS)
    return max(range(1, most + 1), key=lambda more: len(divisors(channels + more)))


def padded(problem: Problem) -> Problem:
    """Return ``problem`` with choices for padded channels where these are looked at."""
    sent: dict[str, int] = {}
    read: dict[str, int] = {}
    for element in problem.elements:
        if isinstance(element, ProcessingElement) and _is_plain(element):
            path, more = _path(element), padding(element.input.shape.channels)
            if path and more:
                sent |= {sender.name: more for sender in path}
                read |= {reader.name: more for reader in (element, *path[:-1])}
    found = dict(problem.choices)
    for element in problem.elements:
        both = read.get(element.name, 0), sent.get(element.name, 0)
        if any(both) and not isinstance(element, Input):
            every = [*found[element.name], *_choices(element, both, problem.cost)]
            found[element.name] = undominated(every)
    return problem.having(found) if sent else problem


def _path(reader: ProcessingElement) -> list[Element]:
    """Return what ``reader`` reads, up to the layer that makes its channels; empty if none does."""
    path = [without_reshapes(reader.source)]
    while isinstance(path[-1], MaxPool | GlobalAverage | GlobalMaximum):
        path.append(without_reshapes(path[-1].source))
    shapes = {element.output.shape.channels for element in path}
    is_layer = isinstance(path[-1], ProcessingElement) and _is_plain(path[-1])
    return path if is_layer and shapes == {reader.input.shape.channels} else []


def _is_plain(element: ProcessingElement) -> bool:
    """True if every output channel sees every input channel."""
    return element.groups == 1 and element.reads is None


def _choices(element: Consumer, more: tuple[int, int], cost: Cost) -> Iterator[Choice]:
    """Yield ``element`` with channels appended to those that it reads, to those it sends, or both.

    ``more``: how many to each; to neither it is a choice already.
    """
    for read, sent in dict.fromkeys([(more[0], 0), (0, more[1]), more]):
        built = _appended(element, read, sent)
        if built is None:
            continue
        for folded in foldings(built):
            if not isinstance(folded, ProcessingElement) or _is_even(folded):
                choice = choice_of(folded, cost)
                (reads,), sends = choice.reads, choice.sends
                padded_reads, padded_sends = Beat(reads.lanes, read), Beat(sends.lanes, sent)
                yield replace(choice, reads=(padded_reads,), sends=padded_sends)


def _is_even(element: ProcessingElement) -> bool:
    """True if the padding is of use: where channels are read or computed a part at a time."""
    channels, outputs = element.input.shape.channels, int(element.weights.shape[3])
    read, sent = element.idle
    is_part = element.taps == 1 and 1 < element.simd < channels
    return (is_part or not read) and (not sent or outputs % element.pe == 0)


def _appended(element: Consumer, read: int, sent: int) -> Consumer | None:
    """Return ``element`` with so many more channels; None if there is no such element.

    Those that a layer sends have some code, those that it reads have weights of 0.
    """
    (source,) = sources(element)
    stream = stand_in(with_channels(source.output, read), 1)
    output = with_channels(element.output, sent)
    match element:
        case ProcessingElement() if read or sent:
            weights = np.pad(element.weights, ((0, 0), (0, 0), (0, read), (0, sent)))
            return replace(
                element,
                source=stream,
                output=output,
                weights=frozen_integers(weights),
                requantization=_with_more(element.requantization, sent),
                idle=(read, sent),
            )
        case GlobalAverage() if read == sent > 0:
            function = _with_more(element.requantization, sent)
            return replace(element, source=stream, output=output, requantization=function)
        case MaxPool() | GlobalMaximum() if read == sent > 0:
            return replace(element, source=stream, output=output)
        case _:
            return None


def _with_more(function: Requantization, more: int) -> Requantization:
    """Return ``function`` with the last channel's parameters for so many more channels."""
    if isinstance(function, ScaleRequantization):
        return replace(
            function,
            multipliers=_repeated(function.multipliers, more),
            offsets=_repeated(function.offsets, more),
        )
    return replace(function, thresholds=_repeated(function.thresholds, more))


def _repeated(values: IntArray, more: int) -> IntArray:
    last = np.repeat(values[-1:], more, axis=0)
    return frozen_integers(np.concatenate([values, last]))
