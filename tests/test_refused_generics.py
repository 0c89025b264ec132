"""Entities refuse wrong generics at elaboration, in one line: ``entity: rule; got N``.

Each row changes some generics of a legal configuration, those of ``test_synthesis_elements``.
"""

from __future__ import annotations

import re
import shutil
import subprocess
from pathlib import Path

import numpy as np
import pytest

from rtl.library import compile_order, source, units
from rtl.tables import Table
from tests.synthesis import Value, wrapper
from tests.test_synthesis_elements import CONFIGURATIONS, table

Generics = dict[str, Value]
ENTITIES = sorted(CONFIGURATIONS)
ROW = table(1, 1)
"""A table of a row too few, or too many."""

WRONG: list[tuple[str, Generics, str]] = [
    ("argmax", {"lanes": 5}, "lanes must divide channels; got 5"),
    ("argmax", {"index_bits": 3}, "index_bits must hold channels - 1; got 3"),
    ("average_pool", {"lanes": 3}, "lanes must divide channels; got 3"),
    ("average_pool", {"pad_left": 3}, "pads must be below the kernel; got 3"),
    ("axis_input", {"pad_value": 1024}, "pad_value must fit into bits; got 1024"),
    ("adder_graph", {"graph": ROW},
     "graph must hold nine numbers for each value in rows of 256 bits; rows got 1"),
    ("adder_graph", {"sums": ROW * 2},
     "sums must hold three numbers for each output in rows of 256 bits; rows got 2"),
    ("border", {"lanes": 3}, "lanes must divide channels; got 3"),
    ("border", {"pad_value": 256}, "pad_value must be a bit pattern of `bits` bits; got 256"),
    ("border", {"top": -4, "bottom": -5},
     "top and bottom must leave a row of the image; got -9"),
    ("border", {"left": -7}, "left and right must leave a column of the image; got -4"),
    ("channel_reduce", {"output_bits": 16}, "output_bits must be at least bits; got 16"),
    ("choose_by_window", {"windows": 2}, "windows must be at least sets; got 2"),
    ("cluster_sums", {"reads": ROW * 2},
     "reads must hold clusters * fan_in numbers in rows of 256 bits; rows got 2"),
    ("cluster_sums", {"weights": ROW},
     "weights must hold clusters * rows * fan_in numbers in rows of 256 bits; rows got 1"),
    ("concatenate", {"lanes": 4}, "lanes must divide the channels of each input; got 4"),
    ("depthwise_vector", {"weights": ROW},
     "weights must hold blocks * lanes * steps * taps numbers in rows of 256 bits; rows got 1"),
    ("depthwise_vector", {"multiplier": 3}, "multiplier must divide lanes; got 3"),
    ("divide", {"denominator_bits": 16},
     "denominator_bits must be at least numerator_bits; got 16"),
    ("dot_product", {"simd": 5}, "simd must divide channels; got 5"),
    ("dot_product", {"zero_point_a": -129}, "zero_point_a must fit input a; got -129"),
    ("dot_product", {"zero_point_b": 256}, "zero_point_b must fit input b; got 256"),
    ("float_mean", {"lanes": 3}, "lanes must divide channels; got 3"),
    ("float_mean", {"kernel_height": 9, "stride_height": 9},
     "kernel must fit into the map; got 9 x 3"),
    ("float_mean", {"thresholds": ROW},
     "thresholds must hold sets * levels numbers in rows of 256 bits; rows got 1"),
    ("global_average", {"lanes": 3}, "lanes must divide channels; got 3"),
    ("global_maximum", {"lanes": 3}, "lanes must divide channels; got 3"),
    ("inverse_root", {"roots": ROW}, "roots must hold 384 lines in rows of 256 bits; rows got 1"),
    ("lane_maxima", {"members": ROW * 2},
     "members must hold outputs * most numbers in rows of 256 bits; rows got 2"),
    ("layer_normalization", {"lanes": 3}, "lanes must divide channels; got 3"),
    ("lookup", {"table": ROW},
     "table must hold 2 ** input_bits entries in rows of 256 bits; rows got 1"),
    ("matrix_vector", {"weights": ROW},
     "weights must hold folds * pe * steps * simd numbers in rows of 256 bits; rows got 1"),
    ("matrix_vector", {"surplus": 4}, "surplus must be less than pe; got 4"),
    ("matrix_vector", {"logic_rows": 5}, "logic_rows must not exceed pe; got 5"),
    ("max_pool", {"lanes": 3}, "lanes must divide channels; got 3"),
    ("max_pool", {"pad_top": 4},
     "pad_top and pad_bottom must be below kernel_height; got 4"),
    ("max_pool", {"pad_left": 3},
     "pad_left and pad_right must be below kernel_width; got 3"),
    ("max_pool", {"kernel_height": 12}, "kernel_height must fit into the padded height; got 12"),
    ("max_pool", {"kernel_width": 13}, "kernel_width must fit into the padded width; got 13"),
    ("merge", {"low": 9, "high": 8}, "low must not exceed high; got 9 .. 8"),
    ("merge", {"low": -1}, "low must fit the output; got -1"),
    ("merge", {"high": 256}, "high must fit the output; got 256"),
    ("moments", {"half_width": 16}, "half_width must hold the radicand; got 16"),
    ("pair_lookup", {"input_a_bits": 12}, "a pair must have at most 16 bits; got 17"),
    ("pixel_window", {"slots": 1}, "slots must be 2 or more; got 1"),
    ("parallel_window", {"taps": 6}, "taps must be a row of the kernel or all of it; got 6"),
    ("parallel_window", {"blocks": 3}, "blocks must divide channels; got 3"),
    ("parallel_window", {"pad_right": 2},
     "pad_left + pad_right must be below the kernel's span; got 3"),
    ("parallel_window", {"pad_value": 256},
     "pad_value must be a bit pattern of `bits` bits; got 256"),
    ("parallel_window", {"kernel_height": 35, "taps": 3},
     "kernel must not be higher than the padded image; got 35"),
    ("parallel_window", {"kernel_width": 35, "taps": 35},
     "kernel must not be wider than the padded image; got 35"),
    ("processing_element", {"groups": 3},
     "groups must divide channels and output_channels; got 3"),
    ("processing_element", {"groups": 4, "pe": 8},
     "pe must divide the output channels of a group; got 8"),
    ("processing_element", {"taps": 3, "simd": 24},
     "several taps must come with all channels of a group; got 3 and simd 24"),
    ("processing_element", {"simd": 5}, "simd must divide the channels of a group; got 5"),
    ("processing_element", {"groups": 16},
     "pe of a depthwise one must be all output channels of simd channels; got 2 and simd 4"),
    ("processing_element", {"convolved_bits": 7},
     "convolved and output codes must be of one type without a table; got 7 and 8 bits"),
    ("processing_element", {"lanes": 3, "pe": 4},
     "lanes must divide pe and output_channels; got 3"),
    ("processing_element", {"kernel_height": 1, "kernel_width": 1, "pe": 8, "simd": 16, "lanes": 1,
                            "weights": table(16 * 16, 8)},
     "the output beats of a group must not take longer than its beats; got 8 edges"),
    ("processing_element", {"kernel_height": 1, "kernel_width": 1, "pad_top": 0, "pad_left": 0,
                            "pad_bottom": 0, "pad_right": 0, "pe": 16, "lanes": 16, "simd": 4,
                            "scaling": "serial", "weights": table(16 * 16, 8)},
     "the output beats of a group must not take longer than its beats; got 8 edges"),
    ("processing_element", {"groups": 16, "simd": 2, "chain": 2, "weights": table(16 * 9, 8)},
     "packing and chain must be 1 in a depthwise one; got 1 and 2"),
    ("processing_element", {"clusters": 2, "fan_in": 8},
     "clusters must divide the output channels, all of which come at once; got 2"),
    ("processing_element", {"maxima": 2, "most": 2},
     "maxima must be of output channels that all come at once; got 2"),
    ("processing_element", {"adder_levels": 1},
     "with adders one group must be a whole window; got 288"),
    ("product", {"low": 9, "high": 8}, "low must not exceed high; got 9 .. 8"),
    ("product", {"low": -1}, "low must fit the output; got -1"),
    ("product", {"high": 256}, "high must fit the output; got 256"),
    ("product", {"zero_point_a": -129}, "zero_point_a must fit input a; got -129"),
    ("product", {"zero_point_b": 256}, "zero_point_b must fit input b; got 256"),
    ("rectifier", {"knee": 256}, "knee must fit the input; got 256"),
    ("rectifier", {"low": 9, "high": 8}, "low must not exceed high; got 9 .. 8"),
    ("rectifier", {"low": -1}, "low must fit the output; got -1"),
    ("rectifier", {"high": 256}, "high must fit the output; got 256"),
    ("rectifier", {"multipliers": ROW * 2},
     "multipliers must hold two numbers per value in rows of 256 bits; rows got 2"),
    ("rectifier", {"offsets": ROW},
     "offsets must hold two numbers per value in rows of 256 bits; rows got 1"),
    ("reorder", {"lanes": 3}, "lanes must divide block_size; got 3"),
    ("reorder", {"strides": "(4, 8, 0)"}, "there must be a stride for each count; got 3"),
    ("reorder", {"clamps": "(0, 0, 1, 0, 0)"}, "there must be a clamp for each count; got 5"),
    ("reorder", {"lanes": 8},
     "lanes must divide a run of neighbours and the other strides; got 8"),
    ("reorder", {"counts": "(2, 2, 2, 4)"},
     "counts must be at least 1, 3 of a clamped loop; got 2"),
    ("reorder", {"strides": "(4, 8, -2, 1)"}, "strides must be at least 0; got -1"),
    ("reorder", {"counts": "(5, 32, 2, 4)", "strides": "(16, 8, 0, 1)"},
     "the loops must stay inside of the block; got word 149"),
    ("reserving_fifo", {"beats": 17}, "depth must be at least beats; got 16"),
    ("reserving_fifo", {"surplus": 1}, "surplus must be less than beats; got 1"),
    ("row_sums", {"chain": 3}, "chain must divide simd; got 3"),
    ("row_sums", {"spacing": 7}, "spacing must hold a weight; got 7"),
    (
        "row_sums",
        {"in_logic": True},
        "products in logic must be of 1 row; rows got 2",
    ),
    ("serializer", {"parts": 1}, "parts must be 2 or more; got 1"),
    ("serializer", {"surplus": 4}, "surplus must be less than parts; got 4"),
    ("requantize", {"low": 9, "high": 8}, "low must not exceed high; got 9 .. 8"),
    ("requantize", {"low": -1}, "low must fit the output; got -1"),
    ("requantize", {"high": 256}, "high must fit the output; got 256"),
    ("requantize", {"multipliers": ROW * 2},
     "multipliers must hold one number per channel in rows of 256 bits; rows got 2"),
    ("requantize", {"offsets": ROW * 2},
     "offsets must hold one number per channel in rows of 256 bits; rows got 2"),
    ("serial_requantize", {"low": 9, "high": 8}, "low must not exceed high; got 9 .. 8"),
    ("serial_requantize", {"low": -1}, "low must fit the output; got -1"),
    ("serial_requantize", {"high": 256}, "high must fit the output; got 256"),
    ("serial_requantize", {"shift": 7}, "shift must be at least multiplier_bits; got 7"),
    ("serial_requantize", {"multipliers": ROW * 2},
     "multipliers must hold one number per channel in rows of 256 bits; rows got 2"),
    ("serial_requantize", {"offsets": ROW * 2},
     "offsets must hold one number per channel in rows of 256 bits; rows got 2"),
    ("serial_requantize", {"multipliers": Table("multipliers", -np.ones(8, np.int64), 8).rows()},
     "no multiplier must be negative; got 8"),
    ("sliding_maximum", {"pad_begin": 3}, "pad_begin must be below kernel; got 3"),
    ("sliding_maximum", {"pad_end": 4}, "pad_end must be below kernel; got 4"),
    ("sliding_maximum", {"kernel": 12}, "kernel must fit into the padded length; got 12"),
    ("sliding_sum", {"pad_begin": 3}, "pads must be below kernel; got 3"),
    ("sliding_sum", {"kernel": 12}, "kernel must fit into the padded length; got 12"),
    ("side_by_side", {"channels": "(4, 0, 2)"},
     "each input must have channels; got a number below 1"),
    ("softmax", {"lanes": 3}, "lanes must divide channels; got 3"),
    ("stream_fork", {"ways": 1}, "ways must be at least 2; got 1"),
    ("threshold", {"low": -1}, "low must fit the output; got -1"),
    ("threshold", {"low": 1}, "low + levels must fit the output; got 256"),
    ("threshold", {"thresholds": ROW},
     "thresholds must hold folds * lanes * levels numbers in rows of 256 bits; rows got 1"),
    ("tile_steps", {"stride_height": 1}, "stride_height must be at least kernel_height; got 1"),
    ("tile_steps", {"stride_width": 2}, "stride_width must be at least kernel_width; got 2"),
    ("width_converter", {"output_lanes": 4},
     "one number of lanes must divide the other; got 6 and 4"),
    ("window", {"simd": 5}, "simd must divide channels; got 5"),
    ("window", {"blocks": 3}, "blocks must divide channels / simd; got 3"),
    ("window", {"pad_value": 256}, "pad_value must be a bit pattern of `bits` bits; got 256"),
    ("window", {"kernel_height": 35},
     "kernel must not be higher than the padded image; got 35"),
    ("window", {"kernel_width": 35},
     "kernel must not be wider than the padded image; got 35"),
    ("window_means", {"high": 256}, "low and high must fit the output; got 0 .. 256"),
    ("window_means", {"multipliers": ROW * 2},
     "there must be a parameter for each number of rows and columns; rows got 2"),
]  # fmt: skip


