"""Parallel taps: a row of the kernel per cycle, or all of it, with all channels of each tap.

``element -> element(taps, simd)``.  Exact: the order of the integer additions changes, nothing
else.  Legal for one group of channels, where the padding of the columns is below the kernel's span:
no window then lies in it completely, and ``parallel_window`` has to hold no more columns than a
window spans.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace

from ir.elements import ProcessingElement


def parallel_taps(element: ProcessingElement) -> Iterator[ProcessingElement]:
    """Yield ``element`` with each legal number of parallel taps above 1, fewest first.

    ``pe``, lanes and sharing stay as they are.
    """
    kernel, shape = element.kernel, element.input.shape
    if element.groups > 1 or kernel.pad_left + kernel.pad_right >= kernel.span_width:
        return
    for taps in sorted({kernel.width, kernel.taps} - {1}):
        yield replace(element, taps=taps, simd=taps * shape.channels)
