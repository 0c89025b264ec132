"""Events that wait for each other: their earliest times, their steady pace, their deadlocks.

A streaming core is a *timed marked graph*: events of many kinds, frame after frame, each of which
waits for given earlier events and a number of clock edges.  What follows from that is computed
exactly and in time proportional to the number of waits:

- ``EventGraph.times``: the times of the first frames, each event as early as it can be;
- ``EventGraph.period``: the cycles per frame in the long run, which is the largest ratio of delay
  to frames over all circuits of waits;
- ``EventGraph.schedule``: a schedule that repeats with a given period, if one exists;
- ``DeadlockError``: a circuit of waits within one frame.  If there is none the graph runs forever
  whatever the delays are, hence under any stalls, too.

Sources: F. Commoner, A. W. Holt, S. Even, A. Pnueli, Marked directed graphs, J. Comput. Syst. Sci.
5 (1971); F. Baccelli, G. Cohen, G. J. Olsder, J.-P. Quadrat, Synchronization and Linearity (1992).
"""

from __future__ import annotations

from ir.maxplus.events import NEVER, EventList
from ir.maxplus.graph import DeadlockError, EventGraph

__all__ = ["NEVER", "DeadlockError", "EventGraph", "EventList"]
