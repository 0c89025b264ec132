"""Functions of a GraphDef put in where they are called, so that one flat graph is left.

Control edges are dropped: what they order has no effect on a network whose variables nothing
changes, and ``frontend.saved_model.freeze`` makes sure of that. Source of the forms of references:
tensorflow/core/framework/function.proto, ``FunctionDef.node_def``.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any

from frontend import rules
from ir.errors import CompileError

MAX_NODES = 2**16
MAX_DEPTH = 64
CALLS = ("PartitionedCall", "StatefulPartitionedCall")
_CALL_NAME = re.compile(r"(Stateful)?PartitionedCall(_\d+)?$")


@dataclass(frozen=True, slots=True)
class FlatNode:
    """One operation; ``inputs`` are tensors ``"node:output"``, ``attributes`` those of NodeDef."""

    name: str
    operator: str
    inputs: tuple[str, ...]
    attributes: Any = field(repr=False)


FlatGraph = dict[str, FlatNode]


def flatten(
    graph: Any, roots: Iterable[str], tensors: Iterable[str] = ()
) -> tuple[FlatGraph, list[str]]:
    """Return all operations that the nodes ``roots`` lead back to, called functions put in.

    An output of a call becomes an ``Identity`` named after the call; the nodes of a function get
    the name of the call in front, unless it is one of TensorFlow's making.

    Args:
        graph: GraphDef with its function library.
        roots: names of nodes of the graph itself.
        tensors: ``"node:output"`` of the graph itself.

    Returns:
        the operations by name, in no order, and what each of ``tensors`` is in them.

    Raises:
        CompileError: a node or function is missing, or functions are nested without end.
    """
    from tensorflow.core.framework import attr_value_pb2

    functions = {function.signature.name: function for function in graph.library.function}
    flat: FlatGraph = {}
    taken: set[str] = set()
    outermost = _Body(_reachable(graph, roots), "", functions, taken)
    pending = [outermost]
    while pending:
        body = pending.pop()
        for node in body.nodes:
            inputs = tuple(body.tensor(r) for r in node.input if not r.startswith("^"))
            function = body.called.get(node.name)
            if function is None:
                name = body.names[node.name][0]
                flat[name] = FlatNode(name, node.op, inputs, node.attr)
            else:
                pending.append(body.enter(node, function, inputs))
        for name, (reference, kind) in body.results.items():
            attributes = {"T": attr_value_pb2.AttrValue(type=kind)}
            flat[name] = FlatNode(name, "Identity", (body.tensor(reference),), attributes)
        if len(flat) > MAX_NODES:
            raise CompileError(
                "load", next(iter(flat)), f"the graph has more than {MAX_NODES} operations",
                "use a smaller model",
            )  # fmt: skip
    return flat, [outermost.tensor(tensor) for tensor in tensors]


def _reachable(graph: Any, roots: Iterable[str]) -> tuple[Any, ...]:
    nodes = {node.name: node for node in graph.node}
    found: set[str] = set()
    pending = list(roots)
    while pending:
        name = pending.pop()
        if name in found:
            continue
        if name not in nodes:
            raise damaged(name, "is a node that the graph does not have")
        found.add(name)
        pending.extend(reference.lstrip("^").split(":")[0] for reference in nodes[name].input)
    return tuple(node for node in graph.node if node.name in found)


class _Body:
    """The nodes of the graph, or of a function at one of its calls, while they are put in."""

    __slots__ = ("arguments", "called", "depth", "functions", "names", "nodes", "operators",
                 "prefix", "results", "taken")  # fmt: skip

    def __init__(
        self,
        nodes: tuple[Any, ...],
        prefix: str,
        functions: Mapping[str, Any],
        taken: set[str],
        depth: int = 0,
        arguments: Mapping[str, str] | None = None,
        results: Mapping[str, tuple[str, int]] | None = None,
    ) -> None:
        """Give each node a name in the flat graph.

        ``arguments`` are the tensors that a function takes, by its names for them. ``results`` are
        its references to what it returns, each with its type, by the names of the Identities.
        """
        self.nodes, self.prefix, self.functions, self.taken = nodes, prefix, functions, taken
        self.depth, self.arguments, self.results = depth, arguments, dict(results or {})
        self.called = {n.name: f for n in nodes if (f := self._function(n)) is not None}
        self.operators = {node.name: node for node in nodes}
        self.names: dict[str, tuple[str, ...]] = {}
        for node in nodes:
            function = self.called.get(node.name)
            outputs = 1 if function is None else len(function.signature.output_arg)
            name = f"{prefix}{node.name}"
            self.names[node.name] = tuple(self._unique(name) for _ in range(outputs))

    def _function(self, node: Any) -> Any:
        """Return the function that a node calls, or None."""
        name = node.attr["f"].func.name if node.op in CALLS else node.op
        function = self.functions.get(name)
        if function is None and node.op in CALLS:
            raise damaged(node.name, f"calls the function {rules.show(name)}, which is not there")
        return function

    def _unique(self, name: str) -> str:
        candidate, count = name, 1
        while candidate in self.taken:
            count += 1
            candidate = f"{name}_{count}"
        self.taken.add(candidate)
        return candidate

    def tensor(self, reference: str) -> str:
        """Return the tensor of the flat graph that a node of this body means."""
        node, *rest = reference.split(":")
        if self.arguments is not None and node in self.arguments and not rest:
            return self.arguments[node]
        number = rest[-1] if rest else "0"
        if node not in self.names or not (number.isascii() and number.isdigit()):
            raise damaged(node, f"is taken as {rules.show(reference)}, which is not there")
        output = int(number)
        if self.arguments is not None:
            output += self._first_output(node, rest[0] if len(rest) == 2 else "")
        names = self.names[node]
        if node not in self.called:
            return f"{names[0]}:{output}"
        if output >= len(names):
            raise damaged(node, f"is taken as {rules.show(reference)}, which is not there")
        return f"{names[output]}:0"

    def _first_output(self, node: str, argument: str) -> int:
        """Return the number of the first tensor of the output ``argument`` of a node."""
        from tensorflow.python.framework import op_def_registry

        definition = self.operators[node]
        if node in self.called and definition.op not in CALLS:
            names = [output.name for output in self.called[node].signature.output_arg]
            return names.index(argument) if argument in names else len(names)
        operator = op_def_registry.get(definition.op)
        first = 0
        for output in operator.output_arg if operator is not None else ():
            if output.name == argument:
                break
            if output.number_attr:
                first += definition.attr[output.number_attr].i
            else:
                types = output.type_list_attr
                first += len(definition.attr[types].list.type) if types else 1
        return first

    def enter(self, node: Any, function: Any, inputs: tuple[str, ...]) -> _Body:
        """Return the body of the function that ``node`` calls with the tensors ``inputs``."""
        signature = function.signature
        if len(inputs) != len(signature.input_arg):
            raise damaged(node.name, "calls its function with a wrong number of tensors")
        if self.depth >= MAX_DEPTH:
            raise damaged(node.name, f"nests functions deeper than {MAX_DEPTH}")
        missing = [a.name for a in signature.output_arg if a.name not in function.ret]
        if missing:
            raise damaged(node.name, "calls a function that does not say what it returns")
        path = f"{self.prefix}{node.name}/"
        head, _, last = path[:-1].rpartition("/")
        if _CALL_NAME.match(last):
            path = f"{head}/" if head else ""
        return _Body(
            tuple(function.node_def),
            path,
            self.functions,
            self.taken,
            self.depth + 1,
            {a.name: t for a, t in zip(signature.input_arg, inputs, strict=True)},
            dict(
                zip(
                    self.names[node.name],
                    ((function.ret[output.name], output.type) for output in signature.output_arg),
                    strict=True,
                )
            ),
        )


def damaged(node: str, problem: str) -> CompileError:
    """Return the refusal of a graph that TensorFlow can't have written."""
    return CompileError("load", node, problem, "save the model again with TensorFlow")
