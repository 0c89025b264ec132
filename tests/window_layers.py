"""Drawing functions of layers with windows, and of those that move values."""

from __future__ import annotations

from math import prod

from hypothesis import strategies as st

from tests.drawn_layers import IMAGE, SEQUENCE, VECTOR, activations, drawn, plain
from zoo.network import KerasLayer, Parameter
from zoo.shapes import Shape


def steps(draw: st.DrawFn, axes: int, largest: int) -> Shape:
    """Draw strides or dilations, mostly 1."""
    step = st.one_of(st.just(1), st.integers(1, largest))
    return draw(st.tuples(*[step] * axes))


def kernels(draw: st.DrawFn, shape: Shape, largest: int, padding: str, dilations: Shape) -> Shape:
    """Draw the size of a window that fits ``shape`` if nothing is padded."""
    limits = (
        largest if padding != "valid" else min(largest, (length - 1) // dilation + 1)
        for length, dilation in zip(shape, dilations, strict=False)
    )
    return tuple(draw(st.integers(1, limit)) for limit in limits)


def windows(
    draw: st.DrawFn,
    shape: Shape,
    paddings: tuple[str, ...] = ("valid", "same"),
    *,
    equal_strides: bool = False,
) -> dict[str, Parameter]:
    """Draw the parameters that all convolutions have."""
    axes = len(shape) - 1
    padding = draw(st.sampled_from(paddings))
    strides = steps(draw, 1 if equal_strides else axes, 3)
    strides = strides * axes if equal_strides else strides
    dilations = steps(draw, axes, 2) if max(strides) == 1 else (1,) * axes
    return {
        "kernel_size": plain(kernels(draw, shape, 4, padding, dilations)),
        "strides": plain(strides),
        "padding": padding,
        "dilation_rate": plain(dilations),
        "use_bias": draw(st.booleans()),
        "activation": activations(draw),
    }


@drawn("Conv2D", axes=(IMAGE,), weight=10)
@drawn("Conv1D", axes=(SEQUENCE,), weight=10)
def _convolution(draw: st.DrawFn, shape: Shape, name: str) -> KerasLayer:
    channels = shape[-1]
    groups = draw(st.sampled_from([1, 1, *(g for g in range(1, 5) if channels % g == 0)]))
    filters = groups * draw(st.integers(1, max(1, 8 // groups)))
    paddings = ("valid", "same", "causal") if name == "Conv1D" else ("valid", "same")
    return KerasLayer(name, filters=filters, groups=groups, **windows(draw, shape, paddings))


@drawn("DepthwiseConv2D", axes=(IMAGE,), weight=4)
@drawn("DepthwiseConv1D", axes=(SEQUENCE,), weight=4)
def _depthwise(draw: st.DrawFn, shape: Shape, name: str) -> KerasLayer:
    multiplier = draw(st.sampled_from([1, 1, 2, 3])) if shape[-1] <= 4 else 1
    window = windows(draw, shape, equal_strides=True)
    return KerasLayer(name, depth_multiplier=multiplier, **window)


@drawn("SeparableConv2D", axes=(IMAGE,))
@drawn("SeparableConv1D", axes=(SEQUENCE,))
def _separable(draw: st.DrawFn, shape: Shape, name: str) -> KerasLayer:
    multiplier = draw(st.sampled_from([1, 1, 2])) if shape[-1] <= 4 else 1
    window = windows(draw, shape, equal_strides=True)
    filters = draw(st.integers(1, 6))
    return KerasLayer(name, filters=filters, depth_multiplier=multiplier, **window)


@drawn("Conv2DTranspose", axes=(IMAGE,))
@drawn("Conv1DTranspose", axes=(SEQUENCE,))
def _transposed(draw: st.DrawFn, shape: Shape, name: str) -> KerasLayer:
    axes = len(shape) - 1
    kernel = draw(st.tuples(*[st.integers(1, 4)] * axes))
    strides = steps(draw, axes, 2)
    return KerasLayer(
        name,
        filters=draw(st.integers(1, 4)),
        kernel_size=plain(kernel),
        strides=plain(strides),
        padding=draw(st.sampled_from(["valid", "same"])),
        use_bias=draw(st.booleans()),
        activation=activations(draw),
    )


@drawn("Dense", weight=10)
def _dense(draw: st.DrawFn, _: Shape, name: str) -> KerasLayer:
    units, bias = draw(st.integers(1, 16)), draw(st.booleans())
    return KerasLayer(name, units=units, use_bias=bias, activation=activations(draw))


@drawn("MaxPooling2D", "AveragePooling2D", axes=(IMAGE,), weight=3)
@drawn("MaxPooling1D", "AveragePooling1D", axes=(SEQUENCE,), weight=3)
def _pool(draw: st.DrawFn, shape: Shape, name: str) -> KerasLayer:
    axes, padding = len(shape) - 1, draw(st.sampled_from(["valid", "same"]))
    size = kernels(draw, shape, 3, padding, (1,) * axes)
    strides = draw(st.none() | st.tuples(*[st.integers(1, 3)] * axes))
    return KerasLayer(
        name,
        pool_size=plain(size),
        strides=None if strides is None else plain(strides),
        padding=padding,
    )


@drawn("GlobalAveragePooling2D", "GlobalMaxPooling2D", axes=(IMAGE,), weight=1)
@drawn("GlobalAveragePooling1D", "GlobalMaxPooling1D", axes=(SEQUENCE,), weight=1)
def _global_pool(draw: st.DrawFn, _: Shape, name: str) -> KerasLayer:
    return KerasLayer(name, keepdims=True) if draw(st.booleans()) else KerasLayer(name)


@drawn("ZeroPadding2D", axes=(IMAGE,))
@drawn("ZeroPadding1D", axes=(SEQUENCE,))
def _padding(draw: st.DrawFn, shape: Shape, name: str) -> KerasLayer:
    sides = draw(st.tuples(*[st.tuples(st.integers(0, 2), st.integers(0, 2))] * (len(shape) - 1)))
    return KerasLayer(name, padding=sides if len(sides) > 1 else sides[0])


@drawn("Cropping2D", axes=(IMAGE,))
@drawn("Cropping1D", axes=(SEQUENCE,))
def _cropping(draw: st.DrawFn, shape: Shape, name: str) -> KerasLayer:
    sides = []
    for length in shape[:-1]:
        before = draw(st.integers(0, min(2, length - 1)))
        sides.append((before, draw(st.integers(0, min(2, length - 1 - before)))))
    return KerasLayer(name, cropping=tuple(sides) if len(sides) > 1 else sides[0])


@drawn("UpSampling2D", axes=(IMAGE,), weight=1)
def _up_2d(draw: st.DrawFn, _: Shape, name: str) -> KerasLayer:
    size = draw(st.tuples(st.integers(1, 3), st.integers(1, 3)))
    how = draw(st.sampled_from(["nearest", "bilinear"]))
    return KerasLayer(name, size=plain(size), interpolation=how)


@drawn("UpSampling1D", axes=(SEQUENCE,), weight=1)
def _up_1d(draw: st.DrawFn, _: Shape, name: str) -> KerasLayer:
    return KerasLayer(name, size=draw(st.integers(1, 3)))


@drawn("RepeatVector", axes=(VECTOR,), weight=1)
def _repeat(draw: st.DrawFn, _: Shape, name: str) -> KerasLayer:
    return KerasLayer(name, n=draw(st.integers(1, 4)))


@drawn("Reshape", weight=1)
def _reshape(draw: st.DrawFn, shape: Shape, name: str) -> KerasLayer:
    """Draw up to three axes of as many values."""
    rest, target = prod(shape), []
    for _ in range(draw(st.integers(0, 2))):
        axis = draw(st.sampled_from([d for d in range(1, rest + 1) if rest % d == 0]))
        target.append(axis)
        rest //= axis
    return KerasLayer(name, target_shape=(*target, rest))


@drawn("Permute", axes=(SEQUENCE, IMAGE), weight=1)
def _permute(draw: st.DrawFn, shape: Shape, name: str) -> KerasLayer:
    return KerasLayer(name, dims=tuple(draw(st.permutations(range(1, len(shape) + 1)))))
