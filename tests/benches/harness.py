"""What every bench's list of cases is made of.

A bench ``<entity>_tb.vhd`` has a module ``<entity>_cases.py`` beside it with a tuple ``CASES``.
Each case is one VUnit configuration: generics for the bench, and a function that writes the files
(``input.txt``, ``expected.txt``, tables) into the folder that the bench reads. The name
``output.txt`` is taken: VUnit writes its log there.
"""

from __future__ import annotations

import importlib.util
import sys
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from types import ModuleType

import numpy as np
import numpy.typing as npt

IntArray = npt.NDArray[np.int64]
BENCHES = Path(__file__).resolve().parent
ROM_WORD_BITS = 256


@dataclass(frozen=True, slots=True)
class Case:
    """One configuration of a bench.

    ``write(folder)`` writes the vectors; ``check(folder)``, if given, judges what the bench wrote.
    """

    name: str
    generics: Mapping[str, int | bool | str]
    write: Callable[[Path], None]
    check: Callable[[Path], bool] | None = None


def cases_of(bench: Path) -> tuple[Case, ...]:
    """Return the cases of ``<entity>_tb.vhd``."""
    module = load(bench.with_name(bench.stem.removesuffix("_tb") + "_cases.py"))
    cases: tuple[Case, ...] = module.CASES
    return cases


def load(path: Path) -> ModuleType:
    """Import a Python file that is in no package."""
    spec = importlib.util.spec_from_file_location(path.stem, path)
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    # Dataclasses look their module up here.
    sys.modules[spec.name] = module
    spec.loader.exec_module(module)
    return module


def beats(values: IntArray, lanes: int, bits: int) -> list[str]:
    """Return binary numbers, one per beat: ``lanes`` values of ``bits`` bits, lane 0 lowest."""
    codes = np.asarray(values, np.int64).reshape(-1, lanes) & ((1 << bits) - 1)
    return ["".join(format(int(code), f"0{bits}b") for code in beat[::-1]) for beat in codes]


def write_lines(path: Path, lines: Iterable[str]) -> None:
    """Write one line per item."""
    path.write_text("".join(line + "\n" for line in lines))


def write_beats(path: Path, values: IntArray, lanes: int, bits: int) -> None:
    """Write a stream for ``stream_source`` or ``stream_sink``."""
    write_lines(path, beats(values, lanes, bits))


def write_table(path: Path, values: IntArray, bits: int) -> None:
    """Write a constant table, in canonical order, for ``read_rom``."""
    string = "".join(beats(np.asarray(values).reshape(-1), 1, bits)[::-1])
    rows = -(-len(string) // ROM_WORD_BITS)
    padded = string.zfill(rows * ROM_WORD_BITS)
    ends = range(len(padded), 0, -ROM_WORD_BITS)
    write_lines(path, (padded[end - ROM_WORD_BITS : end] for end in ends))


def random_codes(
    random: np.random.Generator, shape: tuple[int, ...], bits: int, signed: bool
) -> IntArray:
    """Return random codes, the extreme ones more often than chance has them."""
    low, high = (-(1 << (bits - 1)), (1 << (bits - 1)) - 1) if signed else (0, (1 << bits) - 1)
    codes = random.integers(low, high, shape, np.int64, endpoint=True)
    extreme = random.choice(np.array([low, high], np.int64), shape)
    return np.where(random.random(shape) < 0.25, extreme, codes)
