"""Any float ONNX graph -> operator set 21, shapes known, one name for each node.

The work is done by onnx's version converter, by onnxruntime's basic optimizations, which fold
constants and remove what does nothing (as its quantization preprocessing does), and by onnx's shape
inference; the rewrites of ``rewrite/onnx/float`` do the rest.
"""

from __future__ import annotations

import tempfile
from itertools import count
from pathlib import Path

import numpy as np
import onnx
import onnx.inliner
import onnx.version_converter
import onnx_ir as ir
import onnx_ir.passes.common as passes
import onnxruntime
from onnx import TensorProto, numpy_helper

from frontend.batches import fixed_batch
from frontend.group_normalization import with_groups_as_instances
from frontend.onnx_checks import check_sizes, inputs_of
from frontend.onnx_messages import first_line
from frontend.onnx_names import name_nodes
from frontend.onnx_reference import session
from ir.errors import CompileError

OPSET = 21
IR_VERSION = 10
BATCH = "batch"
COMPOSED = ("ReduceL1", "ReduceL2", "ReduceLogSum", "ReduceSumSquare")
"""Operators that the standard itself defines by others."""
QUANTIZATIONS = ("QuantizeLinear", "DequantizeLinear")


def standard_form(model: onnx.ModelProto, name: str) -> onnx.ModelProto:
    """Return ``model`` in the form that ``rewrite.onnx.float`` starts from.

    The batch is symbolic in the result, whatever it was; inputs of integers, which a Cast must
    read, are float32.

    Raises:
        CompileError: an operator has no newer form, or shapes contradict each other.
    """
    own = _without_listed_constants(_with_computed_outputs(model))
    _free_reshapes(own)
    _take_floats(own)
    _set_batch(own, 1)
    try:
        newer = onnx.version_converter.convert_version(own, OPSET)
        _resize_as_before(own, newer)
        newer.ir_version = IR_VERSION
        newer = with_groups_as_instances(newer)
        newer = onnx.inliner.inline_selected_functions(
            newer, [("", operator) for operator in COMPOSED], inline_schema_functions=True
        )
        _dequantize_constants(newer)
        newer = _preprocessed(newer)
    except Exception as error:  # of whatever kind onnx and onnxruntime raise
        raise CompileError(
            "load", name, f"cannot be brought to operator set {OPSET} ({first_line(error)})",
            f"export it again with opset {OPSET}",
        ) from error  # fmt: skip
    check_sizes(newer)
    _set_batch(newer, BATCH)
    name_nodes(newer.graph)
    return newer


def _without_listed_constants(model: onnx.ModelProto) -> onnx.ModelProto:
    """Return a copy whose inputs are inputs: initializers need not be listed since IR version 4."""
    graph_model = ir.from_proto(model)
    passes.RemoveInitializersFromInputsPass()(graph_model)
    passes.LiftConstantsToInitializersPass(lift_all_constants=True, size_limit=0)(graph_model)
    passes.ClearMetadataAndDocStringPass()(graph_model)
    result = ir.to_proto(graph_model)
    result.ir_version = max(result.ir_version, 4)
    return result


def with_regions(model: onnx.ModelProto) -> onnx.ModelProto:
    """Return a copy whose Resize nodes have a region of interest, empty where it is left out.

    Operator sets 11 and 12, and onnxruntime, ask for one where exporters leave it out.
    """
    copy = onnx.ModelProto()
    copy.CopyFrom(model)
    name = "millrace.no_region"
    lacking = [n for n in copy.graph.node if n.op_type == "Resize" and n.input[1:2] == [""]]
    for node in lacking:
        node.input[1] = name
    if lacking:
        empty = numpy_helper.from_array(np.zeros(0, np.float32), name)
        copy.graph.initializer.append(empty)
    return copy


def _with_computed_outputs(model: onnx.ModelProto) -> onnx.ModelProto:
    """Return a copy in which an Identity computes each output that is an input or there twice."""
    copy = onnx.ModelProto()
    copy.CopyFrom(model)
    graph = copy.graph
    known = {v.name for v in (*graph.input, *graph.initializer, *graph.output)}
    known |= {name for node in graph.node for name in node.output}
    shown = {v.name for v in graph.input}
    for output in graph.output:
        name = output.name
        if name in shown:
            numbered = (f"{name}/output_{number}" for number in count(2))
            output.name = next(new for new in numbered if new not in known)
            graph.node.append(onnx.helper.make_node("Identity", [name], [output.name]))
            known.add(output.name)
        shown.add(name)
    return copy


