"""Operators of Keras 3 on a tensor and a number (``x + 3.0``), brought to the layer they are.

Keras saves such an operator as if it were a layer, with the number among the arguments of its call;
an ``.h5`` file does not say that it is none. No layer of these classes takes a number.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from frontend import rules

Affine = tuple[float, float]
"""Factor and offset."""

TENSOR_FIRST: dict[str, Callable[[float], Affine]] = {
    "Add": lambda number: (1.0, number),
    "Multiply": lambda number: (number, 0.0),
    "Subtract": lambda number: (1.0, -number),
    "TrueDivide": lambda number: (1.0 / number, 0.0),
}

NUMBER_FIRST: dict[str, Callable[[float], Affine]] = {
    "Add": lambda number: (1.0, number),
    "Multiply": lambda number: (number, 0.0),
    "Subtract": lambda number: (-1.0, number),
}


def operator_as_layer(entry: dict[str, Any]) -> dict[str, Any]:
    """Return a model's entry for an operator on a number as that for a ``Rescaling`` layer.

    Any other entry is returned as it is; what can't be read is left to the readers of layers.
    """
    arguments = _only_arguments(entry)
    if arguments is None:
        return entry
    first_is_number = not isinstance(arguments[0], dict)
    forms = NUMBER_FIRST if first_is_number else TENSOR_FIRST
    form = forms.get(str(entry.get("class_name")))
    tensor, number = reversed(arguments) if first_is_number else arguments
    if form is None or not isinstance(tensor, dict) or not isinstance(entry.get("config"), dict):
        return entry
    try:
        scale, offset = form(rules.number(number))
    except (ValueError, ZeroDivisionError):
        return entry
    return {
        **{key: entry[key] for key in ("name",) if key in entry},
        "class_name": "Rescaling",
        "config": {"name": entry["config"].get("name"), "scale": scale, "offset": offset},
        "inbound_nodes": [{"args": [tensor], "kwargs": {}}],
    }


def _only_arguments(entry: dict[str, Any]) -> list[Any] | None:
    """Return the two arguments of the only call, if it has nothing else."""
    calls = entry.get("inbound_nodes")
    if not isinstance(calls, list) or len(calls) != 1 or not isinstance(calls[0], dict):
        return None
    arguments = calls[0].get("args")
    if calls[0].get("kwargs") or not isinstance(arguments, list) or len(arguments) != 2:
        return None
    return arguments
