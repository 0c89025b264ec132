"""Layer configurations of all Keras versions, brought to one form and read.

Keras 1 (``nb_filter``, ``border_mode``), Keras 2 (``batch_input_shape``, ``alpha``) and Keras 3
(``module``, ``registered_name``) say the same things differently. Nothing is ever imported or
called by a name from the file: a class is looked up in ``SUPPORTED`` or refused.
"""

from __future__ import annotations

import dataclasses
from typing import Any

from frontend import rules
from frontend.layers import SUPPORTED, Layer, TrainingOnly, supported_parameters
from frontend.layers.base import KERAS_2_HARD_SIGMOID
from frontend.layers.wrapping import TimeDistributed
from frontend.limits import MAX_NAME_LENGTH
from ir.errors import CompileError

MODEL_CLASSES = ("Functional", "Model", "Sequential")

RENAMED_CLASSES = {
    "BatchNormalizationV1": "BatchNormalization",
    "BatchNormalizationV2": "BatchNormalization",
    "AvgPool1D": "AveragePooling1D",
    "AvgPool2D": "AveragePooling2D",
    "Convolution1D": "Conv1D",
    "Convolution1DTranspose": "Conv1DTranspose",
    "Convolution2D": "Conv2D",
    "Convolution2DTranspose": "Conv2DTranspose",
    "GlobalAvgPool1D": "GlobalAveragePooling1D",
    "GlobalAvgPool2D": "GlobalAveragePooling2D",
    "GlobalMaxPool1D": "GlobalMaxPooling1D",
    "GlobalMaxPool2D": "GlobalMaxPooling2D",
    "MaxPool1D": "MaxPooling1D",
    "MaxPool2D": "MaxPooling2D",
    "SeparableConvolution1D": "SeparableConv1D",
    "SeparableConvolution2D": "SeparableConv2D",
}

# Operators of Keras 3 (``a + b``) that are saved as if they were layers. Others of these names,
# such as Average and Concatenate, have other arguments than the layers.
OPERATORS = ("Add", "Maximum", "Minimum", "Multiply", "Subtract")

RENAMED_PARAMETERS = {
    "Conv2D": {
        "nb_filter": "filters",
        "subsample": "strides",
        "border_mode": "padding",
        "dim_ordering": "data_format",
        "atrous_rate": "dilation_rate",
        "bias": "use_bias",
    },
    "AveragePooling2D": {"border_mode": "padding", "dim_ordering": "data_format"},
    "Cropping2D": {"dim_ordering": "data_format"},
    "Dense": {"output_dim": "units", "bias": "use_bias"},
    "GlobalMaxPooling2D": {"dim_ordering": "data_format"},
    "UpSampling2D": {"dim_ordering": "data_format"},
    "Flatten": {"dim_ordering": "data_format"},
    "GlobalAveragePooling2D": {"dim_ordering": "data_format"},
    "LeakyReLU": {"alpha": "negative_slope"},
    "MaxPooling2D": {"border_mode": "padding", "dim_ordering": "data_format"},
    "ZeroPadding2D": {"dim_ordering": "data_format"},
}

DATA_FORMATS = {"tf": "channels_last", "th": "channels_first", "default": "channels_last"}

# Without any influence on what the layer computes in inference.
IGNORED = {
    "batch_input_shape", "batch_shape", "input_shape", "input_dim", "input_length", "input_dtype",
    "autocast", "dtype", "fused", "init", "momentum", "mode", "name", "renorm_clipping",
    "renorm_momentum", "seed", "synchronized", "trainable",
}  # fmt: skip
IGNORED_ENDINGS = ("_initializer", "_regularizer", "_constraint", "_init")

# Written by Keras 2 for layers that have no such parameter.
NEUTRAL = (("groups", 1), ("rms_scaling", False))

ON_TENSORFLOW_1 = ("1.", "2.0.", "2.1.", "2.2.")
"""Versions of Keras that may have run on TensorFlow 1, whose images were resized differently."""

DATA_TYPES = ("float32", None)


def class_of(entry: dict[str, Any], name: str) -> str:
    """Return today's name of the layer class that ``entry`` names; code is refused here."""
    class_name = entry.get("class_name")
    if not isinstance(class_name, str):
        raise CompileError("load", name, "its configuration names no class", "save the model again")
    config = entry.get("config")
    if class_name.endswith("Lambda"):
        raise CompileError(
            "load",
            name,
            "is a Lambda layer: it holds Python code, which is never run",
            "use one of the supported layers instead: " + ", ".join(sorted(SUPPORTED)),
        )
    module, registered = entry.get("module"), entry.get("registered_name")
    class_name = class_name.rpartition(".")[2] if class_name.count(".") == 1 else class_name
    foreign = isinstance(module, str) and module.split(".")[0] not in {"keras", "tensorflow"}
    if foreign or ">" in class_name or registered not in (None, class_name):
        raise CompileError(
            "load",
            name,
            f"is of the custom class {rules.show(registered or class_name)}, whose code is never "
            "loaded",
            "use one of the supported layers instead: " + ", ".join(sorted(SUPPORTED)),
        )
    class_name = RENAMED_CLASSES.get(class_name, class_name)
    known = class_name in SUPPORTED or class_name in MODEL_CLASSES or class_name == "InputLayer"
    if isinstance(module, str) and ".ops" in module and class_name not in OPERATORS:
        known = False
    if not known:
        raise CompileError(
            "load",
            name,
            f"layers of class {rules.show(class_name)} are not supported",
            "supported are " + ", ".join(sorted(SUPPORTED)) + " and nested models",
        )
    if not isinstance(config, dict | list):
        raise CompileError("load", name, "has no configuration", "save the model again")
    return class_name


