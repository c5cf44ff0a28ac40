"""Which benchmark of which machine a report speaks of."""

from collections.abc import Sequence
from itertools import groupby

from edgecls_bench.measurement import BenchRun

__all__ = ["newest_of_each_machine"]


def newest_of_each_machine(own: BenchRun | None, runs: Sequence[BenchRun]) -> tuple[BenchRun, ...]:
    """Return one run of each machine, that of ``own`` first, then by name.

    It is the newest that is not void; of a machine of which every run is void, the newest.

    Args:
        own: The newest of this machine, which a run directory keeps under a name of its own.
        runs: All that were kept, in any order, maybe with ``own`` among them.
    """
    first = _machine(own) if own is not None else None
    every = sorted([*runs, *([own] if own is not None else [])], key=_machine)
    found = [
        max(group, key=lambda run: (not run.void, run.created))
        for _, group in groupby(every, key=_machine)
    ]
    return tuple(sorted(found, key=lambda run: (_machine(run) != first, _machine(run))))


def _machine(run: BenchRun) -> tuple[str, str]:
    return run.host, run.machine.identity
