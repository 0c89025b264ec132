"""The generics of each element's entity.

Formal names are those of docs/elements.md and of the entities in `rtl/vhdl`.
"""

from __future__ import annotations

from rtl.generics import joins, normalizing, plumbing, pointwise, shaping, windows
from rtl.generics.context import Context, instance

__all__ = ["Context", "instance"]

ELEMENTS = (joins, normalizing, plumbing, pointwise, shaping, windows)
"""Importing them teaches ``instance`` the elements."""
