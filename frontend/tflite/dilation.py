"""Dilated convolutions as TFLite writes them: three operators that become one.

SPACE_TO_BATCH_ND pads an image and deals its pixels out to ``rate x rate`` smaller ones, a
convolution without padding sees each of them, and BATCH_TO_SPACE_ND puts the results together and
cuts the ends off. That is a convolution with the dilation ``rate``, whose padding is what was added
less what was cut off; codes of padding are those of real zero.
"""

from __future__ import annotations

from dataclasses import dataclass

from frontend.tflite.builder import Builder, same_quantization
from frontend.tflite.model import Operator

Sides = tuple[int, int, int, int]
"""Top, left, bottom, right."""


@dataclass(frozen=True, slots=True)
class Spread:
    """An image that was padded by ``sides`` and dealt out by the rates of rows and columns."""

    source: int
    rates: tuple[int, int]
    sides: Sides


def space_to_batch(graph: Builder, operator: Operator) -> None:
    """SPACE_TO_BATCH_ND: remember it for the convolution behind."""
    source, result = operator.inputs[0], operator.outputs[0]
    rates, sides = _block(graph, operator, "padding")
    frame = graph.frame(source)
    takers = [taker for taker in graph.model.operators if result in taker.inputs]
    if len(frame) != 3:
        graph.refuse("deals out what is no image", "use a convolution with a dilation")
    if not all(taker.kind in ("CONV_2D", "DEPTHWISE_CONV_2D") for taker in takers):
        graph.refuse("leads to no convolution", "use a convolution with a dilation")
    if not same_quantization(graph, source, result):
        graph.refuse("changes the scale", "convert the model again")
    graph.spread[result] = Spread(source, rates, sides)


def gathered(graph: Builder, convolution: Operator) -> tuple[int, Spread]:
    """Return where the result of a convolution on dealt out images is put together, and how.

    Returns:
        the tensor behind BATCH_TO_SPACE_ND, and the spread less what is cut off there.
    """
    spread = graph.spread[convolution.inputs[0]]
    inner = convolution.outputs[0]
    takers = [taker for taker in graph.model.operators if inner in taker.inputs]
    if len(takers) != 1 or takers[0].kind != "BATCH_TO_SPACE_ND":
        graph.refuse("works on dealt out images", "use a convolution with a dilation")
    rates, cut = _block(graph, takers[0], "crops")
    sides = tuple(added - less for added, less in zip(spread.sides, cut, strict=True))
    result = takers[0].outputs[0]
    if rates != spread.rates or min(sides) < 0 or not same_quantization(graph, inner, result):
        graph.refuse("is not put together as it was dealt out", "convert the model again")
    graph.gathered.add(result)
    return result, Spread(spread.source, rates, (sides[0], sides[1], sides[2], sides[3]))


def batch_to_space(graph: Builder, operator: Operator) -> None:
    """BATCH_TO_SPACE_ND: done with the convolution in front."""
    if operator.outputs[0] not in graph.gathered:
        graph.refuse("has no dilated convolution in front", "use a convolution with a dilation")


def _block(graph: Builder, operator: Operator, what: str) -> tuple[tuple[int, int], Sides]:
    rates = graph.integers(operator.inputs[1], "rates")
    sides = graph.integers(operator.inputs[2], what)
    if len(rates) != 2 or len(sides) != 4 or min(rates) < 1 or min(sides) < 0:
        graph.refuse(
            f"has the rates {rates} and the {what} {sides}, not two and four",
            "convert the model with a fixed batch of 1, where it becomes a convolution's dilation",
        )
    top, bottom, left, right = sides
    return (rates[0], rates[1]), (top, left, bottom, right)
