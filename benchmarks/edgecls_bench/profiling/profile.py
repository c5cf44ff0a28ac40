"""Profile model files, each in a process of its own."""

import json
from collections.abc import Sequence

from edgecls_device.artifact import Artifact
from edgecls_device.backends.protocol import BackendOptions
from edgecls_device.backends.table import choose_backend
from edgecls_device.errors import BenchmarkError, OptionError
from edgecls_device.records import decode
from edgecls_device.stamps import now

from edgecls_bench.children import run_module
from edgecls_bench.evaluation import Advance
from edgecls_bench.machine import Machine, describe_machine
from edgecls_bench.profiling.marks import advise
from edgecls_bench.profiling.measured import Measured
from edgecls_bench.profiling.record import ModelProfile, Operation, Profile

__all__ = ["DEFAULT_RUNS", "profile"]

DEFAULT_RUNS = 100
LEAST_US = (
    0.1  # clocks tell no less; an operation that takes no longer than an empty call is counted so
)
SILENCE_S = (
    120.0  # a first inference with hundreds of operations, on the smallest board, under load
)


def profile(
    artifacts: Sequence[Artifact],
    *,
    backend: str | None = None,
    threads: int = 1,
    runs: int = DEFAULT_RUNS,
    silence_s: float = SILENCE_S,
    advance: Advance | None = None,
) -> Profile:
    """Find out how long each operation of each model takes, and which left the fast path.

    A model that cannot be profiled is recorded with its ``error``; the others go on.

    Args:
        artifacts: Model files; they need no spec.
        backend: The runtime; by default the installed one of each file's format.
        threads: Threads for one inference.
        runs: How often each operation is timed.
        silence_s: After that long without a sign of life a process counts as hanging.
        advance: Called after each model.

    Raises:
        BenchmarkError: If no model could be profiled.
        MissingDependencyError: If no runtime is installed for one of them.
        OptionError: If an option cannot be used.
    """
    BackendOptions(threads=threads)
    if runs < 1:
        message = f"Expected at least 1 run, got {runs}."
        raise OptionError(message, hint=f"leave it out to take {DEFAULT_RUNS}")
    chosen = [choose_backend(artifact.format, backend) for artifact in artifacts]
    machine = describe_machine()
    models = []
    for artifact, name in zip(artifacts, chosen, strict=True):
        models.append(_profile(artifact, name, threads=threads, runs=runs, silence_s=silence_s))
        if advance is not None:
            advance()
    if all(model.error for model in models):
        message = f"Expected a model that can be profiled, got: {models[0].error}"
        raise BenchmarkError(message, hint="check the file with: edgecls verify ARTIFACT")
    return Profile(created=now(), machine=machine, models=tuple(models), void=_void(machine))


def _profile(
    artifact: Artifact, backend: str, *, threads: int, runs: int, silence_s: float
) -> ModelProfile:
    arguments = [str(artifact.path.absolute()), artifact.format, backend, str(threads), str(runs)]
    try:
        lines = run_module("edgecls_bench.profiling.measuring", arguments, silence_s=silence_s)
        found: Measured = decode(Measured, json.loads(lines[-1].text), "profile")
        error = ""
    except BenchmarkError as failure:
        found, error = Measured(method="", whole_us=0.0, rows=()), failure.message
    operations = _operations(found)
    return ModelProfile(
        artifact=artifact.path.name,
        sha256=artifact.sha256,
        format=artifact.format,
        backend=backend,
        threads=threads,
        runs=runs,
        method=found.method,
        whole_us=found.whole_us,
        operations=operations,
        partitions=found.partitions,
        advice=advise(operations),
        error=error,
    )


def _operations(found: Measured) -> tuple[Operation, ...]:
    durations = [max(row.us, LEAST_US) for row in found.rows]
    total = sum(durations)
    return tuple(
        Operation(
            name=row.name,
            tensor=row.tensor,
            op=row.op,
            shape=row.shape,
            precision=row.precision,
            p50_us=us,
            share=us / total,
            is_fast_path=not row.reason,
            reason=row.reason,
        )
        for row, us in zip(found.rows, durations, strict=True)
    )


def _void(machine: Machine) -> str:
    if machine.is_emulated:
        return "an emulated machine's times are not those of a device"
    return ""
