"""The zoo's descriptions say what Keras builds, and its files are what the registry says."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
from hypothesis import given, settings

import zoo
from frontend.reference import start_tensorflow
from tests.case import Case, parse
from tests.strategies import cases, draw
from zoo.graphs import macs, output_shapes
from zoo.keras_model import save_h5, to_keras
from zoo.keras_weights import with_weights
from zoo.network import Conv, Description, Network, Relu
from zoo.train import LOADERS, accuracy
from zoo.weights import Regime

README = Path(zoo.__file__).parent / "README.md"
NETWORKS = zoo.networks()
TRAINED = [name for name, entry in NETWORKS.items() if entry.data is not None]


def keras_shapes(network: Description) -> tuple[tuple[int, ...], ...]:
    return tuple(tuple(output.shape[1:]) for output in to_keras(network).outputs)


@pytest.mark.parametrize("name", NETWORKS)
def test_output_shape_is_keras(name: str) -> None:
    network = NETWORKS[name].network
    assert keras_shapes(network) == output_shapes(network)


@settings(max_examples=60, deadline=None)
@given(cases())
def test_random_networks_are_legal_and_printable(case: Case) -> None:
    network = case.network
    assert keras_shapes(network) == output_shapes(network)
    assert min(size for shape in output_shapes(network) for size in shape) > 0
    assert parse(repr(case)) == case


def test_description_prints_what_differs_from_the_defaults() -> None:
    network = Network("n", (4, 4, 1), (Conv(2, (1, 3), stride=2), Relu(max_value=6.0)))
    assert repr(network) == (
        "Network('n', (4, 4, 1), (Conv(2, (1, 3), stride=2), Relu(max_value=6.0)))"
    )


def test_a_number_draws_the_same_network_again() -> None:
    assert draw(3) == draw(3)
    assert len({draw(number) for number in range(20)}) == 20


@pytest.mark.parametrize(
    ("name", "published"),
    [
        ("pocket_baseline", 704),
        ("pocket_2x", 31_872),
        ("pocket_4x3x1_1x1", 54_752),
        ("pocket_lenet", 12_175_488),
        ("pocket_mt", 1_649_664),
        ("jet_mlp", 4_256),
        ("ds_cnn", 2_656_768),
        ("mobilenet_025", 7_489_664),
        ("resnet8", 12_501_632),
        ("wake_word", 432_832),
        ("anomaly_autoencoder", 264_192),
    ],
)
def test_multiplications_are_those_published(name: str, published: int) -> None:
    assert macs(NETWORKS[name].network) == published


def test_every_trained_network_has_its_small_file() -> None:
    files = {path.stem: path for path in zoo.MODELS.glob("*.h5")}
    assert sorted(files) == sorted(TRAINED)
    assert max(path.stat().st_size for path in files.values()) <= 200_000


@pytest.mark.parametrize("regime", Regime)
def test_weights_depend_on_the_seed_alone(regime: Regime, tmp_path: Path) -> None:
    network = NETWORKS["digits_batchnorm"].network
    for name, seed in (("first", 5), ("again", 5), ("other", 6)):
        save_h5(with_weights(network, seed, regime), tmp_path / f"{name}.h5")
    first = (tmp_path / "first.h5").read_bytes()
    assert (tmp_path / "again.h5").read_bytes() == first
    assert (tmp_path / "other.h5").read_bytes() != first


@pytest.mark.parametrize("name", TRAINED)
def test_readme_states_the_accuracy_of_the_file(name: str) -> None:
    data = NETWORKS[name].data
    assert data is not None
    split = LOADERS[data]()
    model = start_tensorflow().models.load_model(zoo.MODELS / f"{name}.h5", compile=False)
    row = re.search(rf"`{name}\.h5` .* ([\d.]+) %", README.read_text())
    assert row is not None
    # Float sums differ between processors: two images may fall on the other side.
    assert 100 * accuracy(model, split) == pytest.approx(float(row[1]), abs=0.5)
