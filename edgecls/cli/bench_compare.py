"""``edgecls bench compare``: is one benchmark faster than another?"""

from pathlib import Path

import click
from edgecls_bench.run_comparison import (
    CaseComparison,
    RunComparison,
    SpeedVerdict,
    compare_runs,
)
from edgecls_device.errors import SlowerError, VoidBenchmarkError

from edgecls.bench_records import read_bench
from edgecls.cli.output import json_option, print_record, print_table
from edgecls.run_directory import RunDirectory

__all__ = ["command"]

EPILOG = """\b
Examples, after edgecls demo:
  edgecls bench compare runs/demo/bench.json runs/demo
  edgecls bench compare runs/demo runs/demo --json

\b
With your own, before and after a change:
  edgecls bench compare old.json runs/pets
  edgecls bench compare runs/pets/bench/MONDAY.json runs/pets/bench/TUESDAY.json --fail-if-slower

\b
With --fail-if-slower it exits with 21 if a case is slower, 20 if nothing could be compared.
"""

STYLES = {"slower": "red", "faster": "green", "cannot tell": "yellow"}
_VERDICTS: tuple[SpeedVerdict, ...] = ("faster", "slower", "same", "cannot tell")
_NAMED = 5  # cases in an error; the table has all


@click.command("compare", epilog=EPILOG)
@click.argument("before", metavar="A", type=click.Path(path_type=Path))
@click.argument("after", metavar="B", type=click.Path(path_type=Path))
@click.option(
    "--fail-if-slower",
    is_flag=True,
    help="End with exit code 21 if a case of B is slower.",
)
@json_option
def command(before: Path, after: Path, fail_if_slower: bool, as_json: bool) -> None:
    """Say for each case whether benchmark B is faster or slower than A, the same, or that one cannot tell.

    A and B are records of edgecls bench, or runs, of which their bench.json is taken. Both have to be of the
    same machine. Faster and slower are said where the whole 95 % interval of the ratio of the medians lies
    beyond 2 %; the same, where it lies within.
    """
    files = [RunDirectory(path).bench if path.is_dir() else path for path in (before, after)]
    old, new = (read_bench(path) for path in files)
    result = compare_runs(old, new, before_name=str(files[0]), after_name=str(files[1]))
    if as_json:
        print_record(result)
    else:
        _print(result)
    if fail_if_slower:
        _fail(result)


def _print(result: RunComparison) -> None:
    if result.cases:
        columns = [
            "artifact",
            "backend",
            "threads",
            "A ms",
            "B ms",
            "B / A",
            "95 % interval",
            "B is",
        ]
        print_table(
            f"A {result.before}, {_when(result.before_created)}\n"
            f"B {result.after}, {_when(result.after_created)}",
            [*columns, "cold ms", "peak MB"],
            [_row(case) for case in result.cases],
            styles=STYLES,
        )
        click.echo(
            "A ms, B ms: median from frame to label; cold ms, peak MB: first label and memory of a process"
        )
    for reason in dict.fromkeys(case.reason for case in result.cases if case.reason):
        names = [_title(case) for case in result.cases if case.reason == reason]
        which = "every case" if len(names) == len(result.cases) else "; ".join(names)
        click.echo(f"{which}: {reason}")
    for name in dict.fromkeys(case.artifact for case in result.cases if not case.is_same_file):
        click.echo(f"{name}: another file in B than in A")
    for change in result.software:
        click.echo(f"{change.name}: {change.before or 'none'} in A, {change.after or 'none'} in B")
    for left in result.left_out:
        threads = _threads(left.threads)
        click.echo(f"left out: {left.artifact} on {left.backend}, {threads}: {left.reason}")
    click.echo(_sentence(result))


def _sentence(result: RunComparison) -> str:
    """Return the whole result in one sentence."""
    if not result.cases:
        return "Nothing could be compared."
    counts = [(verdict, len(result.with_verdict(verdict))) for verdict in _VERDICTS]
    told = ", ".join(f"{count} {verdict}" for verdict, count in counts if count)
    are = "case" if len(result.cases) == 1 else "cases"
    return f"B against A, {len(result.cases)} {are}: {told}."


def _fail(result: RunComparison) -> None:
    """Raise what ``--fail-if-slower`` ends with.

    Raises:
        SlowerError: If a case is slower.
        VoidBenchmarkError: If nothing could be compared, so that nothing is known.
    """
    slower = result.with_verdict("slower")
    if slower:
        names = ", ".join(f"{_title(case)} ({case.ratio:.2f} times)" for case in slower[:_NAMED])
        more = f" and {len(slower) - _NAMED} more" if len(slower) > _NAMED else ""
        message = f"Expected no case of {result.after} to be slower, got {names}{more}."
        raise SlowerError(
            message, hint="see which operations take the time: edgecls bench profile ARTIFACT"
        )
    if not result.cases:
        message = (
            f"Expected a case to compare in {result.after}, got none: {result.left_out[0].reason}."
        )
        raise VoidBenchmarkError(message, hint="measure again with: edgecls bench")


def _row(case: CaseComparison) -> tuple[str, ...]:
    peaks = [f"{size / 1e6:.0f}" for size in case.peak_memory_bytes]
    return (
        case.artifact,
        case.backend,
        str(case.threads),
        *(f"{ms:.2f}" for ms in case.p50_ms),
        f"{case.ratio:.3f}",
        f"{case.low:.3f}..{case.high:.3f}",
        case.verdict,
        " -> ".join(f"{ms:.0f}" for ms in case.cold_start_ms),
        " -> ".join(peaks),
    )


def _title(case: CaseComparison) -> str:
    return f"{case.artifact} on {case.backend}, {_threads(case.threads)}"


def _threads(threads: int) -> str:
    return "1 thread" if threads == 1 else f"{threads} threads"


def _when(created: str) -> str:
    return f"{created[:10]} {created[11:16]} UTC"
