"""The stream graph: its elements in topological order, its legality, its rebuilding."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field, replace

from ir.elements import Consumer, Element, Fifo, Fork, Input, Output, sources, with_sources
from ir.errors import CompileError


@dataclass(frozen=True, slots=True)
class HostTensor:
    """How a port's integers relate to the tensors of quantized.onnx.

    ``real = (code - zero_point) * scale``.  ``shape``: ONNX shape without the batch;
    ``stream_order``: axes of that shape, slowest first, in the order in which they are streamed.
    ``shift``: the stream's codes are so much above those of the tensor.
    ``operators``: ONNX operators that the host computes between an input and the tensor's
    quantization, in order.
    """

    onnx_name: str
    onnx_tensor: str
    shape: tuple[int, ...]
    stream_order: tuple[int, ...]
    scale: float
    zero_point: int
    operators: tuple[str, ...] = ()
    shift: int = 0


@dataclass(frozen=True, slots=True)
class StreamGraph:
    """A network of streaming elements.

    ``name``: the top entity, a legal VHDL identifier.  ``host_tensors``: by port name.
    ``host_operators``: ONNX operators left to the host behind the stream, in order.
    ``approximations``: by element name, the tensors that elements approximate (``tolerance``).
    """

    name: str
    inputs: tuple[Input, ...]
    outputs: tuple[Output, ...]
    host_tensors: dict[str, HostTensor]
    host_operators: tuple[str, ...] = ()
    approximations: dict[str, HostTensor] = field(default_factory=dict)

    def __iter__(self) -> Iterator[Element]:
        """Yield every element once, each after the elements it reads."""
        seen: set[int] = set()
        order: list[Element] = []
        pending: list[tuple[Element, bool]] = [(o, False) for o in reversed(self.outputs)]
        while pending:
            element, sources_done = pending.pop()
            if sources_done:
                order.append(element)
            elif id(element) not in seen:
                seen.add(id(element))
                pending.append((element, True))
                pending.extend((s, False) for s in sources(element) if id(s) not in seen)
        return iter(order)

    def rebuild(self, rule: Callable[[Consumer], Element]) -> StreamGraph:
        """Return the graph with ``rule`` applied to each element, sources first.

        ``rule`` sees an element whose sources are rebuilt already and returns its replacement.
        """
        built: dict[int, Element] = {id(i): i for i in self.inputs}
        for element in self:
            if not isinstance(element, Input):
                streams = tuple(built[id(source)] for source in sources(element))
                built[id(element)] = rule(with_sources(element, streams))
        outputs = [built[id(o)] for o in self.outputs]
        assert all(isinstance(o, Output) for o in outputs)
        return replace(self, outputs=tuple(o for o in outputs if isinstance(o, Output)))


def readers(graph: StreamGraph) -> dict[int, list[Consumer]]:
    """Return the elements that read each element's stream, by its ``id``; none of an output's."""
    found: dict[int, list[Consumer]] = {id(element): [] for element in graph}
    for element in graph:
        if not isinstance(element, Input):
            for source in sources(element):
                found[id(source)].append(element)
    return found


_IDENTIFIER = re.compile(r"[a-z](_?[a-z0-9])*\Z")


def check_legal(graph: StreamGraph) -> None:
    """Raise CompileError unless ``graph`` keeps the rules that the VHDL printer relies on."""
    names: set[str] = set()
    for element in graph:
        if not _IDENTIFIER.match(element.name):
            raise CompileError(
                "check",
                element.layer,
                f"element name {element.name!r} must be a basic VHDL identifier",
                "this is a bug, please report it",
            )
        if element.name in names:
            raise CompileError(
                "check",
                element.layer,
                f"element name {element.name!r} must be unique",
                "this is a bug, please report it",
            )
        names.add(element.name)
    _check_readers(graph)


def _check_readers(graph: StreamGraph) -> None:
    """A stream has one reader; those of a Fork, and no others, have several, all of them Fifos."""
    reading = readers(graph)
    for element in graph:
        found = reading[id(element)]
        if isinstance(element, Output):
            continue
        if isinstance(element, Fork):
            legal = len(found) > 1 and all(isinstance(reader, Fifo) for reader in found)
        else:
            legal = len(found) == 1
        if not legal:
            raise CompileError(
                "check",
                element.layer,
                f"its stream must have one reader, or Fifos behind a fork, not {len(found)}",
                "this is a bug, please report it",
            )
