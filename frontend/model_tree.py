"""What a model configuration says: a tree of models and layers, and who calls whom.

A model holds members (layers, inputs, other models) and calls of them. A tensor inside a model is
either one of its inputs or a result of one of its calls. ``frontend.network`` takes the tree apart
into one graph of layer calls.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TypeAlias

from frontend.layers import Layer, Shape


@dataclass(frozen=True, slots=True)
class Input:
    """An input of a model, ``shape`` without the batch axis; None where the file is silent."""

    name: str
    shape: Shape | None


@dataclass(frozen=True, slots=True)
class Entry:
    """The tensor that a model receives as its input ``number``."""

    number: int


@dataclass(frozen=True, slots=True)
class Result:
    """The tensor that is output ``output`` of call ``call`` of the same model."""

    call: int
    output: int


Tensor: TypeAlias = Entry | Result


@dataclass(frozen=True, slots=True)
class Call:
    """One call of a member (its position in the list of members)."""

    member: int
    tensors: tuple[Tensor, ...]


@dataclass(frozen=True, slots=True)
class Member:
    """One entry of a model's list of layers.

    ``name`` and ``class_name`` are those of the file; ``content.name`` has the path in front.
    """

    name: str
    class_name: str
    trainable: bool
    content: Layer | Model | Input


@dataclass(frozen=True, slots=True)
class Model:
    """A model: its members in file order, and its calls, each behind those it depends on."""

    name: str
    members: tuple[Member, ...]
    inputs: tuple[Input, ...]
    calls: tuple[Call, ...]
    outputs: tuple[Tensor, ...]
