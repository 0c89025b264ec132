"""The registry: every network of the zoo by name."""

from __future__ import annotations

import shutil
from pathlib import Path

from zoo.entry import Entry
from zoo.mlperf import MLPERF
from zoo.pocket import POCKET
from zoo.trained import TRAINED
from zoo.weights import Regime

MODELS = Path(__file__).parent / "models"
_SEED = 1


def networks() -> dict[str, Entry]:
    """Return every network of the zoo by name, the trained ones first."""
    return {entry.name: entry for entry in (*TRAINED, *POCKET, *MLPERF)}


def save(name: str, path: Path) -> None:
    """Write the Keras file (.h5) of the network ``name``, trained or with seeded weights."""
    entry = networks()[name]
    if entry.data is not None:
        shutil.copyfile(MODELS / f"{name}.h5", path)
    else:
        from zoo.keras_model import save_h5  # TensorFlow takes seconds to import
        from zoo.keras_weights import with_weights

        regime = Regime.SETTLED if entry in MLPERF else Regime.ORDINARY
        save_h5(with_weights(entry.network, _SEED, regime), path)
