"""Whole random networks: onnxruntime == interpreter == GHDL, and cycles as predicted.

This is the short profile; ``python -m tests.random_networks`` runs as many as you like.  A failure
that was found stays here as a small case of its own.
"""

from __future__ import annotations

import pytest
from hypothesis import HealthCheck, given, settings

from tests.case import Case
from tests.strategies import cases, draw
from tests.verdicts import judge
from zoo.network import (
    BatchNorm,
    Conv,
    Dense,
    Flatten,
    GlobalAverage,
    MaxPool,
    Network,
    Normalize,
    Pad,
    Relu,
    Rescale,
)

SHORT, LONG = 40, 200


FOUND = (
    # Windows of padding only were sent before their frame began.
    Case(Network("random", (3, 3, 1), (Pad(0, 1, 2, 1), Conv(2, 2)))),
    # Two values of the canonical graph had one name.
    Case(Network("random", (2, 2, 4), (Flatten(), BatchNorm()))),
    Case(Network("random", (3, 3, 2), (Conv(2, 2), GlobalAverage(), Relu()))),
    # Limits of Clip were vectors.
    Case(Network("random", (5,), (Dense(3), Relu(max_value=6.0), Dense(2)))),
    # A table hid that the channels come last.
    Case(Network("random", (3, 2, 4), (Rescale(1 / 255), Flatten(), BatchNorm()))),
    # Factors per channel where the channels come last.
    Case(Network("random", (2, 3, 2), (Normalize((0.5, 3.0), (2.0, 9.0)), Flatten(), Relu()))),
    # onnxruntime merges the padding into the pool, and then refuses it.
    Case(Network("random", (3, 4, 2), (Pad(1, 2, 2, 0), MaxPool((1, 2), padding="same")))),
    # oneDNN's convolution reads past the image.
    Case(Network("random", (5, 2, 1), (Conv(4, (3, 2), stride=(1, 3), padding="same"),))),
)


@settings(
    max_examples=SHORT,
    derandomize=True,
    database=None,
    deadline=None,
    suppress_health_check=[HealthCheck.too_slow],
)
@given(cases())
def test_hardware_equals_onnxruntime(case: Case) -> None:
    assert judge(case).problems == ()


@pytest.mark.parametrize("case", FOUND, ids=repr)
def test_failures_found_before(case: Case) -> None:
    verdict = judge(case)
    assert verdict.problems == ()
    assert verdict.refusal is None


@pytest.mark.long
@pytest.mark.parametrize("number", range(LONG))
def test_more_of_them(number: int) -> None:
    assert judge(draw(number)).problems == ()
