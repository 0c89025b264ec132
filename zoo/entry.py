"""What the registry says about a network."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal, TypeAlias

from zoo.network import Description

DataSet: TypeAlias = Literal["digits", "digits_flat", "digits_raw", "jets"]


@dataclass(frozen=True, slots=True)
class Entry:
    """A network of the zoo.

    ``data``: what it was trained on, or None: its weights are random, drawn with a fixed seed.
    """

    network: Description
    description: str
    data: DataSet | None = None

    @property
    def name(self) -> str:
        """The name in the registry, and of the file."""
        return self.network.name
