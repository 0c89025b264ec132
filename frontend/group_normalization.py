"""GroupNormalization -> InstanceNormalization of groups, then factors and summands of channels.

    Add(Mul(Reshape(InstanceNormalization(Reshape(x; groups, rest), 1, 0)), gamma), beta)

That is the definition; the function that the standard gives for it subtracts the square of a mean
from the mean of squares instead, of which little is left in 8 bits.
"""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
import numpy.typing as npt
import onnx
from onnx import helper, numpy_helper

OPERATOR = "GroupNormalization"


def with_groups_as_instances(model: onnx.ModelProto) -> onnx.ModelProto:
    """Return ``model``, operator set 21, without GroupNormalization where ranks are known."""
    if all(node.op_type != OPERATOR for node in model.graph.node):
        return model
    inferred = onnx.shape_inference.infer_shapes(model)
    values = (*inferred.graph.input, *inferred.graph.value_info)
    ranks = {v.name: len(v.type.tensor_type.shape.dim) for v in values}
    result = onnx.ModelProto()
    result.CopyFrom(model)
    del result.graph.node[:]
    for node in model.graph.node:
        if node.op_type == OPERATOR and ranks.get(node.input[0], 0) > 2:
            result.graph.node.extend(_instances(result.graph, node, ranks[node.input[0]]))
        else:
            result.graph.node.append(node)
    return result


def _instances(graph: onnx.GraphProto, node: onnx.NodeProto, rank: int) -> Iterator[onnx.NodeProto]:
    """Yield the nodes that compute ``node``, whose input has ``rank`` axes."""
    attributes = {a.name: helper.get_attribute_value(a) for a in node.attribute}
    (x, gamma, beta), (y,) = node.input, node.output
    groups = attributes["num_groups"]

    def constant(kind: str, array: npt.ArrayLike) -> str:
        name = f"{y}/{kind}"
        graph.initializer.append(numpy_helper.from_array(np.asarray(array), name))
        return name

    def step(operator: str, *inputs: str, kind: str = "", **more: object) -> onnx.NodeProto:
        name, output = f"{node.name or y}{kind}", f"{y}{kind}"
        return helper.make_node(operator, list(inputs), [output], name, **more)

    axes = constant("axes", np.arange(1, rank - 1))
    yield step("Reshape", x, constant("groups", np.array([0, groups, -1])), kind="/grouped")
    ones, zeros = np.ones(groups, np.float32), np.zeros(groups, np.float32)
    yield step(
        "InstanceNormalization", f"{y}/grouped", constant("ones", ones), constant("zeros", zeros),
        kind="/normalized", epsilon=attributes.get("epsilon", 1e-5),
    )  # fmt: skip
    yield step("Shape", x, kind="/shape")
    yield step("Reshape", f"{y}/normalized", f"{y}/shape", kind="/apart")
    yield step("Unsqueeze", gamma, axes, kind="/factor")
    yield step("Unsqueeze", beta, axes, kind="/summand")
    yield step("Mul", f"{y}/apart", f"{y}/factor", kind="/scaled")
    yield step("Add", f"{y}/scaled", f"{y}/summand")
