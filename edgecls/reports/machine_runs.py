"""Which benchmark of which machine a report speaks of."""

from collections.abc import Sequence
from itertools import groupby

from edgecls_bench.measurement import BenchRun

__all__ = ["newest_of_each_machine"]


def newest_of_each_machine(own: BenchRun | None, runs: Sequence[BenchRun]) -> tuple[BenchRun, ...]:
    """Return one run of each machine, that of ``own`` first, then by name.

    It is the newest that is not void; of a machine of which every run is void, the newest. A first look with
    ``--quick``, or at some of the files, does not take the place of an older, thorough run of the same files.

    Args:
        own: The newest of this machine, which a run directory keeps under a name of its own.
        runs: All that were kept, in any order, maybe with ``own`` among them.
    """
    first = _machine(own) if own is not None else None
    every = sorted([*runs, *([own] if own is not None else [])], key=_machine)
    found = [_best(list(group)) for _, group in groupby(every, key=_machine)]
    return tuple(sorted(found, key=lambda run: (_machine(run) != first, _machine(run))))


def _best(runs: Sequence[BenchRun]) -> BenchRun:
    newest = max(runs, key=lambda run: (not run.void, run.created))
    same = [run for run in runs if run.void == newest.void and _files(newest) <= _files(run)]
    return max(same, key=lambda run: (_rounds(run), run.created))


def _files(run: BenchRun) -> set[tuple[str, str]]:
    return {(case.artifact, case.sha256) for case in run.cases}


def _rounds(run: BenchRun) -> int:
    return 0 if run.method is None else run.method.rounds


def _machine(run: BenchRun) -> tuple[str, str]:
    return run.host, run.machine.identity
