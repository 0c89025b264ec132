"""The configurations that the resource model is fitted to, entity by entity."""

from __future__ import annotations

from collections.abc import Callable, Iterator

from ir.elements import Element
from ir.resources import parts_of
from sim.alone import alone
from tools.resource_grid.elements import ELEMENTS
from tools.resource_grid.means import MEANS
from tools.resource_grid.parallel import adder_elements, clusters, maxima
from tools.resource_grid.plumbing import (
    converters,
    fifos,
    forks,
    paces,
    ports_in,
    ports_out,
    reserving_fifos,
    states,
)
from tools.resource_grid.processing import (
    depthwise,
    logic,
    lookups,
    matrices,
    requantizations,
    serial_requantizations,
    serializers,
    threshold_samples,
)
from tools.resource_grid.sample import Sample
from tools.resource_grid.whole import processing_elements
from tools.resource_grid.windows import (
    direct_windows,
    parallel_windows,
    pixel_windows,
    pools,
    steps,
    windows,
)

__all__ = ["GRID", "Sample"]

GRID: dict[str, Callable[[], Iterator[Sample]]] = {
    "stream_fifo": fifos,
    "reserving_fifo": reserving_fifos,
    "pace": paces,
    "window": windows,
    "direct_window": direct_windows,
    "pixel_window": pixel_windows,
    "parallel_window": parallel_windows,
    "matrix_vector": matrices,
    "cluster_sums": clusters,
    "depthwise_vector": depthwise,
    "serializer": serializers,
    "requantize": requantizations,
    "serial_requantize": serial_requantizations,
    "logic_products": logic,
    "threshold": threshold_samples,
    "lookup": lookups,
    "state_memory": states,
    "sliding_steps": steps,
    "sliding_maximum": pools,
    "lane_maxima": maxima,
    "width_converter": converters,
    "stream_fork": forks,
    "axis_input": ports_in,
    "axis_output": ports_out,
}


def elements(build: Callable[[], Iterator[Element]]) -> Callable[[], Iterator[Sample]]:
    """Return the samples of elements that are synthesized as they are."""

    def samples() -> Iterator[Sample]:
        for element in build():
            yield Sample(alone(element), parts_of(element), type(element))

    return samples


GRID |= {name: elements(build) for name, build in (ELEMENTS | MEANS).items()}
GRID["processing_element"] = elements(processing_elements)
GRID["adder_graph"] = elements(adder_elements)
"""By the entity whose coefficients are fitted; those of its other parts come before."""
