"""Numbered examples of Hypothesis strategies: the same number, the same example."""

from __future__ import annotations

from typing import TypeVar

from hypothesis import HealthCheck, Phase, given, seed, settings
from hypothesis import strategies as st

T = TypeVar("T")


def example(strategy: st.SearchStrategy[T], number: int) -> T:
    """Return the random example of this number."""
    drawn: list[T] = []

    @seed(number)
    @settings(
        # Hypothesis begins with the smallest case; the second is a random one.
        max_examples=2,
        phases=[Phase.generate],
        database=None,
        deadline=None,
        suppress_health_check=list(HealthCheck),
    )
    @given(strategy)
    def collect(value: T) -> None:
        drawn.append(value)

    collect()
    return drawn[-1]
