"""``edgecls bench``: latency, cold start and memory of each exported file."""

from pathlib import Path

import click
from edgecls_bench.bench import bench, default_thread_counts
from edgecls_bench.cases import plan_cases
from edgecls_bench.machine import Machine
from edgecls_bench.measurement import BenchCase, BenchRun
from edgecls_device.files import write_atomically
from edgecls_device.records import to_json

from edgecls.cli.command_group import CommandGroup
from edgecls.cli.lists import split_names, split_numbers
from edgecls.cli.output import json_option, print_record, print_table
from edgecls.progress import progress, say
from edgecls.targets import find_target, warn_of_stale

__all__ = ["COMMANDS", "command"]

COMMANDS = {
    "compare": (
        "edgecls.cli.bench_compare:command",
        "Whether one benchmark is faster than another of this machine.",
    ),
    "profile": (
        "edgecls.cli.bench_profile:command",
        "How long each operation of a model takes, and which left the fast path.",
    ),
}

EPILOG = """\b
Examples, after edgecls demo:
  edgecls bench runs/demo
  edgecls bench runs/demo --backend litert --threads 1,2
  edgecls bench runs/demo/exports/demo.int8.tflite --runs 500 --json
"""


def _height_and_width(
    context: click.Context, option: click.Parameter, value: str
) -> tuple[int, int]:
    del context
    height, _, width = value.partition("x")
    if not (height.isascii() and height.isdigit() and width.isascii() and width.isdigit()):
        message = f"Expected HEIGHTxWIDTH in pixels, such as 480x640, got {value!r}."
        raise click.BadParameter(message, param=option)
    return int(height), int(width)


@click.group("bench", cls=CommandGroup, table=COMMANDS, epilog=EPILOG)
@click.argument(
    "targets", nargs=-1, required=True, metavar="RUN | ARTIFACT...", type=click.Path(path_type=Path)
)
@click.option(
    "--backend",
    "backends",
    metavar="NAMES",
    callback=split_names,
    help="Backends, with commas between them; by default all that are installed.",
)
@click.option(
    "--threads",
    metavar="NUMBERS",
    callback=split_numbers,
    help="Threads for one inference, with commas; by default 1 and all cores, at most 4.",
)
@click.option(
    "--runs",
    type=click.IntRange(min=1),
    help="Measured runs of each case; by default 1.5 seconds of them.",
)
@click.option(
    "--frame",
    metavar="HEIGHTxWIDTH",
    default="480x640",
    show_default=True,
    callback=_height_and_width,
    help="Size of the camera frame that is classified.",
)
@json_option
def command(
    targets: tuple[Path, ...],
    backends: list[str] | None,
    threads: list[int] | None,
    runs: int | None,
    frame: tuple[int, int],
    as_json: bool,
) -> None:
    """Measure the latency, cold start and memory of exported files on this machine.

    Every file is measured on every backend with every number of threads, each in processes of its own.
    Writes bench.json into RUN.
    """
    target = find_target(targets)
    warn_of_stale(target)
    cases = plan_cases(target.artifacts, backends, with_missing=True)
    total = len(cases) * len(threads or default_thread_counts())
    with progress("Benchmarking, cases", total) as advance:
        result = bench(
            target.artifacts,
            backends=backends,
            threads=threads,
            runs=runs,
            frame=frame,
            advance=advance,
        )
    _say_if_busy(result.machine)
    if target.run is not None:
        write_atomically(target.run.bench, to_json(result))
    if as_json:
        print_record(result)
        return
    _print(result, target.title)
    if target.run is not None:
        click.echo(f"wrote {target.run.bench}; next: edgecls report {target.run.path}")


def _say_if_busy(machine: Machine) -> None:
    if machine.is_busy:
        say(
            f"other programs kept {machine.busy_cores:.1f} of {machine.cores} cores busy: "
            "they are part of these figures"
        )


def _print(result: BenchRun, title: str) -> None:
    times = ["p50 ms", "p90 ms", "p99 ms", "bare p50", "over %", "cold ms"]
    columns = ["artifact", "backend", "threads", *times, "peak MB", "MB"]
    height, width = result.frame
    finished = [case for case in result.cases if not case.error]
    machine = result.machine
    print_table(
        f"{title}: a {width}x{height} frame to its label on {machine.model}, {machine.cores} cores",
        columns,
        [_row(case) for case in finished],
    )
    click.echo(
        "bare p50, over %: the runtime alone on a prepared input, and what the whole adds to it"
    )
    click.echo("cold ms: from the start of a process to its first label, on a warm disk")
    best = min(finished, key=lambda case: case.classify.p50_ms)
    p50_ms = best.classify.p50_ms
    click.echo(
        f"fastest: {best.artifact} on {best.backend}, {_threads(best)}: "
        f"{p50_ms:.2f} ms, {1000 / p50_ms:.0f} frames a second"
    )
    for case in result.cases:
        if case.error:
            click.echo(f"failed: {case.artifact} on {case.backend}, {_threads(case)}: {case.error}")


def _row(case: BenchCase) -> tuple[str, ...]:
    overhead = case.classify.p50_ms / case.invoke.p50_ms - 1
    return (
        case.artifact,
        case.backend,
        str(case.threads),
        f"{case.classify.p50_ms:.2f}",
        f"{case.classify.p90_ms:.2f}",
        f"{case.classify.p99_ms:.2f}",
        f"{case.invoke.p50_ms:.2f}",
        f"{100 * overhead:.1f}",
        f"{case.cold_start_ms:.0f}",
        f"{case.peak_memory_bytes / 1e6:.0f}",
        f"{case.size_bytes / 1e6:.1f}",
    )


def _threads(case: BenchCase) -> str:
    return f"{case.threads} thread{'s' if case.threads > 1 else ''}"
