"""Elements that look at windows of a map, or at the whole of it."""

from __future__ import annotations

from ir.elements import (
    ALONE,
    AdderChain,
    AveragePool,
    FloatMean,
    GlobalAverage,
    GlobalMaximum,
    MaxPool,
    ProcessingElement,
)
from rtl.adder_tables import datapath_formals, sum_bits
from rtl.formals import (
    Formals,
    bit_pattern,
    boolean,
    kernel_formals,
    number_formals,
    pool_formals,
    requantization_formals,
    scale_formals,
    scaling_formals,
    sharing_formals,
)
from rtl.generics.context import Context, constants, instance
from rtl.tables import tables


@instance.register
def _processing_element(element: ProcessingElement, context: Context) -> tuple[str, Formals]:
    shape = element.input.shape
    formals = {
        **number_formals("input", element.input.number),
        "height": str(shape.height),
        "width": str(shape.width),
        "channels": str(shape.channels),
        **kernel_formals(element.kernel),
        "pad_value": str(bit_pattern(element.pad_value, element.input.number)),
        "output_channels": str(element.weights.shape[3]),
        **number_formals("weight", element.weight_number),
        **_sums(element, context),
        **number_formals("convolved", element.convolved),
        **number_formals("output", element.output.number),
        "has_table": boolean(element.table is not None),
        **constants(tables(element), context),
    }
    if element.pool is not None:
        pool = pool_formals(element, element.pool)
        formals |= {"has_pool": "true"} | {f"pool_{name}": value for name, value in pool.items()}
    if element.groups > 1:
        formals["groups"] = str(element.groups)
    if element.datapath is not None:
        lanes = {"pe": str(element.pe), "simd": str(element.simd), "taps": str(element.taps)}
        formals |= {**lanes, "lanes": lanes["pe"], **_maxima(element)}
        return "processing_element", {**formals, **context.knobs}
    if element.reads is not None:
        return "processing_element", {**formals, **_of_blocks(element), **context.knobs}
    if "taps" in context.knobs:
        part = str(shape.channels // element.groups)
        if element.depthwise:
            part = f"({context.knobs['pe']} / {element.depth_multiplier})"
        formals["simd"] = f"{context.knobs['taps']} * {part}"
    elif "simd" not in context.knobs:
        formals["simd"] = context.knobs["pe"]
    if "lanes" not in context.knobs:
        formals["lanes"] = context.knobs["pe"]
    return "processing_element", {**formals, **context.knobs}


def _of_blocks(element: ProcessingElement) -> Formals:
    """Return the generics of an element over blocks of pixels, which is not folded."""
    formals = {
        "pe": str(element.pe),
        "simd": str(element.simd),
        "taps": str(element.taps),
        "lanes": str(element.pe),
        "clusters": str(element.clusters),
        "fan_in": str(element.fan_in),
    }
    return formals | _maxima(element)


def _maxima(element: ProcessingElement) -> Formals:
    if element.members is None:
        return {}
    maxima, most = element.members.shape
    return {"maxima": str(maxima), "most": str(most)}


def _sums(element: ProcessingElement, context: Context) -> Formals:
    """Return how the sums are formed and requantized."""
    requantization = requantization_formals(element.requantization)
    datapath = element.datapath
    if datapath is None:
        sharing = {} if element.sharing == ALONE else sharing_formals(element.sharing)
        formals = {"accumulator_bits": str(element.accumulator.bits), **requantization, **sharing}
        if element.block_rom:
            formals["block_rom"] = "true"
        formals |= scaling_formals(element.scaling)
        return formals | {"factor_bits": context.factor_bits}
    formals = {
        "accumulator_bits": str(sum_bits(element, datapath)),
        **requantization,
        "adder_levels": str(element.adder_levels),
        **datapath_formals(datapath),
    }
    for unused in ("multiplier_bits", "shift"):
        formals.pop(unused, None)
    return formals


@instance.register
def _adder_chain(element: AdderChain, context: Context) -> tuple[str, Formals]:
    assert element.datapath is not None
    return "adder_chain", {
        **number_formals("input", element.input.number),
        "inputs": str(element.input_lanes),
        "outputs": str(element.output.lanes),
        "output_bits": str(element.output.number.bits),
        "base": str(element.datapath.base),
        **datapath_formals(element.datapath),
        **constants(tables(element), context),
        "fifo_depth": context.knobs["fifo_depth"],
    }


@instance.register
def _max_pool(element: MaxPool, context: Context) -> tuple[str, Formals]:
    shape = element.source.output.shape
    return "max_pool", {
        **number_formals("", element.output.number),
        "lanes": context.input_lanes,
        "height": str(shape.height),
        "width": str(shape.width),
        "channels": str(shape.channels),
        **pool_formals(element, element.kernel),
        "extra_beats": context.knobs["extra_beats"],
        "fifo_depth": context.knobs["fifo_depth"],
    }


@instance.register
def _global_average(element: GlobalAverage, context: Context) -> tuple[str, Formals]:
    shape = element.source.output.shape
    return "global_average", {
        **number_formals("", element.source.output.number),
        "lanes": context.input_lanes,
        "pixels": str(shape.pixels),
        "channels": str(shape.channels),
        "accumulator_bits": str(element.accumulator.bits),
        **number_formals("output", element.output.number),
        **scale_formals(element, element.requantization),
        **scaling_formals(element.scaling),
        **constants(tables(element), context),
        "fifo_depth": context.knobs["fifo_depth"],
    }


@instance.register
def _global_maximum(element: GlobalMaximum, context: Context) -> tuple[str, Formals]:
    shape = element.source.output.shape
    return "global_maximum", {
        **number_formals("", element.output.number),
        "lanes": context.input_lanes,
        "pixels": str(shape.pixels),
        "channels": str(shape.channels),
        "fifo_depth": context.knobs["fifo_depth"],
    }


@instance.register
def _average_pool(element: AveragePool, context: Context) -> tuple[str, Formals]:
    shape = element.input.shape
    return "average_pool", {
        **number_formals("input", element.input.number),
        "lanes": context.input_lanes,
        "height": str(shape.height),
        "width": str(shape.width),
        "channels": str(shape.channels),
        **pool_formals(element, element.kernel),
        "pad_value": str(bit_pattern(element.pad_value, element.input.number)),
        "accumulator_bits": str(element.accumulator.bits),
        **number_formals("output", element.output.number),
        **scale_formals(element, element.requantization),
        **constants(tables(element), context),
        "extra_beats": context.knobs["extra_beats"],
        "fifo_depth": context.knobs["fifo_depth"],
    }


@instance.register
def _float_mean(element: FloatMean, context: Context) -> tuple[str, Formals]:
    shape, kernel = element.input.shape, element.kernel
    return "float_mean", {
        "bits": str(element.input.number.bits),
        "lanes": context.input_lanes,
        "height": str(shape.height),
        "width": str(shape.width),
        "channels": str(shape.channels),
        "kernel_height": str(kernel.height),
        "kernel_width": str(kernel.width),
        "stride_height": str(kernel.stride_height),
        "stride_width": str(kernel.stride_width),
        **number_formals("addend", element.addend),
        "accumulator_bits": str(element.accumulator.bits),
        **number_formals("output", element.output.number),
        "low": str(element.requantization.low),
        "levels": str(element.requantization.levels),
        "sets": str(len(element.requantization.thresholds)),
        **constants(tables(element), context),
        "fifo_depth": context.knobs["fifo_depth"],
    }
