"""Words of messages and reports."""

from __future__ import annotations


def plural(word: str, count: int) -> str:
    """Return ``word``, with an s unless there is one of it."""
    return word if count == 1 else f"{word}s"


def number_of(count: int, word: str) -> str:
    """Return a number of things: ``1 cycle``, ``2,048 cycles``."""
    return f"{count:,} {plural(word, count)}"
