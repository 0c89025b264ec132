"""What a compilation knows about itself, in the report's terms."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from importlib.metadata import version

import numpy as np

from frontend import __version__, report
from frontend.calibration import CalibrationSet
from frontend.golden import GoldenModel
from frontend.source import SourceModel
from ir.elements import AdderChain, ArgMax, Element, Pairwise, Rectifier
from ir.graph import StreamGraph
from ir.numbers import IntArray, IntegerType
from ir.proof import ProofRecord

TOOLS = ("keras", "numpy", "onnx", "onnx-ir", "onnxruntime", "onnxscript")


def tool_versions() -> tuple[tuple[str, str], ...]:
    """Return (package, version) of what decides the bytes of the output."""
    return (("millrace", __version__), *((name, version(name)) for name in TOOLS))


def accuracy(
    graph: StreamGraph,
    loaded: SourceModel,
    golden: GoldenModel,
    data: CalibrationSet,
    simulated_frames: int,
) -> report.Accuracy | None:
    """Return the accuracies on ``data``, or None without labels.

    ``simulated_frames``: frames on which the hardware was seen to send the golden integers.
    """
    if data.labels is None:
        return None
    codes = golden.output_codes(data.inputs)[graph.outputs[0].port]
    answers = classes(graph.outputs[0].source, codes)
    expected = None
    if not loaded.is_quantized:
        expected = loaded.run(data.inputs)[0].reshape(data.frames, -1).argmax(axis=1)
    return report.Accuracy(
        None if expected is None else _score(expected, data.labels),
        _score(answers, data.labels),
        _score(answers[:simulated_frames], data.labels) if simulated_frames else None,
    )


def classes(sender: Element, codes: IntArray) -> IntArray:
    """Return the class of each frame that the codes of the last element say."""
    flat = codes.reshape(len(codes), -1)
    return flat[:, 0] if isinstance(sender, ArgMax) else flat.argmax(axis=1)


def _score(answers: IntArray, labels: IntArray) -> report.Score:
    known = labels[: len(answers)]
    return report.Score(int(np.count_nonzero(answers == known)), len(known))


def proofs(records: Iterable[ProofRecord], graph: StreamGraph) -> tuple[report.Proof, ...]:
    """Return proof records in the report's terms, by the names of the graph's elements."""
    by_layer = dict(_proved(graph))
    return tuple(
        report.Proof(
            element=by_layer[r.layer],
            channels=r.channels,
            accumulator=IntegerType.spanning(r.low, r.high, signed=True),
            low=r.low,
            high=r.high,
            form=_form(r),
            values=r.covered,
            evaluated=r.evaluated,
            method="proved",
        )
        for r in records
    )


def _proved(graph: StreamGraph) -> Iterator[tuple[str, str]]:
    """Yield the layers whose codes are proved, and the names of the elements that they are in."""
    for element in graph:
        if isinstance(element, AdderChain):
            yield from ((layer.layer, element.name) for layer in element.layers)
        elif hasattr(element, "requantization") or isinstance(element, Pairwise | Rectifier):
            yield element.layer, element.name


def _form(record: ProofRecord) -> str:
    if record.form == "scale":
        return f"multiplier {record.parameter_bits} bits >> {record.shift}"
    if record.form == "choice":
        return "larger or smaller code"
    return f"{record.form} {record.parameter_bits} bits"
