"""Register stages of adder graphs.

``graph -> graph(stage of each addition)``: exact, as all values stay what they are.
"""

from __future__ import annotations

from dataclasses import replace

from ir.adders import AdderGraph
from ir.numbers import IntegerType


def staged(graph: AdderGraph, inputs: IntegerType, levels_per_stage: int) -> AdderGraph:
    """Return ``graph`` with registers behind each so many adders in a row.

    Every addition is as early as can be at first.  Then each, the last one first, moves as far
    towards its readers as saves bits of registers.
    """
    levels = adder_levels(graph)
    deepest = max(levels)
    bits = [number.bits for number in graph.numbers(inputs)]
    readers: list[list[int]] = [[] for _ in levels]
    for node, addition in enumerate(graph.additions, graph.inputs):
        for operand in {addition.left, addition.right}:
            readers[operand].append(node)
    leaving = {of.node for of in graph.sums}

    def stage(level: int) -> int:
        return max(0, level - 1) // levels_per_stage

    def last_use(value: int, but: int) -> int:
        """Return the stage up to which a value is held for other readers than ``but``."""
        uses = [stage(levels[reader]) for reader in readers[value] if reader != but]
        end = [stage(deepest) + 1] if value in leaving else []
        return max(uses + end, default=stage(levels[value]))

    for node in range(len(levels) - 1, graph.inputs - 1, -1):
        addition = graph.additions[node - graph.inputs]
        held = {operand: last_use(operand, node) for operand in (addition.left, addition.right)}
        latest = min((levels[reader] - 1 for reader in readers[node]), default=deepest)

        def registers(
            level: int, width: int = bits[node], held: dict[int, int] = held
        ) -> tuple[int, int]:
            """Return the bits that are held longer than with another level, and the level."""
            operands = (bits[v] * max(0, stage(level) - until) for v, until in held.items())
            return sum(operands) - width * stage(level), level

        levels[node] = min(range(levels[node], latest + 1), key=registers)
    additions = (
        replace(addition, stage=stage(level))
        for addition, level in zip(graph.additions, levels[graph.inputs :], strict=True)
    )
    return replace(graph, additions=tuple(additions))


def adder_levels(graph: AdderGraph) -> list[int]:
    """Return how many adders stand in a row up to each value, its own one included."""
    levels = [0] * graph.inputs
    for addition in graph.additions:
        levels.append(1 + max(levels[addition.left], levels[addition.right]))
    return levels
