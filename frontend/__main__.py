"""The command line: ``python -m frontend model.h5``, or ``millrace model.h5``."""

from __future__ import annotations

import os
import sys
import traceback
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager
from io import TextIOWrapper
from pathlib import Path
from typing import Annotated, Any, Literal, get_args

import typer
from rich.console import Console
from rich.markup import escape
from rich.progress import Progress, SpinnerColumn, TextColumn, TimeElapsedColumn
from typer.core import TyperCommand

from frontend import __version__
from frontend.optional_value import filled
from frontend.powers_of_two import PowersOfTwo
from ir.errors import CompileError, printable
from ir.parts import PARTS

app = typer.Typer(add_completion=False, rich_markup_mode="rich", pretty_exceptions_enable=False)


def _print_version(wanted: bool) -> None:
    if wanted:
        print(f"millrace {__version__}")
        raise typer.Exit


MODEL = (
    "Trained network: .onnx, float or quantized; .h5, .keras, or .json with X_weights.h5 beside "
    "X.json; a SavedModel folder of TensorFlow; .tflite."
)
CALIBRATE = (
    "Frames that set the scales: .npy, .npz (x, and y for labels; an array of each one's name for "
    "several inputs), or a folder of images (sub-folders are classes). Without it a stand-in is "
    "drawn and no accuracy is claimed."
)

TEST = (
    "Frames to simulate, in the same forms; with labels, accuracy is reported for the float "
    "model, the quantized graph and the hardware. By default the calibration data."
)


SIMULATE = (
    "Prove it, with random stalls, in GHDL, every stream, or, hundreds of times faster, as the "
    "netlist that GHDL synthesizes. Alone it means ghdl."
)
SimulatorName = Literal["ghdl", "netlist"]
OPTIONAL_VALUES = {"--simulate": get_args(SimulatorName)}


class _Command(TyperCommand):
    """The command, with options whose value may be left out."""

    def parse_args(self, ctx: Any, args: list[str]) -> list[str]:
        return super().parse_args(ctx, filled(args, OPTIONAL_VALUES))


