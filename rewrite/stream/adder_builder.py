"""Builds adder graphs of values that are stored with either sign.

An adder whose operands have different shifts keeps the lower bits of the one with the smaller shift
as they are if that one is not subtracted, so that is how every difference is stored; the sign goes
along to the readers.
"""

from __future__ import annotations

from dataclasses import dataclass, field

from ir.adders import NOTHING, AdderGraph, Addition, Sum


@dataclass(frozen=True, slots=True)
class Scaled:
    """``sign * value(node) * 2**exponent``; nothing if ``node`` is -1."""

    node: int
    exponent: int = 0
    sign: int = 1


@dataclass(slots=True)
class AdderBuilder:
    """Collects additions, each only once."""

    inputs: int
    additions: list[Addition] = field(default_factory=list)
    known: dict[tuple[int, int, int, bool], int] = field(default_factory=dict)

    def add(self, left: Scaled, right: Scaled) -> Scaled:
        """Return the sum of two values."""
        if left.node < 0 or right.node < 0:
            return right if left.node < 0 else left
        if left.exponent > right.exponent:
            left, right = right, left
        shift = right.exponent - left.exponent
        if shift == 0 and (left.sign, -left.node) < (right.sign, -right.node):
            left, right = right, left
        node = self._node(left.node, right.node, shift, left.sign != right.sign)
        return Scaled(node, left.exponent, left.sign)

    def negated(self, value: Scaled) -> Scaled:
        """Return a value of which the sign is plus: ``x - 2x`` where it is minus."""
        if value.node < 0 or value.sign > 0:
            return value
        return Scaled(self._node(value.node, value.node, 1, True), value.exponent)

    def _node(self, left: int, right: int, shift: int, subtracts: bool) -> int:
        """Return the number of an addition's value; it is new only the first time."""
        key = (left, right, shift, subtracts)
        if key not in self.known:
            self.known[key] = self.inputs + len(self.additions)
            self.additions.append(Addition(*key))
        return self.known[key]

    def place(self, graph: AdderGraph, values: list[Scaled]) -> list[Scaled]:
        """Add ``graph`` with ``values`` for its inputs; return its outputs."""
        values = list(values)
        for addition in graph.additions:
            right = values[addition.right]
            sign = -right.sign if addition.subtracts else right.sign
            right = Scaled(right.node, right.exponent + addition.shift, sign)
            values.append(self.add(values[addition.left], right))
        return [
            Scaled(-1)
            if of.node < 0
            else Scaled(
                values[of.node].node,
                values[of.node].exponent + of.shift,
                -values[of.node].sign if of.negative else values[of.node].sign,
            )
            for of in graph.sums
        ]

    def graph(self, outputs: list[Scaled]) -> AdderGraph:
        """Return the additions that ``outputs`` need."""
        needed = {value.node for value in outputs}
        for node in range(len(self.additions) - 1, -1, -1):
            if node + self.inputs in needed:
                needed |= {self.additions[node].left, self.additions[node].right}
        numbers = {node: node for node in range(self.inputs)}
        kept: list[Addition] = []
        for node, addition in enumerate(self.additions, self.inputs):
            if node in needed:
                numbers[node] = self.inputs + len(kept)
                kept.append(
                    Addition(
                        numbers[addition.left],
                        numbers[addition.right],
                        addition.shift,
                        addition.subtracts,
                    )
                )
        sums = tuple(
            NOTHING if value.node < 0 else Sum(numbers[value.node], value.exponent, value.sign < 0)
            for value in outputs
        )
        return AdderGraph(self.inputs, tuple(kept), sums)
