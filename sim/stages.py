"""Seconds on the processor of the tools that a simulation runs, by stage."""

from __future__ import annotations

import resource
from collections.abc import Iterator
from contextlib import contextmanager


class Stages:
    """Adds up what the child processes of each stage took: whatever else runs does not count."""

    def __init__(self) -> None:
        self.seconds: dict[str, float] = {}

    @contextmanager
    def __call__(self, name: str) -> Iterator[None]:
        """Count the child processes that end inside as ``name``."""
        before = _children()
        yield
        self.seconds[name] = self.seconds.get(name, 0.0) + _children() - before


def _children() -> float:
    used = resource.getrusage(resource.RUSAGE_CHILDREN)
    return used.ru_utime + used.ru_stime
