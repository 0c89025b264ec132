"""Plots of the report, as SVG to be put into the page."""

from __future__ import annotations

import math
import warnings
from collections.abc import Sequence
from io import StringIO
from typing import Any

from frontend.report_drawing import shortened

LABEL_WIDTH = 34
WIDTH, LABELS, ROW, TOP, BOTTOM = 8.0, 2.4, 0.22, 0.1, 0.45
"""Inches: the plot, its labels on the left, one bar, and what is above and below the bars."""


def error_plot(errors: Sequence[tuple[str, float]]) -> str:
    """Return a bar for each (layer name, SQNR in dB), first layer on top, as an <svg> element.

    Colours are left to the page: bars have ids ``sqnr_…``, all else takes the colour of text.
    A layer without any error has the word "exact" for a bar.  Equal data give equal bytes.
    """
    import matplotlib  # takes most of a second to import
    from matplotlib.backends.backend_svg import FigureCanvasSVG
    from matplotlib.figure import Figure

    if not errors:
        return ""
    style = {
        "svg.hashsalt": "millrace",
        "svg.fonttype": "none",  # text stays text: the page chooses font and colour
        "text.parse_math": False,  # names are untrusted: a $ is a $
        "text.usetex": False,
        "font.size": 9.0,
    }
    height = TOP + ROW * len(errors) + BOTTOM
    area = (LABELS / WIDTH, BOTTOM / height, 0.92 - LABELS / WIDTH, ROW * len(errors) / height)
    with matplotlib.rc_context(style), warnings.catch_warnings():
        warnings.simplefilter("ignore")  # a glyph that this machine lacks, the reader's may have
        figure = Figure(figsize=(WIDTH, height))
        _draw_bars(figure.add_axes(area), errors)
        text = StringIO()
        nothing = dict.fromkeys(("Date", "Creator", "Format", "Type"))
        FigureCanvasSVG(figure).print_svg(text, metadata=nothing)
    svg = text.getvalue()
    return svg[svg.index("<svg") :]


def decibels(value: float) -> str:
    """Return a signal to noise ratio as text."""
    if math.isfinite(value):
        return f"{value:.1f}"
    return "exact" if value == math.inf else "no signal"


def _draw_bars(axes: Any, errors: Sequence[tuple[str, float]]) -> None:
    finite = [value for _, value in errors if math.isfinite(value)]
    rows = range(len(errors))
    for row, (_, value) in enumerate(errors):
        if math.isfinite(value):
            axes.barh(row, value, height=0.62, gid=f"sqnr_{row}")
        place = max(value, 0.0) if math.isfinite(value) else 0.0
        axes.annotate(
            decibels(value), (place, row), (4, 0), textcoords="offset points", va="center"
        )
    axes.set_yticks(rows, [shortened(name, LABEL_WIDTH) for name, _ in errors])
    axes.set_ylim(len(errors) - 0.5, -0.5)
    axes.set_xlim(min(0.0, *finite, 0.0), max(10.0, *finite, 0.0))
    axes.set_xlabel("signal to quantization noise, dB")
    axes.tick_params(left=False)
    axes.patch.set_visible(False)
    axes.figure.patch.set_visible(False)
    for side in ("top", "right", "left"):
        axes.spines[side].set_visible(False)
