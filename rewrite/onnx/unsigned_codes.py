"""Make int8 codes with several readers, or readers behind a move, uint8.

    c = Quantize(x, s, z: int8); Dequantize(c, s, z), Dequantize(c, s, z)
        -> c' = Quantize(x, s, z + 128: uint8); Dequantize(c', s, z + 128), ...      c' = c + 128

The numbers stay what they are.  onnxruntime moves int8 codes between quantizations to its integer
kernels in the same way, but only where one DequantizeLinear reads them as they are, and nothing
else; operators on codes need no such move.  So the second form of a graph of operators on codes
needs it here, or onnxruntime would compute a part of it in float.  Inputs and outputs that are int8
codes become uint8, too, and codes on both sides of a max pool together.  Condition: all that reads
the codes, moved or not, is a DequantizeLinear.  ``SHIFTED`` in the model's metadata lists the
tensors, for whoever compares codes.
"""

from __future__ import annotations

import json
from dataclasses import dataclass

import numpy as np
import onnx_ir as ir

from rewrite.onnx.execution import SHIFT
from rewrite.onnx.fuse_layout import MOVING, REPEATING
from rewrite.onnx.graphs import add_initializer, constant, is_operator, same_constant

SHIFTED = "millrace.shifted_codes"
"""Key of the names of tensors whose codes are ``SHIFT`` above those of the original graph."""


@dataclass(frozen=True, slots=True, eq=False)
class _Group:
    """int8 codes with all that moves them, ``values``; the quantizations of these, ``nodes``."""

    values: tuple[ir.Value, ...]
    nodes: tuple[ir.Node, ...]

    @property
    def must_shift(self) -> bool:
        """True unless one DequantizeLinear reads what one QuantizeLinear made, and nothing else.

        Both must mean the same number by a code.
        """
        enters, leaves = self.values[0].producer() is None, self.values[0].is_graph_output()
        alike = all(
            same_constant(a, b)
            for node in self.nodes[1:]
            for a, b in zip(self.nodes[0].inputs[1:3], node.inputs[1:3], strict=False)
        )
        return enters or leaves or len(self.values) > 1 or len(self.nodes) > 2 or not alike


def unsigned_codes(model: ir.Model) -> int:
    """Apply to ``model``; return how many tensors were shifted."""
    entering = [v for v in model.graph.inputs if constant(v) is None]
    made = [n.outputs[0] for n in model.graph if is_operator(n, "QuantizeLinear")]
    groups = [_group(v) for v in (*entering, *made) if v.dtype == ir.DataType.INT8]
    of_node = {node: g for g in groups if g is not None for node in g.nodes}
    names: list[str] = []
    done: set[_Group] = set()
    for group in groups:
        if group is None or group in done or not group.must_shift:
            continue
        together = _pooled_together(group, of_node)
        if together is not None:
            done |= together
            for each in groups:
                if each in together and each is not None:
                    names += _shift(model.graph, each)
    if names:
        model.metadata_props[SHIFTED] = json.dumps(sorted({*names, *shifted_tensors(model)}))
    return len(names)


def _pooled_together(group: _Group, of_node: dict[ir.Node, _Group]) -> set[_Group] | None:
    """Return the groups on both sides of all max pools: a pool has one kind of codes.

    None if one of them cannot be shifted.
    """
    found, pending = {group}, [group]
    while pending:
        for node in pending.pop().nodes:
            for other in _beyond_pool(node):
                neighbour = of_node.get(other)
                if neighbour is None:
                    return None
                if neighbour not in found:
                    found.add(neighbour)
                    pending.append(neighbour)
    return found


def _beyond_pool(node: ir.Node) -> list[ir.Node]:
    """Return the quantizations on the other side of the max pools next to a quantization."""
    if node.op_type == "QuantizeLinear":
        source = node.inputs[0]
        pool = None if source is None else source.producer()
        if pool is None or not is_operator(pool, "MaxPool") or pool.inputs[0] is None:
            return []
        entry = pool.inputs[0].producer()
        return [] if entry is None else [entry]
    pools = [user for user, _ in node.outputs[0].uses() if is_operator(user, "MaxPool")]
    return [user for pool in pools for user, _ in pool.outputs[0].uses()]


def _shift(graph: ir.Graph, group: _Group) -> list[str]:
    """Make the codes of ``group`` uint8; return the names of their tensors."""
    for node in group.nodes:
        zero = _zero(node)
        assert zero is not None
        shifted = (zero.astype(np.int64) + SHIFT).astype(np.uint8)
        name = f"{node.outputs[0].name}_unsigned_zero_point"
        node.resize_inputs(max(3, len(node.inputs)))
        node.replace_input_with(2, add_initializer(graph, name, shifted))
    for value in group.values:
        value.type = ir.TensorType(ir.DataType.UINT8)
    return [value.name or "" for value in group.values]


def shifted_tensors(model: ir.Model) -> frozenset[str]:
    """Return the names of the tensors of ``model`` that are shifted."""
    return frozenset(json.loads(model.metadata_props.get(SHIFTED, "[]")))


def _group(codes: ir.Value) -> _Group | None:
    """Return the group of ``codes``; None if not only quantizations and moves read them."""
    maker = codes.producer()
    values, nodes = [codes], [] if maker is None else [maker]
    for value in values:
        for node, _ in value.uses():
            if is_operator(node, *MOVING, *REPEATING) and node.inputs[0] is value:
                values += node.outputs
            elif is_operator(node, "DequantizeLinear"):
                nodes.append(node)
            else:
                return None
    known = all(_zero(node) is not None for node in nodes)
    return _Group(tuple(values), tuple(nodes)) if known else None


def _zero(node: ir.Node) -> np.ndarray[tuple[int, ...], np.dtype[np.int8]] | None:
    """Return the int8 zero point of a quantization, 0 where it is left out."""
    operand = node.inputs[2] if len(node.inputs) > 2 else None
    array = np.zeros((), np.int8) if operand is None else constant(operand)
    return array if array is not None and array.dtype == np.int8 else None
