"""Every element is accepted by GHDL's synthesis, and maps to the FPGA's own blocks in yosys."""

from __future__ import annotations

import time
from pathlib import Path

import numpy as np
import pytest

from ir.datapath import Datapath, Lane, Operation, Operator
from ir.numbers import IntegerType
from rtl.adder_tables import datapath_tables
from rtl.library import VHDL_FOLDER, units
from rtl.tables import Table
from tests.synthesis import Value, assert_no_latches, cells, verilog

ENTITIES = sorted(name for name in units() if not name.endswith("_pkg"))


def table(count: int, bits: int) -> list[str]:
    """Return the rows of a table of ``count`` random numbers."""
    codes = np.random.default_rng(count).integers(-(1 << (bits - 1)), 1 << (bits - 1), count)
    return Table("table", codes, bits).rows()


NUMBER = {"bits": 8, "is_signed": True}
KERNEL = {
    "kernel_height": 3,
    "kernel_width": 3,
    "stride_height": 1,
    "stride_width": 1,
}
DILATION = {"dilation_height": 1, "dilation_width": 1}
PADS = {"pad_top": 1, "pad_left": 1, "pad_bottom": 1, "pad_right": 1}
SCALE = {"multiplier_bits": 8, "offset_bits": 28, "shift": 18, "low": 0, "high": 255}
CODES = {"output_bits": 8, "output_signed": False}


def parameters(channels: int) -> dict[str, Value]:
    """Return a requantization's generics and tables."""
    return {
        **SCALE,
        "multipliers": table(channels, 8),
        "offsets": table(channels, 28),
    }


PROCESSING_ELEMENT: dict[str, Value] = {
    "input_bits": 8,
    "input_signed": False,
    "height": 32,
    "width": 32,
    "channels": 16,
    **KERNEL,
    **DILATION,
    **PADS,
    "pad_value": 3,
    "output_channels": 16,
    "weight_bits": 8,
    "weight_signed": True,
    "accumulator_bits": 20,
    "convolved_bits": 8,
    "convolved_signed": False,
    **CODES,
    **parameters(16),
    "weights": table(16 * 9 * 16, 8),
    "pe": 2,
    "simd": 4,
    "taps": 1,
    "lanes": 2,
    "fifo_depth": 16,
}

DATAPATH = Datapath(
    IntegerType(8, False),
    3,
    (
        Operation(Operator.ADD, 0, 1275, 0, 1, 2),
        Operation(Operator.ADD_INVERTED, 0, 1530, 3, 2, 0, stage=1),
        Operation(Operator.OFFSET, -600, 930, 4, constant=-600, stage=1),
        Operation(Operator.CLAMP, 0, 232, 5, shift=2, constant=232, stage=1),
    ),
    (Lane(6), Lane(3), Lane(-1)),
    stages=1,
)
ADDERS: dict[str, Value] = {
    "input_bits": 8,
    "input_signed": False,
    "inputs": 3,
    "operations": 4,
    "outputs": 3,
    "output_bits": 11,
    "stages": 1,
    "offset_bits": 11,
    **{table.generic: table.rows() for table in datapath_tables(DATAPATH)},
}

FACTORS = Table("multipliers", np.arange(66, 74), 8).rows()

