"""Opening a SavedModel folder: the serving graph and its signature, read and nothing run.

A SavedModel holds a program: operators, functions and objects. It is parsed as data; which
operators may stand in it is decided in ``frontend.saved_model.operators`` before any of them is
given to TensorFlow. Source of the format: tensorflow/core/protobuf/saved_model.proto and
meta_graph.proto.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any, NoReturn

from frontend import rules
from frontend.limits import MAX_FILE_BYTES, MAX_NAME_LENGTH, MAX_TENSORS, check_inside
from frontend.reference import start_tensorflow
from ir.errors import CompileError

GRAPH_FILE = "saved_model.pb"
DEFAULT_SIGNATURE = "serving_default"
_INTERNAL_SIGNATURES = ("__saved_model_init_op", "__saved_model_train_op")
_SAVE_AGAIN = "save the model again with model.export(folder)"


@dataclass(frozen=True, slots=True)
class Signature:
    """Tensors at the edges of the served function, ``"node:output"``, by their public names.

    ``inputs`` and ``outputs`` are sorted by name, since the file does not keep an order.
    ``shapes`` has the shape of each input, batch first and None where it is not fixed.
    """

    inputs: dict[str, str]
    outputs: dict[str, str]
    shapes: dict[str, tuple[int | None, ...]]


@dataclass(frozen=True, slots=True)
class SavedModel:
    """The serving graph of a SavedModel.

    Attributes:
        graph: GraphDef with its function library.
        objects: SavedObjectGraph, empty in a file of TensorFlow 1.
        restore: name of the operation that restores the variables; ``""`` where there are none.
        signature: what is served.
        version: TensorFlow that wrote it, ``"unknown"`` where the file is silent.
        checkpoint: prefix of the files that hold the variables.
    """

    graph: Any
    objects: Any
    restore: str
    signature: Signature
    version: str
    checkpoint: Path


def open_saved_model(folder: Path) -> SavedModel:
    """Read the serving graph of ``folder``.

    Raises:
        CompileError: the folder is no SavedModel, is damaged, or serves nothing we can name.
    """
    file = folder / GRAPH_FILE
    if not file.exists():
        problem = f"is a directory without {GRAPH_FILE}"
        if (folder / "saved_model.pbtxt").exists():
            problem = "holds its graph as text (saved_model.pbtxt)"
        _refuse(folder, problem, f"name a model file or a SavedModel folder with {GRAPH_FILE}")
    check_inside(folder, file)
    served = _serving_graph(folder, file)
    checkpoint = folder / "variables" / "variables"
    _check_variable_files(folder, checkpoint.parent)
    return SavedModel(
        graph=served.graph_def,
        objects=served.object_graph_def,
        restore=served.saver_def.restore_op_name,
        signature=_signature(folder, served.signature_def),
        version=served.meta_info_def.tensorflow_version or "unknown",
        checkpoint=checkpoint,
    )


def _check_variable_files(folder: Path, variables: Path) -> None:
    if not variables.is_dir():
        return
    total = 0
    for file in sorted(variables.iterdir()):
        check_inside(folder, file)
        total += file.stat().st_size
    if total > MAX_FILE_BYTES:
        _refuse(
            variables,
            f"has {total} bytes, more than the limit of {MAX_FILE_BYTES}",
            "export the model without the optimizer's state (model.export)",
        )


def _serving_graph(folder: Path, file: Path) -> Any:
    start_tensorflow()
    from google.protobuf.message import DecodeError
    from tensorflow.core.protobuf import saved_model_pb2

    saved = saved_model_pb2.SavedModel()
    try:
        saved.ParseFromString(file.read_bytes())
    except DecodeError as error:
        raise CompileError(
            "load", str(file), "is truncated or damaged", "copy or save it again"
        ) from error
    graphs = [graph for graph in saved.meta_graphs if "serve" in graph.meta_info_def.tags]
    if len(graphs) != 1:
        tags = rules.show([sorted(graph.meta_info_def.tags) for graph in saved.meta_graphs])
        _refuse(
            folder, f"has {len(graphs)} graphs with the tag 'serve', not 1 (tags {tags})",
            _SAVE_AGAIN,
        )  # fmt: skip
    return graphs[0]


def _signature(folder: Path, signatures: Any) -> Signature:
    names = sorted(name for name in signatures if name not in _INTERNAL_SIGNATURES)
    if DEFAULT_SIGNATURE in names:
        names = [DEFAULT_SIGNATURE]
    if not names:
        _refuse(folder, "has no serving signature", _SAVE_AGAIN)
    if len(names) > 1:
        shown = ", ".join(rules.show(name) for name in names[:4])
        _refuse(
            folder,
            f"has {len(names)} signatures ({shown}) and none called {DEFAULT_SIGNATURE!r}",
            f"save it with signatures={{{DEFAULT_SIGNATURE!r}: ...}}",
        )
    chosen = signatures[names[0]]
    inputs = {name: _tensor(name, chosen.inputs[name]) for name in sorted(chosen.inputs)}
    outputs = {name: _tensor(name, chosen.outputs[name]) for name in sorted(chosen.outputs)}
    if not (0 < len(inputs) <= MAX_TENSORS and 0 < len(outputs) <= MAX_TENSORS):
        _refuse(
            folder,
            f"serves {len(inputs)} inputs and {len(outputs)} outputs, not 1 to {MAX_TENSORS} each",
            _SAVE_AGAIN,
        )
    shapes = {name: _input_shape(name, chosen.inputs[name]) for name in inputs}
    return Signature(inputs, outputs, shapes)


def _tensor(name: str, info: Any) -> str:
    if not 0 < len(name) <= MAX_NAME_LENGTH:
        raise CompileError("load", name[:40], "is no usable name of a tensor", _SAVE_AGAIN)
    if info.WhichOneof("encoding") != "name":
        raise CompileError("load", name, "is a sparse or composite tensor", "serve plain tensors")
    node, _, number = info.name.partition(":")
    if number and not (number.isascii() and number.isdigit()):
        raise CompileError("load", name, "names no tensor of the graph", _SAVE_AGAIN)
    return f"{node}:{int(number or 0)}"


def _input_shape(name: str, info: Any) -> tuple[int | None, ...]:
    """Return the shape of an input; all but the batch has to be known."""
    from tensorflow.core.framework import types_pb2

    if info.dtype != types_pb2.DT_FLOAT:
        found = types_pb2.DataType.Name(info.dtype).removeprefix("DT_").lower()
        raise CompileError(
            "load", name, f"the input must be of type float, not {found}", "serve a float32 input"
        )
    shape = [None if dim.size < 0 else dim.size for dim in info.tensor_shape.dim]
    if info.tensor_shape.unknown_rank or not 2 <= len(shape) <= 4:
        shown = "of unknown rank" if info.tensor_shape.unknown_rank else rules.show(shape)
        raise CompileError(
            "load", name,
            f"its input shape must be [batch, features] or [batch, height, width, channels], "
            f"not {shown}",
            "use a supported input",
        )  # fmt: skip
    for position, size in enumerate(shape):
        if position and size is None:
            raise CompileError(
                "load", name,
                f"dimension {position} of its input {rules.show(shape)} is unknown (None)",
                "save the model with a fixed input size",
            )  # fmt: skip
    return tuple(shape)


def _refuse(path: Path, problem: str, remedy: str) -> NoReturn:
    raise CompileError("load", str(path), problem, remedy)
