"""Builds a program of a netlist and the bench in `sim/cpp`: Verilator, then the C++ compiler.

Verilator's own runtime and the bench are compiled once and cached; what is left is the network.
"""

from __future__ import annotations

import re
import shutil
import subprocess
from collections.abc import Callable, Iterable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from functools import cache
from pathlib import Path

from ir.errors import CompileError
from sim.cache import cached_folder
from sim.stages import Stages

PREFIX = "netlist"
"""Of the model's class, Vnetlist."""

CPP_FOLDER = Path(__file__).resolve().parent / "cpp"
_HEADER = "precompiled.h"
_LIST = r"^{} \+= \\\n((?:\t.*\n)*)"


@dataclass(frozen=True, slots=True)
class Verilator:
    """A Verilator with a C++ compiler; ``name`` such as ``Verilator 5.006``."""

    program: str
    name: str
    root: Path
    compiler: str
    compiler_name: str


@cache
def find_verilator() -> Verilator:
    """Return the Verilator on the search path.

    Raises:
        CompileError: there is none, or no C++ compiler.
    """
    program, compiler = _found("verilator", "Verilator"), _found("g++", "g++")
    root = Path(_said([program, "--getenv", "VERILATOR_ROOT"]))
    name = " ".join(_said([program, "--version"]).split()[:2])
    return Verilator(program, name, root, compiler, _said([compiler, "--version"]).split("\n")[0])


def _found(program: str, name: str) -> str:
    path = shutil.which(program)
    if path is None:
        raise CompileError(
            "simulate",
            program,
            f"{name} must be installed",
            f"install it (Debian: apt install {program})",
        )
    return path


def _said(command: Sequence[str]) -> str:
    return subprocess.run(command, capture_output=True, text=True, check=False).stdout.strip()


@dataclass(frozen=True, slots=True)
class Build:
    """How a program is built.

    ``optimization``: of the C++ compiler, 0 to 3.  ``wave``: whether it can write a waveform.
    ``jobs``: processes at a time.
    """

    optimization: int
    wave: bool
    jobs: int


def build(netlist: Path, main: Path, top: str, options: Build, folder: Path, stage: Stages) -> Path:
    """Return the program of ``netlist``, a Verilog file with module ``top``, and ``main``.

    It is built in ``folder``; ``stage`` counts the seconds of Verilator and of the compiler.

    Raises:
        CompileError: Verilator or the C++ compiler is missing or refuses them.
    """
    verilator = find_verilator()
    command = [verilator.program, "--cc", "-O3", "-Wno-fatal", "-Wno-lint", "-Wno-style"]
    command += ["--language", "1364-2005", "--top-module", top, "--prefix", f"V{PREFIX}"]
    command += ["--trace-fst", "--timescale-override", "1ns/1ns"] if options.wave else []
    with stage("verilator"):
        _checked([*command, "--Mdir", str(folder), str(netlist.resolve())], folder)
    made = (folder / f"V{PREFIX}_classes.mk").read_text()
    runtime = _runtime(verilator, tuple(_listed(made, "VM_GLOBAL_FAST", "VM_GLOBAL_SLOW")), options)
    fast = [folder / f"{name}.cpp" for name in _listed(made, "VM_CLASSES_FAST", "VM_SUPPORT_FAST")]
    slow = [folder / f"{name}.cpp" for name in _listed(made, "VM_CLASSES_SLOW", "VM_SUPPORT_SLOW")]
    jobs: list[tuple[list[Path], int]] = []
    if options.optimization == 0:
        jobs = [(part, 0) for part in _parts([*fast, *slow, main.resolve()], options.jobs)]
    else:
        jobs += [(part, options.optimization) for part in _parts(fast, options.jobs)]
        jobs += [([*slow, main.resolve()], 0)]  # runs once

    def compile_part(job: tuple[int, tuple[list[Path], int]]) -> Path:
        number, (sources, optimization) = job
        unit = folder / f"unit_{number}.cpp"
        unit.write_text("".join(f'#include "{source}"\n' for source in sources))
        target = unit.with_suffix(".o")
        flags = ["-I", str(folder), *_flags(verilator, options.wave, optimization)]
        if optimization == 0:
            flags += ["-include", str(runtime / _HEADER)]
        _checked([verilator.compiler, *flags, "-c", "-o", str(target), str(unit)], folder)
        return target

    program = folder / "program"
    libraries = ["-lpthread", *(["-lz"] if options.wave else [])]
    with stage("compiler"):
        with ThreadPoolExecutor(options.jobs) as pool:
            objects = list(pool.map(compile_part, enumerate(jobs)))
        objects += sorted(runtime.glob("*.o"))
        _checked([verilator.compiler, "-o", str(program), *map(str, objects), *libraries], folder)
    return program


