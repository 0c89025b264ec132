"""Networks to try the compiler on: described by data, trained on data that ships in packages."""

from zoo.catalogue import MODELS, Entry, networks, save

__all__ = ["MODELS", "Entry", "networks", "save"]
