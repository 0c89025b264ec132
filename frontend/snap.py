"""Weight scales for which every requantization is a 9-bit factor and a shift, proved exact.

onnxruntime requantizes an accumulator with the float32 factor M = f32(f32(sx*sw)/sy) (input, weight
and output scale; f32 rounds).  Nothing forces a channel's sw to be exactly its largest weight / 127:
a slightly larger one costs a little resolution.  So the search walks M through the numbers m * 2^-e
with m odd, 257 to 511, upwards from the ideal; for each it looks for a float32 sw that gives exactly
this M, quantizes the channel with it, and takes the first for which ``(a*m + r) >> e`` has the very
steps of onnxruntime's arithmetic over the whole reachable range of accumulators (with some r).
Consecutive m lie 1/256 to 1/128 apart, so that is what a try costs.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from ir.numbers import IntArray, IntegerType
from ir.requantize import MAXIMUM_SHIFT, GoldenRequantization

FloatArray = npt.NDArray[np.float64]
Float32Array = npt.NDArray[np.float32]
Int8Array = npt.NDArray[np.int8]
Int32Array = npt.NDArray[np.int32]

ACTIVATION = IntegerType(8, signed=False)
LARGEST_CODE = 127
MOST_TRIES = 32
LONE_BIAS_BITS = 20
"""A channel without weights gets a scale that gives its bias this many bits."""
NEIGHBOURS = 3
"""float32 numbers tried on either side of the quotient when looking for a scale."""


@dataclass(frozen=True, slots=True)
class Quantized:
    """A quantized activation tensor: ``real = scale * (code - zero_point)``, uint8 codes."""

    scale: np.float32
    zero_point: int


@dataclass(frozen=True, slots=True)
class SnappedWeights:
    """A Conv's or Gemm's constants; arrays are (channels,) but for ``codes``: (taps, channels).

    ``factors`` are onnxruntime's M = ``mantissas`` * 2^-``shifts``.  ``growth``: scale over the
    ideal one.  ``tries``: values of M looked at.  ``exact``: the integer form is proved equal; where
    it is not, requantization needs thresholds.
    """

    scales: Float32Array
    codes: Int8Array
    biases: Int32Array
    factors: Float32Array
    mantissas: IntArray
    shifts: IntArray
    growth: FloatArray
    tries: IntArray
    exact: npt.NDArray[np.bool_]


def snap_weights(
    weights: FloatArray, biases: FloatArray, source: Quantized, target: Quantized
) -> SnappedWeights:
    """Choose the scales of a Conv or Gemm and quantize its constants.

    ``weights``: (taps, channels); ``biases``: (channels,).  Raises ValueError if a channel cannot be
    represented at all.
    """
    channels = weights.shape[1]
    wanted = ideal_scales(weights, biases, source, target)
    lowest = np.maximum(wanted, _smallest_scale(weights, biases, source, target))
    mantissas, shifts = _first_factor(lowest * (float(source.scale) / float(target.scale)))
    found = _Found(weights.shape)
    open_ = np.arange(channels)
    for attempt in range(1, MOST_TRIES + 1):
        factors = _factor(mantissas[open_], shifts[open_])
        scales, reachable = _scales_for(factors, source, target)
        trial = _quantize(weights[:, open_], biases[open_], scales, source)
        exact = np.zeros(len(open_), np.bool_)
        if np.any(reachable):
            at = np.flatnonzero(reachable)
            golden = _golden(_take(trial, at), factors[at], source, target)
            exact[at] = is_exact(golden, mantissas[open_[at]], shifts[open_[at]])
        # Keep the first representable trial as the fallback, and the first exact one for good.
        keep = exact | (reachable & ~found.any[open_])
        found.store(open_[keep], _take(trial, np.flatnonzero(keep)), scales[keep], exact[keep])
        found.mantissas[open_[keep]] = mantissas[open_[keep]]
        found.shifts[open_[keep]] = shifts[open_[keep]]
        found.tries[open_] = attempt
        open_ = open_[~exact]
        if not len(open_):
            break
        mantissas[open_], shifts[open_] = _next_factor(mantissas[open_], shifts[open_])
    if not np.all(found.any):
        raise ValueError(f"no float32 weight scale fits channel {int(np.argmin(found.any))}")
    return SnappedWeights(
        scales=found.scales,
        codes=found.codes,
        biases=found.biases,
        factors=_factor(found.mantissas, found.shifts),
        mantissas=found.mantissas,
        shifts=found.shifts,
        growth=found.scales / wanted,
        tries=found.tries,
        exact=found.exact,
    )


def ideal_scales(
    weights: FloatArray, biases: FloatArray, source: Quantized, target: Quantized
) -> FloatArray:
    """Return the scales (channels,) that use all weight codes; for a lone bias see above."""
    largest = np.abs(weights).max(0, initial=0.0)
    lone = np.abs(biases) / (float(source.scale) * 2.0**LONE_BIAS_BITS)
    neutral = float(target.scale) / float(source.scale)  # nothing but zeros: any scale will do
    empty = np.where(biases != 0, lone, neutral)
    return np.where(largest > 0, largest / LARGEST_CODE, empty)


def smallest_target_scale(weights: FloatArray, source: Quantized) -> float:
    """Return the output scale below which one accumulator step would pass the whole output range."""
    largest = np.abs(weights).max(initial=0.0) / LARGEST_CODE
    return float(largest * float(source.scale) / 256.0)


def _smallest_scale(
    weights: FloatArray, biases: FloatArray, source: Quantized, target: Quantized
) -> FloatArray:
    """Scales that keep bias plus accumulator inside int32 and the shift inside the multiplier."""
    taps = weights.shape[0]
    room = 2.0**31 - 2 - ACTIVATION.maximum * (taps / 2 + 1)
    if room <= 0:
        raise ValueError(f"{taps} taps overflow a 32-bit accumulator")
    span = np.abs(biases) / float(source.scale) + ACTIVATION.maximum * np.abs(weights).sum(0)
    shift = 257 * 2.0**-MAXIMUM_SHIFT * float(target.scale) / float(source.scale)
    return np.maximum(span / room, shift)


def _first_factor(least: FloatArray) -> tuple[IntArray, IntArray]:
    """Return the smallest m * 2^-e >= ``least``, m odd and 257 to 511, as (m, e)."""
    shifts = 8 - np.floor(np.log2(least)).astype(np.int64)
    mantissas = np.ceil(least * 2.0**shifts).astype(np.int64) | 1
    over = mantissas > 511
    mantissas, shifts = np.where(over, 257, mantissas), np.where(over, shifts - 1, shifts)
    if np.any(shifts < 0):
        raise ValueError(f"channel {int(np.argmin(shifts))} steps over the whole output range")
    return mantissas, shifts


def _next_factor(mantissas: IntArray, shifts: IntArray) -> tuple[IntArray, IntArray]:
    over = mantissas >= 511
    return np.where(over, 257, mantissas + 2), np.where(over, shifts - 1, shifts)


def _factor(mantissas: IntArray, shifts: IntArray) -> Float32Array:
    return np.ldexp(mantissas.astype(np.float32), -shifts.astype(np.int32)).astype(np.float32)


def _scales_for(
    factors: Float32Array, source: Quantized, target: Quantized
) -> tuple[Float32Array, npt.NDArray[np.bool_]]:
    """Return weight scales that give exactly ``factors``, and for which channels there is one."""
    quotient = factors.astype(np.float64) * float(target.scale) / float(source.scale)
    candidate = quotient.astype(np.float32)
    scales, reachable = candidate.copy(), np.zeros(len(factors), np.bool_)
    for step in sorted(range(-NEIGHBOURS, NEIGHBOURS + 1), key=abs):
        neighbour = (candidate.view(np.int32) + np.int32(step)).view(np.float32)
        hit = ~reachable & (neighbour * source.scale / target.scale == factors)
        scales, reachable = np.where(hit, neighbour, scales), reachable | hit
    return scales, reachable


@dataclass(frozen=True, slots=True)
class _Trial:
    codes: Int8Array
    biases: Int32Array


def _take(trial: _Trial, at: IntArray) -> _Trial:
    return _Trial(trial.codes[:, at], trial.biases[at])


def _quantize(
    weights: FloatArray, biases: FloatArray, scales: Float32Array, source: Quantized
) -> _Trial:
    """Quantize as onnxruntime's quantizer does: weights in float32, biases in float64."""
    codes = np.rint(weights.astype(np.float32) / scales)
    bias_scales = (source.scale * scales).astype(np.float64)
    return _Trial(
        np.clip(codes, -LARGEST_CODE, LARGEST_CODE).astype(np.int8),
        np.clip(np.rint(biases / bias_scales), -(2.0**31), 2.0**31 - 1).astype(np.int32),
    )


