"""Runs GHDL: analysis with a cache of the library's object code, elaboration, simulation."""

from __future__ import annotations

import os
import re
import resource
import shutil
import subprocess
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from functools import cache
from pathlib import Path

from ir.errors import CompileError
from sim.cache import cached_folder

FLAGS = ("--std=08",)
_CANDIDATES = ("ghdl-llvm", "ghdl", "ghdl-mcode", "ghdl-gcc")
"""The LLVM back end simulates about three times faster than mcode."""

_PLACED = re.compile(r"\S+:\d+:\d+:")
_HARMLESS = re.compile(r":\d+:\d+:(warning|note):")


@dataclass(frozen=True, slots=True)
class Ghdl:
    """A GHDL that was found: its program and what it calls itself, such as ``GHDL 2.0.0 llvm``."""

    program: str
    name: str


@cache
def find_ghdl() -> Ghdl:
    """Return the fastest GHDL on the search path.

    Raises:
        CompileError: there is none.
    """
    for candidate in _CANDIDATES:
        program = shutil.which(candidate)
        if program is None:
            continue
        ran = subprocess.run([program, "--version"], capture_output=True, text=True, check=False)
        lines = ran.stdout.splitlines()
        if ran.returncode == 0 and lines:
            version = " ".join(lines[0].split()[:2])
            back_end = next((line.split()[0] for line in lines if "code generator" in line), "")
            return Ghdl(program, f"{version} {back_end}".strip())
    raise CompileError(
        "simulate", "ghdl", "GHDL must be installed", "install it (Debian: apt install ghdl-llvm)"
    )


@dataclass(frozen=True, slots=True)
class Run:
    """What a simulation printed, on both channels."""

    output: str
    status: int


class Workspace:
    """A folder of object code, in which a design is analyzed upon a cached library."""

    def __init__(self, folder: Path, ghdl: Ghdl) -> None:
        self.folder = folder
        self.ghdl = ghdl
        self.libraries: list[str] = []

    def use_library(self, name: str, texts: Sequence[tuple[str, str]]) -> None:
        """Make library ``name`` of VHDL files (name, text), in compile order, available."""
        self.libraries.append(f"-P{_cached_library(self.ghdl, name, texts)}")

    def start_from(self, texts: Sequence[tuple[str, str]]) -> None:
        """Put VHDL files (name, text), in compile order, into library ``work``."""
        cached = _cached_library(self.ghdl, "work", texts)
        for path in cached.iterdir():
            if path.suffix in (".o", ".cf"):
                shutil.copy(path, self.folder)

    def analyze(self, files: Sequence[Path], cwd: Path) -> None:
        """Analyze ``files``, tables and structure, into library ``work``.

        They run once, and LLVM's register allocation takes quadratic time for large tables: they
        are not optimized.

        Raises:
            CompileError: GHDL refuses them.
        """
        names = [os.path.relpath(path, cwd) for path in files]
        level = ["-O0"] if "llvm" in self.ghdl.name else []
        command = [self.ghdl.program, "-a", *FLAGS, *level, *self._options(), *names]
        _checked(command, cwd)

    def simulate(self, top: str, cwd: Path, timeout: float | None, wave: Path | None = None) -> Run:
        """Elaborate and run ``top`` in folder ``cwd``; ``wave``: where all signals are written.

        Raises:
            CompileError: elaboration fails, or the run takes longer than ``timeout`` seconds.
        """
        command = [self.ghdl.program, "--elab-run", *FLAGS, *self._options()]
        if "mcode" not in self.ghdl.name:
            command += ["-o", str(self.folder / top)]
        # Data are undefined while valid is low: the IEEE packages need not warn of it.
        command += [top, "--ieee-asserts=disable", "--max-stack-alloc=0"]
        command += [] if wave is None else [f"--wave={wave.resolve()}"]
        try:
            with _deep_stack():
                ran = _run(command, cwd, timeout)
        except subprocess.TimeoutExpired as expired:
            raise CompileError(
                "simulate",
                top,
                f"the simulation must end within {timeout:g} seconds",
                "simulate fewer frames or allow more time",
            ) from expired
        return Run(ran.stdout, ran.returncode)

    def _options(self) -> list[str]:
        return [f"--workdir={self.folder}", *self.libraries]


@contextmanager
def _deep_stack() -> Iterator[None]:
    """Give child processes as much stack as is allowed: tables of megabytes are built there."""
    soft, hard = resource.getrlimit(resource.RLIMIT_STACK)
    resource.setrlimit(resource.RLIMIT_STACK, (hard, hard))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_STACK, (soft, hard))


def _run(
    command: Sequence[str], cwd: Path, timeout: float | None = None
) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        command,
        cwd=cwd,
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        errors="replace",
        timeout=timeout,
        check=False,
    )


def _checked(command: Sequence[str], cwd: Path) -> None:
    ran = _run(command, cwd)
    if ran.returncode != 0:
        raise refusal(ran.stdout)


def refusal(output: str) -> CompileError:
    """Return the error for GHDL's messages: the first that is neither warning nor note."""
    lines = [line for line in output.splitlines() if line.strip()]
    placed = (line for line in lines if _PLACED.match(line) and not _HARMLESS.search(line))
    first = next(placed, lines[-1] if lines else "no message")
    return CompileError("simulate", "ghdl", f"refused the VHDL: {first}", "please report this")


def _cached_library(ghdl: Ghdl, name: str, texts: Sequence[tuple[str, str]]) -> Path:
    """Return the folder of the object code of ``texts``, analyzed now or in an earlier run.

    The object code refers to its sources by path, so they stay beside it.
    """

    def fill(folder: Path) -> None:
        paths = []
        for file_name, text in texts:
            path = folder / file_name
            path.write_text(text, encoding="ascii")
            paths.append(str(path))
        options = (*FLAGS, f"--work={name}", f"--workdir={folder}")
        _checked([ghdl.program, "-a", *options, *paths], folder)

    return cached_folder("ghdl", (ghdl, name, list(texts)), fill)
