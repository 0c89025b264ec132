"""Datapaths of the elements that are to have adders: sums, offsets, clamps, register stages.

``element -> element(datapath)``: a processing element's, whose codes leave it, or with thresholds
its sums; a chain's, in which the codes of a layer are what the next one adds.
"""

from __future__ import annotations

from dataclasses import replace

from ir.datapath import Datapath, levels
from ir.elements import AdderChain, Consumer, ProcessingElement
from ir.graph import StreamGraph
from ir.requantize import ScaleRequantization
from rewrite.stream.adders import adder_graph
from rewrite.stream.borders import least_registers
from rewrite.stream.early_offsets import early_offsets
from rewrite.stream.linear import DatapathBuilder, linear


def solve_adders(graph: StreamGraph) -> StreamGraph:
    """Return ``graph`` with the adders of each element that is to have some.

    Raises:
        CompileError: what was found multiplies with another matrix.
    """
    return graph.rebuild(_solved)


def with_adder_levels(graph: StreamGraph, levels: int) -> StreamGraph:
    """Return ``graph`` with registers behind each so many adders in a row, where there are any."""

    def rule(element: Consumer) -> Consumer:
        if isinstance(element, ProcessingElement) and element.adder_levels:
            return replace(element, adder_levels=levels)
        return element

    return graph.rebuild(rule)


def _solved(element: Consumer) -> Consumer:
    match element:
        case ProcessingElement(datapath=None) if element.adder_levels:
            return replace(element, datapath=element_datapath(element))
        case AdderChain(datapath=None):
            return replace(element, datapath=chain_datapath(element))
        case _:
            return element


def element_datapath(element: ProcessingElement) -> Datapath:
    """Return what a fully parallel ``element`` computes, from its window to its codes or sums."""
    if isinstance(element.requantization, ScaleRequantization):
        return _cheapest(_codes((element,)), element.adder_levels, registers_lanes=True)
    return least_registers(linear(adder_graph(element), element.input.number), element.adder_levels)


def chain_datapath(chain: AdderChain) -> Datapath:
    """Return what ``chain`` computes; behind its last operations there is its FIFO."""
    return _cheapest(_codes(chain.layers), chain.adder_levels, registers_lanes=False)


def _cheapest(datapath: Datapath, levels_per_stage: int, *, registers_lanes: bool) -> Datapath:
    """Return ``datapath`` with its offsets behind its sums, or early if that saves a stage."""

    def stages(of: Datapath) -> int:
        return -(-max(levels(of)) // levels_per_stage)

    chosen = min(datapath, early_offsets(datapath), key=stages)
    return least_registers(chosen, levels_per_stage, registers_lanes=registers_lanes)


def _codes(layers: tuple[ProcessingElement, ...]) -> Datapath:
    builder = DatapathBuilder(layers[0].input.number, layers[0].simd)
    for layer in layers:
        graph, function = adder_graph(layer), layer.requantization
        assert isinstance(function, ScaleRequantization)
        builder.requantize(builder.add(graph), graph.sums, function)
    return builder.codes(function.low)
