"""What the resource model is fitted to."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from ir.resources.part import Part
from sim.alone import Value


@dataclass(frozen=True, slots=True)
class Sample:
    """A design to synthesize, an entity and its generics, and the parts of which it consists.

    ``kind``: the class of the element that it is, None of a part of one.
    """

    design: tuple[str, Mapping[str, Value]]
    parts: tuple[Part, ...]
    kind: type | None = None
