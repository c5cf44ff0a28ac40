"""Choosing what to run from the records of a run, and writing it where ``edgecls run RUN`` reads it."""

import hashlib
from collections.abc import Mapping

from edgecls_bench.budgets import Budget
from edgecls_bench.comparison import Comparison
from edgecls_bench.machine import Machine
from edgecls_bench.pick import Pick
from edgecls_bench.picking import pick
from edgecls_device.errors import BenchmarkError, EdgeclsError, SpecError
from edgecls_device.files import read_bytes, write_atomically
from edgecls_device.records import from_json, to_json
from edgecls_device.stamps import now

from edgecls.bench_records import StoredBench, newest_of_machine, of_machine, read_benches
from edgecls.run_configuration import configuration_text, own_options
from edgecls.run_directory import MAX_RECORD_BYTES, RunDirectory

__all__ = ["is_measured", "pick_run"]

MAX_ARTIFACT_BYTES = 2**31 - 1


def is_measured(run: RunDirectory, machine: Machine) -> bool:
    """Say whether every exported file, as it is now, was measured on this machine and undisturbed.

    Then one may choose without measuring again. A file that failed was measured, too. A benchmark in one round,
    as ``--quick`` makes it, is a first impression that a choice should not rest on where there is time.

    Args:
        run: The run.
        machine: This one.
    """
    stored = newest_of_machine(read_benches(run).stored, machine.identity)
    if stored is None or (stored.record.method is not None and stored.record.method.rounds < 2):
        return False
    known = {case.artifact: case.sha256 for case in stored.record.cases if not case.void}
    return _exported(run).items() <= known.items()


def pick_run(run: RunDirectory, budget: Budget, machine: Machine) -> Pick:
    """Choose from the newest benchmark of this machine, and write ``run.toml`` and ``pick.json``.

    Args:
        run: The run; its records and exported files are read.
        budget: What is asked.
        machine: This one.

    Raises:
        BenchmarkError: If the run has no benchmark of this machine.
        VoidBenchmarkError: If all of them were disturbed.
        BudgetError: If nothing keeps the budget.
        DataError: If ``run.toml`` was changed so that writing it again would lose options.
        SpecError: If the comparison is damaged.
        StorageError: If a file cannot be read or written.
    """
    stored = _benchmark(run, machine)
    own = own_options(run)
    try:
        found = pick(
            stored.record,
            _comparison(run),
            budget,
            exported=_exported(run),
            created=now(),
            record=stored.path.relative_to(run.path).as_posix(),
        )
    except EdgeclsError as error:
        raise type(error)(error.message, hint=error.hint.replace("RUN", str(run.path))) from error
    write_atomically(run.pick, to_json(found))
    write_atomically(run.configuration, configuration_text(found, run, own=own))
    return found


def _benchmark(run: RunDirectory, machine: Machine) -> StoredBench:
    records = read_benches(run)
    found = newest_of_machine(records.stored, machine.identity)
    if found is not None:
        return found
    here = of_machine(records.stored, machine.identity)
    if here:
        return here[-1]  # void throughout, which the choice says
    others = f" ({len(records.stored)} of others)" if records.stored else ""
    message = f"Expected a benchmark of this machine in {str(run.benches)!r}, got none{others}."
    raise BenchmarkError(message, hint=f"edgecls bench {run.path}")


def _comparison(run: RunDirectory) -> Comparison | None:
    if not run.compare.is_file():
        return None
    data = read_bytes(run.compare, max_bytes=MAX_RECORD_BYTES)
    try:
        return from_json(Comparison, data, name=str(run.compare))
    except SpecError as error:
        raise SpecError(error.message, hint=f"edgecls compare {run.path}") from error


def _exported(run: RunDirectory) -> Mapping[str, str]:
    return {
        path.name: hashlib.sha256(read_bytes(path, max_bytes=MAX_ARTIFACT_BYTES)).hexdigest()
        for path in run.artifacts()
    }
