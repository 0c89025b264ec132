"""The plot of docs/networks.md: look-up tables against cycles per frame, ours and a peer's."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from io import StringIO
from typing import TypeAlias

import matplotlib
from matplotlib.backends.backend_svg import FigureCanvasSVG
from matplotlib.figure import Figure

Points: TypeAlias = Sequence[tuple[int, float]]
"""(cycles per frame, look-up tables)."""

MARKERS = {"pocket-cnn": ("tab:red", "s"), "ours": ("tab:blue", "o")}


def plot(drawn: Mapping[str, Mapping[str, Points]]) -> str:
    """Return a panel for each network, points by side; both axes logarithmic.  Below is better."""
    with matplotlib.rc_context({"svg.hashsalt": "millrace", "font.size": 9.0}):
        figure = Figure(figsize=(3.2 * max(len(drawn), 1), 3.2), layout="constrained")
        FigureCanvasSVG(figure)
        panels = figure.subplots(1, max(len(drawn), 1), squeeze=False)[0]
        for panel, (name, sides) in zip(panels, drawn.items(), strict=False):
            for side, points in sides.items():
                colour, marker = MARKERS[side]
                along = sorted(points)
                xs, ys = [cycles for cycles, _ in along], [luts for _, luts in along]
                panel.plot(xs, ys, color=colour, marker=marker, linewidth=0.8, label=side)
            panel.set(title=name, xscale="log", yscale="log", xlabel="cycles per frame")
            panel.grid(True, which="both", linewidth=0.3)
        panels[0].set_ylabel("LUT")
        panels[0].legend()
        written = StringIO()
        figure.savefig(written, format="svg", metadata={"Date": None, "Creator": None})
    return written.getvalue()
