"""Pools that stand alone."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from ir.elements.streams import Kernel, StreamType
from ir.numbers import IntegerType
from ir.requantize import Requantization

if TYPE_CHECKING:
    from ir.elements import Element


@dataclass(frozen=True, slots=True, eq=False)
class MaxPool:
    """Maximum over a window; padding never wins (ONNX MaxPool)."""

    name: str
    layer: str
    source: Element
    output: StreamType
    kernel: Kernel
    fifo_depth: int = 2


@dataclass(frozen=True, slots=True, eq=False)
class GlobalMaximum:
    """Maximum of each channel over the frame."""

    name: str
    layer: str
    source: Element
    output: StreamType
    fifo_depth: int = 2


@dataclass(frozen=True, slots=True, eq=False)
class GlobalAverage:
    """Sum of each channel over the frame, requantized."""

    name: str
    layer: str
    source: Element
    output: StreamType
    accumulator: IntegerType
    requantization: Requantization
    fifo_depth: int = 2
