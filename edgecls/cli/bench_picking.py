"""``edgecls bench RUN --pick``: its options, and what it prints.

::

    @pick_options
    def command(..., pick, max_ms, min_agreement, max_drop):
        budget = budget_of(is_asked=pick, run=target.run, ...)    # before any work
        if budget is None or not has_measurements(target.run):
            ...                                                   # measure, store_bench(target.run, result)
        if budget is not None:
            pick_and_print(target.run, budget, as_json=as_json)
"""

from collections.abc import Callable
from typing import Any, TypeVar

import click
from edgecls_bench.budgets import Budget
from edgecls_bench.machine import describe_machine
from edgecls_bench.pick import Pick
from edgecls_device.errors import OptionError

from edgecls.bench_records import of_machine, read_benches
from edgecls.cli.output import print_record
from edgecls.cli.verdicts import gate_of
from edgecls.picks import is_measured, pick_run
from edgecls.progress import say
from edgecls.run_directory import RunDirectory

__all__ = ["budget_of", "has_measurements", "pick_and_print", "pick_options"]

Decorated = TypeVar("Decorated", bound=Callable[..., Any])

_OPTIONS = (
    click.option(
        "--pick",
        is_flag=True,
        help="Choose what 'edgecls run RUN' runs, and write it to RUN/run.toml with the reasons; it measures "
        "only what was not measured here before.",
    ),
    click.option(
        "--max-ms",
        type=float,
        metavar="MS",
        help="With --pick: largest median time from frame to label.",
    ),
    click.option(
        "--min-agreement",
        type=float,
        metavar="PERCENT",
        help="With --pick: least share of photos with the same best label as float32.",
    ),
    click.option(
        "--max-drop",
        type=float,
        metavar="POINTS",
        help="With --pick: largest loss of accuracy against float32, in points.",
    ),
)

_NO_MEASURING = {"targets", "pick", "max_ms", "min_agreement", "max_drop", "strict", "as_json"}
"""Parameters of the command that do not say how to measure."""


def pick_options(function: Decorated) -> Decorated:
    """Add ``--pick``, ``--max-ms``, ``--min-agreement`` and ``--max-drop`` to a command."""
    for option in reversed(_OPTIONS):
        function = option(function)
    return function


def budget_of(
    *,
    is_asked: bool,
    run: RunDirectory | None,
    max_ms: float | None,
    min_agreement: float | None,
    max_drop: float | None,
) -> Budget | None:
    """Return what is asked of a pick; None if no pick is.

    Args:
        is_asked: Whether ``--pick`` was given.
        run: What is measured; None for files that were named one by one.
        max_ms: In milliseconds.
        min_agreement: In per cent, 0..100.
        max_drop: In points, 0..100.

    Raises:
        OptionError: If a limit stands without ``--pick``, or is none; or ``--pick`` without a run.
    """
    limits = {"--max-ms": max_ms, "--min-agreement": min_agreement, "--max-drop": max_drop}
    given = [name for name, limit in limits.items() if limit is not None]
    if not is_asked:
        if given:
            message = f"Expected --pick with {given[0]}, got none."
            raise OptionError(message, hint=f"add --pick, or leave out {', '.join(given)}")
        return None
    if run is None:
        message = "Expected a run with --pick, got files: run.toml is written into a run."
        raise OptionError(message, hint="give the run directory that holds exports/")
    return Budget(max_ms=max_ms, accuracy=gate_of(max_drop, min_agreement))


def has_measurements(run: RunDirectory) -> bool:
    """Say whether ``--pick`` may choose at once: all files, as they are now, were measured here undisturbed.

    Not where an option says how to measure, which would have no effect then.
    """
    context = click.get_current_context()
    given = {
        name
        for name in context.params
        if context.get_parameter_source(name) == click.core.ParameterSource.COMMANDLINE
    }
    return given <= _NO_MEASURING and is_measured(run, describe_machine(samples_load=False))


def pick_and_print(run: RunDirectory, budget: Budget, *, as_json: bool) -> None:
    """Choose, write ``run.toml``, and print what was chosen and why.

    Raises:
        EdgeclsError: As :func:`edgecls.picks.pick_run` does.
    """
    machine = describe_machine(samples_load=False)
    records = read_benches(run)
    for problem in records.problems:
        say(f"note: {problem}")
    found = pick_run(run, budget, machine)
    newest = of_machine(records.stored, machine.identity)[-1].record
    if newest.void:
        say(f"note: an older benchmark is used, since the newest is void: {newest.void}")
    if as_json:
        print_record(found)
    else:
        _print(found, run)


def _print(pick: Pick, run: RunDirectory) -> None:
    click.echo(
        f"from {run.path / pick.record}, measured {pick.measured[:16].replace('T', ' ')} UTC"
    )
    for one in pick.rejected:
        click.echo(f"not {one.artifact} on {one.backend}, {_threads(one.threads)}: {one.reason}")
    click.echo(f"picked {pick.artifact} on {pick.backend}, {_threads(pick.threads)}:")
    for reason in pick.reasons:
        click.echo(f"  {reason}")
    click.echo(f"wrote {run.configuration}; next: edgecls run {run.path} --source 0")


def _threads(threads: int) -> str:
    return "1 thread" if threads == 1 else f"{threads} threads"
