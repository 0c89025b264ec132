"""The synthesized netlist of a whole design as Verilog: GHDL's synthesis, repaired."""

from __future__ import annotations

import fcntl
import os
import re
import shutil
import subprocess
import tempfile
import time
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from sim.ghdl import FLAGS, find_ghdl, refusal
from sim.untangle import untangled

PIPE_BYTES = 1 << 20
"""The most that Linux lets everybody ask for."""

READING_INTERVAL = 0.02
"""Seconds in which GHDL writes less than a pipe holds."""


def synthesize(top: str, sources: Sequence[Path], generics: Mapping[str, int] | None = None) -> str:
    """Return GHDL's Verilog netlist of ``top``, a module per entity and set of generics.

    Args:
        top: name of the top entity.
        sources: its VHDL in compile order, as ``rtl.write_vhdl`` wrote it.
        generics: those of the top to override.

    Raises:
        CompileError: there is no GHDL, or it refuses the design.
    """
    overrides = [f"-g{name}={value}" for name, value in sorted((generics or {}).items())]
    with tempfile.TemporaryDirectory(prefix="millrace-") as scratch:
        # Copies, because the netlist says where everything comes from: the same wherever they are.
        folder = Path(scratch)
        files = [path.name for path in sources]
        for path in sources:
            shutil.copyfile(path, folder / path.name)
        # GHDL reads the sources itself: object code, which takes as long again, is not needed.
        command = [find_ghdl().program, "synth", *FLAGS, "--out=verilog", *overrides, *files]
        for text in reordered(sources[-1].read_text(encoding="utf-8")):
            (folder / files[-1]).write_text(text, encoding="utf-8")
            status, written, messages = _run([*command, "-e", top], folder)
            if status == 0 or CRASH not in messages:
                break
    if status != 0:
        raise refusal(messages)
    return untangled(repaired(written))


CRASH = "GHDL Bug occurred"
ORDERS = 12
"""Orders of instances that are tried."""

_INSTANCE = re.compile(r"\n(?:  --[^\n]*\n)*  \w+ : entity work\.\w+\n.*?;\n", re.S)


def reordered(top: str) -> Iterator[str]:
    """Yield the VHDL of ``top``, then the same with its instances in other orders.

    GHDL 2.0's synthesis crashes in one large design of a dozen, for no instance in it but for how
    far its tables have grown when it comes to one: in another order it does not.
    """
    found = list(_INSTANCE.finditer(top))
    yield top
    if len(found) < 2:
        return
    first, last = found[0].start(), found[-1].end()
    instances = [match[0] for match in found]
    if "".join(instances) != top[first:last]:
        return
    orders = [instances[::-1]]
    orders += [instances[n:] + instances[:n] for n in range(1, min(len(instances), ORDERS - 1))]
    for order in orders:
        yield top[:first] + "".join(order) + top[last:]


def _run(command: Sequence[str], folder: Path) -> tuple[int, str, str]:
    """Return status, standard output and error output of ``command``.

    GHDL writes single characters, and each bit of a table alone.  A roomy pipe that is looked at
    now and then takes them at half the cost of one whose reader wakes up for each, or of a file.
    """
    reading, writing = os.pipe()
    fcntl.fcntl(writing, fcntl.F_SETPIPE_SZ, PIPE_BYTES)
    parts: list[bytes] = []
    with os.fdopen(reading, "rb", buffering=0) as pipe, (folder / "messages").open("w+b") as errors:
        with os.fdopen(writing, "wb") as sink:
            process = subprocess.Popen(
                command, cwd=folder, stdin=subprocess.DEVNULL, stdout=sink, stderr=errors
            )
        while part := pipe.read(PIPE_BYTES):
            parts.append(part)
            if process.poll() is None:
                time.sleep(READING_INTERVAL)
        status = process.wait()
        errors.seek(0)
        messages = errors.read().decode(errors="replace")
    return status, b"".join(parts).decode("ascii", errors="replace"), messages


def repaired(verilog: str) -> str:
    """Return GHDL 2.0's netlist without four faults of its Verilog writer.

    Constants above 32 bits come as string literals (whose characters are bytes), constants extended
    beyond 64 bits as copies of a bit selected from a literal, operands of no bits as ``0'b`` or an
    empty string, and arithmetic right shifts as logical ones.
    """
    sized = re.sub(r'"([01xz]+)"', lambda bits: f"{len(bits[1])}'b{bits[1]}", verilog, flags=re.I)
    extended = re.sub(r"\{(\d+'b([01])[01]*)\[\d+\]\}\}, \1\}", r"{1'b\2}}, \1}", sized)
    joined = re.sub(r"(?<=[{ ])0'b, |, 0'b(?=[,}])", "", extended)
    present = re.sub(r"(?<= )0'b(?![01xz])|(?<= )\"\"(?=;)", "1'b0", joined)
    return re.sub(r"(= \$signed\(\w+\)) >> ", r"\1 >>> ", present)


LONGEST_LINE = 50_000
"""Characters; Verilator takes 40,000 tokens in a line, of which each has one character or more."""


def broken_lines(verilog: str) -> str:
    """Return ``verilog`` with concatenations of many parts on several lines."""
    lines = verilog.split("\n")
    return "\n".join(
        line.replace(", ", ",\n") if len(line) > LONGEST_LINE else line for line in lines
    )


@dataclass(frozen=True, slots=True)
class Memory:
    """The contents of a memory of the netlist: ``words`` in binary, by address."""

    file: str
    words: tuple[str, ...]

    @property
    def text(self) -> str:
        """What ``$readmemb`` reads."""
        return "".join(f"{word}\n" for word in self.words)


_INITIAL = re.compile(r"^  initial begin\n((?:    \w+\[\d+\] = \d+'b[01]+;\n)+)    end\n", re.M)
_WORD = re.compile(r"    (\w+)\[(\d+)\] = \d+'b([01]+);\n")


def without_tables(verilog: str, folder: str) -> tuple[str, list[Memory]]:
    """Return ``verilog`` with its tables in files below ``folder``, and these.

    Assignments in ``initial`` blocks would become C++, megabytes of it for a large network; what
    reads files does not even depend on the weights.
    """
    memories: list[Memory] = []

    def read(block: re.Match[str]) -> str:
        assignments = _WORD.findall(block[1])
        words = {int(address): word for _, address, word in assignments}
        name = assignments[0][0]
        if sorted(words) != list(range(len(assignments))):
            return block[0]
        contents = tuple(words[address] for address in range(len(words)))
        memory = Memory(f"{folder}/table_{len(memories)}.txt", contents)
        memories.append(memory)
        return f'  initial $readmemb("{memory.file}", {name});\n'

    return _INITIAL.sub(read, verilog), memories


_MADE_UP = re.compile(r"^(?:  (?:wire|reg) (?:\[\d+:0\] )?n\d+_\w+;.*\n)+", re.M)


def only_named_traced(verilog: str) -> str:
    """Return ``verilog`` with Verilator's waveforms off for the signals that GHDL made up.

    They are nine in ten, and nobody knows what n1234_o is.
    """
    return _MADE_UP.sub(r"/*verilator tracing_off*/\n\g<0>/*verilator tracing_on*/\n", verilog)
