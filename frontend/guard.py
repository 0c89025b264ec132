"""A trial run of reading a model file, in a process of its own.

The HDF5 library, TensorFlow and onnxruntime were not made for hostile files: a single wrong byte
can make them run for minutes, ask for all memory or crash. So a child process reads the file first,
under limits of time and memory; only a file that it has read to the end is opened by the compiler
itself.
"""

from __future__ import annotations

import json
import math
import os
import resource
import subprocess
import sys
from pathlib import Path

from frontend.keras_files import is_keras_folder
from frontend.network import read_network
from ir.errors import CompileError

SECONDS = 60
"""Time of the processor that reading may take."""
CLOCK = 10
"""Times as long as that it may take on the clock, where the processor has other work, too."""
MEMORY_BYTES = 6 * 2**30


def try_to_read(
    path: Path,
    weights: Path | None = None,
    *,
    seconds: float = SECONDS,
    memory_bytes: int = MEMORY_BYTES,
) -> None:
    """Read a model file in a child process and throw the result away.

    Raises:
        CompileError: the file is refused there, or the child crashed or reached a limit.
    """
    root = str(Path(__file__).resolve().parent.parent)
    limits = [str(memory_bytes), str(math.ceil(seconds))]
    command = [sys.executable, "-P", "-m", "frontend.guard", *limits, str(path)]
    try:
        done = subprocess.run(
            command if weights is None else [*command, str(weights)],
            env={**os.environ, "PYTHONPATH": root, "OPENBLAS_NUM_THREADS": "1"},
            stdin=subprocess.DEVNULL,
            capture_output=True,
            timeout=CLOCK * seconds,
            check=False,
        )
    except subprocess.TimeoutExpired as error:
        raise _damaged(path, f"reading it took more than {seconds:g} seconds") from error
    except ValueError as error:  # a NUL in the path
        raise CompileError("load", str(path), "does not exist", "check the path") from error
    try:
        verdict = json.loads(done.stdout)
    except ValueError as error:
        raise _damaged(path, f"reading it ended with status {done.returncode}") from error
    if verdict:
        raise CompileError(*verdict)


def _damaged(path: Path, reason: str) -> CompileError:
    return CompileError("load", str(path), f"is damaged ({reason})", "copy or save it again")


def _child(memory_bytes: int, cpu_seconds: int, path: Path, weights: Path | None) -> list[str]:
    """Return what ``CompileError`` is made of, or nothing where the file can be read."""
    resource.setrlimit(resource.RLIMIT_AS, (memory_bytes, memory_bytes))
    resource.setrlimit(resource.RLIMIT_CPU, (cpu_seconds, cpu_seconds))
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    try:
        if path.is_dir() and not is_keras_folder(path):
            from frontend.saved_model import read_saved_model  # which imports this module

            read_saved_model(path)
        elif path.suffix.lower() == ".onnx":
            from frontend.onnx_source import read_onnx_source  # which imports this module

            read_onnx_source(path)
        else:
            read_network(path, weights)
    except CompileError as error:
        return [error.stage, error.node, error.problem, error.remedy]
    return []


if __name__ == "__main__":
    _memory, _seconds = map(int, sys.argv[1:3])
    _paths = [Path(argument) for argument in sys.argv[3:]]
    print(json.dumps(_child(_memory, _seconds, _paths[0], _paths[1] if _paths[1:] else None)))