def check_name(name: object, where: str) -> str:
    """Return ``name`` if ONNX and HDF5 can hold it: 1 to 1000 characters of valid Unicode."""
    problem = None
    if not isinstance(name, str) or not name:
        problem = "holds a layer without a name"
    elif len(name) > MAX_NAME_LENGTH:
        problem = f"holds a layer name of {len(name)} characters"
    elif "\0" in name or any("\ud800" <= character <= "\udfff" for character in name):
        problem = f"holds the layer name {rules.show(name)}, which is not valid text"
    if problem:
        raise CompileError(
            "load", where, problem, f"give each layer a name of 1 to {MAX_NAME_LENGTH} characters"
        )
    return str(name)


def read_layer(class_name: str, name: str, config: dict[str, Any], keras_version: str) -> Layer:
    """Return the layer that ``config`` (of any Keras version) describes, every parameter checked.

    Args:
        class_name: a key of ``SUPPORTED``.
        name: the layer's name, with the names of the models around it.
        config: the ``config`` entry of the file.
        keras_version: the version that wrote the file, at least its first number.
    """
    kind = SUPPORTED[class_name]
    if kind is TimeDistributed:
        return read_layer(*_of_each_step(name, config), keras_version)
    if kind is TrainingOnly:
        return kind(name=name)
    _check_data_type(name, config.get("dtype"))
    supported = supported_parameters(kind)
    values: dict[str, Any] = {}
    for key, value in _normalised(class_name, config).items():
        rule = supported.get(key)
        if rule is None:
            if value in (None, False, 0, [], {}) or (key, value) in NEUTRAL:
                continue
            raise CompileError(
                "load",
                name,
                f"parameter {rules.show(key)} of {class_name} is not supported",
                f"supported are {', '.join(supported) or 'none'}",
            )
        try:
            values[key] = rule.read(value)
        except ValueError as error:
            raise CompileError(
                "load",
                name,
                f"{key} of {class_name} must be {rule.text}, {error}",
                "change the layer and train the model again",
            ) from error
    if keras_version.startswith(("1", "2")) and values.get("activation") == "hard_sigmoid":
        values["activation"] = KERAS_2_HARD_SIGMOID
    if keras_version.startswith(ON_TENSORFLOW_1) and values.get("interpolation") == "bilinear":
        raise CompileError(
            "load", name,
            f"bilinear interpolation of Keras {keras_version} depends on the TensorFlow below it",
            "load the model in a newer Keras, test it there and save it again",
        )  # fmt: skip
    for field in dataclasses.fields(kind):
        if field.default is dataclasses.MISSING and field.name not in {"name", *values}:
            raise CompileError(
                "load", name, f"{field.name} of {class_name} is missing", "save the model again"
            )
    return kind(name=name, **values)


def _of_each_step(name: str, config: dict[str, Any]) -> tuple[str, str, dict[str, Any]]:
    """Return class, name and configuration of the layer that does what a TimeDistributed does.

    Its axes are counted from the batch, with the steps between the batch and those of the layer.
    """
    _check_data_type(name, config.get("dtype"))
    entry = config.get("layer")
    if not isinstance(entry, dict):
        raise CompileError(
            "load", name, "layer of TimeDistributed is missing", "save the model again"
        )
    class_name = class_of(entry, name)
    rule = supported_parameters(TimeDistributed)["layer"]
    try:
        rule.read(class_name)
    except ValueError as error:
        raise CompileError(
            "load",
            name,
            f"layer of TimeDistributed must be {rule.text}, {error}",
            "use a layer that takes all steps at once",
        ) from error
    inner = entry["config"] if isinstance(entry["config"], dict) else {}
    axes = inner.get("axis")
    if isinstance(axes, list):
        inner = inner | {"axis": [_behind_steps(axis) for axis in axes]}
    elif axes is not None:
        inner = inner | {"axis": _behind_steps(axes)}
    return class_name, name, inner


def _behind_steps(axis: object) -> object:
    """Return an axis of one step as one of all; those below 0 count from the end."""
    return axis + 1 if type(axis) is int and axis > 0 else axis


def _normalised(class_name: str, config: dict[str, Any]) -> dict[str, Any]:
    """Return the parameters that matter, under today's names."""
    renamed = RENAMED_PARAMETERS.get(class_name, {})
    result: dict[str, Any] = {}
    for key, value in config.items():
        if key in supported_parameters(SUPPORTED[class_name]):
            result[key] = value
        elif key in renamed:
            result[renamed[key]] = value
        elif key not in IGNORED and not key.endswith(IGNORED_ENDINGS):
            result[key] = value
    if "nb_row" in result and "nb_col" in result:
        result["kernel_size"] = [result.pop("nb_row"), result.pop("nb_col")]
    order = result.get("data_format")
    if order is None:
        result.pop("data_format", None)
    elif isinstance(order, str):
        result["data_format"] = DATA_FORMATS.get(order, order)
    slope = result.get("negative_slope")
    if isinstance(slope, dict) and set(slope) == {"type", "value"}:
        result["negative_slope"] = slope["value"]
    return result


def _check_data_type(name: str, policy: object) -> None:
    """Refuse layers that compute in anything but float32."""
    if isinstance(policy, dict):
        config = policy.get("config")
        policy = config.get("name") if isinstance(config, dict) else "a custom policy"
    if policy not in DATA_TYPES:
        raise CompileError(
            "load",
            name,
            f"computes in {rules.show(policy)}, not in float32",
            "rebuild the model with dtype float32 and load the weights into it",
        )