def _parts(sources: Iterable[Path], count: int) -> list[list[Path]]:
    """Return ``sources`` in up to ``count`` parts of about the same size."""
    parts: list[list[Path]] = [[] for _ in range(count)]
    sizes = [0] * count
    for source in sorted(sources, key=lambda path: (-path.stat().st_size, path.name)):
        least = sizes.index(min(sizes))
        parts[least].append(source)
        sizes[least] += source.stat().st_size
    return [part for part in parts if part]


def _listed(makefile: str, *variables: str) -> list[str]:
    """Return the values that Verilator's makefile appends to ``variables``."""
    texts = (re.findall(_LIST.format(variable), makefile, re.MULTILINE) for variable in variables)
    return [word for text in texts for part in text for word in part.split() if word != "\\"]


def _flags(verilator: Verilator, wave: bool, optimization: int) -> list[str]:
    include = verilator.root / "include"
    flags = ["-std=gnu++17", f"-O{optimization}", "-w", "-faligned-new"]
    flags += ["-I", str(include), "-I", str(include / "vltstd"), "-I", str(CPP_FOLDER)]
    tracing = int(wave)
    definitions = {"VM_COVERAGE": 0, "VM_SC": 0, "VM_TRACE": tracing, "VM_TRACE_FST": tracing}
    definitions |= {"VM_TRACE_VCD": 0, "VERILATOR": 1}
    return [*flags, *(f"-D{name}={value}" for name, value in definitions.items())]


def _runtime(verilator: Verilator, sources: tuple[str, ...], options: Build) -> Path:
    """Return a folder with the objects of Verilator's ``sources`` and of the bench."""
    include = verilator.root / "include"
    paths = [include / f"{name}.cpp" for name in sources]
    paths += sorted(CPP_FOLDER.glob("*.cpp"))
    texts = [path.read_text() for path in sorted(CPP_FOLDER.iterdir())]

    def fill(folder: Path) -> None:
        def compile_one(path: Path) -> None:
            target = folder / f"{path.stem}.o"
            flags = _flags(verilator, options.wave, 2)
            _checked([verilator.compiler, *flags, "-c", "-o", str(target), str(path)], folder)

        def precompile(path: Path) -> None:
            path.write_text('#include "verilated.h"\n')
            flags = [*_flags(verilator, options.wave, 0), "-x", "c++-header"]
            _checked([verilator.compiler, *flags, "-o", f"{path}.gch", str(path)], folder)

        tasks: list[tuple[Callable[[Path], None], Path]] = [(compile_one, path) for path in paths]
        tasks.append((precompile, folder / _HEADER))
        with ThreadPoolExecutor(options.jobs) as pool:
            list(pool.map(lambda task: task[0](task[1]), tasks))

    return cached_folder("verilator", (verilator, sources, options.wave, texts), fill)


def _checked(command: Sequence[str], folder: Path) -> None:
    """Run a tool.

    Raises:
        CompileError: it refuses what it was given.
    """
    ran = subprocess.run(
        command, cwd=folder, capture_output=True, text=True, errors="replace", check=False
    )
    if ran.returncode != 0:
        lines = (ran.stdout + ran.stderr).splitlines()
        first = next((line for line in lines if "rror" in line), "no message")
        raise CompileError(
            "simulate", "verilator", f"refused the netlist: {first}", "please report this"
        )
