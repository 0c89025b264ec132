"""Random networks through the whole chain: ``python -m tests.random_networks --count 500``.

Each network's outputs are compared with onnxruntime's, its streams with the interpreter's and its
cycles with the prediction, in the simulated netlist; a share of them in GHDL, too.  For each
failure the line is printed that builds the network again; ``--case LINE`` runs that one.
``--record FILE`` keeps the verdicts, so that a run that was cut off goes on where it was.  Exit
status 1 on any failure.
"""

from __future__ import annotations

import argparse
import dataclasses
import json
import multiprocessing
import sys
import warnings
from collections.abc import Iterator, Sequence
from concurrent.futures import ProcessPoolExecutor, as_completed
from contextlib import ExitStack
from pathlib import Path

from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn
from rich.table import Table

from tests.case import parse
from tests.strategies import draw
from tests.verdicts import Verdict, judge


def in_ghdl(number: int, share: float) -> bool:
    """Return whether network ``number`` runs in GHDL, too, so that ``share`` of all do."""
    return int((number + 1) * share) > int(number * share)


def judge_number(number: int, share: float) -> tuple[int, Verdict]:
    """Return the verdict on the network of this number."""
    return number, judge(draw(number), ghdl=in_ghdl(number, share))


def judge_all(numbers: Sequence[int], share: float, jobs: int) -> Iterator[tuple[int, Verdict]]:
    """Yield numbers and verdicts as they come, from ``jobs`` processes."""
    if jobs == 1:
        quiet()
        yield from (judge_number(number, share) for number in numbers)
        return
    # TensorFlow does not survive a fork.
    context = multiprocessing.get_context("spawn")
    with ProcessPoolExecutor(jobs, mp_context=context, initializer=quiet) as pool:
        for future in as_completed([pool.submit(judge_number, n, share) for n in numbers]):
            yield future.result()


def quiet() -> None:
    """Keep Keras from warning of a Softmax over one channel, which is drawn on purpose."""
    warnings.filterwarnings("ignore", message="You are using a softmax over axis")


def run(
    numbers: Sequence[int], share: float, jobs: int, record: Path | None, console: Console
) -> list[Verdict]:
    """Judge the networks of ``numbers`` that ``record`` does not have; return all verdicts."""
    before = {} if record is None else recorded(record)
    known = [before[number] for number in numbers if number in before]
    columns = (TextColumn("random networks"), BarColumn(), MofNCompleteColumn())
    verdicts = list(known)
    with ExitStack() as stack:
        progress = stack.enter_context(Progress(*columns, TimeElapsedColumn(), console=console))
        file = None if record is None else stack.enter_context(record.open("a", encoding="utf-8"))
        task = progress.add_task("", total=len(numbers), completed=len(known))
        left = [number for number in numbers if number not in before]
        for number, verdict in judge_all(left, share, jobs):
            verdicts.append(verdict)
            if file is not None:
                file.write(as_line(number, verdict))
                file.flush()
            progress.advance(task)
            tell(verdict, console)
    return verdicts


def tell(verdict: Verdict, console: Console) -> None:
    """Print why a network was refused or what was wrong, and the line that builds it again."""
    for problem in verdict.problems:
        print_plain(console, f"FAILED {problem}")
    if verdict.refusal is not None:
        print_plain(console, verdict.refusal)
    if verdict.refusal is not None or not verdict.passed:
        print_plain(console, f"  {verdict.case!r}\n")


def as_line(number: int, verdict: Verdict) -> str:
    """Return a line of a record."""
    figures = {f.name: getattr(verdict, f.name) for f in dataclasses.fields(verdict)}
    return json.dumps({"number": number, **figures, "case": repr(verdict.case)}) + "\n"


def recorded(path: Path) -> dict[int, Verdict]:
    """Return the verdicts of an earlier run by number; drop a last line that was cut off."""
    if not path.exists():
        return {}
    whole, end, _ = path.read_text(encoding="utf-8").rpartition("\n")
    path.write_text(whole + end, encoding="utf-8")
    verdicts: dict[int, Verdict] = {}
    for line in whole.splitlines():
        figures = json.loads(line)
        number = figures.pop("number")
        case, problems = parse(figures.pop("case")), tuple(figures.pop("problems"))
        verdicts[number] = Verdict(case, **figures, problems=problems)
    return verdicts


def print_plain(console: Console, text: str) -> None:
    """Print ``text`` as it is: neither wrapped nor coloured, so that it can be copied."""
    console.print(text, markup=False, highlight=False, soft_wrap=True)


def summary(verdicts: Sequence[Verdict]) -> Table:
    """Return the figures of all networks together."""
    table = Table(show_header=False)
    rows = {
        "networks": len(verdicts),
        "refused, with a reason": sum(v.refusal is not None for v in verdicts),
        "failed": sum(not v.passed for v in verdicts),
        "simulated as netlists": sum(v.in_netlist > 0 for v in verdicts),
        "simulated in GHDL, too": sum(v.in_ghdl > 0 for v in verdicts),
        "output values, interpreter against onnxruntime": sum(v.interpreted for v in verdicts),
        "output values, netlist against onnxruntime": sum(v.in_netlist for v in verdicts),
        "output values, GHDL against onnxruntime": sum(v.in_ghdl for v in verdicts),
        "values at all simulated streams": sum(v.at_streams for v in verdicts),
        "mismatches": sum(v.mismatches for v in verdicts),
        "deadlocks": sum(v.deadlocks for v in verdicts),
        "wrong predictions of cycles": sum(v.cycle_errors for v in verdicts),
    }
    for label, figure in rows.items():
        table.add_row(label, f"{figure:,}")
    seconds = sorted(v.seconds for v in verdicts)
    table.add_row("seconds per network, median", f"{seconds[len(seconds) // 2]:.1f}")
    table.add_row("slowest network", f"{seconds[-1]:.1f} s")
    return table


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the networks that were asked for; return the exit status."""
    parser = argparse.ArgumentParser(prog="python -m tests.random_networks", description=__doc__)
    parser.add_argument("--count", type=int, default=200, help="how many networks (200)")
    parser.add_argument("--seed", type=int, default=0, help="number of the first network (0)")
    parser.add_argument("--jobs", type=int, default=2, help="processes (2)")
    parser.add_argument(
        "--ghdl-share", type=float, default=0.1, help="how many of them run in GHDL, too (0.1)"
    )
    parser.add_argument("--record", type=Path, metavar="FILE", help="keep the verdicts in FILE")
    parser.add_argument("--case", type=parse, help="one case, as a failure was printed, in both")
    options = parser.parse_args(arguments)
    if options.count < 1 or options.jobs < 1 or options.seed < 0:
        parser.error("--count and --jobs must be at least 1, --seed at least 0")
    if not 0 <= options.ghdl_share <= 1:
        parser.error("--ghdl-share must be 0 to 1")
    console = Console()
    if options.case is not None:
        quiet()
        verdicts = [judge(options.case, ghdl=True)]
        tell(verdicts[0], console)
    else:
        numbers = range(options.seed, options.seed + options.count)
        verdicts = run(numbers, options.ghdl_share, options.jobs, options.record, console)
    console.print(summary(verdicts))
    return 0 if all(verdict.passed for verdict in verdicts) else 1


if __name__ == "__main__":
    sys.exit(main())
