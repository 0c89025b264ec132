"""What an element can be over blocks of pixels: choices like those of a pixel at a time."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass, field

from ir.elements import (
    Consumer,
    GlobalAverage,
    GlobalMaximum,
    Input,
    ProcessingElement,
    Shape,
    StreamType,
    sources,
    with_sources,
)
from rewrite.stream.adapters import Adapters
from rewrite.stream.blocks.elements import MOST_WEIGHTS, Builder, is_by_value
from rewrite.stream.blocks.grid import Block, blocked, blocks
from rewrite.stream.choices import Choice, Cost, choices, stand_in, undominated

MOST_OF_OTHERS = 2**20
"""Weights, most of them 0, of the largest element that is looked at where a smaller one will do."""


@dataclass(frozen=True, slots=True)
class Variants:
    """Makes choices over blocks, each once.

    ``names``: gives the first of two elements that take the place of one its name, from the name
    of that and what it is.
    """

    cost: Cost
    adapters: Adapters
    names: Callable[[str, str], str]
    _known: dict[tuple[str, Block, int], list[Choice]] = field(default_factory=dict)

    def of(self, element: Consumer, cycles: int, *, needed: bool) -> list[Choice]:
        """Return all of ``element`` that need no more than ``cycles``, over blocks of every size.

        Elements of more than ``MOST_OF_OTHERS`` weights only if ``needed``, and until there is one.
        """
        found: list[Choice] = []
        shape = _counted(element)
        for block in blocks(shape):
            if blocked(shape, block).pixels > cycles:
                continue
            most = MOST_WEIGHTS if needed and not found else MOST_OF_OTHERS
            found += [c for c in self._over(element, block, most) if c.cycles <= cycles]
            if is_by_value(element):
                break
        return undominated(found)

    def _over(self, element: Consumer, block: Block, most: int) -> list[Choice]:
        """Return ``element`` over blocks of one size, of no more than ``most`` weights."""
        key = element.name, block, most
        if key not in self._known:
            builder = Builder(_source(element), lambda kind: self.names(element.name, kind), most)
            built = builder.blocks(element, block)
            assert not isinstance(built, Input)
            if built is None or _is_pixelwise(element, built):
                self._known[key] = []
            else:
                self._known[key] = undominated(list(self._choices(built)))
        return self._known[key]

    def _choices(self, built: Consumer) -> Iterator[Choice]:
        """Yield the foldings of one element, or of two in a row."""
        (first, *others) = sources(built)
        if others or isinstance(first, Input):
            yield from choices(built, self.cost)
            return
        for before in choices(first, self.cost):
            for behind in choices(built, self.cost):
                adapter = self.adapters.between(
                    first.output, before.sends.lanes, behind.reads[0].lanes
                )
                assert not isinstance(behind.element, Input)
                yield Choice(
                    with_sources(behind.element, (before.element,)),
                    before.reads,
                    behind.sends,
                    max(before.cycles, behind.cycles),
                    before.cost + behind.cost + adapter,
                    before.products + behind.products,
                )


def _is_pixelwise(element: Consumer, built: Consumer) -> bool:
    """True if ``built`` has a pixel of ``element`` at a time, and is nothing new."""
    if not isinstance(element, ProcessingElement | GlobalAverage | GlobalMaximum):
        return False
    if isinstance(element, ProcessingElement) and element.pool is not None:
        return False
    (first,) = sources(built)
    stand_in = first if isinstance(first, Input) else sources(first)[0]
    shapes = stand_in.output.shape, built.output.shape
    return shapes == (sources(element)[0].output.shape, element.output.shape)


def _counted(element: Consumer) -> Shape:
    """Return the pixels that blocks are of: those it sends, or reads if it sends a single one."""
    if isinstance(element, GlobalAverage | GlobalMaximum):
        return element.source.output.shape
    return element.output.shape


def _source(element: Consumer) -> Callable[[int, Shape], Input]:
    """Return what gives stand-ins for the streams of ``element`` in any shape."""
    numbers = [source.output.number for source in sources(element)]

    def source(operand: int, shape: Shape) -> Input:
        return stand_in(StreamType(shape, numbers[operand], 1), 1)

    return source
