"""Which choices of an element can be part of an optimum.

With the cycles given, a choice is only as good as what it costs.  One that another with the same
streams beats in the sum of all costs, and in each resource that is limited, can be left out: the
other one takes its place in any folding.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from ir.numbers import IntArray
from rewrite.stream.choices import Beat, Choice

FloatArray = npt.NDArray[np.float64]


@dataclass(frozen=True, slots=True)
class Alternatives:
    """The choices of an element and what they are compared by.

    ``cycles`` and ``amounts`` (choices, resources) of each; ``streams``: a number that is the same
    for those that read and send the same beats, which are together.
    """

    choices: Sequence[Choice]
    cycles: IntArray
    amounts: FloatArray
    streams: IntArray

    @classmethod
    def of(cls, choices: Sequence[Choice]) -> Alternatives:
        """Return ``choices`` in the order of their streams."""
        numbers: dict[tuple[tuple[Beat, ...], Beat], int] = {}
        streams = [numbers.setdefault((each.reads, each.sends), len(numbers)) for each in choices]
        order = np.argsort(streams, kind="stable")
        found = [choices[place] for place in order]
        return cls(
            found,
            np.array([choice.cycles for choice in found], np.int64),
            np.array([choice.amounts for choice in found], np.float64).reshape(len(found), -1),
            np.array(streams, np.int64)[order],
        )

    def unbeaten(self, cycles: int, weights: FloatArray, limits: FloatArray) -> list[Choice]:
        """Return those within ``cycles`` that none beats; of equal ones the first.

        ``weights``: of the resources in the sum of all costs; ``limits``: infinite where there is
        none.
        """
        fast = np.flatnonzero(self.cycles <= cycles)
        limited = self.amounts[:, np.isfinite(limits)]
        measures = np.column_stack([self.amounts @ weights, limited])[fast]
        starts = np.flatnonzero(np.diff(self.streams[fast], prepend=-1))
        kept = [_unbeaten(part) for part in np.split(measures, starts[1:])]
        return [self.choices[place] for place in fast[np.concatenate([np.zeros(0, bool), *kept])]]


def _unbeaten(measures: FloatArray) -> npt.NDArray[np.bool_]:
    """Return which rows of ``measures`` no other row is below or equal to; of equal ones the first.

    Once they are sorted, the other row stands before it.
    """
    order = np.lexsort(measures.T[::-1])
    kept = np.zeros(len(measures), bool)
    unbeaten = np.empty_like(measures)
    count = 0
    for place in order:
        if not (unbeaten[:count] <= measures[place]).all(axis=1).any():
            unbeaten[count] = measures[place]
            kept[place] = True
            count += 1
    return kept
