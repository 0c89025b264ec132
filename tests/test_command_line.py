"""The command line: the same bytes on every run, exit statuses, and OUT untouched on failure."""

from __future__ import annotations

import contextlib
import json
import os
import pty
import resource
import shutil
import subprocess
import sys
import unicodedata
from collections.abc import Iterator, Sequence
from pathlib import Path

import numpy as np
import pytest
import typer

from frontend import __version__
from frontend.__main__ import app, main
from frontend.optional_value import filled
from frontend.reference import start_tensorflow
from tests.keras_weights import sequential
from tests.test_bad_input import truncated
from zoo import MODELS, digits

ROOT = Path(__file__).parent.parent
MODEL = MODELS / "digits_mlp.h5"
LIMIT = 20_000
"""Bytes: less than report.html, which is written last, has for MODEL, more than other files."""
TELEMETRY = "ORT_DISABLE_TELEMETRY"
FRAMES = 2
OUTPUTS = 2 * FRAMES * 10
"""Of ten classes, in the timed phase and in the one with stalls."""


def millrace(
    arguments: Sequence[str], cwd: Path, **environment: str
) -> subprocess.CompletedProcess[str]:
    """Run the command in a process of its own."""
    inherited = {name: value for name, value in os.environ.items() if name != TELEMETRY}
    return subprocess.run(
        [sys.executable, "-m", "frontend", *arguments],
        cwd=cwd,
        env={**inherited, "PYTHONPATH": str(ROOT), **environment},
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        check=False,
    )


def contents(folder: Path) -> dict[str, bytes | None]:
    """Return everything in ``folder`` by relative path; None for a folder."""
    return {
        path.relative_to(folder).as_posix(): None if path.is_dir() else path.read_bytes()
        for path in sorted(folder.rglob("*"))
    }


def compile_digits(place: Path, seed: str) -> tuple[subprocess.CompletedProcess[str], Path]:
    """Compile and simulate the digits CNN in ``place``; return the run and the output folder."""
    place.mkdir(parents=True)
    shutil.copyfile(MODELS / "digits_cnn.h5", place / "digits_cnn.h5")
    split = digits.load()
    np.savez(place / "calibration.npz", x=split.train_x[:100], y=split.train_y[:100])
    arguments = ["digits_cnn.h5", "--calibrate", "calibration.npz", "--simulate"]
    cache = str(place.parent / f"cache {seed}")
    run = millrace(
        [*arguments, "--frames", str(FRAMES), "-o", "out"],
        place,
        PYTHONHASHSEED=seed,
        XDG_CACHE_HOME=cache,
    )
    return run, place / "out"


def test_two_runs_write_the_same_bytes(tmp_path: Path) -> None:
    first, one = compile_digits(tmp_path / "one", "1")
    second, two = compile_digits(tmp_path / "another" / "place", "2")
    for run in (first, second):
        assert run.returncode == 0, run.stderr
        # Neither is a terminal: no progress, no colours.
        assert run.stderr == ""
        assert not [c for c in run.stdout if unicodedata.category(c) == "Cc" and c != "\n"]
        assert f"{OUTPUTS} of {OUTPUTS} outputs equal onnxruntime" in run.stdout
    assert first.stdout == second.stdout
    written, again = contents(one), contents(two)
    assert written.keys() == again.keys()
    assert [name for name in written if written[name] != again[name]] == []
    expected = {"manifest.json", "quantized.onnx", "fused.onnx", "report.json", "report.html"}
    assert {path.name for path in one.iterdir()} == {*expected, "vhdl", "sim"}

    for cache in tmp_path.rglob("cache *"):
        # onnxruntime's telemetry would have left its own.
        assert {path.name for path in cache.iterdir()} <= {"millrace", "matplotlib"}


def test_netlist_is_simulated_on_request(tmp_path: Path) -> None:
    arguments = [str(MODEL), "--simulate", "netlist", "--trace", "--wave", "--frames", "2"]
    run = millrace([*arguments, "-o", "out"], tmp_path)
    assert run.returncode == 0, run.stderr
    written = json.loads((tmp_path / "out" / "report.json").read_text())
    found = written["simulation"]
    assert found["simulator"].startswith("Verilator 5")
    assert (found["frames"], found["outputs"], found["mismatches"]) == (2, OUTPUTS, 0)
    assert found["cycles_per_frame"] == written["cycles"]["cycles_per_frame"]
    # The input's port, every element but a reshape, the output's port
    assert found["streams"] > 4
    assert found["values"] > OUTPUTS
    assert f"measured in {found['simulator']}: " in " ".join(run.stdout.split())
    assert f"{found['values']:,} values compared at {found['streams']} streams" in run.stdout
    assert "waveform: gtkwave out/sim/waves.fst" in run.stdout
    assert found["wave"] == "waves.fst"
    assert (tmp_path / "out" / "sim" / found["wave"]).stat().st_size > 1000


