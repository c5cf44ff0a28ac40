"""``edgecls bench``: latency, cold start and memory of each exported file; its subcommands say more."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import click
from edgecls_bench.bench import bench, count_progress
from edgecls_bench.energy import why_no_energy
from edgecls_bench.measurement import BenchRun
from edgecls_device.errors import OptionError, VoidBenchmarkError
from edgecls_device.records import to_json

from edgecls.bench_records import store_bench
from edgecls.cli.bench_hosts import measure_on_hosts
from edgecls.cli.bench_options import Care, care_options, frame_option
from edgecls.cli.bench_picking import budget_of, has_measurements, pick_and_print, pick_options
from edgecls.cli.bench_tables import print_bench, threads_of
from edgecls.cli.command_group import CommandGroup
from edgecls.cli.lists import split_names, split_numbers
from edgecls.cli.output import json_option
from edgecls.progress import progress, say
from edgecls.targets import Target, find_target, warn_of_stale

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
    "schema": ("edgecls.cli.bench_schema:command", "The JSON schema of what it writes."),
}

EPILOG = """\b
Examples, after edgecls demo:
  edgecls bench runs/demo --quick --threads 1
  edgecls bench runs/demo/exports/demo.int8.tflite --quick --backend litert --throughput
  edgecls bench runs/demo/exports/demo.int8.tflite --quick --threads 1,2 --runs 100 --json

\b
Minutes instead of seconds, and other machines:
  edgecls bench runs/pets
  edgecls bench runs/pets --sustained 300 --backend litert --threads 4
  edgecls bench runs/pets --host pi@shed.local
  edgecls bench runs/pets --pick --max-ms 20

\b
How each figure comes about, and what it does not say: docs/benchmarks.md
"""


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
@care_options
@frame_option
@pick_options
@click.option(
    "--host",
    "hosts",
    multiple=True,
    metavar="USER@ADDRESS",
    help="Measure there instead of here, over SSH; repeatable.",
)
@click.option("--python", default="", help="With --host: the Python there that has edgecls.")
@click.option(
    "--identity",
    type=click.Path(path_type=Path, dir_okay=False),
    help="With --host: a private key of SSH.",
)
@click.option(
    "--known-hosts",
    type=click.Path(path_type=Path, dir_okay=False),
    help="With --host: instead of ~/.ssh/known_hosts.",
)
@click.option("--strict", is_flag=True, help="Exit code 20 if a case was disturbed.")
@json_option
def command(
    targets: tuple[Path, ...],
    backends: list[str] | None,
    threads: list[int] | None,
    frame: tuple[int, int],
    pick: bool,
    max_ms: float | None,
    min_agreement: float | None,
    max_drop: float | None,
    hosts: tuple[str, ...],
    python: str,
    identity: Path | None,
    known_hosts: Path | None,
    strict: bool,
    as_json: bool,
    **care: Any,
) -> None:
    """Measure the latency, cold start and memory of exported files on this machine.

    Every file is measured on every backend with every number of threads, each in several processes of its own
    that run in random order. What was disturbed by other programs, heat or emulation is measured again, and
    marked as void if that does not help. Every sample is kept: a file for each benchmark in RUN/bench, which is
    never changed, and the newest of this machine in RUN/bench.json.
    """
    target = find_target(targets)
    warn_of_stale(target)
    _check_host_options(hosts, python, identity, known_hosts, is_pick=pick)
    budget = budget_of(
        is_asked=pick,
        run=target.run,
        max_ms=max_ms,
        min_agreement=min_agreement,
        max_drop=max_drop,
    )
    asked = Care(**care)
    results: list[BenchRun] = []
    if budget is None or target.run is None or not has_measurements(target.run):
        measuring = (
            measure_on_hosts(
                target,
                hosts,
                frame=frame,
                words=[*_case_words(backends, threads), *asked.words],
                python=python,
                identity=identity,
                known_hosts=known_hosts,
            )
            if hosts
            else _measure_here(target, backends, threads, frame, asked)
        )
        for result in measuring:
            results.append(result)
            _tell(result, target, as_json=as_json, is_pick=pick)
    if budget is not None and target.run is not None:
        pick_and_print(target.run, budget, as_json=as_json)
    if strict:
        _refuse_void(results)


def _check_host_options(
    hosts: tuple[str, ...],
    python: str,
    identity: Path | None,
    known_hosts: Path | None,
    *,
    is_pick: bool,
) -> None:
    if hosts and is_pick:
        message = (
            "Expected --pick or --host, got both: a pick is made of measurements of this machine."
        )
        raise OptionError(message, hint="run edgecls bench RUN --pick on the device")
    given = {"--python": python, "--identity": identity, "--known-hosts": known_hosts}
    lonely = [name for name, value in given.items() if value]
    if lonely and not hosts:
        message = f"Expected --host with {lonely[0]}, got none."
        raise OptionError(message, hint=f"add --host pi@address, or leave out {lonely[0]}")


def _case_words(backends: list[str] | None, threads: list[int] | None) -> list[str]:
    words = ["--backend", ",".join(backends)] if backends else []
    return words + (["--threads", ",".join(map(str, threads))] if threads else [])


def _measure_here(
    target: Target,
    backends: list[str] | None,
    threads: list[int] | None,
    frame: tuple[int, int],
    care: Care,
) -> Iterator[BenchRun]:
    settings = care.settings
    if settings.measures_energy and (reason := why_no_energy()):
        say(f"energy is left out: {reason}")
    total = count_progress(target.artifacts, backends=backends, threads=threads, settings=settings)
    with progress("Benchmarking, steps", total) as advance:
        result = bench(
            target.artifacts,
            backends=backends,
            threads=threads,
            frame=frame,
            settings=settings,
            advance=advance,
        )
    yield result


def _tell(result: BenchRun, target: Target, *, as_json: bool, is_pick: bool) -> None:
    """Store a benchmark and print it; the JSON of a pick stands alone."""
    path = None if target.run is None else store_bench(target.run, result)
    _say_if_void(result)
    if as_json and is_pick:
        return
    if as_json:
        click.echo(to_json(result, indent=None), nl=False)
        return
    print_bench(result, target.title)
    if path is not None and target.run is not None:
        click.echo(f"wrote {path}; next: edgecls report {target.run.path}")


def _say_if_void(result: BenchRun) -> None:
    void = [case for case in result.cases if case.void]
    if void:
        count = (
            "every case"
            if len(void) == len(result.cases)
            else f"{len(void)} of {len(result.cases)} cases"
        )
        say(
            f"VOID: {count}: {void[0].void}. These figures say more of the moment than of the model."
        )


def _refuse_void(results: list[BenchRun]) -> None:
    void = [case for result in results for case in result.cases if case.void]
    if void:
        first = void[0]
        message = (
            f"Expected undisturbed cases, got {len(void)} that are void, the first is {first.artifact} "
            f"on {first.backend}, {threads_of(first.threads)}: {first.void}."
        )
        raise VoidBenchmarkError(
            message, hint="end other programs, let the machine cool, and repeat"
        )
