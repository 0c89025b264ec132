"""Networks to try the compiler on: described by data, trained on data that ships in packages."""

from zoo.catalogue import MODELS, networks, save
from zoo.entry import Entry

__all__ = ["MODELS", "Entry", "networks", "save"]
