"""The verdict of a simulation, and how it is read from the bench's messages."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TypeAlias


@dataclass(frozen=True, slots=True)
class Place:
    """Where in a run something happened.

    ``stream``: an element's name, or a port's.  ``phase``: 1 unstalled, 2 before the reset in
    mid-frame, 3 stalled.  ``cycle``: clock edges since the reset.
    """

    stream: str
    layer: str
    phase: int
    cycle: int
    frame: int

    def __str__(self) -> str:
        return f"{self.stream} (layer {self.layer}): frame {self.frame}"


@dataclass(frozen=True, slots=True)
class Mismatch:
    """The first wrong value; ``got`` is None where the hardware sent no number (X, U)."""

    place: Place
    y: int
    x: int
    channel: int
    expected: int
    got: int | None

    def __str__(self) -> str:
        got = "an undefined value" if self.got is None else self.got
        return (
            f"{self.place}, pixel (y {self.y}, x {self.x}), channel {self.channel}: "
            f"expected {self.expected}, got {got}, in cycle {self.place.cycle} "
            f"of phase {self.place.phase}"
        )


@dataclass(frozen=True, slots=True)
class ProtocolFault:
    """A broken rule of a stream's handshake."""

    place: Place
    rule: str

    def __str__(self) -> str:
        return f"{self.place}, in cycle {self.place.cycle} of phase {self.place.phase}: {self.rule}"


@dataclass(frozen=True, slots=True)
class StreamState:
    """What a stream was at when nothing moved any more: it sends ``beat`` of ``beats`` next."""

    stream: str
    valid: str
    ready: str
    frame: int
    beat: int
    beats: int

    def __str__(self) -> str:
        return (
            f"{self.stream}: valid {self.valid}, ready {self.ready}, "
            f"frame {self.frame}, beat {self.beat} of {self.beats}"
        )


@dataclass(frozen=True, slots=True)
class Hang:
    """Nothing moved for ``cycles``; ``states``: in the order of the graph."""

    phase: int
    cycles: int
    states: tuple[StreamState, ...]

    def __str__(self) -> str:
        states = "; ".join(str(state) for state in self.states)
        return f"nothing moved for {self.cycles} cycles of phase {self.phase}: {states}"


Fault: TypeAlias = Mismatch | ProtocolFault | Hang


@dataclass(frozen=True, slots=True)
class SimulationResult:
    """The verdict and the figures of one run.

    ``values_checked``: by stream, values that were compared, over all phases.
    ``frame_times``: by stream, (first, last) beat's cycle of each frame of the unstalled phase.
    ``completions``: for its successive frames, edges from the one that takes the first input
    beat of frame 0 to the one that takes the frame's last output beat; empty if it did not end.
    ``seconds``: on the processor, of the tools by stage; the last is ``run``.  ``wave``: the
    waveform, if one was wanted.
    """

    simulator: str
    fault: Fault | None
    values_checked: Mapping[str, int]
    frame_times: Mapping[str, tuple[tuple[int, int], ...]]
    completions: tuple[int, ...]
    seconds: Mapping[str, float]
    log: Path
    wave: Path | None = None

    @property
    def passed(self) -> bool:
        """True if every value and every handshake was right."""
        return self.fault is None

    @property
    def latency_cycles(self) -> int | None:
        """First input beat taken to last output beat taken, for the first frame after reset."""
        return self.completions[0] if self.completions else None

    @property
    def cycles_per_frame(self) -> int | None:
        """Cycles between the last output beats of the last two unstalled frames."""
        return self.completions[-1] - self.completions[-2] if len(self.completions) > 1 else None


@dataclass(frozen=True, slots=True)
class WatchedStream:
    """How a stream appears in the messages, in the order of the graph."""

    name: str
    layer: str
    lanes: int


@dataclass(frozen=True, slots=True)
class Messages:
    """What the bench said."""

    ended: bool
    fault: Fault | None
    values_checked: dict[str, int]
    frame_times: dict[str, tuple[tuple[int, int], ...]]


_WHERE = r"(?P<stream>[^:]+): phase (?P<phase>\d+), cycle (?P<cycle>\d+), frame (?P<frame>\d+)"
_MISMATCH = re.compile(
    rf"mismatch: {_WHERE}, y (?P<y>\d+), x (?P<x>\d+), channel (?P<channel>\d+): "
    r"expected (?P<expected>\S+), got (?P<got>\S+)"
)
_PROTOCOL = re.compile(rf"protocol: {_WHERE}(?:, beat \d+)?: (?P<rule>.+)")
_STATE = re.compile(
    r"state: (?P<stream>[^:]+): valid (\S+), ready (\S+), frame (\d+), beat (\d+) of (\d+)"
)
_HANG = re.compile(r"hang: phase (\d+), nothing moved for (\d+) cycles")
_CHECKED = re.compile(r"checked: (?P<stream>[^:]+): (\d+) beats")
_TIMING = re.compile(
    r"timing: (?P<stream>[^:]+): frame \d+, first beat at cycle (\d+), last at (\d+)"
)


def read_messages(text: str, streams: Sequence[WatchedStream]) -> Messages:
    """Return what the bench's output says; of several faults, the earliest and most upstream."""
    by_name = {stream.name: stream for stream in streams}
    order = {stream.name: index for index, stream in enumerate(streams)}
    faults: list[tuple[int, int, Fault]] = []
    states: list[StreamState] = []
    checked: dict[str, int] = {}
    times: dict[str, tuple[tuple[int, int], ...]] = {}
    hang: Hang | None = None
    lines = text.splitlines()
    for line in lines:
        if match := _TIMING.match(line):
            span = (int(match[2]), int(match[3]))
            times[match[1]] = (*times.get(match[1], ()), span)
        elif match := _CHECKED.match(line):
            checked[match[1]] = int(match[2]) * by_name[match[1]].lanes
        elif match := _STATE.match(line):
            numbers = (int(match[n]) for n in (4, 5, 6))
            states.append(StreamState(match[1], match[2], match[3], *numbers))
        elif match := _HANG.match(line):
            states.sort(key=lambda state: order[state.stream])
            hang = Hang(int(match[1]), int(match[2]), tuple(states))
        elif match := _MISMATCH.match(line) or _PROTOCOL.match(line):
            place = _place(match, by_name)
            faults.append((place.cycle, order[place.stream], _fault(match, place)))
    earliest = min(faults, key=lambda entry: entry[:2])[2] if faults else hang
    return Messages(bool({"passed", "failed"} & set(lines)), earliest, checked, times)


def _place(match: re.Match[str], by_name: Mapping[str, WatchedStream]) -> Place:
    stream = by_name[match["stream"]]
    numbers = (int(match[group]) for group in ("phase", "cycle", "frame"))
    return Place(stream.name, stream.layer, *numbers)


def _fault(match: re.Match[str], place: Place) -> Fault:
    groups = match.groupdict()
    if "rule" in groups:
        return ProtocolFault(place, groups["rule"])
    y, x, channel = (int(groups[key]) for key in ("y", "x", "channel"))
    expected = _number(groups["expected"])
    assert expected is not None, "vectors have no undefined values"
    return Mismatch(place, y, x, channel, expected, _number(groups["got"]))


def _number(image: str) -> int | None:
    """Return the value of a lane's image: decimal, or quoted bits, None for undefined bits."""
    if not image.startswith('"'):
        return int(image)
    bits = image.strip('"')
    return int(bits, 2) if set(bits) <= {"0", "1"} else None