CONFIGURATIONS: dict[str, dict[str, Value]] = {
    "adder_chain": {**ADDERS, "fifo_depth": 4},
    "adder_graph": ADDERS,
    "argmax": {**NUMBER, "lanes": 3, "channels": 12, "index_bits": 4, "fifo_depth": 8},
    "axis_input": {"bits": 10, "lanes": 3, "beats": 48, "pad_value": 5},
    "axis_output": {"bits": 10, "is_signed": True, "lanes": 3, "beats": 48},
    "average_pool": {
        "input_bits": 8,
        "input_signed": False,
        "lanes": 2,
        "height": 9,
        "width": 9,
        "channels": 4,
        **KERNEL,
        **PADS,
        "pad_value": 7,
        "accumulator_bits": 13,
        **CODES,
        **parameters(9),
        "fifo_depth": 3,
    },
    "border": {
        "bits": 8,
        "lanes": 2,
        "height": 9,
        "width": 7,
        "channels": 4,
        "top": 1,
        "left": -1,
        "bottom": -2,
        "right": 3,
        "pad_value": 5,
        "fifo_depth": 2,
    },
    "channel_reduce": {
        "adds": True,
        "bits": 17,
        "is_signed": False,
        "lanes": 3,
        "folds": 4,
        "output_bits": 21,
    },
    "divide": {"numerator_bits": 17, "denominator_bits": 21, "quotient_bits": 10, "lanes": 1},
    "softmax": {
        **NUMBER,
        "output_signed": False,
        "lanes": 1,
        "channels": 10,
        "fraction_bits": 16,
        "exponentials": table(256, 17),
        "fifo_depth": 14,
    },
    "cluster_sums": {
        "activation_bits": 8,
        "activation_signed": False,
        "weight_bits": 8,
        "weight_signed": True,
        "accumulator_bits": 20,
        "inputs": 16,
        "clusters": 2,
        "rows": 3,
        "fan_in": 6,
        "reads": Table("reads", np.arange(12) + 2, 4).rows(),
        # Every third is 0, and none a power of two.
        "weights": Table("weights", (np.arange(36) % 3 > 0) * (2 * np.arange(36) + 3), 8).rows(),
    },
    "concatenate": {"bits": 8, "channels": "(4, 6, 2)", "lanes": 2, "fifo_depth": 2},
    "side_by_side": {"bits": 8, "channels": "(4, 6, 2)", "pixels": 2, "fifo_depth": 2},
    "depthwise_vector": {
        "activation_bits": 8,
        "activation_signed": False,
        "weight_bits": 8,
        "weight_signed": True,
        "accumulator_bits": 20,
        "lanes": 4,
        "multiplier": 2,
        "blocks": 2,
        "steps": 9,
        "taps": 1,
        "weights": table(4 * 2 * 9, 8),
    },
    "dot_product": {
        "input_a_bits": 8,
        "input_a_signed": True,
        "input_b_bits": 8,
        "input_b_signed": False,
        **CODES,
        "zero_point_a": -3,
        "zero_point_b": 128,
        "channels": 12,
        "accumulator_bits": 21,
        "requantization": "scale",
        **parameters(1),
        # Of random ones the only code would be 0, and the products nothing.
        "multipliers": Table("multipliers", np.array([99]), 8).rows(),
        "offsets": Table("offsets", np.array([1 << 17]), 28).rows(),
        "simd": 4,
        "fifo_depth": 16,
    },
    "extremum": {**NUMBER, "lanes": 2, "minimum": True, "fifo_depth": 4},
    "choose_by_window": {
        "width": 8,
        "sets": 3,
        "windows": 12,
        "folds": 2,
        "set_numbers": table(16, 2),
    },
    "float_mean": {
        "bits": 8,
        "lanes": 2,
        "height": 5,
        "width": 7,
        "channels": 8,
        "kernel_height": 2,
        "kernel_width": 3,
        "stride_height": 2,
        "stride_width": 3,
        "addend_bits": 32,
        "addend_signed": True,
        "addends": table(256, 32),
        "accumulator_bits": 36,
        **CODES,
        "low": 0,
        "levels": 255,
        "thresholds": table(255, 36),
        "fifo_depth": 17,
    },
    "global_average": {
        **NUMBER,
        "lanes": 2,
        "pixels": 49,
        "channels": 8,
        "accumulator_bits": 14,
        **CODES,
        **parameters(8),
        "fifo_depth": 8,
    },
    "global_maximum": {**NUMBER, "lanes": 2, "pixels": 49, "channels": 8, "fifo_depth": 3},
    "inverse_root": {"half_width": 16, "roots": table(384, 28)},
    "lane_maxima": {
        **NUMBER,
        "inputs": 8,
        "outputs": 2,
        "most": 4,
        "members": Table("members", np.arange(8), 3).rows(),
    },
    "layer_normalization": {
        **NUMBER,
        **CODES,
        "lanes": 1,
        "channels": 8,
        "epsilon": '"10110"',
        "half_width": 17,
        "roots": table(384, 28),
        **parameters(8),
        "fifo_depth": 14,
    },
    "lookup": {"input_bits": 8, "output_bits": 8, "lanes": 2, "table": table(256, 8)},
    "matrix_vector": {
        "activation_bits": 8,
        "activation_signed": False,
        "weight_bits": 8,
        "weight_signed": True,
        "accumulator_bits": 20,
        "pe": 4,
        "simd": 3,
        "folds": 2,
        "steps": 9,
        "weights": table(4 * 3 * 2 * 9, 8),
    },
    "max_pool": {
        **NUMBER,
        "lanes": 2,
        "height": 9,
        "width": 9,
        "channels": 4,
        **KERNEL,
        **PADS,
        "fifo_depth": 8,
    },
    "merge": {
        "input_a_bits": 8,
        "input_a_signed": True,
        "input_b_bits": 8,
        "input_b_signed": False,
        **CODES,
        "lanes": 2,
        "factor_a": 181,
        "factor_b": -37,
        "offset": '"01011"',
        "shift": 8,
        "low": 0,
        "high": 255,
        "half_even": True,
        "zero_point": 3,
        "fifo_depth": 8,
    },
    "moments": {
        **NUMBER,
        "lanes": 1,
        "channels": 8,
        "epsilon": '"10110"',
        "half_width": 17,
        "roots": table(384, 28),
    },
    "pair_lookup": {
        "input_a_bits": 7,
        "input_b_bits": 5,
        "output_bits": 8,
        "lanes": 2,
        "table": table(4096, 8),
        "fifo_depth": 5,
    },
    "pair_pipeline": {
        "a_width": 16,
        "b_width": 8,
        "output_width": 12,
        "pairs": 3,
        "latency": 6,
        "fifo_depth": 8,
    },
    "parallel_window": {
        "bits": 8,
        "height": 32,
        "width": 32,
        "channels": 8,
        **KERNEL,
        **DILATION,
        **PADS,
        "pad_value": 3,
        "taps": 9,
        "replays": 2,
        "blocks": 1,
    },
    "pass_buffer": {"width": 8, "number_width": 20, "folds": 3, "depth": 12},
    "pointwise": {
        "operation": "op_requantize",
        "input_bits": 8,
        "input_signed": True,
        **CODES,
        "lanes": 2,
        "folds": 4,
        **parameters(8),
        "fifo_depth": 8,
    },
    "processing_element": PROCESSING_ELEMENT,
    "reorder": {
        "bits": 8,
        "lanes": 2,
        "block_size": 256,
        "counts": "(2, 32, 2, 4)",
        "strides": "(4, 8, 0, 1)",
        "clamps": "(0, 1, 0, 0)",
        "fifo_depth": 4,
    },
    "product": {
        "input_a_bits": 8,
        "input_a_signed": True,
        "input_b_bits": 8,
        "input_b_signed": False,
        **CODES,
        "lanes": 2,
        "zero_point_a": -3,
        "zero_point_b": 128,
        "factor": 43,
        "offset": '"01011"',
        "shift": 14,
        "low": 0,
        "high": 255,
        "half_even": True,
        "fifo_depth": 16,
    },
    "rectifier": {
        "input_bits": 8,
        "input_signed": False,
        **CODES,
        "lanes": 2,
        "folds": 4,
        "knee": 100,
        **parameters(16),
        "fifo_depth": 8,
    },
    "requantize": {"input_bits": 20, **CODES, **parameters(8), "lanes": 2, "folds": 4},
    "reserving_fifo": {"depth": 16, "width": 12},
    "sliding_maximum": {
        **NUMBER,
        "lanes": 2,
        "length": 9,
        "kernel": 3,
        "stride": 2,
        "pad_begin": 1,
        "pad_end": 1,
        "inner": 4,
        "fifo_depth": 8,
    },
    "sliding_steps": {
        "length": 9,
        "kernel": 3,
        "stride": 2,
        "pad_begin": 1,
        "pad_end": 1,
        "inner": 4,
    },
    "sliding_sum": {
        **NUMBER,
        "sum_bits": 10,
        "lanes": 2,
        "length": 9,
        "kernel": 3,
        "stride": 2,
        "pad_begin": 1,
        "pad_end": 1,
        "pad_value": -5,
        "inner": 4,
    },
    "state_memory": {"words": 16, "width": 12},
    "row_sums": {
        "activation_bits": 8,
        "activation_signed": False,
        "weight_bits": 8,
        "weight_signed": True,
        "accumulator_bits": 20,
        "rows": 2,
        "spacing": 17,
        "overlap": True,
        "simd": 8,
        "chain": 4,
        "accumulates": True,
    },
    "rounding_adder": {"bits": 40, "lanes": 2},
    "serial_requantize": {
        "input_bits": 20,
        **CODES,
        **SCALE,
        "multipliers": FACTORS,
        "offsets": table(8, 28),
        "lanes": 2,
        "folds": 4,
    },
    "serializer": {"width": 20, "parts": 4},
    "stream_fifo": {"depth": 16, "width": 12},
    "stream_fork": {"ways": 3, "width": 12},
    "threshold": {
        "input_bits": 16,
        **CODES,
        "low": 0,
        "levels": 255,
        "lanes": 2,
        "folds": 2,
        "thresholds": table(2 * 2 * 255, 16),
    },
    "tile_steps": {
        "height": 5,
        "width": 7,
        "kernel_height": 2,
        "kernel_width": 3,
        "stride_height": 2,
        "stride_width": 3,
        "folds": 4,
        "latency": 6,
    },
    "width_converter": {"bits": 8, "input_lanes": 6, "output_lanes": 2},
    "window": {
        "bits": 8,
        "height": 32,
        "width": 32,
        "channels": 16,
        **KERNEL,
        **DILATION,
        **PADS,
        "pad_value": 3,
        "simd": 4,
        "replays": 2,
    },
    "pixel_window": {"width": 16, "words": 12, "replays": 3, "slots": 2},
    "window_means": {
        "input_bits": 13,
        "lanes": 2,
        "folds": 2,
        "height": 9,
        "width": 9,
        **KERNEL,
        **PADS,
        **CODES,
        **parameters(9),
    },
}

