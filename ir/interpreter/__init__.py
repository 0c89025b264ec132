"""Integer interpreter of the stream graph: what every element sends, value for value.

Plain numpy on int64, independent of onnxruntime (the second oracle) and of folding.
"""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np

from ir.elements import Element, Input, sources
from ir.graph import StreamGraph
from ir.interpreter import joins, normalizing, plumbing, shaping
from ir.interpreter.dispatch import apply
from ir.interpreter.pointwise import look_up
from ir.interpreter.windows import accumulate, maximum_over_windows, windows
from ir.numbers import IntArray

__all__ = ["accumulate", "apply", "evaluate", "look_up", "maximum_over_windows", "windows"]

ELEMENTS = (joins, normalizing, plumbing, shaping)
"""Importing them, and the modules above, teaches ``apply`` the elements."""


def evaluate(graph: StreamGraph, inputs: Mapping[str, IntArray]) -> dict[str, IntArray]:
    """Return the integers that every element sends.

    Args:
        graph: the network.
        inputs: by port name, codes of shape (frames, height, width, channels).

    Returns:
        By element name, codes of shape (frames, height, width, channels).
    """
    values: dict[int, IntArray] = {}
    named: dict[str, IntArray] = {}
    for element in graph:
        if isinstance(element, Input):
            result = np.asarray(inputs[element.port], np.int64)
            _check_codes(element, result)
        else:
            result = apply(element, *(values[id(source)] for source in sources(element)))
        values[id(element)] = named[element.name] = result
    return named


def _check_codes(element: Element, codes: IntArray) -> None:
    shape, number = element.output.shape, element.output.number
    expected = (shape.height, shape.width, shape.channels)
    if codes.shape[1:] != expected:
        raise ValueError(f"{element.name}: frames must be {expected}, not {codes.shape[1:]}")
    if codes.size and (codes.min() < number.minimum or codes.max() > number.maximum):
        raise ValueError(f"{element.name}: codes must fit {number}")
