"""Windows of convolutions, and pools."""

from __future__ import annotations

from collections.abc import Iterator

from ir.elements import Kernel, Shape
from ir.resources.pools import Slide, max_pool, sliding_steps
from ir.resources.windows import parallel_window, window
from sim.alone import Value
from tools.resource_grid.random_elements import kernel
from tools.resource_grid.sample import Sample


def window_sample(
    shape: tuple[int, int, int],
    window_: Kernel,
    simd: int,
    replays: int,
    blocks: int = 1,
    bits: int = 8,
    extra_rows: int = 0,
) -> Sample:
    """Return a window."""
    values: dict[str, Value] = {
        "bits": bits,
        "height": shape[0],
        "width": shape[1],
        "channels": shape[2],
        "kernel_height": window_.height,
        "kernel_width": window_.width,
        "stride_height": window_.stride_height,
        "stride_width": window_.stride_width,
        "dilation_height": window_.dilation_height,
        "dilation_width": window_.dilation_width,
        "pad_top": window_.pad_top,
        "pad_left": window_.pad_left,
        "pad_bottom": window_.pad_bottom,
        "pad_right": window_.pad_right,
        "pad_value": 1,
        "simd": simd,
        "replays": replays,
        "blocks": blocks,
        "extra_rows": extra_rows,
    }
    part_ = window(Shape(*shape), window_, bits, simd, replays, blocks, extra_rows)
    return Sample(("window", values), (part_,))


def windows() -> Iterator[Sample]:
    """Yield windows of common convolutions, depthwise and dilated ones, and of dense layers."""
    k = kernel
    yield window_sample((28, 28, 1), k(3), 1, 1)
    yield window_sample((28, 28, 1), k(3), 1, 4)
    yield window_sample((28, 28, 1), k(5), 1, 6)
    yield window_sample((28, 28, 1), k(5, 1, 2), 1, 2)
    yield window_sample((32, 32, 3), k(3, 1, 1), 3, 1)
    yield window_sample((32, 32, 3), k(3, 1, 1), 1, 8)
    yield window_sample((32, 32, 16), k(3, 1, 1), 4, 2)
    yield window_sample((32, 32, 16), k(3, 1, 1), 16, 1)
    yield window_sample((32, 32, 16), k(3, 1, 1), 16, 4)
    yield window_sample((16, 16, 32), k(3, 1, 1), 8, 16)
    yield window_sample((16, 16, 32), Kernel(3, 3, 2, 2, 1, 1, 0, 0, 1, 1), 8, 8)
    yield window_sample((32, 32, 16), k(1, 2), 4, 4)
    yield window_sample((14, 14, 8), k(3), 2, 4, extra_rows=2)
    yield window_sample((12, 12, 6), k(5), 1, 16)
    yield window_sample((8, 8, 64), k(3, 1, 1), 16, 16)
    yield window_sample((34, 34, 16), k(3), 1, 2)
    yield window_sample((34, 34, 16), k(3), 16, 1, bits=4)
    yield window_sample((96, 96, 3), k(3, 2, 1), 3, 8)
    yield window_sample((48, 48, 8), k(3, 1, 1), 2, 1, blocks=4)
    yield window_sample((24, 24, 64), k(3, 1, 1), 4, 1, blocks=16)
    yield window_sample((1, 128, 4), Kernel(1, 5, pad_left=2, pad_right=2), 4, 4)
    yield window_sample((7, 7, 32), k(3, 1, 1), 32, 1)
    yield window_sample((20, 20, 4), Kernel(3, 3, 1, 1, 2, 2, 2, 2, 2, 2), 4, 2)
    yield window_sample((1, 1, 784), k(1), 4, 4)


def direct_windows() -> Iterator[Sample]:
    """Yield windows that buffer nothing."""
    # fmt: off
    for shape, simd in (
        ((1, 1, 64), 1), ((1, 1, 64), 64), ((8, 8, 32), 4), ((8, 8, 30), 3), ((1, 1, 784), 4),
        ((4, 4, 16), 1), ((1, 1, 128), 2), ((8, 8, 48), 16),
    ):
        # fmt: on
        yield window_sample(shape, kernel(1), simd, 1)


def pixel_windows() -> Iterator[Sample]:
    """Yield windows of dense layers, which keep pixels whole."""
    # fmt: off
    for shape, simd, replays in (
        ((1, 1, 16), 1, 64), ((1, 1, 64), 1, 32), ((1, 1, 32), 1, 5), ((2, 2, 10), 1, 8),
        ((1, 1, 64), 8, 10), ((8, 8, 16), 4, 16), ((4, 4, 12), 2, 3), ((1, 1, 256), 2, 10),
        ((4, 4, 32), 16, 128), ((1, 1, 1024), 1, 20), ((1, 1, 16), 16, 2), ((16, 16, 24), 8, 3),
    ):
        # fmt: on
        yield window_sample(shape, kernel(1), simd, replays)


