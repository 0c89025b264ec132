"""What the report says about one element of the stream graph."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import asdict, dataclass
from typing import Any

from frontend.report_buffers import Buffer, buffers_of
from ir.cycles import Cycles
from ir.datapath import SUMS, Datapath
from ir.elements import (
    AdderChain,
    Affine,
    ArgMax,
    AveragePool,
    Border,
    Concatenate,
    DotProduct,
    Element,
    Extremum,
    Fifo,
    FloatMean,
    Fork,
    GlobalAverage,
    GlobalMaximum,
    Input,
    Kernel,
    LayerNormalization,
    Lookup,
    MaxPool,
    Merge,
    Output,
    PairLookup,
    ProcessingElement,
    Product,
    Rectifier,
    Reorder,
    Reshape,
    SideBySide,
    Softmax,
    StreamType,
    WidthConverter,
    sources,
)
from ir.requantize import Requantization, ScaleRequantization, Scaling
from ir.resources import Resources, estimate
from ir.words import number_of


@dataclass(frozen=True, slots=True)
class ElementFacts:
    """One element, ready to be shown.

    ``kind``: class name; ``operation``: in words; ``cycles``: per frame, when never kept waiting;
    ``share``: of the slowest element's cycles, 0 to 1; ``resources``: estimated, in whole cells;
    None stands for "does not apply".
    """

    name: str
    kind: str
    layer: str
    sources: tuple[str, ...]
    operation: str
    output: StreamType
    cycles: int
    share: float
    pe: int | None
    simd: int | None
    macs: int | None
    weights: int | None
    weight_bits: int | None
    accumulator_bits: int | None
    requantization: str | None
    buffers: tuple[Buffer, ...]
    resources: Resources

    def dictionary(self) -> dict[str, Any]:
        """Return the element's entry in report.json."""
        shape = self.output.shape
        return {
            "name": self.name,
            "kind": self.kind,
            "layer": self.layer,
            "sources": list(self.sources),
            "operation": self.operation,
            "output": {
                "shape": [shape.height, shape.width, shape.channels],
                "bits": self.output.number.bits,
                "signed": self.output.number.signed,
                "lanes": self.output.lanes,
                "beats_per_frame": self.output.beats,
            },
            "cycles_per_frame": self.cycles,
            "share_of_bottleneck": round(self.share, 6),
            "pe": self.pe,
            "simd": self.simd,
            "macs_per_frame": self.macs,
            "weights": self.weights,
            "weight_bits": self.weight_bits,
            "accumulator_bits": self.accumulator_bits,
            "requantization": self.requantization,
            "buffers": [{"name": b.name, "words": b.words, "bits": b.bits} for b in self.buffers],
            "estimated_resources": asdict(self.resources),
        }


def element_facts(element: Element, cycles: Cycles, readers: int = 1) -> ElementFacts:
    """Return what the report says about ``element``; ``readers``: of its stream."""
    own = cycles.element_cycles[element.name]
    requantization = _requantization(element)
    processing = element if isinstance(element, ProcessingElement) else None
    return ElementFacts(
        name=element.name,
        kind=type(element).__name__,
        layer=element.layer,
        sources=tuple(source.name for source in sources(element)),
        operation=_operation(element),
        output=element.output,
        cycles=own,
        share=own / cycles.lower_bound,
        pe=processing.pe if processing else None,
        simd=element.simd if isinstance(element, ProcessingElement | DotProduct) else None,
        macs=_macs(element),
        weights=_weights(element),
        weight_bits=processing.weight_number.bits if processing else None,
        accumulator_bits=_accumulator_bits(element),
        requantization=describe_requantization(requantization, _scaling(element))
        if requantization
        else None,
        buffers=buffers_of(element),
        resources=estimate(element, readers).rounded(),
    )


def buffer_bits(elements: Iterable[ElementFacts]) -> dict[str, int]:
    """Return the bits of all buffers of a name, the largest sum first."""
    sums: dict[str, int] = {}
    for buffer in (buffer for facts in elements for buffer in facts.buffers):
        sums[buffer.name] = sums.get(buffer.name, 0) + buffer.total_bits
    return dict(sorted(sums.items(), key=lambda item: (-item[1], item[0])))


def total_resources(elements: Iterable[ElementFacts]) -> Resources:
    """Return what all elements are estimated to take together."""
    return sum((facts.resources for facts in elements), Resources())


SCALINGS = {
    Scaling.MULTIPLIED: "",
    Scaling.IN_LOGIC: ", in logic",
    Scaling.SERIAL: ", bit by bit",
}


def describe_requantization(
    requantization: Requantization, scaling: Scaling = Scaling.MULTIPLIED
) -> str:
    """Return the hardware form of ``requantization`` in a few words."""
    if isinstance(requantization, ScaleRequantization):
        bits, shift = requantization.multiplier_bits, requantization.shift
        return f"multiplier {number_of(bits, 'bit')} >> {shift}{SCALINGS[scaling]}"
    return number_of(requantization.levels, "threshold")


def _macs(element: Element) -> int | None:
    if isinstance(element, AdderChain | ProcessingElement | DotProduct):
        return element.macs
    return None


def _weights(element: Element) -> int | None:
    """Return the weights that ``element`` holds; those of blocks that nobody reads are left out."""
    match element:
        case AdderChain():
            return sum(_weights(layer) or 0 for layer in element.layers)
        case ProcessingElement():
            return int(element.weights.size) if element.reads is None else element.products
        case _:
            return None


