"""Whole random networks: onnxruntime == interpreter == netlist (== GHDL), cycles as predicted.

This is the short profile; ``python -m tests.random_networks`` runs as many as you like.  A failure
that was found stays here as a small case of its own.
"""

from __future__ import annotations

import io
from collections.abc import Iterator, Sequence
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from rich.console import Console

from tests.case import Case, parse
from tests.random_networks import as_line, in_ghdl, main, recorded, run, summary, tell
from tests.strategies import cases, draw
from tests.verdicts import Verdict, judge
from zoo.network import (
    Activate,
    Again,
    BatchNorm,
    Conv,
    Dense,
    Flatten,
    GlobalAverage,
    Graph,
    KerasLayer,
    MaxPool,
    Network,
    Node,
    Normalize,
    Pad,
    Relu,
    Rescale,
)
from zoo.weights import Regime

SHORT, GHDL, LONG = 40, 4, 200


FOUND = (
    # Means near 0 got a scale that onnxruntime's average refuses.
    Case(
        Graph(
            "random",
            ((6, 7, 2),),
            (
                Node(KerasLayer("BatchNormalization", center=True, scale=False), (0,)),
                Node(KerasLayer("GlobalAveragePooling2D", keepdims=True), (0,)),
                Node(KerasLayer("Subtract"), (0, 2)),
                Node(Again(1), (3,)),
            ),
            (1, 4),
        ),
        regime=Regime.SETTLED,
        seed=67,
        input_range=(0.0, 255.0),
    ),
    # Windows of padding only were sent before their frame began.
    Case(Network("random", (3, 3, 1), (Pad(0, 1, 2, 1), Conv(2, 2)))),
    # Two values of the canonical graph had one name.
    Case(Network("random", (2, 2, 4), (Flatten(), BatchNorm()))),
    Case(Network("random", (3, 3, 2), (Conv(2, 2), GlobalAverage(), Relu()))),
    # Limits of Clip were vectors.
    Case(Network("random", (5,), (Dense(3), Relu(max_value=6.0), Dense(2)))),
    # A reshape kept lanes that do not divide the channels behind it.
    Case(
        Graph(
            "random",
            ((2, 6, 2),),
            (
                Node(KerasLayer("Concatenate", axis=-3), (0, 0)),
                Node(
                    KerasLayer(
                        "SeparableConv2D",
                        filters=5,
                        depth_multiplier=2,
                        kernel_size=(4, 1),
                        dilation_rate=(1, 2),
                        activation="silu",
                    ),
                    (1,),
                ),
            ),
            (2,),
        ),
        seed=18102431,
    ),
    # The sum of a tensor and a function of it was taken for a function, though others read it, too.
    Case(
        Graph(
            "random",
            ((4,),),
            (
                Node(KerasLayer("Dense", units=6), (0,)),
                Node(KerasLayer("PReLU"), (1,)),
                Node(KerasLayer("Average"), (1, 2)),
                Node(KerasLayer("Dense", units=3), (2,)),
            ),
            (3, 4),
        ),
    ),
    # Two functions began with the same one, which was put into neither.
    Case(
        Graph(
            "random",
            ((2, 3, 1),),
            (
                Node(KerasLayer("Activation", activation="hard_sigmoid"), (0,)),
                Node(KerasLayer("BatchNormalization"), (1,)),
                Node(KerasLayer("LeakyReLU", negative_slope=0.3), (1,)),
            ),
            (2, 3),
        ),
    ),
    # GHDL's synthesis took a table with ones in the uppermost 32 bits alone for zero.
    Case(
        Graph(
            "random",
            ((10,),),
            (
                Node(KerasLayer("ReLU", max_value=0.5, negative_slope=0.1, threshold=0.0), (0,)),
                Node(KerasLayer("Dense", units=10, activation="linear"), (1,)),
                Node(KerasLayer("Dense", units=10, activation="linear"), (1,)),
                Node(KerasLayer("Multiply"), (1, 2, 3)),
                Node(KerasLayer("Dense", units=1, activation="hard_silu"), (4,)),
            ),
            (5,),
        ),
        regime=Regime.MIXED,
        seed=1261126,
        input_range=(5.0, 6.0),
        cycles=9262,
    ),
    # Factors for each channel of a sequence were taken for images only.
    Case(Network("random", (7, 3), (Normalize((0.5, 0.0, 1.0), (1.0, 2.0, 0.25)), Relu()))),
    # A table hid that the channels come last.
    Case(Network("random", (3, 2, 4), (Rescale(1 / 255), Flatten(), BatchNorm()))),
    # Factors per channel where the channels come last.
    Case(Network("random", (2, 3, 2), (Normalize((0.5, 3.0), (2.0, 9.0)), Flatten(), Relu()))),
    # onnxruntime merges the padding into the pool, and then refuses it.
    Case(Network("random", (3, 4, 2), (Pad(1, 2, 2, 0), MaxPool((1, 2), padding="same")))),
    # GHDL's synthesis refuses to count a single class.
    Case(Network("random", (2, 2, 1), (Conv(1, 1), Activate("softmax"))), argmax=True),
    # A normalization that keeps every code left two operands on one stream, with two scales.
    Case(
        Graph(
            "random",
            ((6, 1),),
            (
                Node(KerasLayer("BatchNormalization", scale=False), (0,)),
                Node(KerasLayer("Concatenate", axis=2), (1, 0)),
            ),
            (2,),
        ),
        regime=Regime.TINY,
        seed=1119,
        input_range=(-3.5, 0.25),
    ),
    # oneDNN's convolution reads past the image.
    Case(Network("random", (5, 2, 1), (Conv(4, (3, 2), stride=(1, 3), padding="same"),))),
    # An output is an input.
    Case(
        Graph(
            "random",
            ((4,),),
            (Node(KerasLayer("Flatten"), (0,)), Node(KerasLayer("Dense", units=2), (1,))),
            (1, 2),
        )
    ),
    # No two lines are exact for slopes of positions.
    Case(
        Graph(
            "random",
            ((8, 4, 2),),
            (
                Node(KerasLayer("ZeroPadding2D", padding=((2, 2), (1, 2))), (0,)),
                Node(KerasLayer("PReLU", shared_axes=None), (1,)),
                Node(
                    Graph("model_2", ((12, 7, 2),), (Node(KerasLayer("ReLU"), (0,)),), (1,)), (2,)
                ),
                Node(KerasLayer("Softmax"), (3,)),
                Node(KerasLayer("Concatenate", axis=3), (1, 3)),
            ),
            (4, 5),
        ),
        regime=Regime.TINY,
        seed=7069,
        input_range=(-1.0, 1.0),
    ),
    # Epsilon is all that is under the root of a LayerNormalization.
    Case(
        Graph(
            "random",
            ((3, 2, 4),),
            (
                Node(KerasLayer("Conv2D", filters=4, kernel_size=1, activation="relu"), (0,)),
                Node(KerasLayer("Conv2D", filters=4, kernel_size=1), (1,)),
                Node(KerasLayer("LayerNormalization", center=False, scale=True), (2,)),
            ),
            (3,),
        ),
        regime=Regime.TINY,
        seed=4294967294,
    ),
    # GHDL's synthesis lost an assignment to a bit in the middle of a number.
    Case(
        Graph(
            "random",
            ((5, 8, 3),),
            (
                Node(KerasLayer("LayerNormalization", axis=(-1,), center=False, scale=True), (0,)),
                Node(KerasLayer("Conv2D", filters=2, kernel_size=1, activation="relu"), (1,)),
                Node(KerasLayer("Concatenate", axis=3), (1, 2)),
            ),
            (3,),
        ),
        seed=2013,
        cycles=1251,
    ),
    # What is left of a difference is smaller than the roundings of float32.
    Case(
        Graph(
            "random",
            ((7, 1),),
            (
                Node(KerasLayer("Activation", activation="tanh_shrink"), (0,)),
                Node(KerasLayer("Dense", units=9, use_bias=False, activation="celu"), (1,)),
            ),
            (2,),
        ),
        seed=221,
        input_range=(5.0, 6.0),
    ),
    # All values lie where onnxruntime's Sigmoid has one digit left.
    Case(
        Graph(
            "random",
            ((1, 8, 2),),
            (
                Node(
                    KerasLayer("Conv2D", filters=1, kernel_size=(1, 2), activation="silu"),
                    (0,),
                ),
            ),
            (1,),
        ),
        seed=2,
        input_range=(5.0, 6.0),
    ),
    # A mean of 0.5 but for its roundings lies on a step.
    Case(
        Graph(
            "random",
            ((3, 6, 1),),
            (
                Node(
                    KerasLayer("Conv2D", filters=5, kernel_size=(2, 3), activation="hard_sigmoid"),
                    (0,),
                ),
                Node(KerasLayer("GlobalAveragePooling2D", keepdims=True), (1,)),
                Node(KerasLayer("Activation", activation="hard_shrink"), (2,)),
                Node(KerasLayer("Multiply"), (1, 3)),
            ),
            (4,),
        ),
        regime=Regime.TINY,
        seed=1,
        input_range=(-1.0, 1.0),
    ),
)


