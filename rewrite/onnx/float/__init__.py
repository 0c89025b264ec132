"""Float ONNX -> canonical float ONNX: what is left is what the hardware has elements for.

In the result every Conv and Gemm has a bias and all attributes written out, no affine operator with
a constant for each channel is left, layout changes stand only where elements really change places,
and reshapes are constant.  All rewrites are exact in real numbers; those that compute new constants
do so in float64 and round to float32 once.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from itertools import chain, count

import onnx
import onnx_ir as ir
import onnx_ir.passes.common as passes
import onnxscript.optimizer
from onnxscript.rewriter import RewriteRule, RewriteRuleSet

from ir.errors import CompileError
from rewrite.onnx.float import (
    activation_before_pool,
    add_of_negative,
    affine_below_pool,
    affine_to_depthwise,
    average_pool_form,
    average_to_depthwise,
    bilinear_resize,
    channel_selection,
    constant_token,
    conv_form,
    depth_to_space,
    extremum_of_several,
    fold_affine_after,
    fold_affine_before,
    gather_to_slice,
    instance_normalization,
    layer_normalization_axes,
    layer_normalization_form,
    matmul_of_positions,
    matmul_to_conv,
    matmul_to_gemm,
    mean_to_global_average,
    one_row_images,
    one_row_selection,
    pad_into_conv,
    pad_of_copies,
    positional_affine,
    prelu_form,
    reduce_axes,
    relu_form,
    remove_identity,
    reshape_form,
    scalar_batch_normalization,
    slice_form,
    slice_steps,
    softmax_form,
    sums,
    tile_to_resize,
    transpose_elementwise,
    transpose_pairs,
    transpose_selection,
    transposed_conv,
)
from rewrite.onnx.resize_by_scales import RULES as RESIZES

Rules = Sequence[RewriteRule]

RESIZE_BY_SCALES: Rules = tuple(RESIZES.rules)

PIPELINE: tuple[tuple[Rules, ...], ...] = (
    (
        remove_identity.RULES,
        sums.RULES,
        extremum_of_several.RULES,
        depth_to_space.RULES,
        gather_to_slice.RULES,
        layer_normalization_form.RULES,
        matmul_of_positions.RULES,
        softmax_form.RULES,
        reshape_form.RULES,
        one_row_images.RULES,
        one_row_selection.RULES,
        transpose_pairs.RULES,
        transpose_elementwise.RULES,
        slice_form.RULES,
        transpose_selection.RULES,
        tile_to_resize.RULES,
        mean_to_global_average.RULES,
        average_pool_form.RULES,
        instance_normalization.RULES,
        layer_normalization_axes.RULES,
        constant_token.RULES,
        pad_of_copies.RULES,
        matmul_to_gemm.RULES,
        matmul_to_conv.RULES,
        conv_form.RULES,
        relu_form.RULES,
        prelu_form.RULES,
        transposed_conv.BIASES,
        RESIZE_BY_SCALES,
    ),
    (
        reduce_axes.RULES,
        positional_affine.RULES,
        conv_form.RULES,
        reshape_form.RULES,
        transpose_pairs.RULES,
    ),
    (
        channel_selection.RULES,
        pad_into_conv.RULES,
        fold_affine_after.RULES,
        activation_before_pool.RULES,
        affine_below_pool.RULES,
        fold_affine_before.RULES,
        remove_identity.RULES,
        transpose_pairs.RULES,
    ),
    (
        gather_to_slice.SEVERAL,
        slice_steps.RULES,
        transposed_conv.RULES,
        average_to_depthwise.RULES,
        bilinear_resize.RULES,
        pad_into_conv.RULES,
        activation_before_pool.RULES,
    ),
    (
        scalar_batch_normalization.RULES,
        add_of_negative.RULES,
        affine_to_depthwise.RULES,
        reshape_form.RULES,
        remove_identity.RULES,
    ),
)
"""Stages; the rewrites of a stage run in this order again and again until none fires."""

MOST_ROUNDS = 1000


def canonicalize(model: onnx.ModelProto) -> onnx.ModelProto:
    """Return the canonical form of a float model; ``model`` itself is left alone.

    The batch (first axis of every input) is 1 while rewriting, so that computed shapes become
    constants, and symbolic in the result.
    """
    graph_model = ir.from_proto(_with_batch(model, 1))
    inputs = [value.name for value in graph_model.graph.inputs]
    onnxscript.optimizer.fold_constants(graph_model, onnx_shape_inference=True)
    _settle(graph_model)
    for stage in PIPELINE:
        for _ in range(MOST_ROUNDS):
            if not sum(apply(rules, graph_model) for rules in stage):
                break
        else:
            raise CompileError(
                "canonicalize",
                graph_model.graph.name or "model",
                "rewrites do not come to an end",
                "report the model, this is a defect of the compiler",
            )
    for value, name in zip(graph_model.graph.inputs, inputs, strict=True):
        value.name = name  # an input that takes the place of a result takes its name, too
    _name_values(graph_model)
    passes.ClearMetadataAndDocStringPass()(graph_model)
    proto = ir.to_proto(graph_model)
    del proto.graph.value_info[:]
    return onnx.shape_inference.infer_shapes(_with_batch(proto, "N"), strict_mode=True)


def apply(rules: Rules, model: ir.Model) -> int:
    """Apply one rewrite's rules to ``model`` in place; return how often they fired."""
    count: int = RewriteRuleSet(list(rules)).apply_to_model(model)
    if count:
        _settle(model)
    return count


