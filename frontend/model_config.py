"""The configuration of a whole model, read into a tree of layers with the order of the calls.

Sequential and functional models of all Keras versions, nested in each other. Only chains are
supported: one input, one output, each call has one tensor. A layer may be called several times.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from frontend import rules
from frontend.layers import Layer, Shape
from frontend.legacy_config import MODEL_CLASSES, check_name, class_of, read_layer
from frontend.limits import MAX_LAYERS, MAX_NESTING
from ir.errors import CompileError

INPUT_TYPES = ("float32", "float64", "float16", "uint8", "int8", "int16", "int32", "int64", None)


@dataclass(frozen=True, slots=True)
class Input:
    """An input, ``shape`` without the batch axis; None where the file doesn't say it."""

    shape: Shape | None


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
    """A model: its members in file order and the order in which they are called."""

    name: str
    members: tuple[Member, ...]
    calls: tuple[int, ...]
    input_name: str
    input_shape: Shape | None

    def chain(self) -> Iterator[Layer]:
        """Yield the layers of this model and of those nested in it, in the order of the calls."""
        for index in self.calls:
            content = self.members[index].content
            if isinstance(content, Model):
                yield from content.chain()
            elif isinstance(content, Layer):
                yield content


def read_model(config: object, source: str) -> Model:
    """Return the model that ``config``, a parsed ``model_config``, describes.

    Args:
        config: ``{"class_name": ..., "config": ...}`` as Keras writes it.
        source: name of the file, for messages about the model as a whole.
    """
    if not isinstance(config, dict) or class_of(config, source) not in MODEL_CLASSES:
        raise _broken(source, "is no model configuration")
    return _read(config, source, "", 0)


def _read(entry: dict[str, Any], source: str, prefix: str, depth: int) -> Model:
    if depth > MAX_NESTING:
        raise _broken(source, f"nests models deeper than {MAX_NESTING}")
    config = entry["config"]
    settings = config if isinstance(config, dict) else {}
    layers = settings.get("layers") if isinstance(config, dict) else config
    name = settings.get("name") or entry.get("name") or "sequential"
    shown = prefix.rstrip("/") or source
    check_name(name, shown)
    if not isinstance(layers, list) or not all(isinstance(layer, dict) for layer in layers):
        raise _broken(shown, "has no list of layers")
    if not 0 < len(layers) <= MAX_LAYERS:
        raise _broken(shown, f"has {len(layers)} layers, not 1 to {MAX_LAYERS}")
    members = tuple(_member(layer, source, prefix, depth) for layer in layers)
    if len({member.name for member in members}) != len(members):
        raise _broken(shown, "has two layers of one name")
    if class_of(entry, shown) == "Sequential":
        model = _sequential(name, members, layers, settings, shown)
    else:
        model = _functional(name, members, layers, settings, source, prefix)
    if not model.calls:
        raise CompileError("load", shown, "has no layers but its input", "add layers")
    return model


def _member(entry: dict[str, Any], source: str, prefix: str, depth: int) -> Member:
    config = entry.get("config")
    own = config.get("name") if isinstance(config, dict) else None
    name = check_name(entry.get("name") or own, prefix.rstrip("/") or source)
    full = prefix + name
    class_name = class_of(entry, full)
    content: Layer | Model | Input
    if class_name in MODEL_CLASSES:
        content = _read(entry, source, f"{full}/", depth + 1)
    elif not isinstance(config, dict):
        raise _broken(full, "has no configuration")
    elif class_name == "InputLayer":
        if config.get("dtype") not in INPUT_TYPES or config.get("sparse") or config.get("ragged"):
            raise _broken(full, "is a sparse, ragged or non-numeric input")
        content = Input(_input_shape(config, full))
    else:
        content = read_layer(class_name, full, config)
    trainable = not isinstance(config, dict) or config.get("trainable") is not False
    return Member(name, class_name, trainable, content)


def _input_shape(config: dict[str, Any], name: str) -> Shape | None:
    """Return the shape an InputLayer or a first layer states, without the batch axis."""
    shape = config.get("batch_shape") or config.get("batch_input_shape")
    if shape is None and isinstance(config.get("input_shape"), list):
        shape = [None, *config["input_shape"]]
    if shape is None and config.get("input_dim") is not None:
        shape = [None, config["input_dim"]]
    return None if shape is None else _without_batch(shape, name)


def _without_batch(shape: object, name: str) -> Shape:
    if not isinstance(shape, list | tuple) or not 2 <= len(shape) <= 4:
        raise CompileError(
            "load",
            name,
            f"its input shape must be [batch, features] or [batch, height, width, channels], "
            f"not {rules.show(shape)}",
            "use a supported input",
        )
    for position, dimension in enumerate(shape[1:], start=1):
        if dimension is None:
            raise CompileError(
                "load",
                name,
                f"dimension {position} of its input {rules.show(shape)} is unknown (None)",
                "build the model with a fixed input size",
            )
        try:
            rules.integer(dimension, 0, 2**62)
        except ValueError as error:
            raise _broken(name, f"has the input shape {rules.show(shape)}") from error
    return tuple(int(dimension) for dimension in shape[1:])


