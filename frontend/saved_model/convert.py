"""A checked, frozen GraphDef as float ONNX, by tf2onnx, and as a function, by TensorFlow."""

from __future__ import annotations

import contextlib
import io
import logging
import math
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
import onnx
from numpy.typing import NDArray

from frontend import rules
from frontend.batches import in_batches
from frontend.limits import check_activation
from frontend.onnx_standard import BATCH
from frontend.saved_model.freeze import Frozen
from ir.errors import CompileError

OPSET = 18
"""The newest that tf2onnx writes."""

IR_VERSION = 10

Frames = NDArray[np.float32]


@dataclass(frozen=True, slots=True)
class FrozenGraph:
    """A frozen graph in TensorFlow: ``inputs`` and ``outputs`` are tensors by public names."""

    graph: Any
    inputs: dict[str, Any]
    outputs: dict[str, Any]

    def run(self, frames: Mapping[str, Frames]) -> tuple[Frames, ...]:
        """Return what TensorFlow computes for frames ``(n, *shape)`` of each input, by name."""
        batch = next(iter(self.inputs.values())).shape[0]
        return in_batches([frames[name] for name in self.inputs], self._computed, batch)

    def _computed(self, given: list[Frames]) -> list[Frames]:
        import tensorflow

        try:
            with tensorflow.compat.v1.Session(graph=self.graph) as session:
                feed = dict(zip(self.inputs.values(), given, strict=True))
                return list(session.run(list(self.outputs.values()), feed))
        except tensorflow.errors.UnimplementedError:  # convolutions in groups need XLA
            return [np.asarray(output) for output in self._compiled(given)]

    def _compiled(self, given: list[Frames]) -> Any:
        import tensorflow

        whole = self.graph.as_graph_def()
        nodes = [node for node in whole.node if node.op != "Placeholder"]
        definition = type(whole)(node=nodes, versions=whole.versions)
        outputs = [tensor.name for tensor in self.outputs.values()]

        def imported(*tensors: Any) -> Any:
            names = [tensor.op.name for tensor in self.inputs.values()]
            return tensorflow.graph_util.import_graph_def(
                definition, dict(zip(names, tensors, strict=True)), outputs, name=""
            )

        return tensorflow.function(imported, jit_compile=True)(*given)


def import_frozen(frozen: Frozen) -> FrozenGraph:
    """Return ``frozen`` as a TensorFlow graph with a shape within the limits for each tensor.

    Raises:
        CompileError: TensorFlow finds the graph inconsistent, or a shape is unknown or too large.
    """
    import tensorflow

    try:
        graph = _imported(frozen.graph)
        inputs = {n: graph.get_tensor_by_name(t) for n, t in frozen.inputs.items()}
        outputs = {n: graph.get_tensor_by_name(t) for n, t in frozen.outputs.items()}
        of_one_frame = _imported(_with_one_frame(frozen.graph))
    except (ValueError, TypeError, KeyError, tensorflow.errors.OpError) as error:
        reason = (str(error).splitlines() or [type(error).__name__])[0][:200]
        raise CompileError(
            "load", "the graph", f"is damaged ({reason})", "save the model again with TensorFlow"
        ) from error
    for operation in of_one_frame.get_operations():
        if operation.type == "Reshape" and _depends_on_values(operation.inputs[1].op):
            raise CompileError(
                "load", operation.name, "makes a shape that depends on values",
                "save the model with fixed sizes",
            )  # fmt: skip
        for tensor in operation.outputs:
            if tensor.consumers() or tensor.name in frozen.outputs.values():
                _check_shape(operation.name, tensor.shape)
    for name, tensor in outputs.items():
        if tensor.dtype != tensorflow.float32:
            raise CompileError(
                "load", name, f"the output must be of type float32, not {tensor.dtype.name}",
                "serve a float32 output",
            )  # fmt: skip
    return FrozenGraph(graph, inputs, outputs)


def _imported(definition: Any) -> Any:
    import tensorflow

    graph = tensorflow.Graph()
    with graph.as_default():
        tensorflow.graph_util.import_graph_def(definition, name="")
    return graph


def _with_one_frame(definition: Any) -> Any:
    """Return a copy whose batch is 1 where it is free: then sizes computed from it are known."""
    copy = type(definition)()
    copy.CopyFrom(definition)
    for node in copy.node:
        if node.op == "Placeholder":
            for dim in node.attr["shape"].shape.dim[:1]:
                dim.size = 1 if dim.size < 0 else dim.size
    return copy


def _depends_on_values(operation: Any) -> bool:
    """Tell whether what an operation computes depends on the values of an input, not its shape."""
    seen: set[str] = set()
    pending = [operation]
    while pending:
        current = pending.pop()
        if current.type == "Placeholder":
            return True
        if current.name not in seen and current.type != "Shape":
            seen.add(current.name)
            pending.extend(tensor.op for tensor in current.inputs)
    return False


def _check_shape(name: str, shape: Any) -> None:
    """Refuse a tensor whose size is unknown (but for the batch, its first axis) or absurd."""
    if shape.rank is None or any(size is None for size in shape[1:]):
        shown = "of unknown rank" if shape.rank is None else rules.show(shape.as_list())
        raise CompileError(
            "load", name, f"its output has the shape {shown}, which depends on values",
            "save the model with fixed sizes",
        )  # fmt: skip
    sizes = [size for size in shape.as_list() if size is not None]
    if math.prod(sizes):
        check_activation(name, tuple(sizes))


