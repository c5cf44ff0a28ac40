"""What ``edgecls bench`` prints for people."""

import click
from edgecls_bench.measurement import BenchCase, BenchRun, Latency
from edgecls_bench.sustained import Sustained

from edgecls.cli.output import print_table

__all__ = ["print_bench", "threads_of"]

_CASE = ("artifact", "backend", "threads")
_TIMES = ("p50 ms", "95 % interval", "p90 ms", "p99 ms")
_PARTS = ("preprocess", "inference", "postprocess", "bare p50", "over %")
_START = ("cold ms", "python", "import", "load", "first", "peak MB", "steady MB", "MB")


def print_bench(result: BenchRun, title: str) -> None:
    """Print the figures of all cases, what disturbed or failed, and which one is fastest."""
    height, width = result.frame
    machine = result.machine
    finished = [case for case in result.cases if not case.error]
    where = f"{result.host}, {machine.model}" if result.host else machine.model
    print_table(
        f"{title}: a {width}x{height} frame to its label on {where}, {machine.cores} cores",
        [*_CASE, *_TIMES, *_PARTS],
        [(*_names(case), *_time_cells(case)) for case in finished],
        is_tight=True,
    )
    click.echo(
        "bare p50, over %: the runtime alone on a prepared input, and what the whole adds to it"
    )
    _print_starts(finished)
    for case in result.cases:
        _print_remarks(case)
    _print_unsettled(result)
    for load in result.sustained:
        _print_sustained(load)
    _print_fastest(result)


def threads_of(threads: int) -> str:
    """Return ``1 thread``, or ``2 threads``."""
    return "1 thread" if threads == 1 else f"{threads} threads"


def _names(case: BenchCase) -> tuple[str, ...]:
    mark = " (void)" if case.void else ""
    return (f"{case.artifact}{mark}", case.backend, str(case.threads))


def _time_cells(case: BenchCase) -> tuple[str, ...]:
    whole, bare = case.classify, case.invoke
    return (
        f"{whole.p50_ms:.2f}",
        _interval(whole),
        f"{whole.p90_ms:.2f}",
        f"{whole.p99_ms:.2f}" if whole.has_p99 else "-",
        f"{case.preprocess.p50_ms:.2f}",
        f"{case.inference.p50_ms:.2f}",
        f"{case.postprocess.p50_ms:.2f}",
        f"{bare.p50_ms:.2f}",
        f"{100 * (whole.p50_ms / bare.p50_ms - 1):.1f}",
    )


def _interval(latency: Latency) -> str:
    return "..".join(f"{end:.2f}" for end in latency.p50_interval_ms) or "-"


def _print_starts(cases: list[BenchCase]) -> None:
    more = []
    if any(case.throughput for case in cases):
        more.append("frames/s")
    if any(case.energy for case in cases):
        more.append("mJ/frame")
    print_table(
        "",
        [*_CASE, *_START, *more],
        [(*_names(case), *_start_cells(case), *_more_cells(case, more)) for case in cases],
        is_tight=True,
    )
    click.echo(
        "cold ms: from the start of a process to its first label, on a warm disk, and its parts"
    )
    if "frames/s" in more:
        click.echo(
            "frames/s: as many processes side by side as the cores allow, each with its threads"
        )


def _start_cells(case: BenchCase) -> tuple[str, ...]:
    cold = case.cold
    parts = (
        ("-",) * 4
        if cold is None
        else tuple(
            f"{ms:.0f}"
            for ms in (cold.python_ms, cold.import_ms, cold.load_ms, cold.first_inference_ms)
        )
    )
    sizes = (case.peak_memory_bytes, case.steady_memory_bytes)
    return (
        f"{case.cold_start_ms:.0f}",
        *parts,
        *(f"{size / 1e6:.0f}" for size in sizes),
        f"{case.size_bytes / 1e6:.1f}",
    )


def _more_cells(case: BenchCase, columns: list[str]) -> tuple[str, ...]:
    values = {
        "frames/s": case.throughput and f"{case.throughput.frames_per_second:.0f}",
        "mJ/frame": case.energy and f"{case.energy.millijoules_per_frame:.1f}",
    }
    return tuple(values[column] or "-" for column in columns)


def _print_remarks(case: BenchCase) -> None:
    title = f"{case.artifact} on {case.backend}, {threads_of(case.threads)}"
    if case.error:
        click.echo(f"failed: {title}: {case.error}")
    if case.void:
        click.echo(f"void: {title}: {case.void}")
    for note in case.notes:
        click.echo(f"note: {title}: {note}")


def _print_unsettled(result: BenchRun) -> None:
    """Name the cases whose time was up too soon; of a quick look nothing else is expected."""
    if result.method is None or result.method.rounds == 1:
        return
    names = [
        f"{case.artifact} on {case.backend}, {threads_of(case.threads)}"
        for case in result.cases
        if not case.error and not case.is_settled
    ]
    if names:
        click.echo(f"median not settled when time was up, see its interval: {'; '.join(names)}")


def _print_sustained(load: Sustained) -> None:
    if not load.points:
        return
    first, last = load.points[0], load.points[-1]
    heat = [point.reading.celsius for point in (first, last)]
    told = "" if None in heat else f", from {heat[0]:.0f} to {heat[1]:.0f} degrees Celsius"
    click.echo(
        f"sustained: {load.artifact} on {load.backend}, {threads_of(load.threads)}, "
        f"{last.at_s:.0f} s without a pause: {first.p50_ms:.2f} ms at first, {last.p50_ms:.2f} ms "
        f"at last{told}" + (f" (void: {load.void})" if load.void else "")
    )


def _print_fastest(result: BenchRun) -> None:
    good = [case for case in result.cases if not case.error and not case.void]
    if not good:
        click.echo("every case is void: look at what disturbed them, and measure again")
        return
    best = min(good, key=lambda case: case.classify.p50_ms)
    p50_ms = best.classify.p50_ms
    click.echo(
        f"fastest: {best.artifact} on {best.backend}, {threads_of(best.threads)}: "
        f"{p50_ms:.2f} ms, {1000 / p50_ms:.0f} frames a second"
    )
