"""Reading ONNX files: untrusted protobufs, within limits of size, from the model's folder only."""

from __future__ import annotations

import math
import warnings
from collections.abc import Iterator
from pathlib import Path

import onnx
from google.protobuf.message import DecodeError
from onnx.external_data_helper import load_external_data_for_model, uses_external_data

from frontend.limits import MAX_FILE_BYTES, MAX_PARAMETERS, MAX_TENSORS, check_readable_file
from ir.errors import CompileError

STAGE = "load"
MAX_NODES = 2**16
MAX_NODE_TENSORS = 1024
"""Tensors that one node may read."""


def read_onnx(path: Path) -> onnx.ModelProto:
    """Return the model of an ONNX file, external data included.

    External data are read from the folder of ``path`` and its subfolders only: ``onnx`` refuses
    absolute paths, ``..`` and links that lead out of it.

    Raises:
        CompileError: the file is missing, damaged, too large, or its external data are.
    """
    check_readable_file(path, STAGE)
    try:
        model = onnx.load_model_from_string(path.read_bytes(), format="protobuf")
    except (DecodeError, ValueError) as error:
        raise _refusal(path, "is no ONNX model, or a damaged one", "export it again") from error
    except OSError as error:
        raise _refusal(path, f"cannot be read ({error.strerror})", "check the disk") from error
    if not model.ir_version or not model.graph.node:
        raise _refusal(path, "holds no ONNX graph, or one without nodes", "export it again")
    check_size(model, str(path))
    _read_external(model, path)
    return model


def check_size(model: onnx.ModelProto, name: str) -> None:
    """Refuse a model of more nodes, tensors or constants than the limits."""
    graph = model.graph
    nodes = len(graph.node) + sum(len(function.node) for function in model.functions)
    constants = sum(_elements(tensor, name) for tensor in tensors(model))
    for count, limit, what in (
        (nodes, MAX_NODES, "nodes"),
        (max((len(n.input) for n in graph.node), default=0), MAX_NODE_TENSORS, "inputs of a node"),
        (len(graph.output), MAX_TENSORS, "outputs"),
        (constants, MAX_PARAMETERS, "constants"),
    ):
        if count > limit:
            raise CompileError(
                STAGE, name, f"has {count} {what}, more than the limit of {limit}",
                "use a smaller model",
            )  # fmt: skip


def tensors(model: onnx.ModelProto) -> Iterator[onnx.TensorProto]:
    """Yield the constants of the graph and of its nodes and functions."""
    yield from model.graph.initializer
    for node in (*model.graph.node, *(n for f in model.functions for n in f.node)):
        for attribute in node.attribute:
            if attribute.type == onnx.AttributeProto.TENSOR:
                yield attribute.t
            yield from attribute.tensors


def _elements(tensor: onnx.TensorProto, name: str) -> int:
    if any(size < 0 for size in tensor.dims):
        raise CompileError(
            STAGE, name, f"constant {tensor.name!r} has the shape {list(tensor.dims)}",
            "export it again",
        )  # fmt: skip
    return math.prod(tensor.dims)


def _read_external(model: onnx.ModelProto, path: Path) -> None:
    external = [tensor for tensor in tensors(model) if uses_external_data(tensor)]
    if not external:
        return
    folder = path.resolve().parent
    for location in {_entry(tensor, "location") for tensor in external}:
        target = folder / location
        if location and target.is_file() and target.stat().st_size > MAX_FILE_BYTES:
            raise _refusal(
                path, f"its external data {location!r} have more than {MAX_FILE_BYTES} bytes",
                "use a smaller model",
            )  # fmt: skip
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            load_external_data_for_model(model, str(folder))
    except Exception as error:  # its checks raise errors of many kinds
        names = ", ".join(sorted({repr(_entry(tensor, "location")) for tensor in external})[:3])
        raise _refusal(
            path, f"its external data {names} must be whole files in the folder of the model",
            "copy them beside it",
        ) from error  # fmt: skip


def _entry(tensor: onnx.TensorProto, key: str) -> str:
    return next((str(e.value) for e in tensor.external_data if e.key == key), "")


def _refusal(path: Path, problem: str, remedy: str) -> CompileError:
    return CompileError(STAGE, str(path), problem, remedy)
