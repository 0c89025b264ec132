"""Seeded weights for the Keras models of the tests, such that every term counts."""

from __future__ import annotations

from typing import Any

import numpy as np

from frontend.reference import start_tensorflow


def randomized(model: Any) -> Any:
    """Return the model with seeded weights; variances are positive, nothing is 0."""
    random = np.random.default_rng(7)
    values = []
    for variable in model.weights:
        if variable.name == "count":
            values.append(np.asarray(3, variable.dtype))
            continue
        low = 0.5 if variable.name in ("moving_variance", "variance", "gamma") else -0.6
        values.append(random.uniform(low, 1.0, variable.shape).astype(np.float32))
    model.set_weights(values)
    for layer in model.layers:
        if hasattr(layer, "finalize_state"):
            layer.finalize_state()  # or Normalization goes on with its old values
    return model


def sequential(shape: tuple[int, ...], *layers: Any) -> Any:
    keras = start_tensorflow()
    return randomized(keras.Sequential([keras.Input(shape, name="pixels"), *layers]))
