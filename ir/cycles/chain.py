"""Events of chains of adders: a step for each beat, which waits for room in the FIFO behind."""

from __future__ import annotations

import numpy as np

from ir.cycles.system import EventSystem, element_events, gated
from ir.elements import AdderChain


@element_events.register
def _adder_chain(element: AdderChain, system: EventSystem) -> None:
    steps = system.streams[id(element.source)]
    each = np.arange(steps.count)
    taken = gated(system, steps, each, element.edges, element.fifo_depth)
    system.streams[id(element)] = taken