BLOCKS = ("DSP48E1", "RAMB36E1", "RAMB18E1", "RAM32M")
"""Cells of 7-series that yosys must find: multipliers, block RAM, distributed RAM."""


def test_a_deep_fifo_is_block_ram(tmp_path: Path) -> None:
    """The branch FIFOs of a residual network: four beats in front of a memory."""
    counts = cells(verilog("stream_fifo", {"depth": 1091, "width": 8}, tmp_path))
    found = {block: counts[block] for block in BLOCKS if counts.get(block)}
    assert found == {"RAMB18E1": 1, "RAM32M": 2}
    assert sum(count for cell, count in counts.items() if cell.startswith("LUT")) < 80


def test_a_small_table_is_block_ram_if_asked_for(tmp_path: Path) -> None:
    """320 weights, which would be some 150 LUTs: filled up, as yosys counts 64 bits a LUT."""
    layer = {"pe": 1, "simd": 1, "folds": 10, "steps": 32, "accumulator_bits": 21}
    small = CONFIGURATIONS["matrix_vector"] | layer | {"packing": 1, "chain": 1, "overlap": False}
    small |= {"weights": table(320, 8), "block_rom": True}
    counts = cells(verilog("matrix_vector", small, tmp_path))
    assert counts["RAMB18E1"] == 1
    assert sum(count for cell, count in counts.items() if cell.startswith("LUT")) < 40


