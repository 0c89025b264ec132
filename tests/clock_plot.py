"""The drawing of docs/clock.md: a bar of MHz for each element and network, and the goal."""

from __future__ import annotations

from collections.abc import Mapping
from io import StringIO

import matplotlib
from matplotlib.backends.backend_svg import FigureCanvasSVG
from matplotlib.figure import Figure

GOAL = 150
"""MHz."""


def plot(speeds: Mapping[str, Mapping[str, float]]) -> str:
    """Return the SVG of bars, slowest first; ``speeds``: MHz by title, then by name."""
    bars = [
        (name, mhz, f"C{number}")
        for number, rows in enumerate(speeds.values())
        for name, mhz in sorted(rows.items(), key=lambda row: (row[1], row[0]))
    ]
    with matplotlib.rc_context({"svg.hashsalt": "millrace", "font.size": 8.0}):
        figure = Figure(figsize=(6.4, 0.16 * len(bars) + 0.8), layout="constrained")
        FigureCanvasSVG(figure)
        panel = figure.subplots()
        names, heights, colours = zip(*bars, strict=True)
        panel.barh(range(len(bars)), heights, color=colours, tick_label=names)
        panel.axvline(GOAL, color="black", linewidth=0.8, label=f"goal: {GOAL} MHz")
        panel.set(xlabel="MHz, ECP5, speed grade 6", ylim=(len(bars) - 0.5, -0.5))
        panel.grid(True, axis="x", linewidth=0.3)
        panel.legend(loc="lower right")
        written = StringIO()
        figure.savefig(written, format="svg", metadata={"Date": None, "Creator": None})
    return written.getvalue()
