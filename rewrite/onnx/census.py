"""Whether onnxruntime computes in integers what the elements compute in integers.

onnxruntime makes integer operators of quantized ones only where the graph around them allows it:
with int8 activations, for instance, not where codes have two readers.  Its float kernels round
sums in an order of their own, so that no integer arithmetic can be equal to them.  What each
element is compared with is its nodes alone; so the whole model must not run more operators in float
than all elements alone and the host do.
"""

from __future__ import annotations

import tempfile
from collections import Counter
from collections.abc import Collection, Iterable
from pathlib import Path

import onnx
import onnx_ir as ir
import onnxruntime
from onnx import TensorProto, helper, numpy_helper

from ir.errors import CompileError
from rewrite.onnx.graphs import constant

COUNTED = frozenset(
    """Conv FusedConv ConvTranspose Gemm FusedGemm MatMul FusedMatMul AveragePool GlobalAveragePool
    Add Mul Concat LeakyRelu Sigmoid Resize""".split()
)
"""Operators that onnxruntime has integer kernels for, and its own names of the float kernels."""


def as_run(model: onnx.ModelProto) -> onnx.ModelProto:
    """Return the graph that onnxruntime makes of ``model`` and runs."""
    options = onnxruntime.SessionOptions()
    options.log_severity_level = 4
    options.add_session_config_entry("session.intra_op.allow_spinning", "0")
    with tempfile.TemporaryDirectory(prefix="millrace-optimized-") as folder:
        path = Path(folder) / "optimized.onnx"
        options.optimized_model_filepath = str(path)
        onnxruntime.InferenceSession(
            model.SerializeToString(), options, providers=["CPUExecutionProvider"]
        )
        return onnx.load(path)


def float_operators(model: onnx.ModelProto) -> list[tuple[str, str]]:
    """Return (operator, name) of the nodes of ``COUNTED`` that onnxruntime runs, in order."""
    optimized = as_run(model)
    codes = _codes(optimized)
    return [
        (node.op_type, node.name or node.output[0])
        for node in optimized.graph.node
        if node.op_type in COUNTED and node.input[0] not in codes
    ]


def _codes(model: onnx.ModelProto) -> set[str]:
    """Return the tensors that integer operators and quantizations make."""
    codes: set[str] = set()
    for node in model.graph.node:
        makes = node.op_type.startswith(("QLinear", "QGemm", "QuantizeLinear"))
        if makes or (node.op_type != "DequantizeLinear" and node.input and node.input[0] in codes):
            codes.update(node.output)
    return codes


def check_execution(
    model: onnx.ModelProto, allowed: Counter[str], exact: Collection[str] = ()
) -> None:
    """Raise CompileError if onnxruntime runs more operators of ``model`` in float than allowed.

    ``exact``: names of nodes that compute the same in float as in integers.
    """
    left = allowed.copy()
    for operator, name in float_operators(model):
        if name in exact:
            continue
        left[operator] -= 1
        if left[operator] < 0:
            plain = operator.removeprefix("Fused")
            raise CompileError(
                "lower", name,
                f"onnxruntime {onnxruntime.__version__} must run this {plain} in integers, but "
                "computes it in float32",
                _remedy(model, name),
            )  # fmt: skip


def in_float(nodes: Iterable[ir.Node]) -> Counter[str]:
    """Count the operators that onnxruntime may run in float for ``nodes``, all of them the host's.

    They themselves, or for operators that ONNX defines as functions of others, such as a HardSwish
    or a Gelu, what onnxruntime makes of each alone.
    """
    found: Counter[str] = Counter()
    for node in nodes:
        found[node.op_type] += 1
        if _is_function(node):
            found.update(operator for operator, _ in float_operators(_alone(node)))
    return found


def _is_function(node: ir.Node) -> bool:
    if node.domain not in ("", "ai.onnx") or not onnx.defs.has(node.op_type):
        return False
    schema = onnx.defs.get_schema(node.op_type)
    return bool(schema.has_function or schema.has_context_dependent_function)


def _alone(node: ir.Node) -> onnx.ModelProto:
    """Return a model of ``node``, numbers of any shape in and out."""
    assert node.graph is not None
    proto = onnx.NodeProto()
    proto.CopyFrom(ir.to_proto(node))
    used = dict.fromkeys(v for v in node.inputs if v is not None)
    constants = [
        numpy_helper.from_array(array, v.name or "")
        for v in used
        if (array := constant(v)) is not None
    ]
    inputs = [_numbers(v) for v in used if constant(v) is None]
    graph = helper.make_graph([proto], "alone", inputs, [_numbers(node.outputs[0])], constants)
    imports = [helper.make_opsetid("", node.graph.opset_imports[""])]
    return helper.make_model(graph, opset_imports=imports, ir_version=10)


def _numbers(value: ir.Value) -> onnx.ValueInfoProto:
    return helper.make_tensor_value_info(value.name or "", TensorProto.FLOAT, None)


def _remedy(model: onnx.ModelProto, name: str) -> str:
    """Return what lets onnxruntime take its integer kernel for the node called ``name``."""
    makers = {output: node for node in model.graph.node for output in node.output}
    types = {i.name: i.data_type for i in model.graph.initializer}
    node = next((n for n in model.graph.node if name in (n.name, n.output[0])), None)
    source = None if node is None else makers.get(node.input[0])
    if source is None or source.op_type != "DequantizeLinear":
        return "quantize its operands and its result"
    if len(source.input) > 2 and types.get(source.input[2]) == onnx.TensorProto.INT8:
        return "quantize activations to uint8, or in QOperator form"
    return "quantize all its operands and its result to 8 bits, behind nothing but a ReLU or Clip"
