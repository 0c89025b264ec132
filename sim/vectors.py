"""Vector files: the beats of a stream, one per line in hexadecimal, frame after frame."""

from __future__ import annotations

from pathlib import Path

import numpy as np

from ir.numbers import IntArray


def beats_as_text(codes: IntArray, lanes: int, bits: int) -> str:
    """Return the beats of ``codes``, (frames, height, width, channels), as lines of text.

    A beat has ``lanes`` values of ``bits`` bits in two's complement, lane 0 in the lowest bits,
    and takes ceil(lanes * bits / 4) digits.
    """
    values = codes.reshape(-1, lanes, 1)
    pattern = ((values >> np.arange(bits, dtype=np.int64)) & 1).astype(np.uint8)
    words = pattern.reshape(len(values), lanes * bits)
    padded = np.pad(words, ((0, 0), (0, -words.shape[1] % 8)))
    octets = np.packbits(padded, axis=1, bitorder="little")[:, ::-1]
    text = octets.tobytes().hex()
    size, digits = 2 * octets.shape[1], -(-lanes * bits // 4)
    starts = range(0, len(text), size)
    return "".join(f"{text[start + size - digits : start + size]}\n" for start in starts)


def write_vectors(path: Path, codes: IntArray, lanes: int, bits: int) -> None:
    """Write ``codes`` as a vector file; see beats_as_text."""
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(beats_as_text(codes, lanes, bits), encoding="ascii", newline="\n")
