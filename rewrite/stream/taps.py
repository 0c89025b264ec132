"""Parallel taps: a row of the kernel per cycle, or all of it.

Each tap comes with all channels of a group; if depthwise, with any equal part of the channels.

``element -> element(taps, simd)``.  Exact: the order of the integer additions changes, nothing
else.  Legal where the padding of the columns is below the kernel's span: no window then lies in it
completely, and ``parallel_window`` has to hold no more columns than a window spans.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace

from ir.elements import ProcessingElement


def parallel_taps(element: ProcessingElement) -> Iterator[ProcessingElement]:
    """Yield ``element`` with each legal number of parallel taps above 1, fewest first.

    ``pe``, lanes and sharing stay as they are, and must be chosen by ``simd``.
    """
    kernel, channels = element.kernel, element.input.shape.channels
    if kernel.pad_left + kernel.pad_right >= kernel.span_width:
        return
    each = [channels // element.groups]
    if element.depthwise:
        each = [part for part in range(1, channels + 1) if channels % part == 0]
    for taps in sorted({kernel.width, kernel.taps} - {1}):
        for part in each:
            yield replace(element, taps=taps, simd=taps * part)
