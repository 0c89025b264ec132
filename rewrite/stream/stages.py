"""Register stages of datapaths.

``datapath -> datapath(stage of each operation)``: exact, as all values stay what they are.  Their
borders may be moved afterwards: see ``rewrite/stream/borders.py``.
"""

from __future__ import annotations

from dataclasses import replace

from ir.datapath import Datapath, levels, readers


def staged(datapath: Datapath, levels_per_stage: int, *, registers_lanes: bool = True) -> Datapath:
    """Return ``datapath`` with registers behind each so many levels in a row.

    ``registers_lanes``: behind the last ones, too; else what reads the lanes is such a register.
    Every operation is as early as can be at first.  Then each, the last one first, moves as far
    towards its readers as saves bits of registers.
    """
    level = levels(datapath)
    deepest = max(level)
    bits = [number.bits for number in datapath.numbers()]
    reading = readers(datapath)
    leaving = {lane.node for lane in datapath.lanes}

    def stage(of: int) -> int:
        return max(0, of - 1) // levels_per_stage

    stages = stage(deepest) + int(registers_lanes)

    def last_use(value: int, but: int) -> int:
        """Return the stage up to which a value is held for other readers than ``but``."""
        uses = [stage(level[reader]) for reader in reading[value] if reader != but]
        end = [stages] if value in leaving else []
        return max(uses + end, default=stage(level[value]))

    for node in range(len(level) - 1, datapath.inputs - 1, -1):
        operation = datapath.operations[node - datapath.inputs]
        held = {operand: last_use(operand, node) for operand in operation.operands}
        latest = min((level[reader] - 1 for reader in reading[node]), default=deepest)

        def registers(
            at: int, width: int = bits[node], held: dict[int, int] = held
        ) -> tuple[int, int]:
            """Return the bits that are held longer than with another level, and the level."""
            operands = (bits[v] * max(0, stage(at) - until) for v, until in held.items())
            return sum(operands) - width * stage(at), at

        level[node] = min(range(level[node], latest + 1), key=registers)
    operations = (
        replace(operation, stage=stage(at))
        for operation, at in zip(datapath.operations, level[datapath.inputs :], strict=True)
    )
    return replace(datapath, operations=tuple(operations), stages=stages)


def staged_late(
    datapath: Datapath, levels_per_stage: int, *, registers_lanes: bool = True
) -> Datapath:
    """Return ``datapath`` in as many stages as ``staged``, each operation as late as can be."""
    stages = max(0, max(levels(datapath)) - 1) // levels_per_stage
    heights = [0] * (datapath.inputs + len(datapath.operations))
    operations = list(datapath.operations)
    for index in range(len(operations) - 1, -1, -1):
        operation = operations[index]
        heights[datapath.inputs + index] += operation.level
        height = heights[datapath.inputs + index]
        for operand in operation.operands:
            heights[operand] = max(heights[operand], height)
        stage = stages - max(0, height - 1) // levels_per_stage
        operations[index] = replace(operation, stage=stage)
    return replace(datapath, operations=tuple(operations), stages=stages + int(registers_lanes))