def _settle(model: ir.Model) -> None:
    """Restore what the rewrites rely on: no dead nodes, constants as initializers, shapes."""
    passes.LiftConstantsToInitializersPass(lift_all_constants=True)(model)
    passes.RemoveUnusedNodesPass()(model)
    passes.ShapeInferencePass(check_type=False, strict_mode=False, data_prop=True)(model)


def _with_batch(model: onnx.ModelProto, batch: int | str) -> onnx.ModelProto:
    """Return a copy whose inputs (and outputs, if symbolic) have this first dimension."""
    copy = onnx.ModelProto()
    copy.CopyFrom(model)
    constants = {i.name for i in copy.graph.initializer}
    for value in copy.graph.input:
        dims = value.type.tensor_type.shape.dim
        if value.name not in constants and len(dims):
            _set(dims[0], batch)
    for value in copy.graph.output:
        for dim in value.type.tensor_type.shape.dim[:1]:
            _set(dim, batch)
    if isinstance(batch, int):
        del copy.graph.value_info[:]
        return onnx.shape_inference.infer_shapes(copy, data_prop=True)
    return copy


def _set(dim: onnx.TensorShapeProto.Dimension, batch: int | str) -> None:
    dim.Clear()
    if isinstance(batch, int):
        dim.dim_value = batch
    else:
        dim.dim_param = batch


def _name_values(model: ir.Model) -> None:
    """Name new values, weights and biases after their nodes, whatever steps they went through."""
    graph = model.graph
    taken = {value.name for node in graph for value in node.outputs}
    taken |= {value.name for value in graph.inputs} | set(graph.initializers)
    for node in graph:
        for value in node.outputs:
            if re.fullmatch(r"val_\d+", value.name or ""):
                suffixes = chain([""], (f"_{number}" for number in count(2)))
                names = (f"{node.name}/output{suffix}" for suffix in suffixes)
                value.name = next(name for name in names if name not in taken)
                taken.add(value.name)
    wanted = {
        node.inputs[index]: f"{node.name}.{kind}"
        for node in graph
        if node.op_type in ("Conv", "Gemm")
        for index, kind in ((1, "weight"), (2, "bias"))
        if index < len(node.inputs)
    }
    for value, name in wanted.items():
        if value is not None and value.is_initializer() and name not in graph.initializers:
            value.name = name