def pools() -> Iterator[Sample]:
    """Yield max pools."""
    k = kernel
    # fmt: off
    for shape, pool, lanes, bits in (
        ((28, 28, 4), k(2, 2), 1, 8), ((28, 28, 4), k(2, 2), 4, 8), ((8, 8, 16), k(2, 2), 2, 8),
        ((14, 14, 8), k(3, 2, 1), 1, 8), ((14, 14, 8), k(3, 2, 1), 8, 8),
        ((9, 9, 4), k(3), 2, 8), ((32, 32, 16), k(2, 2), 16, 4), ((32, 32, 64), k(2, 2), 4, 8),
        ((24, 24, 6), k(4, 4), 2, 8), ((1, 128, 8), Kernel(1, 4, 1, 4), 2, 8),
        ((7, 7, 8), k(3, 1, 1), 8, 8), ((16, 16, 3), k(2, 2), 3, 8),
        ((64, 64, 32), k(3, 2, 1), 4, 8), ((6, 6, 1), k(2, 2), 1, 8),
    ):
        # fmt: on
        values: dict[str, Value] = {
            "bits": bits,
            "is_signed": False,
            "lanes": lanes,
            "height": shape[0],
            "width": shape[1],
            "channels": shape[2],
            "kernel_height": pool.height,
            "kernel_width": pool.width,
            "stride_height": pool.stride_height,
            "stride_width": pool.stride_width,
            "pad_top": pool.pad_top,
            "pad_left": pool.pad_left,
            "pad_bottom": pool.pad_bottom,
            "pad_right": pool.pad_right,
            "fifo_depth": 8,
        }
        yield Sample(("max_pool", values), max_pool(Shape(*shape), pool, bits, lanes, 8, 8))


def steps() -> Iterator[Sample]:
    """Yield counters of sliding windows."""
    # fmt: off
    for length, size, stride, pads, inner in (
        (28, 2, 2, 0, 4), (28, 2, 2, 0, 1), (14, 3, 2, 2, 8), (9, 3, 1, 0, 2),
        (32, 2, 2, 0, 256), (24, 4, 4, 0, 3), (7, 3, 1, 2, 1), (64, 3, 2, 2, 100),
        (16, 2, 2, 0, 5), (1, 1, 1, 0, 16),
    ):
        # fmt: on
        values: dict[str, Value] = {
            "length": length,
            "kernel": size,
            "stride": stride,
            "pad_begin": pads // 2,
            "pad_end": pads - pads // 2,
            "inner": inner,
        }
        own = sliding_steps(Slide(length, size, stride, pads // 2, pads - pads // 2, inner))
        yield Sample(("sliding_steps", values), (own,))


def parallel_windows() -> Iterator[Sample]:
    """Yield windows of several taps per cycle."""
    # fmt: off
    for shape, window_, taps, replays, bits in (
        ((10, 10, 1), kernel(3), 9, 1, 8), ((28, 28, 1), kernel(3, 1, 1), 9, 1, 8),
        ((12, 12, 1), kernel(5), 5, 2, 8), ((16, 16, 3), kernel(3, 1, 1), 3, 2, 4),
        ((32, 32, 3), kernel(3, 2, 1), 9, 4, 8), ((8, 8, 4), kernel(2, 2), 4, 1, 8),
        ((28, 28, 1), kernel(3, 1, 1), 3, 1, 8), ((14, 14, 4), kernel(3), 3, 1, 8),
        ((16, 16, 8), kernel(3, 1, 1), 9, 1, 4), ((20, 20, 2), kernel(5, 1, 2), 5, 1, 8),
    ):
        # fmt: on
        values: dict[str, Value] = {
            "bits": bits,
            "height": shape[0],
            "width": shape[1],
            "channels": shape[2],
            "kernel_height": window_.height,
            "kernel_width": window_.width,
            "stride_height": window_.stride_height,
            "stride_width": window_.stride_width,
            "pad_top": window_.pad_top,
            "pad_left": window_.pad_left,
            "pad_bottom": window_.pad_bottom,
            "pad_right": window_.pad_right,
            "pad_value": 1,
            "taps": taps,
            "replays": replays,
        }
        own = parallel_window(Shape(*shape), window_, bits, taps, replays, 1, 0)
        yield Sample(("parallel_window", values), (own,))