def _sequential(
    name: str,
    members: tuple[Member, ...],
    layers: list[dict[str, Any]],
    settings: dict[str, Any],
    shown: str,
) -> Model:
    first = members[0].content
    config = layers[0]["config"]
    input_name, shape = f"{members[0].name}_input", None
    if isinstance(first, Input):
        input_name, shape = members[0].name, first.shape
    elif isinstance(first, Model):
        input_name, shape = first.input_name, first.input_shape
    elif isinstance(config, dict):
        shape = _input_shape(config, members[0].name)
    if shape is None and settings.get("build_input_shape") is not None:
        shape = _without_batch(settings["build_input_shape"], shown)
    calls = tuple(i for i, member in enumerate(members) if not isinstance(member.content, Input))
    if calls and len(members) - len(calls) > isinstance(first, Input):
        raise _broken(shown, "has an InputLayer behind another layer")
    return Model(name, members, calls, input_name, shape)


def _functional(
    name: str,
    members: tuple[Member, ...],
    layers: list[dict[str, Any]],
    settings: dict[str, Any],
    source: str,
    prefix: str,
) -> Model:
    """Walk from the output to the input and require that every member is on that way."""
    shown = prefix.rstrip("/") or source
    index = {member.name: i for i, member in enumerate(members)}
    _single(settings.get("input_layers"), "input", shown)
    tensor = _single(settings.get("output_layers"), "output", shown)
    nodes = [
        _inbound(layer, member, prefix, shown)
        for layer, member in zip(layers, members, strict=True)
    ]
    # Keras 2 counts the calls of a nested model from 1: its own construction was call 0.
    references = [tensor, *(reference for calls in nodes for reference in calls)]
    last = dict.fromkeys(index, 0)
    for name_of_layer, call in references:
        last[name_of_layer] = max(last.get(name_of_layer, 0), call)
    calls: list[int] = []
    while True:
        if tensor[0] not in index:
            raise _broken(shown, f"connects a layer {rules.show(tensor[0])} that is not there")
        member = index[tensor[0]]
        if isinstance(members[member].content, Input):
            break
        inbound = nodes[member]
        call = tensor[1] - (last[tensor[0]] >= len(inbound))
        if not 0 <= call < len(inbound) or len(calls) > MAX_LAYERS:
            raise _broken(shown, f"connects its layer {rules.show(tensor[0])} wrongly")
        calls.append(member)
        tensor = inbound[call]
    counts = Counter(calls)
    for i, entry in enumerate(members):
        if i != member and counts[i] != max(len(nodes[i]), 1):
            raise CompileError(
                "load",
                prefix + entry.name,
                "is not on the one way from the input to the output",
                "use a model without branches",
            )
    content = members[member].content
    shape = content.shape if isinstance(content, Input) else None
    return Model(name, members, tuple(reversed(calls)), members[member].name, shape)


def _single(value: object, what: str, shown: str) -> tuple[str, int]:
    """Return (layer, call) of a model's only input or output tensor."""
    if isinstance(value, dict) and len(value) == 1:
        value = next(iter(value.values()))
    if isinstance(value, list) and len(value) == 1:
        value = value[0]
    if not isinstance(value, list) or len(value) < 2 or not isinstance(value[0], str):
        count = len(value) if isinstance(value, list | dict) else 0
        raise CompileError(
            "load",
            shown,
            f"has {count} {what}s; supported is one {what}",
            f"make a model with one {what}",
        )
    return _reference(value, shown)


def _reference(value: list[Any], shown: str) -> tuple[str, int]:
    if not isinstance(value[0], str) or not isinstance(value[1], int) or value[1] < 0:
        raise _broken(shown, "has a connection that can't be read")
    return value[0], value[1]


def _inbound(
    layer: dict[str, Any], member: Member, prefix: str, shown: str
) -> list[tuple[str, int]]:
    """Return the tensor that each call of a layer takes."""
    calls = layer.get("inbound_nodes")
    if calls is None and not isinstance(member.content, Input):
        raise _broken(shown, f"does not connect its layer {rules.show(member.name)}")
    if not isinstance(calls or [], list):
        raise _broken(shown, f"has connections of {rules.show(member.name)} that can't be read")
    result = []
    for call in calls or []:
        arguments, keywords = _arguments(call)
        if keywords.get("training"):
            raise CompileError(
                "load", prefix + member.name, "is called with training=True", "call it without"
            )
        if len(arguments) != 1 or not isinstance(arguments[0], list) or len(arguments[0]) < 2:
            raise CompileError(
                "load",
                prefix + member.name,
                f"takes {len(arguments)} tensors in one call; supported is one",
                "use a model without branches",
            )
        result.append(_reference(arguments[0], shown))
    return result


def _arguments(call: object) -> tuple[list[Any], dict[str, Any]]:
    """Return the tensors ``[layer, call, tensor]`` of a call and its keyword arguments."""
    if isinstance(call, dict):  # Keras 3
        tensors = []
        for argument in call.get("args") or []:
            config = argument.get("config") if isinstance(argument, dict) else None
            tensors.append(config.get("keras_history") if isinstance(config, dict) else None)
        keywords = call.get("kwargs")
        return tensors, keywords if isinstance(keywords, dict) else {}
    if not isinstance(call, list):
        return [], {}
    keywords = {}
    for tensor in call:
        if isinstance(tensor, list) and len(tensor) > 3 and isinstance(tensor[3], dict):
            keywords.update(tensor[3])
    return call, keywords


def _broken(where: str, problem: str) -> CompileError:
    return CompileError("load", where, problem, "save the model again with Keras")
