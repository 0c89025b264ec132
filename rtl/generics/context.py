"""What an element's generics refer to, and what the modules beside this one add to."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from functools import singledispatch

from ir.elements import Element
from ir.errors import CompileError
from rtl.formals import Formals
from rtl.tables import Table


@dataclass(frozen=True, slots=True)
class Context:
    """VHDL expressions that an element's generics refer to.

    ``knobs``: by suffix, the name of the top's generic; ``input_lanes``, ``output_lanes``: of its
    streams; ``ways``: readers of its stream; ``tables``: the package of its constants;
    ``factor_bits``: width of the wider factor of a multiplier of the part.
    """

    knobs: Mapping[str, str]
    input_lanes: str
    output_lanes: str
    tables: str
    ways: int = 1
    factor_bits: str = "25"


@singledispatch
def instance(element: Element, context: Context) -> tuple[str, Formals]:
    """Return the entity that does the work of ``element``, and its generics.

    Raises:
        CompileError: no entity of the library does this work.
    """
    kind = type(element).__name__
    raise CompileError(
        "print",
        element.layer,
        f"the element library must have an entity for it, but has none for {kind}",
        "leave the layer out",
    )


def constants(found: tuple[Table, ...], context: Context) -> Formals:
    """Return the generics that take the element's constant tables."""
    return {table.generic: f"work.{context.tables}.{table.generic}" for table in found}
