"""What the report says about one element of the stream graph."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import asdict, dataclass
from typing import Any

from frontend.report_buffers import Buffer, buffers_of
from frontend.report_operations import describe_operation, describe_requantization
from ir.cycles import Cycles
from ir.elements import (
    AdderChain,
    Affine,
    AveragePool,
    DotProduct,
    Element,
    FloatMean,
    GlobalAverage,
    LayerNormalization,
    ProcessingElement,
    StreamType,
    sources,
)
from ir.requantize import Requantization, Scaling
from ir.resources import Resources, estimate


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
        operation=describe_operation(element),
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
