"""Weight scales for which every requantization is a short factor and a shift, proved exact.

onnxruntime requantizes an accumulator with the float32 factor M = f32(f32(sx*sw)/sy) (input,
weight and output scale; f32 rounds).  Nothing forces a channel's sw to be exactly its largest
weight / 127: a slightly larger one costs a little resolution.  So the search walks M through the
numbers m * 2^-e with m odd, 257 to 511, upwards from the ideal; for each it looks for a float32 sw
that gives exactly this M, quantizes the channel with it, and takes the first for which
``(a*m + r) >> e`` has the very steps of onnxruntime's arithmetic over the whole reachable range of
accumulators (with some r).  Consecutive m lie 1/256 to 1/128 apart, so that is what a try costs.
Accumulators above some 22 bits need more draws, as float32 rounds the product near many steps:
channels without luck go on with m of 13 bits, which lie closer together.

With ``PowersOfTwo`` the first factor that is tried is a power of two, next above the ideal, or
rather the float32 number behind it: what lies half-way between two codes is then rounded away from
zero, and nothing else changes.  Where negative codes are cut off (ReLU) that is ``(a + r) >> e``,
without any multiplier, at the price of up to one bit of the weights.

Where weights are small against the output's steps, int8 resolves more than the output can show;
``finest_useful_scale`` is a lower bound that keeps accumulators (and multipliers) narrow there.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from frontend.exactness import (
    ACTIVATION,
    NEIGHBOURS,
    SEARCHES,
    BoolArray,
    Float32Array,
    FloatArray,
    Quantized,
    is_exact,
)
from frontend.powers_of_two import PowersOfTwo
from ir.numbers import IntArray
from ir.requantize import MAXIMUM_SHIFT, GoldenRequantization

Int8Array = npt.NDArray[np.int8]
Int32Array = npt.NDArray[np.int32]

LARGEST_CODE = 127
WEIGHT_NOISE = 1 / 32
"""What rounding weights may add to the output, root mean square in output steps, for nothing.

