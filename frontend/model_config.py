"""The configuration of a whole model, read into a tree of models and layers.

Sequential and functional models of all Keras versions, nested in each other: any directed acyclic
graph, with several inputs and outputs, and layers and models that are called several times.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from frontend import rules
from frontend.layers import Layer, Shape
from frontend.legacy_config import MODEL_CLASSES, check_name, class_of, read_layer
from frontend.limits import MAX_LAYERS, MAX_NESTING
from frontend.model_tree import Call, Entry, Input, Member, Model, Result
from frontend.operator_config import operator_as_layer
from frontend.wiring import broken, connect
from ir.errors import CompileError

INPUT_TYPES = ("float32", "float64", "float16", "uint8", "int8", "int16", "int32", "int64", None)


@dataclass(frozen=True, slots=True)
class File:
    """What is known of the whole file: its name for messages, and the Keras that wrote it."""

    name: str
    keras_version: str


def read_model(config: object, source: str, keras_version: str) -> Model:
    """Return the model that ``config``, a parsed ``model_config``, describes.

    Args:
        config: ``{"class_name": ..., "config": ...}`` as Keras writes it.
        source: name of the file, for messages about the model as a whole.
        keras_version: version that wrote it; ``"unknown"`` is taken as Keras 3 if its layers name
            their modules, as those of Keras 3 do.
    """
    if not isinstance(config, dict) or class_of(config, source) not in MODEL_CLASSES:
        raise broken(source, "is no model configuration")
    if keras_version == "unknown":
        keras_version = "3" if "module" in config else "2"
    return _read(config, File(source, keras_version), "", 0)


def _read(entry: dict[str, Any], file: File, prefix: str, depth: int) -> Model:
    if depth > MAX_NESTING:
        raise broken(file.name, f"nests models deeper than {MAX_NESTING}")
    config = entry["config"]
    settings = config if isinstance(config, dict) else {}
    layers = settings.get("layers") if isinstance(config, dict) else config
    name = settings.get("name") or entry.get("name") or "sequential"
    shown = prefix.rstrip("/") or file.name
    check_name(name, shown)
    if not isinstance(layers, list) or not all(isinstance(layer, dict) for layer in layers):
        raise broken(shown, "has no list of layers")
    layers = [operator_as_layer(layer) for layer in layers]
    if not 0 < len(layers) <= MAX_LAYERS:
        raise broken(shown, f"has {len(layers)} layers, not 1 to {MAX_LAYERS}")
    members = tuple(_member(layer, file, prefix, depth) for layer in layers)
    if len({member.name for member in members}) != len(members):
        raise broken(shown, "has two layers of one name")
    if class_of(entry, shown) == "Sequential":
        model = _sequential(name, members, layers, settings, shown)
    else:
        wiring = connect(members, layers, settings, prefix, shown)
        model = Model(name, members, wiring.inputs, wiring.calls, wiring.outputs)
    if not model.calls:
        raise CompileError("load", shown, "has no layers but its input", "add layers")
    return model


def _member(entry: dict[str, Any], file: File, prefix: str, depth: int) -> Member:
    config = entry.get("config")
    own = config.get("name") if isinstance(config, dict) else None
    name = check_name(entry.get("name") or own, prefix.rstrip("/") or file.name)
    full = prefix + name
    class_name = class_of(entry, full)
    content: Layer | Model | Input
    if class_name in MODEL_CLASSES:
        content = _read(entry, file, f"{full}/", depth + 1)
    elif not isinstance(config, dict):
        raise broken(full, "has no configuration")
    elif class_name == "InputLayer":
        if config.get("dtype") not in INPUT_TYPES or config.get("sparse") or config.get("ragged"):
            raise broken(full, "is a sparse, ragged or non-numeric input")
        content = Input(name, _input_shape(config, full))
    else:
        content = read_layer(class_name, full, config, file.keras_version)
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
            raise broken(name, f"has the input shape {rules.show(shape)}") from error
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
        input_name, shape = first.inputs[0].name, first.inputs[0].shape
    elif isinstance(config, dict):
        shape = _input_shape(config, members[0].name)
    if shape is None and settings.get("build_input_shape") is not None:
        shape = _without_batch(settings["build_input_shape"], shown)
    for member in members:
        if isinstance(member.content, Model):
            inputs, outputs = len(member.content.inputs), len(member.content.outputs)
            if (inputs, outputs) != (1, 1):
                ends = f"{inputs} inputs and {outputs} outputs"
                raise broken(
                    shown, f"has {rules.show(member.name)} in a sequence, which has {ends}"
                )
    called = [i for i, member in enumerate(members) if not isinstance(member.content, Input)]
    if called and len(members) - len(called) > isinstance(first, Input):
        raise broken(shown, "has an InputLayer behind another layer")
    calls = tuple(
        Call(member, (Result(position - 1, 0) if position else Entry(0),))
        for position, member in enumerate(called)
    )
    end = Result(len(calls) - 1, 0)
    return Model(name, members, (Input(input_name, shape),), calls, (end,))