def _golden(
    trial: _Trial, factors: Float32Array, source: Quantized, target: Quantized
) -> GoldenRequantization:
    codes = trial.codes.astype(np.int64)
    return GoldenRequantization(
        factors=factors,
        biases=trial.biases - source.zero_point * codes.sum(0),
        zero_point=target.zero_point,
        output=ACTIVATION,
        lows=ACTIVATION.maximum * np.minimum(codes, 0).sum(0),
        highs=ACTIVATION.maximum * np.maximum(codes, 0).sum(0),
    )


class _Found:
    """What has been accepted so far, all channels of a layer."""

    def __init__(self, shape: tuple[int, ...]) -> None:
        channels = shape[1]
        self.any = np.zeros(channels, np.bool_)
        self.exact = np.zeros(channels, np.bool_)
        self.scales = np.zeros(channels, np.float32)
        self.codes = np.zeros(shape, np.int8)
        self.biases = np.zeros(channels, np.int32)
        self.mantissas = np.zeros(channels, np.int64)
        self.shifts = np.zeros(channels, np.int64)
        self.tries = np.zeros(channels, np.int64)

    def store(
        self, at: IntArray, trial: _Trial, scales: Float32Array, exact: npt.NDArray[np.bool_]
    ) -> None:
        self.any[at], self.exact[at], self.scales[at] = True, exact, scales
        self.codes[:, at], self.biases[at] = trial.codes, trial.biases