def test_the_same_power_of_two_for_all_needs_no_multiplier(tmp_path: Path) -> None:
    """32 ones of two bits each are a table that GHDL would take for zero without a spare word."""
    ones = Table("multipliers", np.ones(32, np.int64), 2).rows()
    values = CONFIGURATIONS["requantize"] | {"multiplier_bits": 2, "multipliers": ones}
    values |= {"lanes": 1, "folds": 32, "offsets": table(32, 28)}
    counts = cells(verilog("requantize", values, tmp_path))
    assert counts.get("DSP48E1", 0) == 0


def test_every_entity_has_a_configuration() -> None:
    assert ENTITIES == sorted(CONFIGURATIONS)
    assert len(ENTITIES) == sum(not path.stem.endswith("_pkg") for path in VHDL_FOLDER.iterdir())


@pytest.mark.parametrize("entity", ENTITIES)
def test_ghdl_synthesizes(entity: str, tmp_path: Path) -> None:
    netlist = verilog(entity, CONFIGURATIONS[entity], tmp_path)
    assert_no_latches(netlist)


def test_a_large_table_is_laid_out_in_seconds(tmp_path: Path) -> None:
    folding = {"pe": 8, "simd": 8, "folds": 64, "steps": 64, "accumulator_bits": 24}
    weights = {"weights": table(2**18, 8)}
    start = time.monotonic()
    verilog("matrix_vector", CONFIGURATIONS["matrix_vector"] | folding | weights, tmp_path)
    assert time.monotonic() - start < 60  # some 2 seconds on an idle machine