@pytest.mark.parametrize(
    ("arguments", "complete"),
    [
        (["m.h5", "--simulate"], ["m.h5", "--simulate", "ghdl"]),
        (["--simulate", "m.h5"], ["--simulate", "ghdl", "m.h5"]),
        (["--simulate", "--frames", "3"], ["--simulate", "ghdl", "--frames", "3"]),
        (["--simulate", "netlist", "m.h5"], ["--simulate", "netlist", "m.h5"]),
        (["--simulate=netlist", "m.h5"], ["--simulate=netlist", "m.h5"]),
        (["--", "--simulate"], ["--", "--simulate"]),
        (["m.h5"], ["m.h5"]),
    ],
)
def test_simulate_stands_alone_or_with_a_simulator(
    arguments: list[str], complete: list[str]
) -> None:
    assert filled(arguments, {"--simulate": ("ghdl", "netlist")}) == complete


def test_one_pass_without_stalls_and_the_seconds_of_each_stage(tmp_path: Path) -> None:
    arguments = [str(MODEL), "--simulate", "--frames", "1", "--no-stalls", "--times"]
    run = millrace([*arguments, "-o", "out"], tmp_path)
    assert (run.returncode, run.stderr) == (0, "")
    text = " ".join(run.stdout.split())
    assert "10 of 10 outputs equal onnxruntime (1 frame, stalls none)" in text
    *_, after = text.split("Seconds")
    for stage in ("load the model", "quantize", "fold and size the buffers", "simulate in GHDL"):
        assert stage in after
    bench = next((tmp_path / "out" / "sim").glob("*_tb.vhd")).read_text()
    for setting in ("timed_frames => 1,", "stalled_frames => 0,", "reset_beats => 0,"):
        assert setting in bench


def test_help_names_every_option(tmp_path: Path) -> None:
    run = millrace(["--help"], tmp_path)
    assert (run.returncode, run.stderr) == (0, "")
    for parameter in typer.main.get_command(app).params:
        for option in parameter.opts:
            assert option in run.stdout


def test_version(tmp_path: Path) -> None:
    run = millrace(["--version"], tmp_path)
    assert (run.returncode, run.stdout, run.stderr) == (0, f"millrace {__version__}\n", "")


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ([], "Missing argument"),
        (["--frobnicate"], "No such option"),
        ([str(MODEL), "--frames", "0"], "--frames"),
        ([str(MODEL), "--frames", "many"], "--frames"),
        ([str(MODEL), "--cycles", "0"], "--cycles"),
        ([str(MODEL), "--seed", "-1"], "--seed"),
        ([str(MODEL), "one too many"], "unexpected extra argument"),
        ([str(MODEL), "-o"], "requires an argument"),
        ([str(MODEL), "--simulate=modelsim"], "'modelsim' is not one of"),
        ([str(MODEL), "--trace"], "--trace and --wave need --simulate"),
    ],
)
def test_wrong_usage(arguments: list[str], message: str, tmp_path: Path) -> None:
    run = millrace(arguments, tmp_path)
    assert run.returncode == 2
    assert run.stdout == ""
    assert message.lower() in " ".join(run.stderr.lower().split())
    assert list(tmp_path.iterdir()) == []


def output_of_before(folder: Path) -> dict[str, bytes | None]:
    """Fill ``folder`` with what an earlier run may have left; return its contents."""
    (folder / "vhdl").mkdir(parents=True)
    (folder / "vhdl" / "top.vhd").write_text("-- the one before")
    (folder / "manifest.json").write_text("{}")
    (folder / "notes.txt").write_text("mine")
    return contents(folder)


@pytest.mark.parametrize("name", ["model.h5", "two\nlines.h5", "\x1b[31mred.h5"])
def test_a_broken_file_is_one_line_and_leaves_out_alone(name: str, tmp_path: Path) -> None:
    before = output_of_before(tmp_path / "out")
    truncated(tmp_path / name)
    run = millrace([name, "-o", "out", "--simulate"], tmp_path)
    assert run.returncode == 1
    assert run.stdout == ""
    assert run.stderr.startswith("error: ")
    assert run.stderr.endswith("\n")
    assert run.stderr[:-1].isprintable()
    assert contents(tmp_path / "out") == before
    assert len(list(tmp_path.iterdir())) == 2


def test_a_broken_file_leaves_no_folder(tmp_path: Path) -> None:
    truncated(tmp_path / "model.h5")
    assert millrace(["model.h5", "-o", "a/b"], tmp_path).returncode == 1
    assert millrace(["model.h5"], tmp_path).returncode == 1
    assert [path.name for path in tmp_path.iterdir()] == ["model.h5"]


def test_a_terminal_shows_the_running_stage(tmp_path: Path) -> None:
    truncated(tmp_path / "model.h5")
    terminal, line = pty.openpty()
    with subprocess.Popen(
        [sys.executable, "-m", "frontend", "model.h5"],
        cwd=tmp_path,
        env={**os.environ, "PYTHONPATH": str(ROOT), "TERM": "xterm"},
        stdin=subprocess.DEVNULL,
        stderr=line,
    ) as process:
        os.close(line)
        shown = b""
        with contextlib.suppress(OSError):  # the end of a terminal is an error
            while part := os.read(terminal, 4096):
                shown += part
    os.close(terminal)
    assert process.returncode == 1
    assert b"load the model" in shown
    assert b"error: model.h5: " in shown


