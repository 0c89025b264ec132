"""Random networks through the whole chain: ``python -m tests.random_networks --count 200``.

Prints how many networks, output values and mismatches there were and, for each failure, the line
that builds the network again; ``--case LINE`` runs that one.  Exit status 1 on any failure.
"""

from __future__ import annotations

import argparse
import multiprocessing
import sys
import warnings
from collections.abc import Iterator, Sequence
from concurrent.futures import ProcessPoolExecutor, as_completed

from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn
from rich.table import Table

from tests.case import Case, parse
from tests.strategies import draw
from tests.verdicts import Verdict, judge


def judge_all(chosen: Sequence[Case], jobs: int) -> Iterator[Verdict]:
    """Yield the verdict on each case as it comes, from ``jobs`` processes."""
    if jobs == 1:
        quiet()
        yield from map(judge, chosen)
        return
    # TensorFlow does not survive a fork.
    context = multiprocessing.get_context("spawn")
    with ProcessPoolExecutor(jobs, mp_context=context, initializer=quiet) as pool:
        for future in as_completed([pool.submit(judge, case) for case in chosen]):
            yield future.result()


def quiet() -> None:
    """Keep Keras from warning of a Softmax over one channel, which is drawn on purpose."""
    warnings.filterwarnings("ignore", message="You are using a softmax over axis")


def run(chosen: Sequence[Case], jobs: int, console: Console) -> list[Verdict]:
    """Judge all cases with a progress bar; print failures as they come."""
    columns = (TextColumn("random networks"), BarColumn(), MofNCompleteColumn())
    verdicts = []
    with Progress(*columns, TimeElapsedColumn(), console=console) as progress:
        task = progress.add_task("", total=len(chosen))
        for verdict in judge_all(chosen, jobs):
            verdicts.append(verdict)
            progress.advance(task)
            for problem in verdict.problems:
                print_plain(console, f"FAILED {problem}")
            if verdict.refusal is not None:
                print_plain(console, verdict.refusal)
            if verdict.refusal is not None or not verdict.passed:
                print_plain(console, f"  {verdict.case!r}\n")
    return verdicts


def print_plain(console: Console, text: str) -> None:
    """Print ``text`` as it is: neither wrapped nor coloured, so that it can be copied."""
    console.print(text, markup=False, highlight=False, soft_wrap=True)


def summary(verdicts: Sequence[Verdict]) -> Table:
    """Return the figures of all cases together."""
    table = Table(show_header=False)
    rows = {
        "networks": len(verdicts),
        "refused, with a reason": sum(v.refusal is not None for v in verdicts),
        "failed": sum(not v.passed for v in verdicts),
        "output values, interpreter against onnxruntime": sum(v.interpreted for v in verdicts),
        "output values, GHDL against onnxruntime": sum(v.simulated for v in verdicts),
        "mismatches": sum(v.mismatches for v in verdicts),
        "wrong predictions of cycles": sum(v.cycle_errors for v in verdicts),
    }
    for label, figure in rows.items():
        table.add_row(label, f"{figure:,}")
    slowest = max(verdicts, key=lambda v: v.seconds)
    table.add_row("slowest network", f"{slowest.seconds:.1f} s")
    return table


def main(arguments: Sequence[str] | None = None) -> int:
    parser = argparse.ArgumentParser(prog="python -m tests.random_networks", description=__doc__)
    parser.add_argument("--count", type=int, default=200, help="how many networks (200)")
    parser.add_argument("--seed", type=int, default=0, help="number of the first network (0)")
    parser.add_argument("--jobs", type=int, default=2, help="processes (2)")
    parser.add_argument("--case", type=parse, help="one case, as a failure was printed")
    options = parser.parse_args(arguments)
    if options.count < 1 or options.jobs < 1:
        parser.error("--count and --jobs must be at least 1")
    console = Console()
    if options.case is not None:
        chosen, jobs = [options.case], 1
    else:
        numbers = range(options.seed, options.seed + options.count)
        chosen, jobs = [draw(number) for number in numbers], options.jobs
    verdicts = run(chosen, jobs, console)
    console.print(summary(verdicts))
    return 0 if all(verdict.passed for verdict in verdicts) else 1


if __name__ == "__main__":
    sys.exit(main())
