"""A network with everything that decides what becomes of it, as one line of Python."""

from __future__ import annotations

from dataclasses import dataclass
from math import prod
from pathlib import Path
from typing import TypeAlias

import numpy as np
import numpy.typing as npt

import zoo.network
from zoo.network import Described, Network
from zoo.weights import Regime

FloatArray: TypeAlias = npt.NDArray[np.float32]


@dataclass(frozen=True, slots=True, repr=False)
class Case(Described):
    """A network with its weights, the range of its inputs and the folding wanted.

    ``cycles``: target cycles per frame, None for the compiler's own choice.  ``argmax``: the
    final Softmax becomes an element.
    """

    network: Network
    regime: Regime = Regime.ORDINARY
    seed: int = 0
    input_range: tuple[float, float] = (0.0, 1.0)
    cycles: int | None = None
    argmax: bool = False

    def calibration(self) -> FloatArray:
        """Return 32 frames spread over the input range."""
        random = np.random.default_rng([self.seed, 1])
        return random.uniform(*self.input_range, (32, *self.network.input_shape)).astype(np.float32)

    def frames(self, ordinary: int) -> FloatArray:
        """Return frames to run: all low, all high, both by turns, beyond the range, ordinary."""
        low, high = self.input_range
        shape = self.network.input_shape
        turns = np.resize([low, high], prod(shape)).reshape(shape)
        extreme = [np.full(shape, low), np.full(shape, high), turns, low + high - turns]
        random = np.random.default_rng([self.seed, 2])
        middle, reach = (low + high) / 2, high - low
        beyond = random.uniform(middle - reach, middle + reach, (2, *shape))
        inside = random.uniform(low, high, (ordinary, *shape))
        return np.concatenate([extreme, beyond, inside]).astype(np.float32)

    def save(self, path: Path) -> None:
        """Write the Keras file (.h5) of the network with its weights."""
        from zoo.keras_model import save_h5  # TensorFlow takes seconds to import
        from zoo.keras_weights import with_weights

        save_h5(with_weights(self.network, self.seed, self.regime), path)


def parse(line: str) -> Case:
    """Return the case whose ``repr`` is ``line``; only what describes cases can be called."""
    names = {name: getattr(zoo.network, name) for name in dir(zoo.network) if name[0].isupper()}
    case = eval(line, {"__builtins__": {}}, names | {"Case": Case, "Regime": Regime})
    assert isinstance(case, Case)
    return case
