"""The stream graph's vocabulary: one frozen class per hardware element.

Edges are references: an element holds the element whose output it reads.  An element's ``output``
is the type of the stream it sends.  Feature maps are (height, width, channels), streamed in raster
order, channel fastest, ``lanes`` channels a beat; vectors are (1, 1, channels).
"""

from __future__ import annotations

from dataclasses import replace
from typing import TypeAlias

from ir.elements.chain import AdderChain
from ir.elements.joining import (
    Concatenate,
    DotProduct,
    Extremum,
    Merge,
    PairLookup,
    Product,
    SideBySide,
)
from ir.elements.normalizing import LayerNormalization, Softmax
from ir.elements.plumbing import Fifo, Fork, Input, Output, Reshape, WidthConverter
from ir.elements.pointwise import Affine, ArgMax, Lookup, Rectifier
from ir.elements.pooling import AveragePool, FloatMean, GlobalAverage, GlobalMaximum, MaxPool
from ir.elements.processing import ALONE, IN_LOGIC, ProcessingElement, Sharing
from ir.elements.shaping import Border, Loop, Reorder
from ir.elements.streams import Kernel, Shape, StreamType

__all__ = [
    "ALONE",
    "IN_LOGIC",
    "AdderChain",
    "Affine",
    "ArgMax",
    "AveragePool",
    "Border",
    "Concatenate",
    "Consumer",
    "DotProduct",
    "Element",
    "Extremum",
    "Fifo",
    "FloatMean",
    "Fork",
    "GlobalAverage",
    "GlobalMaximum",
    "Input",
    "Join",
    "Kernel",
    "LayerNormalization",
    "Lookup",
    "Loop",
    "MaxPool",
    "Merge",
    "Output",
    "PairLookup",
    "Pairwise",
    "ProcessingElement",
    "Product",
    "Reader",
    "Rectifier",
    "Reorder",
    "Reshape",
    "Shape",
    "Sharing",
    "SideBySide",
    "Softmax",
    "StreamType",
    "WidthConverter",
    "input_lanes",
    "sources",
    "tolerance",
    "with_sources",
]

Reader: TypeAlias = (
    Reshape
    | ProcessingElement
    | AdderChain
    | MaxPool
    | GlobalAverage
    | GlobalMaximum
    | AveragePool
    | FloatMean
    | Affine
    | Lookup
    | Rectifier
    | Softmax
    | LayerNormalization
    | ArgMax
    | Reorder
    | Border
    | WidthConverter
    | Fifo
    | Fork
    | Output
)
"""Elements that read one stream."""

Pairwise: TypeAlias = Merge | Product | Extremum | PairLookup
"""Elements that make one value of two, one of each of two streams of one shape."""

Join: TypeAlias = Pairwise | DotProduct | Concatenate | SideBySide
"""Elements that read several streams."""

Consumer: TypeAlias = Reader | Join
Element: TypeAlias = Input | Consumer


def sources(element: Element) -> tuple[Element, ...]:
    """Return the elements whose streams ``element`` reads."""
    if isinstance(element, Input):
        return ()
    if isinstance(element, Join):
        return element.sources
    return (element.source,)


def with_sources(element: Consumer, streams: tuple[Element, ...]) -> Consumer:
    """Return ``element`` reading ``streams`` instead, itself where they are the same."""
    if all(new is old for new, old in zip(streams, sources(element), strict=True)):
        return element
    match element:
        case Merge() | Product() | Extremum() | PairLookup() | DotProduct():
            first, second = streams
            return replace(element, sources=(first, second))
        case Concatenate() | SideBySide():
            return replace(element, sources=streams)
        case _:
            (stream,) = streams
            return replace(element, source=stream)


def input_lanes(element: Consumer, source: Element) -> int:
    """Return the lanes in which ``element`` is built to read the stream of ``source``."""
    match element:
        case SideBySide():
            return source.output.shape.channels
        case ProcessingElement() | AdderChain():
            return element.input_lanes
        case DotProduct():
            return element.simd
        case MaxPool() | AveragePool() | GlobalAverage() | Affine() | Lookup() | Rectifier():
            return element.output.lanes
        case Merge() | Product() | Extremum() | PairLookup() | Concatenate():
            return element.output.lanes
        case Reorder() | Border() | GlobalMaximum() | FloatMean() | Reshape():
            return element.output.lanes
        case Softmax() | LayerNormalization():
            return element.output.lanes
        case _:
            return source.output.lanes


def tolerance(element: Element) -> int:
    """Return by how many codes what ``element`` sends may differ from onnxruntime's result.

    0 for all but the elements that approximate; docs/numerics.md says what is exact behind them.
    """
    match element:
        case Softmax() | LayerNormalization():
            return 1
        case _:
            return 0
