"""What the user may choose about factors that are powers of two; imports nothing slow."""

from __future__ import annotations

from enum import StrEnum


class PowersOfTwo(StrEnum):
    """Which factors of requantizations are to be powers of two where possible.

    ``CHANNEL``: each channel's own; ``LAYER``: the same for all channels of a layer, so that its
    shift is wires.
    """

    NONE = "none"
    CHANNEL = "channel"
    LAYER = "layer"