def rules(entity: str) -> set[str]:
    """Return the rules that an entity states, up to what it got."""
    return set(re.findall(rf'"{entity}: ([^"]*?); (?:rows )?got', source(entity)))


@pytest.mark.parametrize("entity", ENTITIES)
def test_each_rule_has_a_row(entity: str) -> None:
    rows = (re.split(r"; (?:rows )?got", rule)[0] for name, _, rule in WRONG if name == entity)
    assert set(rows) == rules(entity)


@pytest.fixture(scope="module")
def library(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """All entities and packages, analyzed into library ``work``."""
    folder = tmp_path_factory.mktemp("library")
    for name in compile_order(frozenset(units())):
        (folder / f"{name}.vhd").write_text(source(name))
        ghdl(folder, "-a", f"{name}.vhd")
    return folder


def ghdl(folder: Path, *arguments: str) -> str:
    """Run GHDL; return what it says."""
    ran = subprocess.run(
        ["ghdl", arguments[0], "--std=08", *arguments[1:]],
        cwd=folder, capture_output=True, text=True, check=False, timeout=60,
    )  # fmt: skip
    return ran.stdout + ran.stderr


@pytest.mark.parametrize(
    ("entity", "generics", "rule"), WRONG, ids=[f"{entity}: {rule}" for entity, _, rule in WRONG]
)
def test_wrong_generics_are_refused(
    entity: str, generics: Generics, rule: str, library: Path, tmp_path: Path
) -> None:
    shutil.copytree(library, tmp_path, dirs_exist_ok=True)  # elaboration writes into it
    (tmp_path / "wrapper.vhd").write_text(wrapper(entity, CONFIGURATIONS[entity] | generics))
    assert ghdl(tmp_path, "-a", "wrapper.vhd") == ""
    output = ghdl(tmp_path, "--elab-run", "wrapper")
    assert f"(assertion failure): {entity}: {rule}\n" in output