FOUND_IN_THE_NETLIST = (
    # A memory of two columns of which the windows need but one, which GHDL's synthesis never wrote.
    Case(
        Graph(
            "random",
            ((6, 2, 4),),
            (
                Node(
                    KerasLayer("Conv2D", filters=6, groups=2, kernel_size=(3, 1), strides=(1, 2)),
                    (0,),
                ),
            ),
            (1,),
        ),
        parallel=True,
    ),
)

FOUND_IN_VHDL = (
    # Few of the codes' bits were taken of numbers that begin with a literal, and so run upwards.
    Case(
        Graph(
            "random",
            ((5, 7, 2),),
            (
                Node(KerasLayer("ReLU", max_value=20.0, threshold=1.0), (0,)),
                Node(KerasLayer("AveragePooling2D", pool_size=3, padding="same"), (1,)),
            ),
            (2,),
        ),
    ),
)
"""Faults that the netlist does not show."""


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


@pytest.mark.parametrize("number", range(GHDL))
def test_vhdl_equals_onnxruntime(number: int) -> None:
    verdict = judge(draw(number), ghdl=True)
    assert verdict.problems == ()
    if verdict.refusal is None:
        # The same phases ran in both.
        assert verdict.in_netlist == verdict.in_ghdl > 0


@pytest.mark.parametrize("case", [*FOUND, *FOUND_IN_THE_NETLIST], ids=repr)
def test_failures_found_before(case: Case) -> None:
    verdict = judge(case)
    assert verdict.problems == ()
    assert verdict.refusal is None


