"""What an element of the stream graph does, in words."""

from __future__ import annotations

from ir.datapath import SUMS, Datapath
from ir.elements import (
    AdderChain,
    Affine,
    ArgMax,
    AveragePool,
    Border,
    Concatenate,
    DotProduct,
    Element,
    Extremum,
    Fifo,
    FloatMean,
    Fork,
    GlobalAverage,
    GlobalMaximum,
    Input,
    Kernel,
    LayerNormalization,
    Lookup,
    MaxPool,
    Merge,
    Output,
    PairLookup,
    ProcessingElement,
    Product,
    Rectifier,
    Reorder,
    Reshape,
    SideBySide,
    Softmax,
    WidthConverter,
)
from ir.requantize import Requantization, ScaleRequantization, Scaling
from ir.words import number_of

SCALINGS = {
    Scaling.MULTIPLIED: "",
    Scaling.IN_LOGIC: ", in logic",
    Scaling.SERIAL: ", bit by bit",
}


def describe_requantization(
    requantization: Requantization, scaling: Scaling = Scaling.MULTIPLIED
) -> str:
    """Return the hardware form of ``requantization`` in a few words."""
    if isinstance(requantization, ScaleRequantization):
        bits, shift = requantization.multiplier_bits, requantization.shift
        return f"multiplier {number_of(bits, 'bit')} >> {shift}{SCALINGS[scaling]}"
    return number_of(requantization.levels, "threshold")


def describe_operation(element: Element) -> str:
    """Return what ``element`` does to its stream, in a few words."""
    match element:
        case Input() | Output():
            return f"AXI4-Stream {element.port}"
        case ProcessingElement():
            return _processing(element)
        case AdderChain():
            layers = ", then ".join(map(_processing, element.layers))
            return f"{layers}{_adders(element.datapath)}"
        case MaxPool():
            return f"max pool {_kernel(element.kernel)}"
        case GlobalAverage():
            return "global average"
        case Affine():
            return "factor and summand per channel"
        case Lookup():
            return f"table of {element.table.size} values"
        case LayerNormalization():
            return f"layer normalization of {element.output.shape.channels} channels"
        case Softmax():
            return f"softmax of {element.output.shape.channels} channels"
        case Rectifier():
            return f"two slopes for each of {element.multipliers.shape[1]} values"
        case ArgMax():
            return "index of the largest channel"
        case AveragePool():
            return f"average pool {_kernel(element.kernel)}"
        case FloatMean():
            return f"average pool {_kernel(element.kernel)}, rounded as float32"
        case GlobalMaximum():
            return "global maximum"
        case Border():
            sides = (element.top, element.left, element.bottom, element.right)
            return f"border {_same(sides)}"
        case Reorder():
            return f"order of blocks of {element.block_size} values"
        case Reshape():
            return f"{element.source.output.shape} seen as {element.output.shape}"
        case WidthConverter():
            return f"{element.source.output.lanes} to {element.output.lanes} lanes"
        case Fifo():
            return f"{element.depth} beats"
        case Fork():
            return "the same beats to each branch"
        case Merge():
            return "weighted sum of two streams"
        case Product():
            return "product of two streams"
        case DotProduct():
            return f"dot products of {element.sources[0].output.shape.channels} channels"
        case Extremum():
            return f"{'smaller' if element.minimum else 'larger'} value of two streams"
        case PairLookup():
            return f"table of {element.table.size} values for two streams"
        case Concatenate():
            return f"channels of {len(element.sources)} streams"
        case SideBySide():
            blocks = f", blocks of {element.pixels} pixels" if element.pixels > 1 else ""
            return f"channels of {len(element.sources)} streams at a time{blocks}"


def _processing(element: ProcessingElement) -> str:
    shape = element.input.shape
    if element.reads is not None:
        sums = f"{element.pe} sums of {element.fan_in} values"
        blocks = f", windows of {_kernel(element.kernel)} blocks" if element.taps > 1 else ""
        parts = [f"blocks of pixels: {sums}{blocks}"]
    elif shape.pixels == 1 and element.kernel.taps == 1:
        parts = [f"dense {shape.channels} to {element.weights.shape[3]}"]
    else:
        groups = f" in {element.groups} groups" if element.groups > 1 else ""
        taps = f" by {element.taps} taps at a time" if element.taps > 1 else ""
        parts = [f"convolution {_kernel(element.kernel)}{groups}{taps}"]
    parts[0] += _adders(element.datapath)
    if element.surplus:
        parts[0] += f" ({element.surplus} of {element.pe} idle in the last group)"
    parts[0] += _idle(element)
    if element.table is not None:
        parts.append("table")
    if element.members is not None:
        maxima, most = element.members.shape
        parts.append(f"{maxima} maxima of {most} codes")
    if element.pool is not None:
        parts.append(f"max pool {_kernel(element.pool)}")
    return ", then ".join(parts)


def _idle(element: ProcessingElement) -> str:
    """Return how many channels are there for an even folding only, nothing if none is."""
    counts = element.input.shape.channels, int(element.weights.shape[3])
    said = (
        f"{idle} of {count} {kind} channels idle"
        for idle, count, kind in zip(element.idle, counts, ("input", "output"), strict=True)
        if idle
    )
    text = ", ".join(said)
    return f" ({text})" if text else ""


def _adders(datapath: Datapath | None) -> str:
    """Return how many adders there are in words, nothing if there are none."""
    if datapath is None:
        return ""
    adders = sum(operation.operator in SUMS for operation in datapath.operations)
    return f" by {adders} adders"


def _kernel(kernel: Kernel) -> str:
    """Return a window in words; what has no effect is left out."""
    text = f"{kernel.height}x{kernel.width}"
    strides = (kernel.stride_height, kernel.stride_width)
    dilations = (kernel.dilation_height, kernel.dilation_width)
    pads = (kernel.pad_top, kernel.pad_left, kernel.pad_bottom, kernel.pad_right)
    if strides != (1, 1):
        text += f" stride {_same(strides)}"
    if dilations != (1, 1):
        text += f" dilation {_same(dilations)}"
    if any(pads):
        text += f" pad {_same(pads)}"
    return text


def _same(values: tuple[int, ...]) -> str:
    """Return one number if all are equal, else all of them."""
    return str(values[0]) if len(set(values)) == 1 else ",".join(map(str, values))