def _resize_as_before(model: onnx.ModelProto, newer: onnx.ModelProto) -> None:
    """Let each Resize of ``newer`` that was one without coordinates read where it did, in place.

    Upsample, and Resize of operator set 10, scale coordinates from 0, which the converter leaves to
    the default of later sets: from the middle of a pixel.
    """
    stated = {
        node.output[0]
        for node in model.graph.node
        if node.op_type == "Resize"
        and any(o.version > 10 for o in model.opset_import if not o.domain)
    }
    for node in newer.graph.node:
        if node.op_type == "Resize" and node.output[0] not in stated:
            old = ("coordinate_transformation_mode", "nearest_mode")
            kept = [a for a in node.attribute if a.name not in old]
            del node.attribute[:]
            node.attribute.extend(kept)
            for name, value in zip(old, ("asymmetric", "floor"), strict=True):
                node.attribute.append(onnx.helper.make_attribute(name, value))


def _free_reshapes(model: onnx.ModelProto) -> None:
    """Let reshapes that state a fixed batch of several frames keep any number of frames."""
    batch = fixed_batch(model)
    if batch is None or batch == 1:
        return
    constants = {i.name: i for i in model.graph.initializer}
    for node in model.graph.node:
        target = constants.get(node.input[1]) if node.op_type == "Reshape" else None
        sizes = None if target is None else numpy_helper.to_array(target).copy()
        if target is not None and sizes is not None and sizes.size and sizes[0] == batch:
            sizes[0] = 0 if np.any(sizes == -1) else -1
            own = model.graph.initializer.add()
            own.CopyFrom(numpy_helper.from_array(sizes, f"{node.output[0]}_sizes"))
            node.input[1] = own.name


def _take_floats(model: onnx.ModelProto) -> None:
    """Make inputs of integers float32 where only casts to float32 read them."""
    for value in inputs_of(model):
        kind = value.type.tensor_type
        readers = [n for n in model.graph.node if value.name in n.input]
        if kind.elem_type != TensorProto.FLOAT and all(_casts_to_float(n) for n in readers):
            kind.elem_type = TensorProto.FLOAT


def _casts_to_float(node: onnx.NodeProto) -> bool:
    return node.op_type == "Cast" and any(
        a.name == "to" and a.i == TensorProto.FLOAT for a in node.attribute
    )


def _set_batch(model: onnx.ModelProto, batch: int | str) -> None:
    for value in (*model.graph.input, *model.graph.output):
        for dim in value.type.tensor_type.shape.dim[:1]:
            dim.Clear()
            if isinstance(batch, int):
                dim.dim_value = batch
            else:
                dim.dim_param = batch
    del model.graph.value_info[:]


def _dequantize_constants(model: onnx.ModelProto) -> None:
    """Compute quantizations of constants, which onnxruntime's folding leaves alone, in place."""
    graph = model.graph
    constants = {i.name: i for i in graph.initializer}
    for node in list(graph.node):
        known = [constants[name] for name in node.input if name in constants]
        if node.op_type not in QUANTIZATIONS or len(known) < len(node.input):
            continue
        value = onnx.helper.make_tensor_value_info(node.output[0], TensorProto.UNDEFINED, None)
        value.ClearField("type")
        alone = onnx.helper.make_graph([node], "constant", [], [value], known)
        part = onnx.helper.make_model(
            alone, opset_imports=model.opset_import, ir_version=model.ir_version
        )
        (result,) = session(part).run(None, {})
        constants[node.output[0]] = numpy_helper.from_array(result, node.output[0])
        graph.initializer.append(constants[node.output[0]])
        graph.node.remove(node)


def _preprocessed(model: onnx.ModelProto) -> onnx.ModelProto:
    """Return what onnxruntime's basic optimizations make of ``model``, with shapes.

    Without those that count on the batch's being 1.
    """
    options = onnxruntime.SessionOptions()
    options.log_severity_level = 4
    options.graph_optimization_level = onnxruntime.GraphOptimizationLevel.ORT_ENABLE_BASIC
    with tempfile.TemporaryDirectory(prefix="millrace-standard-") as folder:
        path = Path(folder) / "standard.onnx"
        options.optimized_model_filepath = str(path)
        onnxruntime.InferenceSession(
            model.SerializeToString(),
            options,
            providers=["CPUExecutionProvider"],
            disabled_optimizers=["MatMulAddFusion"],
        )
        return onnx.shape_inference.infer_shapes(onnx.load(path), data_prop=True)