def _requantization(element: Element) -> Requantization | None:
    match element:
        case ProcessingElement() | GlobalAverage() | Affine() | AveragePool() | DotProduct():
            return element.requantization
        case LayerNormalization() | FloatMean():
            return element.requantization
        case _:
            return None


def _scaling(element: Element) -> Scaling:
    match element:
        case ProcessingElement() | GlobalAverage():
            return element.scaling
        case _:
            return Scaling.MULTIPLIED


def _accumulator_bits(element: Element) -> int | None:
    match element:
        case ProcessingElement() | GlobalAverage() | AveragePool() | DotProduct():
            return element.accumulator.bits
        case FloatMean():
            return element.accumulator.bits
        case _:
            return None


def _operation(element: Element) -> str:
    match element:
        case Input() | Output():
            return f"AXI4-Stream {element.port}"
        case ProcessingElement():
            return _processing(element)
        case AdderChain():
            layers = ", then ".join(map(_processing, element.layers))
            return f"{layers}{_adders(element.datapath)}"
        case MaxPool():
            return f"max pool {_kernel(element.kernel)}"
        case GlobalAverage():
            return "global average"
        case Affine():
            return "factor and summand per channel"
        case Lookup():
            return f"table of {element.table.size} values"
        case LayerNormalization():
            return f"layer normalization of {element.output.shape.channels} channels"
        case Softmax():
            return f"softmax of {element.output.shape.channels} channels"
        case Rectifier():
            return f"two slopes for each of {element.multipliers.shape[1]} values"
        case ArgMax():
            return "index of the largest channel"
        case AveragePool():
            return f"average pool {_kernel(element.kernel)}"
        case FloatMean():
            return f"average pool {_kernel(element.kernel)}, rounded as float32"
        case GlobalMaximum():
            return "global maximum"
        case Border():
            sides = (element.top, element.left, element.bottom, element.right)
            return f"border {_same(sides)}"
        case Reorder():
            return f"order of blocks of {element.block_size} values"
        case Reshape():
            return f"{element.source.output.shape} seen as {element.output.shape}"
        case WidthConverter():
            return f"{element.source.output.lanes} to {element.output.lanes} lanes"
        case Fifo():
            return f"{element.depth} beats"
        case Fork():
            return "the same beats to each branch"
        case Merge():
            return "weighted sum of two streams"
        case Product():
            return "product of two streams"
        case DotProduct():
            return f"dot products of {element.sources[0].output.shape.channels} channels"
        case Extremum():
            return f"{'smaller' if element.minimum else 'larger'} value of two streams"
        case PairLookup():
            return f"table of {element.table.size} values for two streams"
        case Concatenate():
            return f"channels of {len(element.sources)} streams"
        case SideBySide():
            blocks = f", blocks of {element.pixels} pixels" if element.pixels > 1 else ""
            return f"channels of {len(element.sources)} streams at a time{blocks}"


def _processing(element: ProcessingElement) -> str:
    shape = element.input.shape
    if element.reads is not None:
        sums = f"{element.pe} sums of {element.fan_in} values"
        blocks = f", windows of {_kernel(element.kernel)} blocks" if element.taps > 1 else ""
        parts = [f"blocks of pixels: {sums}{blocks}"]
    elif shape.pixels == 1 and element.kernel.taps == 1:
        parts = [f"dense {shape.channels} to {element.weights.shape[3]}"]
    else:
        groups = f" in {element.groups} groups" if element.groups > 1 else ""
        taps = f" by {element.taps} taps at a time" if element.taps > 1 else ""
        parts = [f"convolution {_kernel(element.kernel)}{groups}{taps}"]
    parts[0] += _adders(element.datapath)
    if element.surplus:
        parts[0] += f" ({element.surplus} of {element.pe} idle in the last group)"
    parts[0] += _idle(element)
    if element.table is not None:
        parts.append("table")
    if element.members is not None:
        maxima, most = element.members.shape
        parts.append(f"{maxima} maxima of {most} codes")
    if element.pool is not None:
        parts.append(f"max pool {_kernel(element.pool)}")
    return ", then ".join(parts)


def _idle(element: ProcessingElement) -> str:
    """Return how many channels are there for an even folding only, nothing if none is."""
    counts = element.input.shape.channels, int(element.weights.shape[3])
    said = (
        f"{idle} of {count} {kind} channels idle"
        for idle, count, kind in zip(element.idle, counts, ("input", "output"), strict=True)
        if idle
    )
    text = ", ".join(said)
    return f" ({text})" if text else ""


def _adders(datapath: Datapath | None) -> str:
    """Return how many adders there are in words, nothing if there are none."""
    if datapath is None:
        return ""
    adders = sum(operation.operator in SUMS for operation in datapath.operations)
    return f" by {adders} adders"


def _kernel(kernel: Kernel) -> str:
    """Return a window in words; what has no effect is left out."""
    text = f"{kernel.height}x{kernel.width}"
    strides = (kernel.stride_height, kernel.stride_width)
    dilations = (kernel.dilation_height, kernel.dilation_width)
    pads = (kernel.pad_top, kernel.pad_left, kernel.pad_bottom, kernel.pad_right)
    if strides != (1, 1):
        text += f" stride {_same(strides)}"
    if dilations != (1, 1):
        text += f" dilation {_same(dilations)}"
    if any(pads):
        text += f" pad {_same(pads)}"
    return text


def _same(values: tuple[int, ...]) -> str:
    """Return one number if all are equal, else all of them."""
    return str(values[0]) if len(set(values)) == 1 else ",".join(map(str, values))
