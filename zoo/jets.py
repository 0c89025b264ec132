"""A stand-in for the jet-tagging data of high-energy physics: synthetic, seeded.

The real set (16 features of a particle jet, 5 kinds of jet) ships in no package, so points are
drawn around several centres per class.  Accuracies on it say nothing about jets.
"""

from __future__ import annotations

import numpy as np
from sklearn.datasets import make_classification
from sklearn.model_selection import train_test_split

from zoo.digits import Split

FEATURES = 16
CLASSES = 5


def load() -> Split:
    """Return 4,500 training and 500 test vectors (samples, 16), the same on every call."""
    features, labels = make_classification(
        n_samples=5000,
        n_features=FEATURES,
        n_informative=8,
        n_redundant=4,
        n_classes=CLASSES,
        n_clusters_per_class=2,
        class_sep=1.5,
        random_state=0,
    )
    # Keep the mantissas short: the last bit of a generated feature may differ between machines.
    features = np.round(features * 256).astype(np.float32) / np.float32(256)
    train_x, test_x, train_y, test_y = train_test_split(
        features, labels.astype(np.int64), test_size=500, random_state=0, stratify=labels
    )
    return Split(train_x, train_y, test_x, test_y)