Rounding the output itself costs 1/sqrt(12), so this adds 0.05 dB at most."""


@dataclass(frozen=True, slots=True)
class SnappedWeights:
    """A Conv's or Gemm's constants; arrays are (channels,) but for ``codes``: (taps, channels).

    ``factors`` are onnxruntime's M = ``mantissas`` * 2^-``shifts``, or next to it.  ``growth``:
    scale over the ideal one.  ``tries``: values of M looked at.  ``exact``: the integer form is
    proved equal; where it is not, requantization needs another form.
    """

    scales: Float32Array
    codes: Int8Array
    biases: Int32Array
    factors: Float32Array
    mantissas: IntArray
    shifts: IntArray
    growth: FloatArray
    tries: IntArray
    exact: BoolArray


def snap_weights(
    weights: FloatArray,
    biases: FloatArray,
    source: Quantized,
    target: Quantized,
    powers_of_two: PowersOfTwo = PowersOfTwo.NONE,
) -> SnappedWeights:
    """Choose the scales of a Conv or Gemm and quantize its constants.

    ``weights``: (taps, channels); ``biases``: (channels,).  ``powers_of_two``: look for
    such factors first.  Raises ValueError if a channel cannot be represented at all.
    """
    wanted = ideal_scales(weights, source, target)
    searches: tuple[tuple[int, int], ...] = SEARCHES
    if is_mean(weights, source, target):
        wanted, searches = weights[0].copy(), SEARCHES[1:]
    lowest = np.maximum(wanted, _smallest_scale(weights, biases, source, target))
    found = _Found(weights.shape)
    if powers_of_two != PowersOfTwo.NONE:
        shifts = _shifts_above(lowest * (float(source.scale) / float(target.scale)))
        if powers_of_two == PowersOfTwo.LAYER:
            shifts[:] = shifts.min()
        found.store(
            np.arange(weights.shape[1]),
            _try(weights, biases, np.ones_like(shifts), shifts, source, target, beyond=True),
        )
    for bits, tries in searches:
        open_ = np.flatnonzero(~found.exact)
        factors = lowest[open_] * (float(source.scale) / float(target.scale))
        mantissas, shifts = _first_factor(factors, bits)
        for _ in range(tries):
            if not len(open_):
                break
            trial = _try(weights[:, open_], biases[open_], mantissas, shifts, source, target)
            found.store(open_, trial)
            left = ~trial.exact
            open_ = open_[left]
            mantissas, shifts = _next_factor(mantissas[left], shifts[left], bits)
    if not np.all(found.any):
        raise ValueError(f"no float32 weight scale fits channel {int(np.argmin(found.any))}")
    return SnappedWeights(
        scales=found.scales,
        codes=found.codes,
        biases=found.biases,
        factors=found.factors,
        mantissas=found.mantissas,
        shifts=found.shifts,
        growth=found.scales / wanted,
        tries=found.tries,
        exact=found.exact,
    )


def is_mean(weights: FloatArray, source: Quantized, target: Quantized) -> bool:
    """True if each channel has equal weights: their codes are 1, and multiply for nothing.

    The factor then is all of the weight, so it has the longer form at once.  A step must not pass
    much of the output's range.
    """
    equal = len(weights) > 1 and bool(np.all(weights == weights[0]) and np.all(weights > 0))
    step = float(weights.max(initial=0.0)) * float(source.scale) / float(target.scale)
    return equal and step < 16


def ideal_scales(weights: FloatArray, source: Quantized, target: Quantized) -> FloatArray:
    """Return the scales (channels,) that use all weight codes, or are as fine as makes sense."""
    largest = np.abs(weights).max(0, initial=0.0)
    finest = finest_useful_scale(len(weights), source, target)
    ideal: FloatArray = np.maximum(largest / LARGEST_CODE, finest)
    return ideal


def finest_useful_scale(taps: int, source: Quantized, target: Quantized) -> float:
    """Return the scale whose rounding adds WEIGHT_NOISE output steps of noise.

    A weight is off by sw/sqrt(12), an input code is 255/sqrt(3) (both root mean square), and the
    taps' errors add as squares.  A bias is then exact to a thousandth of an output step.
    """
    largest_input = ACTIVATION.maximum / np.sqrt(3)
    factor = WEIGHT_NOISE * np.sqrt(12) / (largest_input * np.sqrt(max(taps, 1)))
    return float(factor * float(target.scale) / float(source.scale))


def smallest_target_scale(weights: FloatArray, source: Quantized) -> float:
    """Return the output scale below which an accumulator step passes the whole output range."""
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
    smallest: FloatArray = np.maximum(span / room, shift)
    return smallest


def _shifts_above(least: FloatArray) -> IntArray:
    """Return e of the smallest powers of two 2^-e >= ``least``."""
    shifts: IntArray = -np.ceil(np.log2(least)).astype(np.int64)
    return shifts


def _first_factor(least: FloatArray, bits: int) -> tuple[IntArray, IntArray]:
    """Return the smallest m * 2^-e >= ``least``, m odd and ``bits`` long, as (m, e)."""
    shifts = bits - 1 - np.floor(np.log2(least)).astype(np.int64)
    mantissas = np.ceil(least * 2.0**shifts).astype(np.int64) | 1
    if np.any(shifts < bits - 9):
        raise ValueError(f"channel {int(np.argmin(shifts))} steps over the whole output range")
    return _carry(mantissas, shifts, bits)


def _next_factor(mantissas: IntArray, shifts: IntArray, bits: int) -> tuple[IntArray, IntArray]:
    return _carry(mantissas + 2, shifts, bits)


def _carry(mantissas: IntArray, shifts: IntArray, bits: int) -> tuple[IntArray, IntArray]:
    over = mantissas >= 1 << bits
    return np.where(over, (1 << (bits - 1)) + 1, mantissas), np.where(over, shifts - 1, shifts)


def _factor(mantissas: IntArray, shifts: IntArray) -> Float32Array:
    return np.ldexp(mantissas.astype(np.float32), -shifts.astype(np.int32)).astype(np.float32)


def _scales_for(
    factors: Float32Array, source: Quantized, target: Quantized
) -> tuple[Float32Array, BoolArray]:
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
    """One factor for each channel; ``possible``: some scale gives it."""

    mantissas: IntArray
    shifts: IntArray
    factors: Float32Array
    scales: Float32Array
    codes: Int8Array
    biases: Int32Array
    possible: BoolArray
    exact: BoolArray


def _try(
    weights: FloatArray,
    biases: FloatArray,
    mantissas: IntArray,
    shifts: IntArray,
    source: Quantized,
    target: Quantized,
    beyond: bool = False,
) -> _Trial:
    """Quantize as onnxruntime's quantizer does (weights float32, biases float64), and prove.

    ``beyond``: take the float32 numbers next above the factors.
    """
    factors = _factor(mantissas, shifts)
    if beyond:
        factors = np.nextafter(factors, np.float32(np.inf))
    scales, possible = _scales_for(factors, source, target)
    possible &= (shifts >= 0) & (shifts <= MAXIMUM_SHIFT)
    codes = np.rint(weights.astype(np.float32) / scales)
    codes = np.clip(codes, -LARGEST_CODE, LARGEST_CODE).astype(np.int8)
    sums = np.rint(biases / (source.scale * scales).astype(np.float64))
    whole = np.clip(sums, -(2.0**31), 2.0**31 - 1).astype(np.int32)
    exact = np.zeros(len(scales), np.bool_)
    if np.any(possible):
        golden = _golden(codes[:, possible], whole[possible], factors[possible], source, target)
        exact[possible] = is_exact(golden, mantissas[possible], shifts[possible])
    return _Trial(mantissas, shifts, factors, scales, codes, whole, possible, exact)


def _golden(
    codes: Int8Array,
    biases: Int32Array,
    factors: Float32Array,
    source: Quantized,
    target: Quantized,
) -> GoldenRequantization:
    weights = codes.astype(np.int64)
    return GoldenRequantization(
        factors=factors,
        biases=biases - source.zero_point * weights.sum(0),
        zero_point=target.zero_point,
        output=ACTIVATION,
        lows=ACTIVATION.maximum * np.minimum(weights, 0).sum(0),
        highs=ACTIVATION.maximum * np.maximum(weights, 0).sum(0),
    )


class _Found:
    """What has been accepted so far, all channels of a layer."""

    def __init__(self, shape: tuple[int, ...]) -> None:
        channels = shape[1]
        self.any = np.zeros(channels, np.bool_)
        self.exact = np.zeros(channels, np.bool_)
        self.factors = np.zeros(channels, np.float32)
        self.scales = np.zeros(channels, np.float32)
        self.codes = np.zeros(shape, np.int8)
        self.biases = np.zeros(channels, np.int32)
        self.mantissas = np.zeros(channels, np.int64)
        self.shifts = np.zeros(channels, np.int64)
        self.tries = np.zeros(channels, np.int64)

    def store(self, channels: IntArray, trial: _Trial) -> None:
        """Keep exact trials for good, and a channel's first possible one in case there is none."""
        self.tries[channels] += 1
        keep = trial.exact | (trial.possible & ~self.any[channels])
        at = channels[keep]
        self.any[at], self.exact[at] = True, trial.exact[keep]
        self.factors[at] = trial.factors[keep]
        self.scales[at], self.codes[:, at] = trial.scales[keep], trial.codes[:, keep]
        self.biases[at] = trial.biases[keep]
        self.mantissas[at], self.shifts[at] = trial.mantissas[keep], trial.shifts[keep]
