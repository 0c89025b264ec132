"""What forms all products of a window, or of several, in one cycle: adders, clusters, maxima."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace

import numpy as np

from ir.elements import AdderChain, Element, Input, Kernel, ProcessingElement, Shape, StreamType
from ir.numbers import IntegerType, frozen_integers
from ir.resources.pools import lane_maxima
from ir.resources.sums import cluster_sums
from rewrite.stream.blocks.elements import Builder
from rewrite.stream.blocks.grid import Block
from rewrite.stream.datapaths import chain_datapath, element_datapath
from rewrite.stream.share import sharings
from rtl.formals import sharing_formals
from rtl.table import Table
from rtl.tables import tables
from sim.alone import Value
from tools.resource_grid.processing import EIGHT, FOUR, MIXED, SIGNED, sum_values
from tools.resource_grid.random_elements import kernel, least, processing
from tools.resource_grid.sample import Sample

Numbers = tuple[IntegerType, IntegerType, IntegerType]


def in_blocks(element: ProcessingElement, block: Block) -> ProcessingElement:
    """Return ``element`` with ``block`` pixels of its output at a time, its products shared."""

    def source(_: int, shape: Shape) -> Input:
        stream = StreamType(shape, element.input.number, shape.channels)
        return Input("image", "image", "image", stream, 0)

    found = Builder(source, lambda kind: kind).blocks(element, block)
    assert isinstance(found, ProcessingElement)
    return replace(found, sharing=least(found, sharings(found)))


def clusters() -> Iterator[Sample]:
    """Yield sums of convolutions of several pixels per cycle."""
    k = kernel
    # fmt: off
    for shape, outputs, window, numbers, block in (
        ((4, 6, 1), 2, k(3, 1, 1), EIGHT, Block(1, 2)),
        ((5, 13, 1), 2, k(3, 2), EIGHT, Block(1, 3)),
        ((4, 8, 1), 4, k(3), SIGNED, Block(1, 2)), ((4, 4, 1), 2, k(2, 1), EIGHT, Block(1, 3)),
        ((6, 6, 2), 2, k(1), EIGHT, Block(1, 3)), ((6, 6, 1), 2, k(2, 2), SIGNED, Block(1, 3)),
        ((8, 8, 4), 4, k(1), SIGNED, Block(1, 2)), ((6, 6, 1), 3, k(2, 2), MIXED, Block(1, 3)),
        ((8, 8, 2), 4, k(1), FOUR, Block(1, 2)),
    ):
        # fmt: on
        whole = processing(shape, outputs, window, 1, 1, numbers=numbers, shares=False)
        yield cluster_sample(in_blocks(whole, block))


def cluster_sample(element: ProcessingElement) -> Sample:
    """Return the sums of an element that reads several windows at a time."""
    assert element.reads is not None
    found = {table.generic: table.rows() for table in tables(element)}
    values = sum_values(element) | {
        "inputs": element.simd,
        "clusters": element.clusters,
        "rows": element.pe // element.clusters,
        "fan_in": element.fan_in,
        **sharing_formals(element.sharing),
        "reads": found["reads"],
    }
    del values["steps"]
    return Sample(("cluster_sums", values), (cluster_sums(element),))


def maxima() -> Iterator[Sample]:
    """Yield the largest of several values of a beat."""
    # fmt: off
    for bits, inputs, outputs, most in (
        (8, 8, 2, 4), (8, 4, 4, 2), (8, 18, 2, 9), (4, 16, 4, 4), (8, 16, 16, 4), (8, 12, 4, 3),
        (16, 8, 2, 4), (8, 64, 16, 4),
    ):
        # fmt: on
        numbers = np.random.default_rng(inputs).permuted(
            np.tile(np.arange(inputs), (outputs, 1)), axis=1
        )
        members = frozen_integers(numbers[:, :most])
        values: dict[str, Value] = {
            "bits": bits,
            "is_signed": False,
            "inputs": inputs,
            "outputs": outputs,
            "most": most,
            "members": Table("members", members.reshape(-1), (inputs - 1).bit_length()).rows(),
        }
        yield Sample(("lane_maxima", values), (lane_maxima(members, bits),))


def adder_elements() -> Iterator[Element]:
    """Yield layers that have adders for multipliers: alone, in a row, over a window."""
    for sizes, numbers, levels in (
        ((8, 6), EIGHT, 1),
        ((16, 8), EIGHT, 1),
        ((12, 12), SIGNED, 3),
        ((32, 10), MIXED, 1),
        ((16, 16, 5), EIGHT, 5),
        ((8, 12, 5), MIXED, 2),
        ((16, 12), FOUR, 1),
        ((12, 8), FOUR, 4),
    ):
        yield chain(sizes, numbers, levels)
    yield over_window((8, 8, 1), 4, kernel(3, 1, 1), levels=1)
    yield over_window((8, 8, 2), 4, kernel(2, 2), levels=3)


def dense(inputs: int, outputs: int, numbers: Numbers, levels: int) -> ProcessingElement:
    """Return a dense layer that is to have adders."""
    layer = processing(
        (1, 1, inputs), outputs, kernel(1), outputs, inputs, numbers=numbers, shares=False
    )
    return replace(layer, adder_levels=levels)


def chain(sizes: tuple[int, ...], numbers: Numbers, levels: int) -> AdderChain:
    """Return dense layers in a row, ``sizes`` their inputs and, the last one, outputs."""
    hidden = (numbers[0], numbers[1], numbers[0])
    last = len(sizes) - 2
    layers = tuple(
        dense(sizes[n], sizes[n + 1], numbers if n == last else hidden, levels)
        for n in range(last + 1)
    )
    first = layers[0]
    bare = AdderChain(
        "chain", "chain", first.source, layers[-1].output, layers, levels, fifo_depth=8
    )
    return replace(bare, datapath=chain_datapath(bare))


def over_window(
    shape: tuple[int, int, int], outputs: int, window: Kernel, levels: int
) -> ProcessingElement:
    """Return a convolution whose windows are added up in one cycle."""
    whole = processing(shape, outputs, window, outputs, shape[2], shares=False)
    flat = window.taps * shape[2]
    source = Input("image", "image", "image", replace(whole.input, lanes=shape[2]), 0)
    element = replace(whole, source=source, simd=flat, taps=window.taps, adder_levels=levels)
    return replace(element, datapath=element_datapath(element))