def is_exact(
    golden: GoldenRequantization, mantissas: IntArray, shifts: IntArray
) -> npt.NDArray[np.bool_]:
    """Say for each channel whether some r makes ``(a*m + r) >> e`` equal to ``golden``.

    The offset must lift each level's step to the level and must not lift the accumulator before it;
    all these bounds are below 2^63: levels are 8 bits, shifts at most 40, accumulators 32, m 9.
    """
    steps = fast_steps(golden)
    levels = np.arange(golden.output.minimum + 1, golden.output.maximum + 1)
    m, e = mantissas[:, None], shifts[:, None]
    reached, unreached = steps <= golden.highs[:, None], steps > golden.lows[:, None]
    at_least = np.where(reached, (levels << e) - steps * m, np.iinfo(np.int64).min)
    at_most = np.where(unreached, (levels << e) - (steps - 1) * m - 1, np.iinfo(np.int64).max)
    exact: npt.NDArray[np.bool_] = at_least.max(1) <= at_most.min(1)
    return exact


def fast_steps(golden: GoldenRequantization) -> IntArray:
    """Return ``golden.steps()``; computed from the quotient and checked, searched where wrong."""
    levels = np.arange(golden.output.minimum + 1, golden.output.maximum + 1)
    lows, highs = golden.lows[:, None], golden.highs[:, None]
    border = (levels - golden.zero_point - 0.5) / golden.factors.astype(np.float64)[:, None]
    guess = np.ceil(np.clip(border - golden.biases[:, None], lows - 1, highs + 2)).astype(np.int64)

    def reaches(accumulators: IntArray) -> npt.NDArray[np.bool_]:
        inside = np.clip(accumulators, lows, highs)
        high_enough = golden(inside.T).T >= levels
        result: npt.NDArray[np.bool_] = (accumulators >= lows) & (
            high_enough | (accumulators > highs)
        )
        return result

    before, at, after = reaches(guess - 1), reaches(guess), reaches(guess + 1)
    steps = np.clip(np.where(at, guess, guess + 1), lows, highs + 1)
    sure = np.all(~before & (at | after), axis=1)
    if not np.all(sure):
        steps[~sure] = _only(golden, np.flatnonzero(~sure)).steps()
    return steps


def _only(golden: GoldenRequantization, at: IntArray) -> GoldenRequantization:
    return GoldenRequantization(
        golden.factors[at],
        golden.biases[at],
        golden.zero_point,
        golden.output,
        golden.lows[at],
        golden.highs[at],
    )


def snap_average(pixels: int, source: Quantized, target: Quantized) -> tuple[Quantized, int | None]:
    """Choose a global average's output scale, at least ``target``'s, and return it with the shift.

    The shift is None if no factor was exact.
    Its factor is M = f32(sx / f32(sy * f32(pixels))); the scale is walked so that M falls through
    m * 2^-e as above.  The zero point stays.
    """
    first = float(source.scale) / (float(target.scale) * pixels)
    shift = 9 - int(np.ceil(np.log2(first)))
    mantissa = (int(np.floor(first * 2.0**shift)) - 1) | 1
    fallback: Quantized | None = None
    for _ in range(MOST_TRIES):
        if mantissa < 257:
            mantissa, shift = 511, shift + 1
        factor = np.ldexp(np.float32(mantissa), -shift)
        chosen = _average_scale(pixels, source, factor, target)
        if chosen is not None:
            fallback = fallback or chosen
            golden = average_golden(pixels, source, chosen)
            if is_exact(golden, np.array([mantissa]), np.array([shift]))[0]:
                return chosen, shift
        mantissa -= 2
    return fallback or target, None


def average_golden(pixels: int, source: Quantized, target: Quantized) -> GoldenRequantization:
    """Return onnxruntime's arithmetic for QLinearGlobalAveragePool over ``pixels`` pixels."""
    factor = source.scale / (target.scale * np.float32(pixels))
    return GoldenRequantization(
        factors=np.array([factor], np.float32),
        biases=np.array([-pixels * source.zero_point]),
        zero_point=target.zero_point,
        output=ACTIVATION,
        lows=np.array([0]),
        highs=np.array([ACTIVATION.maximum * pixels]),
    )


def _average_scale(
    pixels: int, source: Quantized, factor: np.float32, target: Quantized
) -> Quantized | None:
    candidate = np.float32(float(source.scale) / (float(factor) * pixels))
    for step in sorted(range(-NEIGHBOURS, NEIGHBOURS + 1), key=abs):
        scale = np.float32((candidate.view(np.int32) + np.int32(step)).view(np.float32))
        if scale >= target.scale and source.scale / (scale * np.float32(pixels)) == factor:
            return Quantized(scale, target.zero_point)
    return None
