"""Train the networks of the zoo that have data: ``python -m zoo.train [NAME …]``.

Deterministic: the same packages on the same kind of processor write the same files.
"""

from __future__ import annotations

import sys
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from frontend.reference import start_tensorflow
from zoo import digits, jets
from zoo.catalogue import MODELS, networks
from zoo.digits import Split
from zoo.entry import DataSet, Entry
from zoo.keras_model import save_h5, to_keras
from zoo.network import Activate, Dense, Network

if TYPE_CHECKING:
    import keras

LOADERS: dict[DataSet, Callable[[], Split]] = {
    "digits": digits.load,
    "digits_flat": digits.load_flat,
    "digits_raw": digits.load_raw,
    "jets": jets.load,
}
_SEED = 7
_EPOCHS = 60


def train(entry: Entry) -> tuple[keras.Model, float]:
    """Return ``entry``'s network, trained, and its accuracy (0 .. 1) on the test samples."""
    assert entry.data is not None
    split = LOADERS[entry.data]()
    keras = start_tensorflow()
    keras.utils.set_random_seed(_SEED)
    model = to_keras(entry.network)
    batch = 32
    rate = keras.optimizers.schedules.CosineDecay(4e-3, _EPOCHS * (len(split.train_x) // batch))
    loss = keras.losses.SparseCategoricalCrossentropy(from_logits=not _ends_in_softmax(entry))
    model.compile(optimizer=keras.optimizers.Adam(rate), loss=loss)
    random = np.random.default_rng(_SEED)
    for _ in range(_EPOCHS):
        order = random.permutation(len(split.train_x))
        for start in range(0, len(order) - batch + 1, batch):
            chosen = order[start : start + batch]
            model.train_on_batch(split.train_x[chosen], split.train_y[chosen])
    return model, accuracy(model, split)


def accuracy(model: keras.Model, split: Split) -> float:
    """Return the share of the test samples that ``model`` classifies correctly."""
    predicted = np.argmax(model(split.test_x, training=False), axis=1)
    return float(np.mean(predicted == split.test_y))


def _ends_in_softmax(entry: Entry) -> bool:
    match entry.network:
        case Network(layers=(*_, Dense(activation="softmax") | Activate("softmax"))):
            return True
        case _:
            return False


def main(names: list[str], folder: Path = MODELS) -> None:
    """Train the networks called ``names`` (all, if empty), print accuracies, write ``.h5``."""
    import tensorflow as tf  # not before zoo.keras_model, which sets up its environment

    tf.config.experimental.enable_op_determinism()
    trainable = {name: entry for name, entry in networks().items() if entry.data is not None}
    for name in names or trainable:
        model, reached = train(trainable[name])
        path = folder / f"{name}.h5"
        save_h5(model, path)
        print(
            f"{name}: test accuracy {reached:.2%}, {path.stat().st_size / 1000:.0f} kB", flush=True
        )


if __name__ == "__main__":
    main(sys.argv[1:])
