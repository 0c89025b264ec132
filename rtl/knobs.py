"""What the top makes a generic, so that an FPGA engineer can refold it without the compiler."""

from __future__ import annotations

import math
from dataclasses import dataclass

from ir.elements import (
    AdderChain,
    Affine,
    ArgMax,
    AveragePool,
    Border,
    Concatenate,
    Consumer,
    DotProduct,
    Element,
    Extremum,
    Fifo,
    FloatMean,
    GlobalAverage,
    GlobalMaximum,
    LayerNormalization,
    Lookup,
    MaxPool,
    Merge,
    PairLookup,
    ProcessingElement,
    Product,
    Rectifier,
    Reorder,
    SideBySide,
    Softmax,
    sources,
)


@dataclass(frozen=True, slots=True)
class Knob:
    """A number of an element that the top makes a generic, ``<element>_<suffix>``."""

    suffix: str
    default: int
    comment: str
    subtype: str = "positive"


def knobs(element: Element) -> tuple[Knob, ...]:
    """Return what can be changed about ``element`` without compiling the model again.

    Where a processing element sends a channel for each that it reads, ``pe`` says both; where its
    sums leave all at a time, it says that, too.
    """
    match element:
        case ProcessingElement():
            return _processing_element(element)
        case GlobalAverage() | Affine() | Lookup() | Rectifier():
            return _lanes_and_depth(element, element.fifo_depth)
        case Merge() | Product() | Extremum() | PairLookup() | Concatenate():
            return _lanes_and_depth(element, element.fifo_depth)
        case GlobalMaximum() | FloatMean() | Softmax() | LayerNormalization():
            return _lanes_and_depth(element, element.fifo_depth)
        case MaxPool() | AveragePool():
            extra = "Additional beats of rows that wait for their columns"
            return (
                *_lanes_and_depth(element, element.fifo_depth),
                Knob("extra_beats", element.extra_beats, extra, "natural"),
            )
        case Border():
            extra = "Additional beats in front of it"
            return (
                *_lanes_and_depth(element, element.fifo_depth),
                Knob("extra_beats", element.extra_beats, extra, "natural"),
            )
        case Reorder():
            return (
                Knob("pe", element.output.lanes, f"Values per cycle; divides {element.most_lanes}"),
                Knob(
                    "extra_blocks", element.extra_blocks, "Additional blocks of memory", "natural"
                ),
                Knob("fifo_depth", element.fifo_depth, "Beats of the buffer behind it"),
            )
        case DotProduct():
            channels = element.sources[0].output.shape.channels
            return (
                Knob("simd", element.simd, f"Channels per cycle; divides {channels}"),
                Knob("fifo_depth", element.fifo_depth, "Beats of the buffer behind it"),
            )
        case ArgMax() | AdderChain() | SideBySide():
            return (Knob("fifo_depth", element.fifo_depth, "Beats of the buffer behind it"),)
        case Fifo():
            return (Knob("depth", element.depth, "Beats it stores"),)
        case _:
            return ()


def _lanes_and_depth(element: Consumer, fifo_depth: int) -> tuple[Knob, ...]:
    channels = math.gcd(*(source.output.shape.channels for source in sources(element)))
    return (
        Knob("pe", element.output.lanes, f"Channels per cycle; divides {channels}"),
        Knob("fifo_depth", fifo_depth, "Beats of the buffer behind it"),
    )


def _processing_element(element: ProcessingElement) -> tuple[Knob, ...]:
    offered = [] if element.adder_levels else _parallelism(element)
    offered += [
        Knob("extra_rows", element.extra_rows, "Additional rows of buffer", "natural"),
        Knob("fifo_depth", element.fifo_depth, "Beats of the buffer behind it"),
    ]
    if element.pool is not None:
        offered.append(Knob("pool_fifo_depth", element.pool_fifo_depth, "Beats behind its pool"))
    return tuple(offered)


def _parallelism(element: ProcessingElement) -> list[Knob]:
    inputs, outputs = element.input.shape.channels, element.depth_multiplier
    if element.reads is not None:
        offered = []
    elif element.taps > 1:
        kernel = element.kernel
        choices = " or ".join(map(str, sorted({kernel.width, kernel.taps} - {1})))
        pe = f"at most {outputs}" if element.surplus else f"divides {outputs}"
        if element.depthwise:
            pe = f"divides {inputs}" if outputs == 1 else f"{outputs} for each input channel"
        offered = [
            Knob("pe", element.pe, f"Output channels per cycle; {pe}"),
            Knob("taps", element.taps, f"Taps of the kernel per cycle; {choices}"),
        ]
    elif not element.depthwise:
        counted = "at most" if element.surplus else "divides"
        offered = [
            Knob("pe", element.pe, f"Output channels per cycle; {counted} {outputs}"),
            Knob(
                "simd",
                element.simd,
                f"Input channels per cycle; divides {inputs // element.groups}",
            ),
        ]
    elif outputs == 1:
        offered = [Knob("pe", element.pe, f"Output channels per cycle; divides {inputs}")]
    else:
        offered = [
            Knob("pe", element.pe, f"Output channels per cycle; {outputs} for each input channel"),
            Knob("simd", element.simd, f"Input channels per cycle; divides {inputs}"),
        ]
    if element.reads is None and element.parts > 1:
        comment = "Output channels per beat; divides those per cycle, and all"
        offered.append(Knob("lanes", element.output.lanes, comment))
    return offered
