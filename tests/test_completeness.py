"""Nothing is forgotten: each layer is drawn by the random networks and runs, each element computes.

That each entity has a bench and figures of its resources, and each rewrite a case, is tested beside
those: ``test_benches``, ``test_synthesis_elements``, ``test_float_rewrites``, ``test_fuse``.
"""

from __future__ import annotations

from typing import get_args

import pytest
from hypothesis import HealthCheck, given, settings

from frontend.layers import SUPPORTED, TRAINING_ONLY
from ir import elements
from ir.cycles.system import element_events
from ir.interpreter.dispatch import apply
from tests.case import Case
from tests.drawn_layers import DRAWN
from tests.examples import example
from tests.graph_strategies import graphs
from tests.growth import MERGES
from tests.layer_strategies import single_layers
from tests.pointwise_layers import OF_APPLICATIONS, OF_VOLUMES, OLD, UNSAVED, WRAPPERS
from tests.verdicts import judge
from zoo.graphs import output_shapes
from zoo.keras_model import to_keras
from zoo.network import Description, Graph, KerasLayer, Network, Node
from zoo.shapes import Shape

JOINS = (*MERGES, "Concatenate", "Dot")
SHAPES: dict[int, Shape] = {1: (6,), 2: (7, 3), 3: (5, 6, 3)}
RUNNING = [name for name in SUPPORTED if name in DRAWN or name in JOINS]
EACH = 2
"""Examples of each layer that the whole chain up to the interpreter is tried with."""


def test_each_readable_layer_is_drawn() -> None:
    """Also those that have no element yet: they are drawn as soon as ``SUPPORTED`` lists them."""
    assert {*DRAWN, *JOINS, *OLD, *OF_VOLUMES, *UNSAVED, *WRAPPERS, *OF_APPLICATIONS} == set(
        SUPPORTED
    )


def network_with(name: str, number: int) -> Description:
    """Return a network around a random layer of this name."""
    behind = KerasLayer("LeakyReLU", negative_slope=0.5)  # the layer may change nothing
    if name in JOINS:
        join = KerasLayer(name, axes=1) if name == "Dot" else KerasLayer(name)
        calls = (Node(join, (0, 1)), Node(behind, (2,)))
        return Graph("network", (SHAPES[3 - number % 3],) * 2, calls, (3,))
    axes = DRAWN[name].axes[number % len(DRAWN[name].axes)]
    layer = example(single_layers(SHAPES[axes], (name,)), number)
    return Network("network", SHAPES[axes], (layer, behind), functional=True)


@pytest.mark.parametrize("name", RUNNING)
def test_each_supported_layer_runs(name: str) -> None:
    for number in range(1 if name in TRAINING_ONLY else EACH):
        network = network_with(name, number)
        assert tuple(to_keras(network).output_shape[1:]) == output_shapes(network)[0]
        verdict = judge(Case(network, input_range=(-1.0, 1.0), seed=number), netlist=False)
        assert verdict.problems == (), repr(verdict.case)
        assert verdict.interpreted > 0


@settings(max_examples=50, deadline=None, suppress_health_check=list(HealthCheck))
@given(graphs())
def test_random_graphs_are_what_keras_builds(graph: Graph) -> None:
    outputs = to_keras(graph).outputs
    assert tuple(tuple(output.shape[1:]) for output in outputs) == output_shapes(graph)


ELEMENTS = {kind for union in get_args(elements.Element) for kind in get_args(union) or (union,)}


@pytest.mark.parametrize("kind", sorted(ELEMENTS, key=lambda kind: kind.__name__))
def test_each_element_computes_and_is_timed(kind: type) -> None:
    if kind is not elements.Input:  # the interpreter takes its codes, and has nothing to compute
        assert apply.dispatch(kind) is not apply.dispatch(object)
    assert element_events.dispatch(kind) is not element_events.dispatch(object)
