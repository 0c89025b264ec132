"""Graphs and Keras layers as descriptions; the weights of the deep networks."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

import zoo
from frontend.reference import start_tensorflow
from zoo.__main__ import main
from zoo.graphs import GraphBuilder, input_shapes, macs, output_shapes
from zoo.keras_model import to_keras
from zoo.keras_weights import with_weights
from zoo.mlperf import MLPERF
from zoo.network import Activate, Again, Conv, Dense, Graph, KerasLayer, Network
from zoo.weights import Regime


def siamese() -> Graph:
    """Two inputs through one model, which holds a layer that is called twice."""
    tower = GraphBuilder("tower", (4, 4, 2))
    first = tower.call(Conv(2, 3, padding="same"), 0)
    second = tower.call(Again(0), first)
    inner = tower.build(tower.call(KerasLayer("Add"), first, second))
    graph = GraphBuilder("siamese", (4, 4, 2), (4, 4, 2))
    left = graph.call(inner, 0)
    right = graph.call(Again(0), 1)
    joined = graph.call(KerasLayer("Concatenate", axis=3), left, right)
    return graph.build(graph.chain(joined, KerasLayer("Flatten"), Dense(3)), left)


def test_graph_is_what_keras_builds() -> None:
    model = to_keras(siamese())
    assert [tuple(value.shape[1:]) for value in model.inputs] == list(input_shapes(siamese()))
    assert [tuple(value.shape[1:]) for value in model.outputs] == list(output_shapes(siamese()))
    assert output_shapes(siamese()) == ((3,), (4, 4, 2))
    tower = 9 * 2 * 2 + 2
    assert model.count_params() == tower + 64 * 3 + 3


def test_shared_layers_count_once_for_each_call() -> None:
    assert macs(siamese()) == 4 * (16 * 9 * 2 * 2) + 64 * 3


def test_description_is_a_line_of_python() -> None:
    line = repr(KerasLayer("DepthwiseConv2D", kernel_size=(3, 2), strides=2))
    assert line == "KerasLayer('DepthwiseConv2D', kernel_size=(3, 2), strides=2)"
    names = {c.__name__: c for c in (Again, Conv, Dense, Graph, KerasLayer, zoo.network.Node)}
    assert eval(repr(siamese()), names) == siamese()


def test_tensor_that_does_not_fit_is_refused() -> None:
    graph = GraphBuilder("g", (4, 4, 2), (3,))
    with pytest.raises(ValueError, match="as many axes as each other"):
        graph.call(KerasLayer("Add"), 0, 1)


@pytest.mark.parametrize(
    ("layer", "shape", "expected"),
    [
        (
            KerasLayer("DepthwiseConv2D", kernel_size=3, depth_multiplier=2),
            (6, 5, 4),
            4 * 3 * 9 * 8,
        ),
        (KerasLayer("Conv2D", filters=6, kernel_size=2, groups=2), (3, 3, 4), 4 * 4 * 2 * 6),
        (KerasLayer("Conv1DTranspose", filters=5, kernel_size=3, strides=2), (7, 2), 7 * 3 * 2 * 5),
        (KerasLayer("SeparableConv1D", filters=5, kernel_size=3), (7, 2), 5 * (3 * 2 + 2 * 5)),
        (KerasLayer("MaxPooling2D"), (4, 4, 4), 0),
    ],
)
def test_multiplications(layer: KerasLayer, shape: tuple[int, ...], expected: int) -> None:
    assert macs(Network("n", shape, (layer,))) == expected


@pytest.mark.parametrize("entry", MLPERF, ids=lambda entry: entry.name)
def test_no_relu_of_a_deep_network_is_dead_or_never_closes(entry: zoo.Entry) -> None:
    """Each ReLU closes for some of the values and not for nearly all; no more do they explode."""
    model = with_weights(entry.network, 1, Regime.SETTLED)
    relus = [layer.output for layer in model.layers if layer.name.startswith("activate")]
    assert relus
    random = np.random.default_rng(9)
    frames = [random.uniform(0, 1, (8, *s)) for s in input_shapes(entry.network)]
    for values in start_tensorflow().Model(model.inputs, relus)(frames):
        assert 0.1 < np.mean(np.asarray(values) == 0) < 0.9
        assert 0.05 < np.std(values) < 50


def test_settled_statistics_keep_the_layers_as_they_were() -> None:
    model = with_weights(MLPERF[0].network, 1, Regime.SETTLED)
    kinds = start_tensorflow().layers
    rates = [layer.rate for layer in model.layers if isinstance(layer, kinds.Dropout)]
    assert rates == [0.2, 0.4]
    momenta = {n.momentum for n in model.layers if isinstance(n, kinds.BatchNormalization)}
    assert momenta == {0.99}


def test_depthwise_kernels_are_as_large_as_their_window_asks() -> None:
    layers = (KerasLayer("DepthwiseConv2D", kernel_size=3), Activate("relu"))
    model = with_weights(Network("n", (8, 8, 256), layers), 3)
    assert np.std(model.layers[0].get_weights()[0]) == pytest.approx((2 / 9) ** 0.5, rel=0.1)


def test_command_writes_files_and_lists(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["pocket_baseline", "-o", str(tmp_path / "new")]) == 0
    assert [path.name for path in (tmp_path / "new").iterdir()] == ["pocket_baseline.h5"]
    capsys.readouterr()
    assert main([]) == 0
    lines = capsys.readouterr().out.splitlines()
    assert [line.split()[0] for line in lines] == list(zoo.networks())
    with pytest.raises(SystemExit):
        main(["nothing_of_ours"])
    assert "no network of the zoo: nothing_of_ours" in capsys.readouterr().err
