"""Entities refuse wrong generics at elaboration, in one line: ``entity: rule; got N``.

Synthesis takes the same entities with right ones.
"""

from __future__ import annotations

import shutil
import subprocess
from pathlib import Path

import pytest

ELEMENTS = Path(__file__).resolve().parent.parent / "rtl" / "vhdl"

Generics = dict[str, int | bool | str]

RIGHT: dict[str, Generics] = {
    "stream_fifo": {"depth": 3, "width": 5},
    "reserving_fifo": {"depth": 3, "width": 5},
    "width_converter": {"bits": 3, "input_lanes": 2, "output_lanes": 6},
    "axis_input": {"bits": 3, "lanes": 2, "beats": 5, "pad_value": 7},
    "axis_output": {"bits": 12, "is_signed": True, "lanes": 2, "beats": 5},
    "sliding_maximum": {
        "bits": 4,
        "is_signed": True,
        "lanes": 2,
        "length": 5,
        "kernel": 3,
        "stride": 2,
        "pad_begin": 1,
        "pad_end": 1,
        "inner": 4,
        "fifo_depth": 5,
    },
    "max_pool": {
        "bits": 4,
        "is_signed": False,
        "lanes": 2,
        "height": 4,
        "width": 5,
        "channels": 6,
        "kernel_height": 3,
        "kernel_width": 2,
        "stride_height": 2,
        "stride_width": 2,
        "pad_top": 1,
        "pad_left": 0,
        "pad_bottom": 0,
        "pad_right": 1,
        "fifo_depth": 5,
    },
    "stream_fork": {"ways": 2, "width": 3},
    "product": {
        "input_a_bits": 4,
        "input_a_signed": True,
        "input_b_bits": 3,
        "input_b_signed": False,
        "output_bits": 5,
        "output_signed": True,
        "lanes": 2,
        "zero_point_a": -8,
        "zero_point_b": 7,
        "factor": 3,
        "offset": "010",
        "shift": 2,
        "low": -16,
        "high": 15,
        "fifo_depth": 8,
    },
    "border": {
        "bits": 4,
        "lanes": 2,
        "height": 3,
        "width": 4,
        "channels": 6,
        "top": 1,
        "left": -1,
        "bottom": 0,
        "right": 2,
        "pad_value": 15,
        "fifo_depth": 2,
    },
    "global_maximum": {
        "bits": 8,
        "is_signed": True,
        "lanes": 2,
        "pixels": 9,
        "channels": 6,
        "fifo_depth": 3,
    },
    "channel_reduce": {
        "adds": True,
        "bits": 4,
        "is_signed": False,
        "lanes": 3,
        "folds": 2,
        "output_bits": 7,
    },
    "divide": {"numerator_bits": 5, "denominator_bits": 7, "quotient_bits": 4, "lanes": 2},
    "argmax": {
        "bits": 8,
        "is_signed": True,
        "lanes": 5,
        "channels": 10,
        "index_bits": 4,
        "fifo_depth": 5,
    },
}

WRONG: list[tuple[str, Generics, str]] = [
    ("product", {"low": 9, "high": 8}, "low must not exceed high; got 9 .. 8"),
    ("product", {"low": -17}, "low must fit the output; got -17"),
    ("product", {"high": 16}, "high must fit the output; got 16"),
    ("product", {"zero_point_a": -9}, "zero_point_a must fit input a; got -9"),
    ("product", {"zero_point_b": 8}, "zero_point_b must fit input b; got 8"),
    ("stream_fork", {"ways": 1}, "ways must be at least 2; got 1"),
    ("width_converter", {"output_lanes": 3},
     "one number of lanes must divide the other; got 2 and 3"),
    ("axis_input", {"pad_value": 8}, "pad_value must fit into bits; got 8"),
    ("sliding_maximum", {"pad_begin": 3}, "pad_begin must be below kernel; got 3"),
    ("sliding_maximum", {"pad_end": 4}, "pad_end must be below kernel; got 4"),
    ("sliding_maximum", {"kernel": 8}, "kernel must fit into the padded length; got 8"),
    ("max_pool", {"lanes": 4}, "lanes must divide channels; got 4"),
    ("max_pool", {"pad_top": 3},
     "pad_top and pad_bottom must be below kernel_height; got 3"),
    ("max_pool", {"pad_left": 2},
     "pad_left and pad_right must be below kernel_width; got 2"),
    ("max_pool", {"kernel_height": 6}, "kernel_height must fit into the padded height; got 6"),
    ("max_pool", {"kernel_width": 7}, "kernel_width must fit into the padded width; got 7"),
    ("border", {"lanes": 4}, "lanes must divide channels; got 4"),
    ("border", {"pad_value": 16}, "pad_value must be a bit pattern of `bits` bits; got 16"),
    ("border", {"top": -1, "bottom": -2},
     "top and bottom must leave a row of the image; got -3"),
    ("border", {"left": -4}, "left and right must leave a column of the image; got -2"),
    ("global_maximum", {"lanes": 4}, "lanes must divide channels; got 4"),
    ("channel_reduce", {"output_bits": 3}, "output_bits must be at least bits; got 3"),
    ("divide", {"denominator_bits": 4},
     "denominator_bits must be at least numerator_bits; got 4"),
    ("argmax", {"lanes": 4}, "lanes must divide channels; got 4"),
    ("argmax", {"index_bits": 3}, "index_bits must hold channels - 1; got 3"),
]  # fmt: skip


@pytest.fixture(scope="module")
def library(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The entities of ``RIGHT`` and the package, analyzed into library ``work``."""
    folder = tmp_path_factory.mktemp("library")
    sources = [ELEMENTS / f"{name}.vhd" for name in ("millrace_pkg", *RIGHT)]
    subprocess.run(["ghdl", "-a", "--std=08", *map(str, sources)], cwd=folder, check=True)
    return folder


def run_ghdl(
    library: Path, command: tuple[str, ...], entity: str, generics: Generics, folder: Path
) -> subprocess.CompletedProcess[str]:
    """Run GHDL on a copy of the library, because elaboration writes into it."""
    shutil.copytree(library, folder, dirs_exist_ok=True)
    values = [f"-g{name}={str(value).lower()}" for name, value in generics.items()]
    # The run command wants generics behind the entity, synthesis in front of it.
    arguments = [entity, *values] if "--elab-run" in command else [*values, entity]
    return subprocess.run(
        ["ghdl", *command, "--std=08", *arguments],
        cwd=folder, capture_output=True, text=True, check=False, timeout=60,
    )  # fmt: skip


@pytest.mark.parametrize(("entity", "generics", "rule"), WRONG, ids=lambda value: str(value))
def test_wrong_generics_are_refused(
    entity: str, generics: Generics, rule: str, library: Path, tmp_path: Path
) -> None:
    ran = run_ghdl(library, ("--elab-run",), entity, RIGHT[entity] | generics, tmp_path)
    output = ran.stdout + ran.stderr
    assert ran.returncode != 0
    assert f"(assertion failure): {entity}: {rule}\n" in output


@pytest.mark.parametrize("entity", RIGHT)
def test_synthesis_accepts(entity: str, library: Path, tmp_path: Path) -> None:
    ran = run_ghdl(library, ("--synth", "--out=verilog"), entity, RIGHT[entity], tmp_path)
    assert ran.returncode == 0, ran.stderr
    assert f"module {entity}" in ran.stdout
