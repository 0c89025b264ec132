"""Parts of the golden model: from inputs to codes, from codes to what the host makes of them."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import onnx
import onnxruntime
from onnx import TensorProto, helper, numpy_helper
from onnx.utils import Extractor

from frontend.batches import Array
from ir.elements import Input, Output
from ir.graph import HostTensor, StreamGraph
from ir.numbers import IntArray


@dataclass(frozen=True, slots=True)
class Shown:
    """Tensor that tells the codes of a port.

    It holds the codes themselves, ``shift`` below those of the port, or if there is a ``host`` the
    numbers that it makes of them.
    """

    tensor: str
    host: HostTensor | None
    shift: int = 0

    def codes(self, values: Array) -> IntArray:
        """Return the codes; numbers are multiples of the scale but for float32's rounding."""
        if self.host is None:
            return values.astype(np.int64) + self.shift
        codes: IntArray = np.rint(values.astype(np.float64) / self.host.scale).astype(np.int64)
        return codes + self.host.zero_point


def code_type(port: Input | Output, graph: StreamGraph) -> np.dtype[Any]:
    """Return the type of a port's codes in the model."""
    shift = graph.host_tensors[port.port].shift
    return np.dtype(np.int8) if shift else np.dtype(str(port.output.number))


def extractor_of(model: onnx.ModelProto, codes: Mapping[str, np.dtype[Any]]) -> Extractor:
    """Return an extractor of parts of ``model`` that knows the types of ``codes``.

    onnx has no types for the results of operators that are onnxruntime's own.
    """
    inferred = onnx.shape_inference.infer_shapes(model)
    known = {v.name for v in (*inferred.graph.value_info, *inferred.graph.input)}
    for name, kind in codes.items():
        if name not in known:
            value = helper.make_tensor_value_info(name, helper.np_dtype_to_tensor_dtype(kind), None)
            inferred.graph.value_info.append(value)
    return Extractor(inferred)


def running(
    model: onnxruntime.InferenceSession, name: str
) -> Callable[[list[Array]], Iterable[Array]]:
    """Return a function of the frames of the only input."""
    return lambda part: model.run(None, {name: part[0]})


def entering_models(
    model: onnx.ModelProto, graph: StreamGraph
) -> dict[str, onnx.ModelProto | None]:
    """Return, by port, the model from its input to the codes; None where the input is codes."""
    codes = {graph.host_tensors[i.port].onnx_tensor: code_type(i, graph) for i in graph.inputs}
    extractor = extractor_of(model, codes)
    models: dict[str, onnx.ModelProto | None] = {}
    for port in graph.inputs:
        host = graph.host_tensors[port.port]
        models[port.port] = None
        if host.onnx_tensor != host.onnx_name:
            models[port.port] = extractor.extract_model([host.onnx_name], [host.onnx_tensor])
    return models


def shown_tensor(model: onnx.ModelProto, host: HostTensor) -> Shown:
    """Return where to look for the codes of an output port."""
    outputs = {output.name for output in model.graph.output}
    readers = [
        node.output[0]
        for node in model.graph.node
        if node.op_type == "DequantizeLinear" and node.input[0] == host.onnx_tensor
    ]
    if host.onnx_tensor in outputs or not readers:
        return Shown(host.onnx_tensor, None, host.shift)
    own = [name for name in readers if name in outputs]
    return Shown((own or readers)[0], host)


def host_part(extractor: Extractor, shown: Sequence[Shown], outputs: list[str]) -> onnx.ModelProto:
    """Return the model from the shown tensors to the outputs.

    Numbers are quantized first: operators between codes and codes are run in integers only then.
    """
    codes = [s.tensor if s.host is None else s.host.onnx_tensor for s in shown]
    model: onnx.ModelProto = extractor.extract_model(list(dict.fromkeys(codes)), outputs)
    graph = model.graph
    for s in shown:
        entry = next((i for i in graph.input if s.host and i.name == s.host.onnx_tensor), None)
        if s.host is None or entry is None:
            continue
        kind = helper.tensor_dtype_to_np_dtype(entry.type.tensor_type.elem_type)
        parameters = [f"{s.tensor}/scale", f"{s.tensor}/zero_point"]
        for name, value in zip(
            parameters,
            (np.array(s.host.scale, np.float32), np.array(s.host.zero_point - s.host.shift, kind)),
            strict=True,
        ):
            graph.initializer.append(numpy_helper.from_array(value, name))
        numbers = f"{s.tensor}/numbers"
        graph.node.insert(
            0, helper.make_node("QuantizeLinear", [numbers, *parameters], [entry.name])
        )
        entry.name, entry.type.tensor_type.elem_type = numbers, TensorProto.FLOAT
    return model
