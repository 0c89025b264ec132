"""Places the elements of a stream graph on a page: boxes in ranks, top to bottom, and wires.

The rank of an element is the longest way to it from an input.  A wire that passes ranks by gets a
place of its own in each of them, so that branches run beside each other and cross no box.
"""

from __future__ import annotations

import unicodedata
from dataclasses import dataclass
from itertools import pairwise

from frontend.report_elements import ElementFacts
from ir.elements import Element, StreamType, sources
from ir.errors import printable
from ir.graph import StreamGraph

BOX_WIDTH = 760
BOX_HEIGHT = 88
LOW_BOX_HEIGHT = 70
PILL_HEIGHT = 30
COLUMN_GAP = 40
RANK_GAP = 40
MARGIN = 8
PLUMBING = frozenset({"Reshape", "WidthConverter", "Fifo"})
"""Kinds that compute nothing: drawn as one line."""


@dataclass(frozen=True, slots=True)
class Box:
    """An element with its upper left corner at (x, y), in CSS pixels."""

    x: int
    y: int
    height: int
    facts: ElementFacts

    @property
    def is_pill(self) -> bool:
        """True for plumbing, drawn as one line."""
        return self.facts.kind in PLUMBING


@dataclass(frozen=True, slots=True)
class Wire:
    """A stream: the ``path`` of an SVG element, and a ``label`` at (x, y)."""

    path: str
    x: int
    y: int
    label: str


@dataclass(frozen=True, slots=True)
class Drawing:
    """All of it, with the size of the page in CSS pixels."""

    width: int
    height: int
    boxes: tuple[Box, ...]
    wires: tuple[Wire, ...]


@dataclass(slots=True)
class _Place:
    """An element, or a wire that passes by (``element`` is None), in rank ``rank``."""

    rank: int
    element: Element | None
    above: list[_Place]
    column: int = 0
    height: int = 0


def draw(graph: StreamGraph, facts: tuple[ElementFacts, ...]) -> Drawing:
    """Return the drawing of ``graph``; ``facts`` are those of its elements, in its order."""
    fact_of = {fact.name: fact for fact in facts}
    ranks = _ranked(graph)
    for row in ranks:
        _assign_columns(row)
        for place in row:
            place.height = _height(fact_of[place.element.name]) if place.element else 0
    tops = _tops(ranks)
    boxes, wires = [], []
    for place in (place for row in ranks for place in row):
        if place.element is not None:
            x, y = _left(place), tops[place.rank]
            boxes.append(Box(x, y, place.height, fact_of[place.element.name]))
            wires += [_wire(place, above, tops) for above in place.above]
    return Drawing(
        width=max(box.x for box in boxes) + BOX_WIDTH + MARGIN,
        height=max(box.y + box.height for box in boxes) + MARGIN,
        boxes=tuple(boxes),
        wires=tuple(wires),
    )


def _ranked(graph: StreamGraph) -> list[list[_Place]]:
    """Return the places of each rank, with those that feed them."""
    places: dict[int, _Place] = {}
    ranks: list[list[_Place]] = []

    def place_at(rank: int, element: Element | None, above: list[_Place]) -> _Place:
        while len(ranks) <= rank:
            ranks.append([])
        ranks[rank].append(place := _Place(rank, element, above))
        return place

    for element in graph:
        feeding = [places[id(source)] for source in sources(element)]
        rank = 1 + max((place.rank for place in feeding), default=-1)
        above = []
        for place in feeding:
            for between in range(place.rank + 1, rank):
                place = place_at(between, None, [place])
            above.append(place)
        places[id(element)] = place_at(rank, element, above)
    return ranks


def _height(facts: ElementFacts) -> int:
    if facts.kind in PLUMBING:
        return PILL_HEIGHT
    return BOX_HEIGHT if facts.buffers else LOW_BOX_HEIGHT


def _assign_columns(row: list[_Place]) -> None:
    """Put each place below what feeds it, as far as it is free."""
    row.sort(key=_wanted_column)
    free = 0
    for place in row:
        place.column = max(free, int(_wanted_column(place)))
        free = place.column + 1


def _wanted_column(place: _Place) -> float:
    columns = [above.column for above in place.above]
    return sum(columns) / len(columns) if columns else 0.0


def _tops(ranks: list[list[_Place]]) -> list[int]:
    tops, y = [], MARGIN
    for row in ranks:
        tops.append(y)
        y += max(place.height for place in row) + RANK_GAP
    return tops


def _left(place: _Place) -> int:
    return MARGIN + place.column * (BOX_WIDTH + COLUMN_GAP)


def _wire(place: _Place, above: _Place, tops: list[int]) -> Wire:
    """Return the wire into ``place`` that comes through ``above``, up to the element it is from."""
    route = [place, above]
    while route[-1].element is None:
        route += route[-1].above
    sender = route[-1].element
    path = ""
    for lower, upper in pairwise(route):
        x0, y0 = _left(lower) + BOX_WIDTH // 2, tops[lower.rank]
        x1, y1 = _left(upper) + BOX_WIDTH // 2, tops[upper.rank] + upper.height
        path += f"M{x1} {y1}"
        path += f"V{y0}" if x0 == x1 else f"C{x1} {y0} {x0} {y1} {x0} {y0}"
    x, y = _left(place) + BOX_WIDTH // 2 + 10, tops[place.rank] - RANK_GAP // 2 + 4
    return Wire(path, x, y, _label(sender.output))


def _label(stream: StreamType) -> str:
    lanes = "1 lane" if stream.lanes == 1 else f"{stream.lanes} lanes"
    beats = "1 beat" if stream.beats == 1 else f"{stream.beats:,} beats"
    return f"{stream.shape} {stream.number}, {lanes}, {beats} per frame"


def shortened(name: str, width: int) -> str:
    """Return ``name`` in printable characters, cut to ``width`` columns (CJK takes two each)."""
    name = printable(name)
    columns = 0
    for position, character in enumerate(name):
        columns += 2 if unicodedata.east_asian_width(character) in "WF" else 1
        if columns > width:
            return name[: max(position - 1, 0)] + "…"
    return name
