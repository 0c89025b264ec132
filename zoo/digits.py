"""Handwritten digits: 1,797 real images of 8x8 pixels that ship with scikit-learn.

``python -m zoo.digits FOLDER`` writes ``calibration.npz`` (training images) and ``test.npz``
(test images), each with ``x`` and ``y``, to give to the compiler.
"""

from __future__ import annotations

import sys
from pathlib import Path
from typing import NamedTuple, TypeAlias

import numpy as np
import numpy.typing as npt
from sklearn.datasets import load_digits
from sklearn.model_selection import train_test_split

FloatArray: TypeAlias = npt.NDArray[np.float32]
LabelArray: TypeAlias = npt.NDArray[np.int64]

CLASSES = 10
TEST_SAMPLES = 450


class Split(NamedTuple):
    """Samples (samples, …) and their class numbers (samples,), for training and for testing."""

    train_x: FloatArray
    train_y: LabelArray
    test_x: FloatArray
    test_y: LabelArray


def load(*, scaled: bool = True) -> Split:
    """Return 1,347 training and 450 test images (samples, 8, 8, 1), the same on every call.

    ``scaled``: pixels in 0 .. 1; otherwise as they are in the data set, 0 .. 16.
    Each class has the same share in both parts.
    """
    digits = load_digits()
    images = digits.images[..., np.newaxis].astype(np.float32)
    labels = digits.target.astype(np.int64)
    train_x, test_x, train_y, test_y = train_test_split(
        images / np.float32(16) if scaled else images,
        labels,
        test_size=TEST_SAMPLES,
        random_state=0,
        stratify=labels,
    )
    return Split(train_x, train_y, test_x, test_y)


def load_flat() -> Split:
    """Return the scaled images of ``load`` as vectors (samples, 64), row by row."""
    split = load()
    return split._replace(
        train_x=split.train_x.reshape(-1, 64), test_x=split.test_x.reshape(-1, 64)
    )


def load_raw() -> Split:
    """Return the images of ``load`` with pixels in 0 .. 16."""
    return load(scaled=False)


def write(folder: Path) -> None:
    """Write calibration.npz (training images) and test.npz, with arrays ``x`` and ``y``."""
    split = load()
    folder.mkdir(parents=True, exist_ok=True)
    np.savez(folder / "calibration.npz", x=split.train_x, y=split.train_y)
    np.savez(folder / "test.npz", x=split.test_x, y=split.test_y)


if __name__ == "__main__":
    if len(sys.argv) != 2:
        sys.exit("usage: python -m zoo.digits FOLDER")
    write(Path(sys.argv[1]))
