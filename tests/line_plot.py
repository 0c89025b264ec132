"""The folding line, drawn: look-up tables over cycles per frame, as SVG."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from io import StringIO

import matplotlib
from matplotlib.backends.backend_svg import FigureCanvasSVG
from matplotlib.figure import Figure

STYLE = {"svg.hashsalt": "millrace", "svg.fonttype": "none", "font.size": 9.0}


def line_plot(networks: Mapping[str, Sequence[tuple[str, int, float, float]]]) -> str:
    """Return a panel for each network.

    A point is (label, cycles per frame, LUTs, DSPs); those without a label are ours, joined by a
    line.  DSPs stand beside the points.
    """
    with matplotlib.rc_context(STYLE):
        figure = Figure(figsize=(9.0, 4.0), layout="constrained")
        for axes, (name, drawn) in zip(
            figure.subplots(1, len(networks), sharey=True), networks.items(), strict=True
        ):
            own = sorted((cycles, lut, dsp) for label, cycles, lut, dsp in drawn if not label)
            axes.plot([c for c, *_ in own], [lut for _, lut, _ in own], "o-", label="ours")
            marks = iter("sD^vP*")
            for label, cycles, lut, dsp in drawn:
                if label:
                    axes.plot([cycles], [lut], next(marks), linestyle="none", label=label)
                axes.annotate(
                    f"{dsp:.0f}", (cycles, lut), (4, 4), textcoords="offset points", fontsize=7
                )
            axes.set(xscale="log", yscale="log", title=name, xlabel="cycles per frame")
            axes.legend(frameon=False)
            axes.grid(True, which="major", alpha=0.3)
        figure.axes[0].set_ylabel("look-up tables (numbers: DSPs)")
        text = StringIO()
        nothing = dict.fromkeys(("Date", "Creator", "Format", "Type"))
        FigureCanvasSVG(figure).print_svg(text, metadata=nothing)
    return text.getvalue()
