"""Small float ONNX graphs, as exporters of many ages write them."""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt
import onnx
from onnx import TensorProto, helper, numpy_helper

Array = npt.NDArray[Any]


class Graph:
    """A graph under construction; every method appends one node and returns its output."""

    def __init__(self, seed: int = 0) -> None:
        self.random = np.random.default_rng(seed)
        self.nodes: list[onnx.NodeProto] = []
        self.constants: dict[str, Array] = {}

    def constant(self, value: Any, dtype: Any = np.float32) -> str:
        name = f"c{len(self.constants)}"
        self.constants[name] = np.asarray(value, dtype)
        return name

    def weights(self, *shape: int) -> str:
        return self.constant(self.random.normal(0, 0.3, shape))

    def __call__(
        self, operator: str, *inputs: str, outputs: int = 1, domain: str = "", **attributes: Any
    ) -> Any:
        number = len(self.nodes)
        names = [f"t{number}_{i}" for i in range(outputs)]
        node = helper.make_node(operator, list(inputs), names, domain=domain, **attributes)
        self.nodes.append(node)
        return names[0] if outputs == 1 else names

    def model(
        self,
        *outputs: str,
        inputs: dict[str, list[Any]] | None = None,
        opset: int = 13,
        ir_version: int = 7,
        listed: bool = False,
        element_type: int = TensorProto.FLOAT,
    ) -> onnx.ModelProto:
        """Return the model; ``listed``: initializers are inputs, too, as in IR version 3."""
        shapes = inputs or {"x": ["N", 3, 8, 8]}
        given = [helper.make_tensor_value_info(n, element_type, s) for n, s in shapes.items()]
        tensors = [numpy_helper.from_array(v, k) for k, v in self.constants.items()]
        if listed:
            given += [helper.make_tensor_value_info(t.name, t.data_type, t.dims) for t in tensors]
        results = [helper.make_tensor_value_info(o, TensorProto.FLOAT, None) for o in outputs]
        graph = helper.make_graph(self.nodes, "graph", given, results, tensors)
        imports = [helper.make_opsetid("", opset)]
        imports += [helper.make_opsetid(d, 1) for d in {n.domain for n in self.nodes} - {""}]
        model = helper.make_model(graph, opset_imports=imports, ir_version=ir_version)
        return onnx.shape_inference.infer_shapes(model)