def run_here(
    arguments: Sequence[object], monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
) -> tuple[object, str]:
    """Run the command in this process, where TensorFlow starts only once.

    Returns:
        Exit status and what came on the error stream; nothing may come on the other.
    """
    monkeypatch.setattr(sys, "argv", ["millrace", *map(str, arguments)])
    capfd.readouterr()
    with pytest.raises(SystemExit) as stop:
        main()
    printed = capfd.readouterr()
    assert printed.out == ""
    return stop.value.code, printed.err


def test_a_defect_is_one_line_too(
    monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
) -> None:
    def broken(*_: object) -> None:
        raise KeyError("dense\n2")

    monkeypatch.setattr("frontend.compiler.compile_model", broken)
    status, printed = run_here([MODEL], monkeypatch, capfd)
    assert status == 1
    assert printed.startswith("error: internal: KeyError 'dense\\n2' in test_command_line.py:")
    assert printed[:-1].isprintable()
    monkeypatch.setenv("MILLRACE_TRACEBACK", "1")
    with pytest.raises(KeyError):
        main()


def test_argmax_runs_in_the_core_or_not_at_all(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
) -> None:
    L = start_tensorflow().layers
    layers = [L.Conv2D(4, 1, activation="softmax"), L.Flatten()]
    sequential((3, 2, 3), *layers).save(tmp_path / "map.keras")
    out = tmp_path / "out"
    status, printed = run_here([tmp_path / "map.keras", "--argmax", "-o", out], monkeypatch, capfd)
    assert status == 1
    assert "--argmax must follow a layer of the core or its one Softmax, not Softmax, " in printed
    assert printed.endswith("; leave --argmax out\n")
    assert not out.exists()


def test_names_that_the_terminal_cannot_show(tmp_path: Path) -> None:
    shutil.copyfile(MODEL, tmp_path / "größe.h5")
    run = millrace(["größe.h5", "-o", "out"], tmp_path, PYTHONIOENCODING="ascii")
    assert (run.returncode, run.stderr) == (0, "")
    assert "gr\\xf6\\xdfe.h5" in run.stdout


def refused(place: Path | str, reason: str) -> tuple[int, str]:
    remedy = "free some space or choose another folder with -o"
    return 1, f"error: {place}: cannot be written ({reason}); {remedy}\n"


def test_a_file_as_output_folder_is_refused(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
) -> None:
    out = tmp_path / "out"
    out.write_text("precious")
    status, error = run_here([MODEL, "-o", out], monkeypatch, capfd)
    assert status == 1
    assert error == f"error: {out}: must be a folder, not a file; name another -o\n"
    assert contents(tmp_path) == {"out": b"precious"}


def test_a_folder_in_which_nobody_may_write_is_refused(
    monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
) -> None:
    out = "/proc/millrace/out"
    found = run_here([MODEL, "-o", out], monkeypatch, capfd)
    assert found == refused(out, "No such file or directory")


@pytest.mark.skipif(os.geteuid() == 0, reason="root may write everywhere")
def test_a_folder_without_permission_is_refused(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
) -> None:
    out = tmp_path / "out"
    before = output_of_before(out)
    out.chmod(0o500)
    try:
        found = run_here([MODEL, "-o", out], monkeypatch, capfd)
    finally:
        out.chmod(0o700)
    assert found == refused(out, "Permission denied")
    assert contents(out) == before


@contextlib.contextmanager
def largest_file(size: int) -> Iterator[None]:
    """Let no file grow beyond ``size`` bytes: for every user, what a full disk is."""
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (size, hard))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))


@pytest.mark.parametrize("existing", [True, False])
def test_a_write_that_fails_leaves_out_as_it_was(
    existing: bool,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capfd: pytest.CaptureFixture[str],
) -> None:
    out = tmp_path / "out"
    before = output_of_before(out) if existing else {}
    with largest_file(LIMIT):
        found = run_here([MODEL, "-o", out], monkeypatch, capfd)
    assert found == refused(out, "File too large")
    assert contents(out) == before
    assert len(list(tmp_path.iterdir())) == existing


@pytest.fixture
def small_disk(tmp_path: Path) -> Iterator[Path]:
    disk = tmp_path / "disk"
    disk.mkdir()
    mount = ["mount", "-t", "tmpfs", "-o", "size=64k", "tmpfs", str(disk)]
    try:
        subprocess.run(mount, check=True, capture_output=True)
    except (OSError, subprocess.CalledProcessError):
        pytest.skip("only root may mount")
    try:
        yield disk
    finally:
        subprocess.run(["umount", str(disk)], check=True)


def test_a_full_disk_leaves_out_as_it_was(
    small_disk: Path, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
) -> None:
    out = small_disk / "out"
    before = output_of_before(out)
    found = run_here([MODEL, "-o", out], monkeypatch, capfd)
    assert found == refused(out, "No space left on device")
    assert contents(out) == before
    assert [path.name for path in small_disk.iterdir()] == ["out"]
