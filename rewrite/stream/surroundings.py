"""What lies around a buffer: the elements that are likely to decide how large it must be.

    Fork -> ... -> Fifo -> ... -> join          these, and what is next to them, for the Fifo
         \\-> ............. -> /

A Fifo holds what its branch must keep while another one, of the same fork, fills its windows.  So
what lies between that fork and the join where the two meet decides its depth, and nearly always it
alone.  A line buffer is decided by what sends to it and what reads behind it.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from heapq import heapify, heappop, heappush

from ir.elements import Element, Fifo, sources
from ir.graph import StreamGraph


@dataclass(frozen=True, slots=True)
class Surroundings:
    """The elements of a graph by number, each after those that it reads.

    ``senders`` and ``readers``: by number, those whose streams it reads and who reads its own.
    """

    elements: tuple[Element, ...]
    senders: tuple[tuple[int, ...], ...]
    readers: tuple[tuple[int, ...], ...]
    numbers: dict[str, int]

    @classmethod
    def of(cls, graph: StreamGraph) -> Surroundings:
        """Number the elements of ``graph``."""
        elements = tuple(graph)
        places = {id(element): number for number, element in enumerate(elements)}
        senders = tuple(tuple(places[id(s)] for s in sources(element)) for element in elements)
        readers: list[list[int]] = [[] for _ in elements]
        for number, found in enumerate(senders):
            for sender in found:
                readers[sender].append(number)
        names = {element.name: number for number, element in enumerate(elements)}
        return cls(elements, senders, tuple(map(tuple, readers)), names)

    def around(self, name: str, steps: int) -> tuple[int, ...]:
        """Return the numbers of what decides buffer ``name``, and all up to ``steps`` from it."""
        number = self.numbers[name]
        core = {number}
        if isinstance(self.elements[number], Fifo):
            core |= self._reconvergence(number)
        edge = core
        for _ in range(steps):
            edge = {near for far in edge for near in (*self.senders[far], *self.readers[far])}
            edge -= core
            core |= edge
        return tuple(sorted(core))

    def _reconvergence(self, number: int) -> set[int]:
        """Return what lies between the fork of a Fifo's branch and where it meets the others."""
        fork = self._fork(number)
        if fork is None:
            return set()
        join = self._last_join(fork, number)
        behind = set(_until(_ascending(self.readers, [fork]), lambda n: n > join))
        before = set(_until(_descending(self.senders, [join]), lambda n: n < fork))
        return behind & before

    def _fork(self, number: int) -> int | None:
        """Return the last element that the Fifo and another operand of a join behind it share."""
        below: set[int] = set()
        for join in _ascending(self.readers, [number]):
            below.add(join)
            others = [sender for sender in self.senders[join] if sender not in below]
            if len(self.senders[join]) > len(others) > 0:
                fork = self._common_sender(number, others)
                if fork is not None:
                    return fork
        return None

    def _last_join(self, fork: int, number: int) -> int:
        """Return where what comes through the Fifo has met every other branch of the fork.

        A branch that it never meets does not count, nor how often it meets one.
        """
        branches = {reader: 1 << n for n, reader in enumerate(self.readers[fork])}
        missing = sum(branches.values())
        below: set[int] = set()
        last = number
        for element in _ascending(self.readers, branches):
            senders = self.senders[element]
            seen = branches.get(element, 0)
            for sender in senders:
                seen |= branches.get(sender, 0)
            branches[element] = seen
            if element == number:
                missing &= ~seen
                below.add(number)
            elif not below.isdisjoint(senders):
                below.add(element)
                if seen & missing:
                    missing &= ~seen
                    last = element
                if not missing:
                    break
        return last

    def _common_sender(self, number: int, others: Sequence[int]) -> int | None:
        """Return the last element that both ``number`` and one of ``others`` come from."""
        mine, theirs = {number}, set(others)
        for sender in _descending(self.senders, [number, *others]):
            if sender in mine and sender in theirs:
                return sender
            for side in (mine, theirs):
                if sender in side:
                    side.update(self.senders[sender])
        return None


def _ascending(following: Sequence[Sequence[int]], starts: Iterable[int]) -> Iterable[int]:
    """Yield ``starts`` and all that follow, each once, small numbers first."""
    pending = list(starts)
    heapify(pending)
    last = -1
    while pending:
        number = heappop(pending)
        if number > last:
            last = number
            yield number
            for reader in following[number]:
                heappush(pending, reader)


def _descending(following: Sequence[Sequence[int]], starts: Iterable[int]) -> Iterable[int]:
    """Yield ``starts`` and all that follow, each once, large numbers first."""
    pending = [-number for number in starts]
    heapify(pending)
    last = len(following)
    while pending:
        number = -heappop(pending)
        if number < last:
            last = number
            yield number
            for sender in following[number]:
                heappush(pending, -sender)


def _until(numbers: Iterable[int], is_beyond: Callable[[int], bool]) -> Iterable[int]:
    for number in numbers:
        if is_beyond(number):
            return
        yield number