@pytest.mark.parametrize(
    ("entity", "values", "most"),
    [
        ("row_sums", {"rows": 1, "overlap": False, "chain": 1, "simd": 2}, 210),
        ("requantize", {}, 430),
    ],
)
def test_products_in_logic_need_no_multiplier(
    entity: str, values: dict[str, Value], most: int, tmp_path: Path
) -> None:
    counts = cells(verilog(entity, CONFIGURATIONS[entity] | values | {"in_logic": True}, tmp_path))
    assert "DSP48E1" not in counts
    assert sum(n for cell, n in counts.items() if cell.startswith("LUT")) <= most


def test_constant_weights_add_up_in_cascades(tmp_path: Path) -> None:
    """Two rows of one fold and step, some of whose products a shift or an adder could form."""
    weights = Table("weights", np.arange(-16, 16), 8).rows()
    values = CONFIGURATIONS["matrix_vector"] | {"folds": 1, "steps": 1, "pe": 2, "simd": 16}
    sharing = {"packing": 2, "spacing": 17, "chain": 16, "weights": weights}
    counts = cells(verilog("matrix_vector", values | sharing, tmp_path))
    assert counts["DSP48E1"] == 16
    assert sum(n for cell, n in counts.items() if cell.startswith("LUT")) <= 30


def test_even_constant_factors_take_a_multiplier_each(tmp_path: Path) -> None:
    factors = Table("multipliers", np.array([96, 74]), 8).rows()
    values = CONFIGURATIONS["requantize"] | {"folds": 1, "multipliers": factors}
    counts = cells(verilog("requantize", values | {"offsets": table(2, 28)}, tmp_path))
    assert counts["DSP48E1"] == 2


def test_an_accumulator_is_a_lut_for_each_bit(tmp_path: Path) -> None:
    """Two rows of 20 bits: what is added, or not, is formed in the LUTs of the adder."""
    values = CONFIGURATIONS["row_sums"] | {"simd": 1, "chain": 1}
    counts = cells(verilog("row_sums", values, tmp_path))
    assert counts["DSP48E1"] == 1
    assert sum(n for cell, n in counts.items() if cell.startswith("LUT")) <= 2 * 20 + 4


def test_a_serial_requantization_is_an_adder_for_each_lane(tmp_path: Path) -> None:
    """21 bits of sum and 8 of a code; the rest are tables of 8 words, counters and comparators."""
    counts = cells(verilog("serial_requantize", CONFIGURATIONS["serial_requantize"], tmp_path))
    assert not {"DSP48E1", "RAMB18E1"} & counts.keys()
    assert sum(n for cell, n in counts.items() if cell.startswith("LUT")) <= 100


@pytest.mark.parametrize(
    ("entity", "blocks"),
    [
        # 2 x 4 products and 2 requantizations; the weights, then four rows of 128 x 32 bits.
        ("processing_element", {"DSP48E1": 10, "RAMB36E1": 1, "RAMB18E1": 1, "RAM32M": 3}),
        ("window", {"RAMB18E1": 1}),
        ("parallel_window", {"RAM32M": 33}),  # three rows of 32 x 64 bits
        # Two blocks of 128 words; four beats of output.
        ("reorder", {"RAMB18E1": 1, "RAM32M": 3}),
        ("matrix_vector", {"DSP48E1": 12}),
        ("cluster_sums", {"DSP48E1": 24}),  # two of three weights
        ("depthwise_vector", {"DSP48E1": 4}),
        ("requantize", {"DSP48E1": 2}),
        ("adder_chain", {"RAM32M": 6}),
        ("adder_graph", {}),
        ("softmax", {"RAM32M": 13}),
        # A square, a total, a root, a score and its code.
        ("layer_normalization", {"DSP48E1": 5, "RAMB18E1": 1, "RAM32M": 10}),
        # A factor per lane; values, row sums and column sums, and the beats of both FIFOs.
        ("average_pool", {"DSP48E1": 2, "RAM32M": 19}),
        ("rectifier", {"DSP48E1": 2, "RAM32M": 3}),
        ("dot_product", {"DSP48E1": 5, "RAM32M": 2}),  # four products and a requantization
        ("product", {"DSP48E1": 4, "RAM32M": 3}),  # a product and a factor each
        ("pair_lookup", {"RAMB36E1": 2, "RAM32M": 3}),
    ],
    ids=lambda value: value if isinstance(value, str) else "",
)
def test_blocks(entity: str, blocks: dict[str, int], tmp_path: Path) -> None:
    counts = cells(verilog(entity, CONFIGURATIONS[entity], tmp_path))
    assert {block: counts[block] for block in BLOCKS if counts.get(block)} == blocks