@pytest.mark.long
@pytest.mark.parametrize("number", range(LONG))
def test_more_of_them(number: int) -> None:
    assert judge(draw(number), ghdl=in_ghdl(number, 0.1)).problems == ()


def test_a_share_runs_in_ghdl() -> None:
    assert sum(in_ghdl(number, 0.1) for number in range(500)) == 50
    assert not any(in_ghdl(number, 0.0) for number in range(100))
    assert all(in_ghdl(number, 1.0) for number in range(100))


def test_a_run_goes_on_where_it_was(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    asked: list[int] = []

    def judged(numbers: Sequence[int], share: float, jobs: int) -> Iterator[tuple[int, Verdict]]:
        for number in numbers:
            asked.append(number)
            yield number, Verdict(draw(number), in_netlist=number, problems=("wrong",) * number)

    monkeypatch.setattr("tests.random_networks.judge_all", judged)
    record, console = tmp_path / "record", Console(file=io.StringIO(), width=200)
    first = run([0, 1], 0.1, 1, record, console)
    record.write_text(record.read_text() + as_line(2, first[0])[:-9])
    second = run([0, 1, 2, 3], 0.1, 1, record, console)
    assert asked == [0, 1, 2, 3]
    assert second[:2] == first
    assert list(recorded(record).values()) == second
    assert [verdict.in_netlist for verdict in second] == [0, 1, 2, 3]


def test_failures_are_told_with_their_line_and_counted() -> None:
    out = io.StringIO()
    console = Console(file=out, width=200)
    verdict = Verdict(FOUND[0], in_netlist=1234, deadlocks=1, problems=("it hangs",))
    tell(verdict, console)
    assert out.getvalue() == f"FAILED it hangs\n  {FOUND[0]!r}\n\n"
    assert parse(repr(FOUND[0])) == FOUND[0]
    console.print(summary([verdict, Verdict(FOUND[1])]))
    rows = [[c.strip() for c in line.split("│")[1:3]] for line in out.getvalue().splitlines()[3:]]
    assert ["networks", "2"] in rows
    assert ["failed", "1"] in rows
    assert ["output values, netlist against onnxruntime", "1,234"] in rows
    assert ["deadlocks", "1"] in rows


def test_wrong_usage_is_told(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as stop:
        main(["--ghdl-share", "1.5"])
    assert stop.value.code == 2
    assert "--ghdl-share must be 0 to 1" in capsys.readouterr().err


@pytest.mark.parametrize("case", FOUND_IN_VHDL, ids=repr)
def test_failures_found_before_in_vhdl(case: Case) -> None:
    verdict = judge(case, ghdl=True)
    assert verdict.problems == ()
    assert verdict.in_ghdl > 0
