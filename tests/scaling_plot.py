"""Costs over what grows, drawn on logarithmic axes, as SVG."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from io import StringIO

import matplotlib
from matplotlib.backends.backend_svg import FigureCanvasSVG
from matplotlib.figure import Figure

STYLE = {"svg.hashsalt": "millrace", "svg.fonttype": "none", "font.size": 9.0}
Curves = Mapping[str, Sequence[tuple[int, float]]]
"""Points by what costs the seconds."""


def scaling_plot(panels: Mapping[str, Curves]) -> str:
    """Return a panel for each number that grows; a dotted line shows growth in proportion."""
    with matplotlib.rc_context(STYLE):
        figure = Figure(figsize=(10.0, 4.0), layout="constrained")
        every = figure.subplots(1, len(panels), sharey=True, squeeze=False)[0]
        for axes, (what, curves) in zip(every, panels.items(), strict=True):
            for name, points in curves.items():
                axes.plot(*zip(*points, strict=True), "o-", markersize=3, label=name)
            last = [number for number, _ in next(iter(curves.values()))][-2:]
            top = max(points[-1][1] for points in curves.values())
            axes.plot(last, [top * n / last[-1] for n in last], "k:", label="in proportion")
            axes.set(xscale="log", yscale="log", xlabel=what)
            axes.grid(True, which="major", alpha=0.3)
        figure.axes[0].set_ylabel("seconds on the processor")
        handles, labels = figure.axes[0].get_legend_handles_labels()
        figure.legend(handles, labels, loc="outside right upper", frameon=False)
        text = StringIO()
        nothing = dict.fromkeys(("Date", "Creator", "Format", "Type"))
        FigureCanvasSVG(figure).print_svg(text, metadata=nothing)
    return text.getvalue()
