"""manifest.json: what another program needs to drive the core."""

from __future__ import annotations

from typing import Any

from ir.cycles import Cycles
from ir.elements import (
    AdderChain,
    Affine,
    DotProduct,
    Element,
    Input,
    Output,
    ProcessingElement,
)
from ir.graph import StreamGraph


def manifest(graph: StreamGraph, cycles: Cycles, vhdl_sources: list[str]) -> dict[str, Any]:
    """Return the manifest's contents.

    ``vhdl_sources``: paths relative to the output folder, in compile order.
    """
    return {
        "top": graph.name,
        "vhdl_standard": "2008",
        "vhdl_sources": vhdl_sources,
        "inputs": [
            _port(graph, i, "onnx_input")
            | {"host_operators": list(graph.host_tensors[i.port].operators)}
            for i in graph.inputs
        ],
        "outputs": [_port(graph, o, "onnx_output") for o in graph.outputs],
        "host_operators": list(graph.host_operators),
        "macs_per_frame": macs(graph),
        "cycles_per_frame": cycles.cycles_per_frame,
        "latency_cycles": cycles.latency_cycles,
    }


def _port(graph: StreamGraph, port: Input | Output, name_key: str) -> dict[str, Any]:
    tensor, stream = graph.host_tensors[port.port], port.output
    return {
        "port": port.port,
        name_key: tensor.onnx_name,
        "onnx_tensor": tensor.onnx_tensor,
        "shape": list(tensor.shape),
        "stream_order": list(tensor.stream_order),
        "bits": stream.number.bits,
        "signed": stream.number.signed,
        "scale": tensor.scale,
        "zero_point": tensor.zero_point,
        "code_offset": tensor.shift,
        "lanes": stream.lanes,
        "tdata_width": stream.lanes * 8 * bytes_per_value(stream.number.bits),
        "beats_per_frame": stream.beats,
    }


def bytes_per_value(bits: int) -> int:
    """Return the bytes that one value takes on AXI4-Stream: 1, 2 or 4."""
    return 1 if bits <= 8 else 2 if bits <= 16 else 4


def macs(graph: StreamGraph) -> int:
    """Return the multiplications of activations with weights, or with each other, per frame."""
    elements = list(graph)
    multiplying = (AdderChain, ProcessingElement, DotProduct)
    products = sum(e.macs for e in elements if isinstance(e, multiplying))
    return products + sum(e.output.shape.size for e in elements if isinstance(e, Affine))


def products(graph: StreamGraph) -> int:
    """Return how many of these multiplications the elements can form per cycle, all together.

    Those of adders count, too, as the multiplications that they stand for.
    """
    return sum(_products(element) for element in graph)


def _products(element: Element) -> int:
    match element:
        case AdderChain():
            return sum(layer.products for layer in element.layers)
        case ProcessingElement():
            return element.products
        case DotProduct():
            return element.multipliers
        case Affine():
            return element.output.lanes
        case _:
            return 0
