"""A network with everything that decides what becomes of it, as one line of Python."""

from __future__ import annotations

from dataclasses import dataclass
from math import prod
from pathlib import Path

import numpy as np

import zoo.network
from frontend.frames import FloatArray, Frames
from zoo.graphs import input_shapes
from zoo.network import Described, Description, Network
from zoo.shapes import Shape
from zoo.weights import Regime


@dataclass(frozen=True, slots=True, repr=False)
class Case(Described):
    """A network with its weights, the range of its inputs and the folding wanted.

    ``cycles``: target cycles per frame, None for the compiler's own choice.  ``parallel``: a
    pixel per cycle, whatever it takes; layers then get adders.  ``argmax``: the
    final Softmax becomes the index of the largest channel.  ``softmax``: it becomes an element.
    """

    network: Description
    regime: Regime = Regime.ORDINARY
    seed: int = 0
    input_range: tuple[float, float] = (0.0, 1.0)
    cycles: int | None = None
    argmax: bool = False
    softmax: bool = False
    parallel: bool = False

    def calibration(self) -> Frames:
        """Return 32 frames spread over the input range."""
        random = np.random.default_rng([self.seed, 1])
        return {
            name: random.uniform(*self.input_range, (32, *shape)).astype(np.float32)
            for name, shape in self.inputs.items()
        }

    @property
    def inputs(self) -> dict[str, Shape]:
        """Return the shape of each input by its name in Keras."""
        shapes = input_shapes(self.network)
        if isinstance(self.network, Network):
            return {"input": shapes[0]}
        return {f"input_{number}": shape for number, shape in enumerate(shapes)}

    def frames(self, ordinary: int) -> Frames:
        """Return frames to run: all low, all high, both by turns, beyond the range, ordinary."""
        return {
            name: self._frames(shape, ordinary, number)
            for number, (name, shape) in enumerate(self.inputs.items())
        }

    def _frames(self, shape: Shape, ordinary: int, number: int) -> FloatArray:
        low, high = self.input_range
        turns = np.resize([low, high], prod(shape)).reshape(shape)
        extreme = [np.full(shape, low), np.full(shape, high), turns, low + high - turns]
        random = np.random.default_rng([self.seed, 2 + number])
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
