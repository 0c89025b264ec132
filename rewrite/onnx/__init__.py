"""Level 1: rewrites of ONNX graphs; every result still runs in onnxruntime.

``fuse`` turns a quantized (QDQ) graph into one with a single node per processing element, each a
call of a model-local function in the domain ``millrace`` whose body holds the original nodes.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass

import onnx
import onnx.version_converter
import onnx_ir as ir
import onnx_ir.passes.common as passes

from ir.errors import CompileError
from rewrite.onnx import (
    drop_requantization,
    fuse_affine,
    fuse_arg_max,
    fuse_average,
    fuse_convolution,
    fuse_dense,
    fuse_global_average,
    fuse_interpolation,
    fuse_layer_normalization,
    fuse_layout,
    fuse_matrix_product,
    fuse_max_pool,
    fuse_mean,
    fuse_scaled,
    fuse_selection,
    fuse_softmax,
)
from rewrite.onnx.absorb_max_pool import absorb_max_pool
from rewrite.onnx.absorb_table import absorb_table
from rewrite.onnx.average_execution import with_pools_of_uint8
from rewrite.onnx.census import check_execution, float_operators
from rewrite.onnx.codes_coverage import check_codes
from rewrite.onnx.constant_parameters import constant_parameters
from rewrite.onnx.constant_shapes import constant_shapes
from rewrite.onnx.convolution_from_matmul import convolution_from_matmul
from rewrite.onnx.convolve_transposed import convolve_transposed
from rewrite.onnx.coverage import check_coverage, host_nodes
from rewrite.onnx.execution import Inputs, compare, random_inputs
from rewrite.onnx.explicit_biases import explicit_biases
from rewrite.onnx.explicit_zero_points import explicit_zero_points
from rewrite.onnx.extremum_in_pairs import extremum_in_pairs
from rewrite.onnx.float_exactness import exact_in_float, exact_products
from rewrite.onnx.fuse_channelwise import fuse_channelwise
from rewrite.onnx.fuse_concatenation import fuse_concatenation
from rewrite.onnx.fuse_merge import fuse_merge
from rewrite.onnx.fuse_rectifier import fuse_rectifier
from rewrite.onnx.fuse_requantization import fuse_requantization
from rewrite.onnx.fuse_table import fuse_table
from rewrite.onnx.gemm_from_matmul import gemm_from_matmul
from rewrite.onnx.image_of_sequence import image_of_sequence
from rewrite.onnx.merge_quantizations import merge_quantizations
from rewrite.onnx.qdq_from_operators import qdq_from_operators
from rewrite.onnx.quantize_before_moving import quantize_before_moving
from rewrite.onnx.quantize_behind_moving import quantize_behind_moving
from rewrite.onnx.quantized_biases import quantized_biases
from rewrite.onnx.quantized_constants import quantized_constants
from rewrite.onnx.remove_identities import remove_identities
from rewrite.onnx.resize_by_scales import resize_by_scales
from rewrite.onnx.resize_of_codes import exact_interpolations
from rewrite.onnx.saturating_activation import saturating_activation
from rewrite.onnx.separate_dequantizations import separate_dequantizations
from rewrite.onnx.slices_of_split import slices_of_split
from rewrite.onnx.widen_weights import widen_weights

__all__ = ["PIPELINE", "FusedModel", "compare", "fuse", "random_inputs"]

COMPARED_FRAMES = 16
OPSET = 21
"""Operator set of the fused graph, unless the quantized one is newer."""

FUNCTION_OVERLOADS = 10
"""First ONNX IR version in which several functions may share a name."""

Rewrite = Callable[[ir.Model], int]

PIPELINE: tuple[Rewrite, ...] = (
    constant_shapes,
    slices_of_split,
    qdq_from_operators,
    quantized_constants,
    separate_dequantizations,
    explicit_zero_points,
    constant_parameters,
    quantize_behind_moving,
    drop_requantization.drop_requantization,
    merge_quantizations,
    fuse_requantization,
    saturating_activation,
    widen_weights,
    convolve_transposed,
    gemm_from_matmul,
    convolution_from_matmul,
    quantized_biases,
    explicit_biases,
    quantize_before_moving,
    extremum_in_pairs,
    image_of_sequence,
    fuse_layout.fuse_layout,
    fuse_convolution.fuse_convolution,
    fuse_affine.fuse_affine,
    fuse_dense.fuse_dense,
    fuse_scaled.fuse_scaled,
    fuse_matrix_product.fuse_matrix_product,
    fuse_global_average.fuse_global_average,
    fuse_average.fuse_average,
    fuse_mean.fuse_mean,
    fuse_max_pool.fuse_max_pool,
    resize_by_scales,
    fuse_interpolation.fuse_interpolation,
    fuse_selection.fuse_selection,
    fuse_arg_max.fuse_arg_max,
    fuse_softmax.fuse_softmax,
    fuse_layer_normalization.fuse_layer_normalization,
    fuse_concatenation,
    fuse_table,
    fuse_rectifier,
    fuse_channelwise,
    fuse_merge,
    absorb_table,
    absorb_max_pool,
)
"""Normal form first, then one function per operator, then what follows a processing element."""

APPROXIMATE: dict[Rewrite, Rewrite] = {fuse_softmax.fuse_softmax: fuse_softmax.fuse_inner_softmax}
"""Rewrites to elements that are not exact, and what is done where they are not asked for."""

_RULES = (
    fuse_affine.RULES,  # its reasons are those of any convolution first
    fuse_convolution.RULES,
    fuse_dense.RULES,
    fuse_scaled.RULES,
    fuse_matrix_product.RULES,
    fuse_global_average.RULES,
    fuse_average.RULES,
    fuse_mean.RULES,
    fuse_max_pool.RULES,
    fuse_interpolation.RULES,
    fuse_selection.RULES,
    fuse_arg_max.RULES,
    fuse_softmax.RULES,
    fuse_layer_normalization.RULES,
    fuse_layout.RULES,
    drop_requantization.RULES,
)


@dataclass(frozen=True, slots=True)
class FusedModel:
    """A quantized graph with one node per processing element.

    ``proto``: runs in stock onnxruntime.  ``applied``: (rewrite, how often it fired), in order.
    ``compared_values``: values that onnxruntime computed alike before and after the rewrites.
    ``host_operators``: operators left to the host behind the last codes, in order.
    ``quantized``: what it was made of.  ``exact_in_float``: its layers that float32 computes
    exactly, by name.
    """

    proto: onnx.ModelProto
    applied: tuple[tuple[str, int], ...]
    compared_values: int
    host_operators: tuple[str, ...]
    quantized: onnx.ModelProto
    exact_in_float: frozenset[str] = frozenset()


def fuse(
    quantized: onnx.ModelProto, inputs: Inputs | None = None, *, approximate: bool = True
) -> FusedModel:
    """Fuse every quantized operator of ``quantized``, which itself is left alone.

    Where not ``approximate``, a Softmax stays with the host, unless a layer of the core follows.

    After each rewrite that fires, both graphs run in onnxruntime on ``inputs`` (by default random
    ones that reach every input code) and every integer tensor that both have must be equal.

    Raises:
        CompileError: an operator is not supported, or a rewrite changed a value.
    """
    model = _prepared(quantized)
    exact = exact_in_float(model)
    frames = random_inputs(quantized, COMPARED_FRAMES) if inputs is None else inputs
    before = quantized
    applied: list[tuple[str, int]] = []
    compared = 0
    for rewrite in PIPELINE:
        if not approximate:
            rewrite = APPROXIMATE.get(rewrite, rewrite)
        count = rewrite(model)
        applied.append((rewrite.__name__, count))
        if count:
            _settle(model)
        if rewrite is qdq_from_operators:
            check_codes(model)
        if count:
            after = ir.to_proto(model)
            if rewrite is qdq_from_operators:
                in_float = Counter(name for name, _ in float_operators(quantized))
                check_execution(
                    after, in_float, exact | exact_interpolations(after) | exact_products(model)
                )
                before = with_pools_of_uint8(before)
            compared += compare(before, after, frames)
            before = after
    check_coverage(model, _RULES)
    host = tuple(n.op_type for n in host_nodes(model.graph) if n.op_type not in _QUANTIZATIONS)
    return FusedModel(ir.to_proto(model), tuple(applied), compared, host, quantized, exact)


_QUANTIZATIONS = ("QuantizeLinear", "DequantizeLinear")


def _prepared(quantized: onnx.ModelProto) -> ir.Model:
    """Return ``quantized`` with known types and shapes and all constants as initializers."""
    try:
        inferred = onnx.shape_inference.infer_shapes(_modern(quantized), data_prop=True)
    except onnx.shape_inference.InferenceError as error:
        raise CompileError(
            "fuse",
            quantized.graph.name or "model",
            f"shapes must be consistent ({error})",
            "export the model again",
        ) from error
    _name_after_results(inferred.graph)
    model = ir.from_proto(inferred)
    model.ir_version = max(model.ir_version, FUNCTION_OVERLOADS)
    passes.LiftConstantsToInitializersPass(lift_all_constants=True, size_limit=0)(model)
    remove_identities(model)
    return model


def _name_after_results(graph: onnx.GraphProto) -> None:
    """Name nodes without a name after what they make, which people can find in their model."""
    names = {node.name for node in graph.node}
    for node in graph.node:
        if not node.name and node.output and node.output[0] not in names:
            node.name = node.output[0]
            names.add(node.name)


def _modern(quantized: onnx.ModelProto) -> onnx.ModelProto:
    """Return ``quantized`` in an operator set that can write what the rewrites write.

    Raises:
        CompileError: an operator has no newer form.
    """
    versions = [o.version for o in quantized.opset_import if o.domain in ("", "ai.onnx")]
    if all(version >= OPSET for version in versions):
        return quantized
    try:
        return onnx.version_converter.convert_version(quantized, OPSET)
    except RuntimeError as error:
        raise CompileError(
            "fuse", quantized.graph.name or "model",
            f"cannot be brought from operator set {versions[0]} to {OPSET} ({error})",
            f"export the model with opset {OPSET}",
        ) from error  # fmt: skip


def _settle(model: ir.Model) -> None:
    """Remove what a rewrite left without use."""
    remove_identities(model)
    passes.RemoveUnusedNodesPass()(model)
    passes.RemoveUnusedFunctionsPass()(model)
