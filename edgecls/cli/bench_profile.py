"""``edgecls bench profile``: where the time of a model goes, operation by operation."""

from pathlib import Path

import click
from edgecls_bench.profiling.marks import NEGLIGIBLE
from edgecls_bench.profiling.profile import DEFAULT_RUNS, profile
from edgecls_bench.profiling.record import ModelProfile, Operation

from edgecls.cli.output import json_option, print_record, print_table
from edgecls.progress import progress, say
from edgecls.targets import find_target

__all__ = ["command"]

EPILOG = """\b
Examples, after edgecls demo:
  edgecls bench profile runs/demo/exports/demo.int8.tflite --runs 20
  edgecls bench profile runs/demo/exports/demo.int8.onnx --runs 20 --top 0
  edgecls bench profile runs/demo --runs 5 --json
"""

DEFAULT_TOP = 12
MOST_KINDS = 4
LEAST_SHARE = 0.005  # of the time: what would be shown as 0 % is counted with the others
SHORT_US = 100.0


@click.command("profile", epilog=EPILOG)
@click.argument(
    "targets", nargs=-1, required=True, metavar="RUN | ARTIFACT...", type=click.Path(path_type=Path)
)
@click.option("--backend", help="The runtime; by default the installed one of each file's format.")
@click.option(
    "--threads", type=int, default=1, show_default=True, help="Threads for one inference."
)
@click.option(
    "--runs",
    type=click.IntRange(min=1),
    default=DEFAULT_RUNS,
    show_default=True,
    help="How often each operation is timed.",
)
@click.option(
    "--top",
    type=click.IntRange(min=0),
    default=DEFAULT_TOP,
    show_default=True,
    help="Show so many of the slowest, and of the marked; 0 for all, in the order of execution.",
)
@json_option
def command(
    targets: tuple[Path, ...],
    backend: str | None,
    threads: int,
    runs: int,
    top: int,
    as_json: bool,
) -> None:
    """Show how long each operation of a model takes on this machine, and which left the fast path.

    TFLite and ONNX files give the same table. An operation is marked if the runtime does not execute it in
    its fastest way: outside of XNNPACK, in float in the middle of an int8 model, or only to convert between
    the two.
    """
    artifacts = find_target(targets).artifacts
    with progress("Profiling, models", len(artifacts)) as advance:
        result = profile(artifacts, backend=backend, threads=threads, runs=runs, advance=advance)
    if result.machine.is_busy:
        say(
            f"other programs kept {result.machine.busy_cores:.1f} of {result.machine.cores} cores "
            "busy: the times are longer for it, the shares hardly change"
        )
    if as_json:
        print_record(result)
        return
    if result.void:
        click.echo(f"VOID: {result.void}")
    for model in result.models:
        _print(model, top)
    for method in dict.fromkeys(model.method for model in result.models if model.method):
        click.echo(f"how: {method}")


def _print(model: ModelProfile, top: int) -> None:
    if model.error:
        click.echo(f"failed: {model.artifact} on {model.backend}: {model.error}\n")
        return
    threads = f"{model.threads} thread{'s' if model.threads > 1 else ''}"
    columns = ["layer", "operation", "output", "computes in", "us", "%"]
    rows = [_row(operation) for operation in _rows(model, top)]
    if model.slow:
        columns.append("mark")
    else:
        rows = [row[:-1] for row in rows]
    title = f"{model.artifact} on {model.backend}, {threads}: {_chosen(model, top)}"
    print_table(title, columns, rows, is_tight=True)
    click.echo(f"by kind: {_kinds(model)}")
    click.echo(
        f"together {_duration(model.sum_us)}; the whole model {_duration(model.whole_us)} "
        f"({100 * model.sum_us / model.whole_us:.0f} %)"
    )
    for line in _verdict(model):
        click.echo(line)
    click.echo()


def _duration(us: float) -> str:
    return f"{us / 1e3:.2f} ms" if us >= SHORT_US else f"{us:.0f} us"


def _chosen(model: ModelProfile, top: int) -> str:
    count = len(model.operations)
    return f"the slowest of {count} operations" if 0 < top < count else f"{count} operations"


def _rows(model: ModelProfile, top: int) -> list[Operation]:
    if not top:
        return list(model.operations)
    slowest = sorted(model.operations, key=lambda entry: entry.p50_us, reverse=True)
    return [*slowest[:top], *[entry for entry in slowest[top:] if not entry.is_fast_path][:top]]


def _row(operation: Operation) -> tuple[str, ...]:
    return (
        operation.name,
        operation.op,
        "x".join(map(str, operation.shape)) or "1",
        operation.precision,
        f"{operation.p50_us:.0f}",
        f"{100 * operation.share:.1f}",
        operation.reason,
    )


def _kinds(model: ModelProfile) -> str:
    shares: dict[str, list[float]] = {}
    for operation in model.operations:
        shares.setdefault(operation.op, []).append(operation.share)
    slowest = sorted(shares, key=lambda op: sum(shares[op]), reverse=True)
    listed = [op for op in slowest[:MOST_KINDS] if sum(shares[op]) >= LEAST_SHARE]
    told = [f"{len(shares[op])} {op} {100 * sum(shares[op]):.0f} %" for op in listed]
    others = sum(sum(shares[op]) for op in shares if op not in listed)
    return ", ".join([*told, *([f"others {100 * others:.0f} %"] if others >= LEAST_SHARE else [])])


def _verdict(model: ModelProfile) -> list[str]:
    """Return what left the fast path, and what to do, in sentences."""
    lines = [f"marked: {sentence}" for sentence in model.advice]
    if model.partitions > 1 and model.slow_share >= NEGLIGIBLE:
        lines.append(f"the marked ones cut the model into {model.partitions} parts for XNNPACK")
    return lines or ["all operations took the fast path"]
