"""Whole random networks: onnxruntime == interpreter == GHDL, and cycles as predicted.

This is the short profile; ``python -m tests.random_networks`` runs as many as you like.  A failure
that was found stays here as an ``@example``.
"""

from __future__ import annotations

import pytest
from hypothesis import HealthCheck, given, settings

from tests.case import Case
from tests.strategies import cases, draw
from tests.verdicts import judge

SHORT, LONG = 40, 200


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


@pytest.mark.long
@pytest.mark.parametrize("number", range(LONG))
def test_more_of_them(number: int) -> None:
    assert judge(draw(number)).problems == ()
