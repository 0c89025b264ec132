"""How the members of a functional model are connected, in the forms of all Keras versions.

Keras 1 and 2 write the tensors of a call as lists ``[layer, call, output, {arguments}]``, Keras 3
as dictionaries of class ``__keras_tensor__`` anywhere in the arguments; both nest them in lists and
dictionaries, which Keras flattens in the order of the sorted keys.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, TypeAlias

from frontend import rules
from frontend.layers import TrainingOnly
from frontend.limits import MAX_LAYERS, MAX_TENSORS
from frontend.model_tree import Call, Entry, Input, Member, Model, Result, Tensor
from ir.errors import CompileError

Reference: TypeAlias = tuple[str, int, int]
"""A tensor as the file names it: (layer, call of the layer, output of the call)."""

KERAS_TENSOR = "__keras_tensor__"


@dataclass(frozen=True, slots=True)
class Wiring:
    """The inputs, calls and outputs of one functional model."""

    inputs: tuple[Input, ...]
    calls: tuple[Call, ...]
    outputs: tuple[Tensor, ...]


def connect(
    members: tuple[Member, ...],
    layers: Sequence[Mapping[str, Any]],
    settings: Mapping[str, Any],
    prefix: str,
    shown: str,
) -> Wiring:
    """Return the calls of a functional model in an order in which each can be computed.

    Args:
        members: what the model holds.
        layers: the entry of each member in the file, with its ``inbound_nodes``.
        settings: the model's configuration, with ``input_layers`` and ``output_layers``.
        prefix: the names of the models around, for messages about a member.
        shown: the model's name in messages.

    Raises:
        CompileError: a connection can't be read, leads nowhere, or comes back to itself.
    """
    index = {member.name: i for i, member in enumerate(members)}
    inbound = [_calls(entry, m, prefix, shown) for entry, m in zip(layers, members, strict=True)]
    ends = _references(settings.get("output_layers"), shown)
    offsets = _numbering(members, layers, inbound, ends)
    entries: dict[int, Entry] = {}
    for name, _, _ in _references(settings.get("input_layers"), shown):
        position = index.get(name, -1)
        if position < 0 or not isinstance(members[position].content, Input):
            raise broken(shown, f"has an input {rules.show(name)} that is not there")
        if position in entries:
            raise broken(shown, f"has two inputs {rules.show(name)}")
        entries[position] = Entry(len(entries))

    def resolve(reference: Reference, offset: Mapping[str, int]) -> tuple[int, int, int]:
        """Return (member, call, output), the call counted from 0."""
        name, call, output = reference
        if name not in index:
            raise broken(shown, f"connects a layer {rules.show(name)} that is not there")
        member = index[name]
        if isinstance(members[member].content, Input):
            if member not in entries:
                raise broken(shown, f"does not list its input {rules.show(name)}")
            return member, 0, 0
        call -= offset.get(name, 0)
        if not 0 <= call < len(inbound[member]) or output >= _outputs(members[member]):
            raise broken(shown, f"connects its layer {rules.show(name)} wrongly")
        return member, call, output

    wires = {
        (member, number): [resolve(reference, offsets[0]) for reference in call]
        for member, calls in enumerate(inbound)
        for number, call in enumerate(calls)
    }
    targets = [resolve(reference, offsets[1]) for reference in ends]
    order = _order(wires, targets, members, entries, shown)
    unused = next((key for key in wires if key not in order), None)
    if unused is not None:
        raise CompileError(
            "load", prefix + members[unused[0]].name, "leads to no output of the model",
            "remove it, or make it an output",
        )  # fmt: skip

    def tensor(target: tuple[int, int, int]) -> Tensor:
        member, call, output = target
        return entries[member] if member in entries else Result(order[member, call], output)

    return Wiring(
        tuple(m.content for i in entries if isinstance((m := members[i]).content, Input)),
        tuple(Call(key[0], tuple(map(tensor, wires[key]))) for key in order),
        tuple(map(tensor, targets)),
    )


def _order(
    wires: Mapping[tuple[int, int], list[tuple[int, int, int]]],
    targets: list[tuple[int, int, int]],
    members: tuple[Member, ...],
    entries: Mapping[int, Entry],
    shown: str,
) -> dict[tuple[int, int], int]:
    """Return the position of each call that an output needs, all behind those they depend on."""
    order: dict[tuple[int, int], int] = {}
    begun: set[tuple[int, int]] = set()
    pending = [(member, call) for member, call, _ in reversed(targets) if member not in entries]
    while pending:
        key = pending[-1]
        if key in order:
            pending.pop()
        elif key in begun:  # and all that it needs is in order
            begun.discard(key)
            order[key] = len(order)
        else:
            begun.add(key)
            for member, call, _ in reversed(wires[key]):
                if (member, call) in begun:
                    name = rules.show(members[key[0]].name)
                    raise broken(shown, f"connects its layer {name} wrongly")
                if member not in entries and (member, call) not in order:
                    pending.append((member, call))
    return order


def _numbering(
    members: tuple[Member, ...],
    layers: Sequence[Mapping[str, Any]],
    inbound: Sequence[list[list[Reference]]],
    ends: Sequence[Reference],
) -> tuple[dict[str, int], dict[str, int]]:
    """Return the number of each member's first call, for references by calls and by outputs.

    It is 0, but for nested models: Keras 2 counted the construction of most of them as call 0.
    Since the last call leads to an output, a reference to it tells. Keras 3 counts from 0, and
    from 1 where an output of a functional model is an output of the model around it.
    """
    nodes = [entry.get("inbound_nodes") for entry in layers]
    if any(isinstance(call, dict) for calls in nodes if isinstance(calls, list) for call in calls):
        functional = (m.name for m in members if m.class_name in ("Functional", "Model"))
        return {}, dict.fromkeys(functional, 1)
    last: dict[str, int] = {}
    for name, call, _ in (*ends, *(r for calls in inbound for one in calls for r in one)):
        last[name] = max(last.get(name, 0), call)
    first = {
        member.name: 1
        for member, calls in zip(members, inbound, strict=True)
        if isinstance(member.content, Model) and last.get(member.name, 0) >= len(calls)
    }
    return first, first


def _outputs(member: Member) -> int:
    return len(member.content.outputs) if isinstance(member.content, Model) else 1


def _calls(
    entry: Mapping[str, Any], member: Member, prefix: str, shown: str
) -> list[list[Reference]]:
    """Return the tensors that each call of a member takes."""
    calls = entry.get("inbound_nodes")
    if isinstance(member.content, Input):
        return []
    if not isinstance(calls, list) or not calls:
        raise broken(shown, f"does not connect its layer {rules.show(member.name)}")
    if len(calls) > MAX_LAYERS:
        raise broken(shown, f"calls its layer {rules.show(member.name)} {len(calls)} times")
    name = prefix + member.name
    idle = isinstance(member.content, TrainingOnly)
    return [_arguments(call, name, shown, idle=idle) for call in calls]


def _arguments(call: object, name: str, shown: str, *, idle: bool) -> list[Reference]:
    """Return the tensors of one call, and refuse all other arguments that have an effect.

    Keras 3 saves ``training=True`` with its image augmentations, which have it as their default;
    ``predict`` and a call of the model with ``training=False`` overrule it.  With Keras 2 it holds.

    Args:
        idle: the layer does nothing in inference.
    """
    keywords: list[Any] = []
    if isinstance(call, dict):  # Keras 3
        tensors = [call.get("args") or []]
        if isinstance(call.get("kwargs"), dict):
            keywords.append(dict(call["kwargs"]))
            if idle:
                keywords[0].pop("training", None)
            tensors.append(keywords[0].pop("inputs", []))
        found = _references(tensors, shown, name)
    else:
        found = _references(call, shown, name, keywords)
    for arguments in keywords:
        for keyword, value in arguments.items() if isinstance(arguments, dict) else ():
            if not _is_nothing(value):
                raise CompileError(
                    "load", name, f"is called with {keyword}={rules.show(value)}", "call it without"
                )
    if not found:
        raise broken(shown, f"calls its layer {rules.show(name)} without a tensor")
    return found


def _is_nothing(value: object) -> bool:
    """Tell whether an argument is None or False, or lists and dictionaries of None."""
    if isinstance(value, dict | list):
        inner = value.values() if isinstance(value, dict) else value
        return all(item is None for item in inner)
    return value is None or value is False


def _references(
    value: object, shown: str, called: str | None = None, keywords: list[Any] | None = None
) -> list[Reference]:
    """Return the references in nested lists and dictionaries, as Keras flattens them.

    Args:
        value: as the file has it.
        shown: the model's name in messages.
        called: the layer whose arguments these are; without, ``value`` lists inputs or outputs.
        keywords: receives the fourth entries of references, the keyword arguments of Keras 2.
    """
    found: list[Reference] = []
    pending = [value]
    while pending:
        item = pending.pop()
        if isinstance(item, dict) and item.get("class_name") == KERAS_TENSOR:
            config = item.get("config")
            item = config.get("keras_history") if isinstance(config, dict) else None
            found.append(_reference(item, shown))
        elif isinstance(item, dict):
            pending.extend(item[key] for key in sorted(item, reverse=True))
        elif isinstance(item, list) and len(item) > 1 and isinstance(item[0], str):
            found.append(_reference(item, shown))
            if keywords is not None:
                keywords.extend(item[3:4])
        elif isinstance(item, list):
            pending.extend(reversed(item))
        elif called is None:
            raise broken(shown, "has a connection that can't be read")
        elif item is not None:
            raise CompileError(
                "load", called, f"is called with the constant {rules.show(item)}",
                "use a layer instead, such as Rescaling",
            )  # fmt: skip
        if len(found) + len(pending) > MAX_TENSORS:
            raise CompileError(
                "load", called or shown, f"connects more than {MAX_TENSORS} tensors at once",
                "use a smaller model",
            )  # fmt: skip
    if not found and called is None:
        raise broken(shown, "does not say its inputs and outputs")
    return found


def _reference(value: object, shown: str) -> Reference:
    if isinstance(value, list) and len(value) > 1 and isinstance(value[0], str):
        numbers = [*value[1:3], 0][:2]
        if all(isinstance(number, int) and number >= 0 for number in numbers):
            return value[0], int(numbers[0]), int(numbers[1])
    raise broken(shown, "has a connection that can't be read")


def broken(where: str, problem: str) -> CompileError:
    """Return the refusal of a configuration that Keras can't have written."""
    return CompileError("load", where, problem, "save the model again with Keras")