@app.command(
    cls=_Command,
    help="Compile a trained network to streaming VHDL that computes onnxruntime's integers.",
)
def compile_command(
    model: Annotated[Path, typer.Argument(help=MODEL, show_default=False)],
    output: Annotated[
        Path | None,
        typer.Option("--output", "-o", help="Output folder. [dim]\\[default: MODEL_millrace][/]"),
    ] = None,
    weights: Annotated[
        Path | None, typer.Option(help="Weights of a .json architecture.", show_default=False)
    ] = None,
    calibrate: Annotated[Path | None, typer.Option(help=CALIBRATE, show_default=False)] = None,
    test: Annotated[Path | None, typer.Option(help=TEST, show_default=False)] = None,
    image_scale: Annotated[
        float,
        typer.Option(help="Factor on the values of data files, such as 0.00392157 for 1/255."),
    ] = 1.0,
    image_offset: Annotated[float, typer.Option(help="Summand after the factor.")] = 0.0,
    cycles: Annotated[
        int | None,
        typer.Option(
            min=1,
            show_default=False,
            help="Cycles per frame to reach at the least cost. By default the fewest "
            "that 128 products a cycle allow, or that fit --part and --budget.",
        ),
    ] = None,
    fps: Annotated[
        float | None,
        typer.Option(show_default=False, help="Frames per second to reach, in its place."),
    ] = None,
    clock: Annotated[
        float | None,
        typer.Option(show_default=False, help="Clock in MHz, for --fps. [dim]\\[default: 100][/]"),
    ] = None,
    part: Annotated[
        str | None,
        typer.Option(show_default=False, help=f"FPGA that it must fit: {', '.join(PARTS)}."),
    ] = None,
    use: Annotated[
        float | None,
        typer.Option(
            show_default=False,
            help="Fraction of the part that may be used. [dim]\\[default: 0.8][/]",
        ),
    ] = None,
    budget: Annotated[
        str | None,
        typer.Option(
            show_default=False,
            help="Resources to use at most, such as lut=20000,dsp=100; also ff, bram18, bram36, "
            "uram (never used), and products per cycle.",
        ),
    ] = None,
    powers_of_two: Annotated[
        PowersOfTwo,
        typer.Option(
            help="Requantize by shifts instead of multiplications where possible, with a shift for "
            "each channel (weights lose up to a bit) or for each layer (small ones lose more).",
        ),
    ] = PowersOfTwo.NONE,
    adder_levels: Annotated[
        int,
        typer.Option(
            min=1,
            help="Adders in a row between registers, where a layer of one cycle is made of adders "
            "alone: more of them take fewer edges, at a slower clock.",
        ),
    ] = 1,
    argmax: Annotated[
        bool,
        typer.Option("--argmax", help="Send the class instead of leaving Softmax to the host."),
    ] = False,
    softmax: Annotated[
        bool,
        typer.Option(
            "--softmax",
            help="Compute the final Softmax in the core, too, within one code of onnxruntime.",
        ),
    ] = False,
    simulate: Annotated[
        SimulatorName | None,
        typer.Option(help=SIMULATE, metavar="[ghdl|netlist]", show_default=False),
    ] = None,
    frames: Annotated[int, typer.Option(min=1, help="Frames to simulate.")] = 8,
    seed: Annotated[int, typer.Option(min=0, help="Seed of the random stalls.")] = 0,
    no_stalls: Annotated[
        bool,
        typer.Option(
            "--no-stalls",
            help="Simulate each frame once, without stalls and resets: for large networks in GHDL.",
        ),
    ] = False,
    trace: Annotated[
        bool,
        typer.Option(
            "--trace",
            help="Compare every element's stream in the netlist, too, and name the first that "
            "differs; GHDL always does.",
        ),
    ] = False,
    wave: Annotated[
        bool, typer.Option("--wave", help="Write the simulation's waveform for GTKWave.")
    ] = False,
    times: Annotated[
        bool, typer.Option("--times", help="Print how long each stage took, in seconds.")
    ] = False,
    show_version: Annotated[
        bool | None,
        typer.Option("--version", callback=_print_version, is_eager=True, help="Print and exit."),
    ] = None,
) -> None:
    """Compile ``model``; typer shows the options' own help."""
    # The chain imports slowly; --help and wrong usage must not wait for it.
    from frontend.calibration import Preprocessing
    from frontend.compiler import CompileOptions, compile_model, write_output
    from frontend.goal import goal
    from frontend.quantize import QuantizeOptions
    from frontend.simulation import SimulationRequest
    from frontend.summary import print_summary, print_times
    from sim import SimulationOptions, Simulator

    if simulate is None and (trace or wave):
        raise typer.BadParameter("--trace and --wave need --simulate")
    try:
        wanted = goal(
            cycles=cycles, fps=fps, clock_mhz=clock, part=part, use=use, budget=budget,
            adder_levels=adder_levels,
        )  # fmt: skip
    except ValueError as wrong:
        raise typer.BadParameter(str(wrong)) from wrong
    console = Console(stderr=True)
    options = CompileOptions(
        weights=weights,
        calibration=calibrate,
        test=test,
        preprocessing=Preprocessing(image_scale, image_offset),
        quantization=QuantizeOptions(argmax=argmax, softmax=softmax, powers_of_two=powers_of_two),
        goal=wanted,
    )
    folder = output or Path(f"{model.stem}_millrace")
    stalled, unstalled = SimulationOptions(seed=seed, wave=wave), SimulationOptions.unstalled
    request = simulate and SimulationRequest(
        frames,
        unstalled(frames, wave=wave) if no_stalls else stalled,
        Simulator(simulate),
        trace,
        failed_wave=folder.with_name(f"{folder.name}_failed"),
    )
    with _stages(console) as show:
        compilation = compile_model(model, options, show)
        written = write_output(compilation, folder, request, show)
    print_summary(written, folder)
    if times:
        print_times(compilation.stage_seconds)


@contextmanager
def _stages(console: Console) -> Iterator[Callable[[str], AbstractContextManager[None]]]:
    """Show the running stage, unless the output is no terminal."""
    columns = (SpinnerColumn(), TextColumn("{task.description}"), TimeElapsedColumn())
    with Progress(*columns, console=console, transient=True, disable=not console.is_terminal) as p:

        @contextmanager
        def show(name: str) -> Iterator[None]:
            task = p.add_task(escape(name))
            yield
            p.remove_task(task)

        yield show


def main() -> None:
    """Run the command line; exit status 0 done, 1 not compiled, 2 wrong usage."""
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, TextIOWrapper):  # names may hold what the terminal's encoding lacks
            stream.reconfigure(errors="backslashreplace")
    try:
        app()
    except CompileError as error:
        print(f"error: {error}", file=sys.stderr)
        sys.exit(1)
    except RecursionError:
        print("error: the model is nested too deeply; flatten it", file=sys.stderr)
        sys.exit(1)
    except MemoryError:
        print("error: out of memory; compile a smaller model", file=sys.stderr)
        sys.exit(1)
    except OSError as error:
        print(
            f"error: {printable(str(error))}; check the path and its permissions", file=sys.stderr
        )
        sys.exit(1)
    except Exception as error:
        if os.environ.get("MILLRACE_TRACEBACK"):
            raise
        print(f"error: {_defect(error)}", file=sys.stderr)
        sys.exit(1)


def _defect(error: Exception) -> str:
    """Return one line on an exception that should not happen, with the place where it did."""
    last = traceback.extract_tb(error.__traceback__)[-1]
    place = f"{Path(last.filename).name}:{last.lineno}"
    what = printable(f"{type(error).__name__} {error}".strip())
    return (
        f"internal: {what} in {place}; this is a bug, please report it with the traceback that "
        "MILLRACE_TRACEBACK=1 shows"
    )


if __name__ == "__main__":
    main()
