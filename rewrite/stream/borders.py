"""Where register stages end: each border through a datapath where the fewest bits cross it.

Between the borders before and behind it, the best place of one is a cut of least weight through the
operations that may stand on both sides of it: found exactly, as a maximum flow (retiming, Leiserson
and Saxe, 1991, for a border at a time).  Border after border is moved there, forth and back, as
long as registers go.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field, replace

import numpy as np
from scipy.sparse import csr_array
from scipy.sparse.csgraph import breadth_first_order, maximum_flow

from ir.datapath import Datapath, readers
from ir.resources.adders import cells
from rewrite.stream.stages import staged, staged_late

MOST_SWEEPS = 6
"""Over all borders; later ones hardly find anything."""

_SOURCE, _SINK = 0, 1

_ENDLESS = 1 << 28
"""Above all bits of registers, and far below the greatest number of a flow's type, int32."""


def least_registers(
    datapath: Datapath, levels_per_stage: int, *, registers_lanes: bool = True
) -> Datapath:
    """Return ``datapath`` with stages of so many levels, and few registers between them.

    ``registers_lanes``: see ``staged``.
    """
    found = (
        with_least_borders(
            start(datapath, levels_per_stage, registers_lanes=registers_lanes), levels_per_stage
        )
        for start in (staged, staged_late)
    )
    return min(found, key=lambda each: cells(each)[1])


def with_least_borders(datapath: Datapath, levels_per_stage: int) -> Datapath:
    """Return ``datapath``, which has stages, with fewer registers between as many stages.

    A border behind all operations stays.
    """
    borders = _Borders(datapath, levels_per_stage)
    numbers = [*range(1, 1 + max(borders.stages, default=0))]
    for _ in range(MOST_SWEEPS):
        moved = [borders.move(number) for number in numbers]
        if not any(moved):
            break
        numbers.reverse()
    stages = borders.stages[datapath.inputs :]
    operations = (
        replace(operation, stage=stage)
        for operation, stage in zip(datapath.operations, stages, strict=True)
    )
    return replace(datapath, operations=tuple(operations))


@dataclass(slots=True)
class _Borders:
    """Stages of all values; border b stands between the stages below b and the others."""

    datapath: Datapath
    levels_per_stage: int
    bits: list[int] = field(init=False)
    stages: list[int] = field(init=False)
    levels: list[int] = field(init=False)
    operands: list[tuple[int, ...]] = field(init=False)
    readers: list[list[int]] = field(init=False)
    leaving: set[int] = field(init=False)

    def __post_init__(self) -> None:
        inputs, operations = self.datapath.inputs, self.datapath.operations
        self.bits = [number.bits for number in self.datapath.numbers()]
        self.stages = [0] * inputs + [each.stage for each in operations]
        self.levels = [0] * inputs + [each.level for each in operations]
        self.operands = [()] * inputs + [each.operands for each in operations]
        self.readers = readers(self.datapath)
        self.leaving = {lane.node for lane in self.datapath.lanes}

    def move(self, border: int) -> bool:
        """Move a border to where the fewest bits cross it; return whether these are fewer."""
        near = (border - 1, border)
        free = [node for node, stage in enumerate(self.stages) if stage in near]
        free = [node for node in free if node >= self.datapath.inputs]
        values = {*free, *(operand for node in free for operand in self.operands[node])}
        before = sum(self._crossing(value, border) for value in values)
        old = [self.stages[node] for node in free]
        in_front = self._in_front(border, free)
        for node in free:
            self.stages[node] = border - 1 if node in in_front else border
        if sum(self._crossing(value, border) for value in values) < before:
            return True
        for node, stage in zip(free, old, strict=True):
            self.stages[node] = stage
        return False

    def _crossing(self, value: int, border: int) -> int:
        """Return how many bits of a value cross a border."""
        if self.stages[value] >= border:
            return 0
        later = value in self.leaving or any(self.stages[r] >= border for r in self.readers[value])
        return self.bits[value] if later else 0

    def _in_front(self, border: int, free: list[int]) -> set[int]:
        """Return which operations are in front of a border through ``free`` ones."""
        places = {node: 2 + index for index, node in enumerate(free)}
        edges = [*self._edges(border, places)]
        if not edges:
            return set()
        rows, columns, weights = np.array(edges, np.int32).T
        size = 1 + max(int(rows.max()), int(columns.max()), len(free) + 1)
        graph = csr_array((weights, (rows, columns)), (size, size))
        rest = csr_array(graph - maximum_flow(graph, _SOURCE, _SINK).flow)
        rest.data[rest.data < 0] = 0
        rest.eliminate_zeros()
        reached = {*breadth_first_order(rest, _SOURCE, return_predecessors=False).tolist()}
        return {node for node, place in places.items() if place in reached}

    def _edges(self, border: int, places: dict[int, int]) -> Iterator[tuple[int, int, int]]:
        """Yield the edges, with weights, of the graph of which a cut is a border.

        It has a node for each operation that may move, and one for each value that may cross the
        border: an edge from the first, or from the source, to the second costs the bits of the
        value; endless ones lead on to its readers, and from each operation to its operands.
        """
        for node, edge in self._fixed(places):
            yield (_SOURCE, places[node], _ENDLESS) if edge else (places[node], _SINK, _ENDLESS)
        values = dict.fromkeys(places)
        values.update(dict.fromkeys(o for node in places for o in self.operands[node]))
        for held, value in enumerate(values, 2 + len(places)):
            yield places.get(value, _SOURCE), held, self.bits[value]
            later = value in self.leaving
            for reader in self.readers[value]:
                later = later or self.stages[reader] > border
                if reader in places:
                    yield held, places[reader], _ENDLESS
                    if value in places:
                        yield places[reader], places[value], _ENDLESS
            if later:
                yield held, _SINK, _ENDLESS

    def _fixed(self, places: dict[int, int]) -> Iterator[tuple[int, bool]]:
        """Yield operations that cannot move, and whether they are in front of the border.

        A stage that began, or ended, with them would have too many levels.
        """
        depth, height = dict.fromkeys(places, 0), dict.fromkeys(places, 0)
        for node in places:
            above = max((depth.get(operand, 0) for operand in self.operands[node]), default=0)
            depth[node] = above + self.levels[node]
        for node in reversed(places):
            below = max((height.get(reader, 0) for reader in self.readers[node]), default=0)
            height[node] = below + self.levels[node]
            if depth[node] > self.levels_per_stage or height[node] > self.levels_per_stage:
                yield node, height[node] > self.levels_per_stage
