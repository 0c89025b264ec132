"""Words of messages and reports."""

from __future__ import annotations


def number_of(count: int, word: str) -> str:
    """Return a number of things: ``1 cycle``, ``2,048 cycles``."""
    return f"{count:,} {word}{'' if count == 1 else 's'}"
