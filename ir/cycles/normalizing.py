"""Events of the elements that look at all channels of a pixel before they send the first.

A *pass* takes the beats of a pixel into a buffer while it reduces them to one number; the next pass
takes that number and the beats.  The buffers are as deep as a pass needs to take a beat per cycle.
"""

from __future__ import annotations

import numpy as np

from ir import timing
from ir.cycles.system import EventSystem, before, element_events, gated
from ir.elements import LayerNormalization, Softmax
from ir.layer_normalization import element_half_width
from ir.maxplus import EventList


@element_events.register
def _softmax(element: Softmax, system: EventSystem) -> None:
    stream = element.output
    folds = stream.shape.channels // stream.lanes
    reduction = timing.channel_reduce_latency(stream.lanes)
    taken = system.streams[id(element.source)]
    exponentials = _passed(system, taken, folds, 0, reduction)
    delay = timing.SOFTMAX_EXPONENTIAL_LATENCY
    quotients = _passed(system, exponentials, folds, delay, delay + reduction)
    each = np.arange(quotients.count)
    latency = timing.SOFTMAX_QUOTIENT_LATENCY
    system.streams[id(element)] = gated(system, quotients, each, latency, element.fifo_depth)


@element_events.register
def _layer_normalization(element: LayerNormalization, system: EventSystem) -> None:
    stream = element.output
    folds = stream.shape.channels // stream.lanes
    half = element_half_width(element)
    taken = system.streams[id(element.source)]
    scored = _passed(system, taken, folds, 0, timing.moments_latency(stream.lanes, half))
    each, latency = np.arange(scored.count), timing.score_latency(half)
    system.streams[id(element)] = gated(system, scored, each, latency, element.fifo_depth)


def _passed(
    system: EventSystem, steps: EventList, folds: int, latency: int, reduction: int
) -> EventList:
    """Return the steps of the pass behind ``steps``.

    A beat comes into the buffer ``latency`` edges, a pixel's number into its own ``reduction``
    edges after the step of the (last) beat.
    """
    later = system.events(steps.count)
    each = np.arange(steps.count)
    lasts = np.arange(folds - 1, steps.count, folds)
    later.after(steps, each, latency + 1)
    later.after(steps, (each // folds + 1) * folds - 1, reduction + 1)
    depth = timing.pass_depth(folds, reduction)
    steps.after(later, before(steps.count, depth), 1)
    pixels = before(len(lasts), timing.number_depth(folds, reduction))
    steps.after(later, system.only(steps, lasts, (pixels + 1) * folds - 1), 1)
    return later
