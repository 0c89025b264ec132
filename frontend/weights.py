"""Weights of each layer, found in a Keras file, checked against the architecture, and read.

Shapes are compared before any data is read, so that a file can neither ask for more memory than
its architecture allows nor fit another model by accident.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping

import h5py
import numpy as np
from numpy.typing import NDArray

from frontend.keras_files import KerasFile, hard_link, text_list
from frontend.layers import Layer, Shape
from frontend.model_tree import Member, Model
from ir.errors import CompileError

Weights = dict[str, dict[str, NDArray[np.float32]]]
Expected = Mapping[str, Mapping[str, Shape]]

# Keras 1 wrote other names.
_ALIASES = {
    "W": "kernel",
    "b": "bias",
    "running_mean": "moving_mean",
    "running_std": "moving_variance",
    "depthwise_kernel": "kernel",  # of a DepthwiseConv2D up to Keras 2; a SeparableConv2D has both
}


def read_weights(file: KerasFile, model: Model, expected: Expected) -> Weights:
    """Return the weights of every layer in ``expected``, by layer name and weight name.

    Args:
        file: the open model file.
        model: its architecture.
        expected: name and shape of each weight of each layer that has any, by layer name.

    Raises:
        CompileError: weights are missing, too many, of other shapes, or not finite.
    """
    locate = _locate_v3 if file.layout == "v3" else _locate_legacy
    found = locate(file, model, expected)
    return {
        layer: {
            name: _read(layer, name, shape, dataset)
            for (name, shape), dataset in zip(
                shapes.items(), _matched(layer, shapes, found.get(layer, ())), strict=True
            )
        }
        for layer, shapes in expected.items()
    }


Located = dict[str, list[h5py.Dataset]]


def _locate_v3(file: KerasFile, model: Model, expected: Expected) -> Located:
    """Find weights under ``layers/<class>_<n>/vars/<i>``, n counting the classes of one model."""
    found: Located = {}

    def visit(group: h5py.Group | None, members: tuple[Member, ...]) -> None:
        used: dict[str, int] = {}
        for member in members:
            kind = _snake_case(member.class_name)
            count = used.get(kind, 0)
            used[kind] = count + 1
            child = _group(group, f"{kind}_{count}" if count else kind)
            if isinstance(member.content, Model):
                visit(_layers_group(child), member.content.members)
            elif isinstance(member.content, Layer) and member.content.name in expected:
                inner = _group(child, "layer") if member.class_name == "TimeDistributed" else child
                variables = _group(inner, "vars")
                found[member.content.name] = [
                    _dataset(variables, key, member.content.name)
                    for key in sorted(variables or (), key=lambda key: (len(key), key))
                ]

    visit(_layers_group(file.weights), model.members)
    return found


def _layers_group(group: h5py.Group | None) -> h5py.Group | None:
    return _group(group, "layers") or _group(group, "_layer_checkpoint_dependencies")


def _snake_case(name: str) -> str:
    """Return the group name that Keras makes of a class name."""
    name = "Functional" if name == "Model" else name
    name = re.sub(r"(.)([A-Z][a-z]+)", r"\1_\2", name)
    return re.sub(r"([a-z])([A-Z])", r"\1_\2", name).lower()


def _locate_legacy(file: KerasFile, model: Model, expected: Expected) -> Located:
    """Find weights in one group for each top-level layer, by name or else in file order."""
    stored: dict[str, list[tuple[str, h5py.Dataset]]] = {}
    for name in text_list(file.weights, "layer_names") or []:
        group = _group(file.weights, name)
        names = text_list(group, "weight_names") if group is not None else None
        if names and not all(map(_is_count, names)):
            stored[name] = [(weight, _dataset(group, weight, name)) for weight in names]
    owners = [
        member
        for member in model.members
        if any(layer.name in expected for layer, _ in _inner_layers(member, True))
    ]
    if len(stored) != len(owners):
        raise CompileError(
            "load",
            file.source,
            f"holds weights of {len(stored)} layers ({_listed(stored)}), not of the "
            f"{len(owners)} that the architecture has ({_listed(o.name for o in owners)})",
            "give the weights that were saved with this architecture",
        )
    by_name = all(owner.name in stored for owner in owners)
    found: Located = {}
    for owner, in_order in zip(owners, stored.values(), strict=True):
        weights = stored[owner.name] if by_name else in_order
        if isinstance(owner.content, Model):
            found.update(_share_out(owner, weights, expected))
        else:
            found[owner.content.name if isinstance(owner.content, Layer) else owner.name] = [
                dataset for name, dataset in weights if not _is_count(name)
            ]
    return found


def _inner_layers(member: Member, trainable: bool) -> Iterator[tuple[Layer, bool]]:
    """Yield the layers in a member, in file order, each with whether it can be trained."""
    trainable = trainable and member.trainable
    if isinstance(member.content, Layer):
        yield member.content, trainable
    elif isinstance(member.content, Model):
        for inner in member.content.members:
            yield from _inner_layers(inner, trainable)


def _share_out(
    owner: Member, weights: list[tuple[str, h5py.Dataset]], expected: Expected
) -> Located:
    """Give the weights of a nested model to its layers.

    Keras writes them in one list, all trainable ones first. Their names end in
    ``<layer>/<weight>``, which decides where it is unique; the order decides where it is not.
    """
    weights = [(name, dataset) for name, dataset in weights if not _is_count(name)]
    wanted = [
        (layer.name, weight, trainable and not weight.startswith(("moving_", "mean", "variance")))
        for layer, trainable in _inner_layers(owner, True)
        for weight in expected.get(layer.name, ())
    ]
    if len(wanted) != len(weights):
        raise CompileError(
            "load",
            owner.name,
            f"its weights in the file are {len(weights)}, not {len(wanted)}",
            "give the weights that were saved with this architecture",
        )
    by_ending: dict[tuple[str, str], h5py.Dataset] = {}
    for name, dataset in weights:
        parts = name.removesuffix(":0").split("/")
        if len(parts) > 1:
            by_ending[parts[-2], _ALIASES.get(parts[-1], parts[-1])] = dataset
    endings = [(layer.rpartition("/")[2], _ALIASES.get(name, name)) for layer, name, _ in wanted]
    found: Located = {}
    if set(endings) == set(by_ending) and len(set(endings)) == len(weights):
        for (layer, _, _), ending in zip(wanted, endings, strict=True):
            found.setdefault(layer, []).append(by_ending[ending])
        return found
    ordered = sorted(range(len(wanted)), key=lambda i: not wanted[i][2])
    matched = dict(zip(ordered, (dataset for _, dataset in weights), strict=True))
    for i, (layer, _, _) in enumerate(wanted):
        found.setdefault(layer, []).append(matched[i])
    return found


def _is_count(name: str) -> bool:
    """Tell whether a weight counts samples (Normalization) or random numbers (Random...)."""
    return name.rpartition("/")[2].split(":")[0] in ("count", "StateVar", "seed_generator_state")


def _listed(names: Iterable[str]) -> str:
    listed = list(names)
    return ", ".join(listed[:4]) + (", ..." if len(listed) > 4 else "") or "none"


def _group(parent: h5py.Group | None, name: str) -> h5py.Group | None:
    child = hard_link(parent, name) if parent is not None else None
    return child if isinstance(child, h5py.Group) else None


def _dataset(group: h5py.Group | None, name: str, layer: str) -> h5py.Dataset:
    dataset = hard_link(group, name) if group is not None else None
    if not isinstance(dataset, h5py.Dataset):
        raise CompileError("load", layer, f"its weight {name} is missing", "save the model again")
    if dataset.external or dataset.is_virtual:
        raise CompileError(
            "load",
            layer,
            f"its weight {name} lies in another file, which is not opened",
            "save the model in one file",
        )
    return dataset


def _matched(
    layer: str, shapes: Mapping[str, Shape], datasets: list[h5py.Dataset] | tuple[()]
) -> list[h5py.Dataset]:
    """Return one dataset for each expected weight; shapes have to agree exactly."""
    if "mean" in shapes and len(datasets) == 3:
        datasets = datasets[:2]  # a Normalization layer's third weight is its count
    have = [tuple(dataset.shape or ()) for dataset in datasets]
    want = list(shapes.values())
    if have != want:
        raise CompileError(
            "load",
            layer,
            f"its weights in the file have the shapes {[list(s) for s in have]}, not "
            f"{[list(s) for s in want]} ({', '.join(shapes)})",
            "give the weights that were saved with this architecture",
        )
    return list(datasets)


def _read(layer: str, name: str, shape: Shape, dataset: h5py.Dataset) -> NDArray[np.float32]:
    if dataset.dtype.kind != "f":
        raise CompileError(
            "load", layer, f"its {name} is of type {dataset.dtype}, not float", "save it as float32"
        )
    try:
        values = np.asarray(dataset[()], dtype=np.float64).reshape(shape)
    except (OSError, RuntimeError, ValueError) as error:
        raise CompileError(
            "load", layer, f"its {name} is damaged in the file", "copy or save the file again"
        ) from error
    with np.errstate(over="ignore"):
        result = values.astype(np.float32)
    bad = int(np.count_nonzero(~np.isfinite(result)))
    if bad:
        raise CompileError(
            "load",
            layer,
            f"{bad} of the {result.size} values of its {name} are NaN or infinite",
            "train the model again",
        )
    result.setflags(write=False)
    return result