def convert(frozen: FrozenGraph, name: str) -> onnx.ModelProto:
    """Return the float ONNX model of ``frozen``, with the signature's names for its ends.

    Images are NHWC at the ends; tf2onnx transposes around its NCHW operators. Nodes keep the paths
    that they had in TensorFlow, without the part that all have in common.
    """
    with _quiet():
        import tf2onnx

        try:
            with frozen.graph.as_default():
                converted = tf2onnx.tfonnx.process_tf_graph(
                    frozen.graph,
                    opset=OPSET,
                    input_names=[tensor.name for tensor in frozen.inputs.values()],
                    output_names=[tensor.name for tensor in frozen.outputs.values()],
                )
            model: onnx.ModelProto = converted.make_model(name)
        except Exception as error:  # tf2onnx raises what it likes
            raise CompileError(
                "load", name, f"tf2onnx cannot convert the graph ({type(error).__name__}: "
                f"{(str(error).splitlines() or [''])[0][:200]})",
                "save the model for inference only",
            ) from error  # fmt: skip
    model.ir_version = IR_VERSION
    _pad_outputs(model)
    _rename(model, frozen)
    try:
        onnx.checker.check_model(model)
    except onnx.checker.ValidationError as error:
        raise CompileError(
            "load", name, f"its ONNX form is invalid ({str(error).splitlines()[0][:200]})",
            "report the model as a defect of the converter",
        ) from error  # fmt: skip
    return model


@contextlib.contextmanager
def _quiet() -> Iterator[None]:
    """Keep tf2onnx, which sets up logging when it is imported, from printing."""
    level = logging.root.manager.disable
    logging.disable(logging.CRITICAL)
    try:
        with contextlib.redirect_stdout(io.StringIO()), contextlib.redirect_stderr(io.StringIO()):
            yield
    finally:
        logging.disable(level)


def _pad_outputs(model: onnx.ModelProto) -> None:
    """Bring transposed convolutions with gaps to ONNX's form.

    Where a stride is larger than the kernel, or an output larger than the kernels reach, tf2onnx
    writes negative pads. TensorFlow has such rows and columns at the end: ``output_padding``.
    """
    for node in model.graph.node:
        pads = next((a for a in node.attribute if a.name == "pads"), None)
        if node.op_type != "ConvTranspose" or pads is None or min(pads.ints) >= 0:
            continue
        rank = len(pads.ints) // 2
        totals = [pads.ints[i] + pads.ints[rank + i] for i in range(rank)]
        for i, total in enumerate(totals):
            if total < 0:
                pads.ints[i] = pads.ints[rank + i] = 0
        missing = [max(-total, 0) for total in totals]
        node.attribute.append(onnx.helper.make_attribute("output_padding", missing))


def _rename(model: onnx.ModelProto, frozen: FrozenGraph) -> None:
    """Give inputs and outputs the names of the signature, and the rest names without counters.

    tf2onnx numbers what it adds (``conv/BiasAdd__17``) by a counter that never starts again.
    """
    graph = model.graph
    wanted = {tensor.name: name for name, tensor in frozen.inputs.items()}
    names = _Names(set(wanted.values()))
    for name, tensor in frozen.outputs.items():
        wanted[tensor.name] = names.unique(name)
    constants = [tensor.name for tensor in graph.initializer]
    tensors = [*constants, *(name for node in graph.node for name in node.output)]
    for tensor in sorted(filter(None, tensors), key=_is_numbered):
        if tensor not in wanted:
            wanted[tensor] = names.unique(_COUNTER.sub("", tensor))
    for node in graph.node:
        for ends in (node.input, node.output):
            ends[:] = [wanted.get(tensor, tensor) for tensor in ends]
    for value in (*graph.input, *graph.output, *graph.initializer):
        value.name = wanted.get(value.name, value.name)
    del graph.value_info[:]
    for value in (*graph.input, *graph.output):
        for dim in value.type.tensor_type.shape.dim[:1]:
            if not dim.HasField("dim_value"):
                dim.dim_param = BATCH
    paths = [node.name.split("/") for node in graph.node if "/" in node.name]
    common = f"{paths[0][0]}/" if paths and max(map(len, paths)) > 2 else ""
    if any(f"{path[0]}/" != common for path in paths):
        common = ""
    names = _Names(set())
    for node in sorted(graph.node, key=lambda node: _is_numbered(node.name)):
        node.name = names.unique(_COUNTER.sub("", node.name.removeprefix(common)))


_COUNTER = re.compile(r"__\d+")


def _is_numbered(name: str) -> bool:
    return _COUNTER.search(name) is not None


class _Names:
    """Names that are taken; ``unique`` numbers those that are wanted again."""

    def __init__(self, taken: set[str]) -> None:
        self._taken = taken

    def unique(self, name: str) -> str:
        candidate, count = name, 1
        while candidate in self._taken:
            count += 1
            candidate = f"{name}_{count}"
        self._taken.add(candidate)
        return candidate
