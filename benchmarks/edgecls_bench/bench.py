"""Bench: latency, cold start and memory of artifacts, each case in processes of its own."""

import json
import tempfile
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from statistics import median

import numpy as np
from edgecls_device.artifact import Artifact, read_artifact
from edgecls_device.backends.protocol import BackendOptions, default_threads
from edgecls_device.errors import BenchmarkError, OptionError
from edgecls_device.files import write_atomically, writing
from edgecls_device.golden import golden_inputs
from edgecls_device.records import to_json
from edgecls_device.stamps import now

from edgecls_bench.cases import Case, plan_cases, spec_of
from edgecls_bench.children import run_module
from edgecls_bench.evaluation import Advance
from edgecls_bench.machine import describe_machine
from edgecls_bench.measurement import BenchCase, BenchRun, Latency
from edgecls_bench.probe import Probe
from edgecls_bench.statistics import latency_of

__all__ = ["bench", "default_thread_counts"]

DEFAULT_SECONDS = 1.5
COLD_STARTS = 3
SILENCE_S = 60.0
MAX_FRAME_SIDE_PX = 8192

_NOTHING = Latency(p50_ms=0.0, p90_ms=0.0, p99_ms=0.0)


def default_thread_counts() -> tuple[int, ...]:
    """Return the thread counts that are tried by default: 1, and all cores up to 4."""
    return tuple(sorted({1, default_threads()}))


def bench(
    artifacts: Sequence[Artifact],
    *,
    backends: Sequence[str] | None = None,
    threads: Sequence[int] | None = None,
    runs: int | None = None,
    seconds: float = DEFAULT_SECONDS,
    cold_starts: int = COLD_STARTS,
    frame: tuple[int, int] = (480, 640),
    silence_s: float = SILENCE_S,
    advance: Advance | None = None,
) -> BenchRun:
    """Measure every artifact on every backend with every number of threads.

    A case that crashes, hangs or whose runtime is missing is recorded with its ``error``; the others go on.

    Args:
        artifacts: With their specs.
        backends: By default every installed one that runs the file.
        threads: By default 1, and all cores up to 4.
        runs: Measured runs; by default as many as fit into ``seconds``, at least 30.
        seconds: Wanted duration of the measured runs of a case.
        cold_starts: Fresh processes per case; the median counts.
        frame: Height and width in pixels of the BGR frame that is classified.
        silence_s: After that long without a sign of life a process counts as hanging.
        advance: Called after each case.

    Raises:
        BenchmarkError: If no case finishes.
        ArtifactError: If an artifact has no spec.
        MissingDependencyError: If no runtime is installed for any of them.
        OptionError: If an option cannot be used.
    """
    _check_options(threads, runs, frame)
    cases = plan_cases(artifacts, backends, with_missing=True)
    machine = describe_machine()
    settings = _Settings(
        runs=runs or 0, seconds=seconds, cold_starts=cold_starts, silence_s=silence_s
    )
    results = []
    with tempfile.TemporaryDirectory(prefix="edgecls-bench-") as directory:
        for case, probe in _probes(cases, threads or default_thread_counts(), frame, directory):
            results.append(_measure(case, probe, settings))
            if advance is not None:
                advance()
    if all(result.error for result in results):
        message = (
            f"Expected at least one case to finish, got none of {len(results)}: {results[0].error}"
        )
        raise BenchmarkError(message, hint="check a file with: edgecls verify ARTIFACT")
    return BenchRun(
        created=now(),
        machine=machine,
        frame=frame,
        cases=tuple(results),
    )


@dataclass(frozen=True, kw_only=True, slots=True)
class _Settings:
    """How a case is measured; see :func:`bench`."""

    runs: int
    seconds: float
    cold_starts: int
    silence_s: float


def _check_options(threads: Sequence[int] | None, runs: int | None, frame: tuple[int, int]) -> None:
    for count in threads or ():
        BackendOptions(threads=count)
    if runs is not None and runs < 1:
        message = f"Expected at least 1 run, got {runs}."
        raise OptionError(message, hint="leave it out to take as many as fit into 1.5 s")
    if not all(1 <= side <= MAX_FRAME_SIDE_PX for side in frame):
        message = f"Expected a frame of 1..{MAX_FRAME_SIDE_PX} pixels a side, got {frame}."
        raise OptionError(message, hint="give what your camera gives, e.g. --frame 480x640")


def _probes(
    cases: Sequence[Case], threads: Sequence[int], frame: tuple[int, int], directory: str
) -> Iterator[tuple[Case, Probe]]:
    """Yield each case with each number of threads; the files the children need are in ``directory``."""
    frame_file = Path(directory) / "frame.npy"
    with writing(frame_file) as temporary:
        np.save(temporary, golden_inputs(0, *frame, count=2)[1])
    for number, case in enumerate(cases):
        spec_file = _write_spec(Path(directory) / f"{number}.json", case.artifact)
        for count in threads:
            yield (
                case,
                Probe(
                    artifact=case.artifact.path.absolute(),
                    backend=case.backend,
                    threads=count,
                    frame=frame_file,
                    spec=spec_file,
                ),
            )


def _write_spec(path: Path, artifact: Artifact) -> Path | None:
    """Write the spec of a model that has none inside."""
    if read_artifact(artifact.path).spec is not None:
        return None
    write_atomically(path, to_json(spec_of(artifact)))
    return path


def _measure(case: Case, probe: Probe, settings: _Settings) -> BenchCase:
    arguments = [*probe.to_arguments(), str(settings.runs), str(settings.seconds)]
    try:
        # First, so that the file and the runtime are in the disk cache before a cold start is timed.
        lines = run_module("edgecls_bench.latency", arguments, silence_s=settings.silence_s)
        durations = json.loads(lines[-1].text)
        starts = [_first_label(probe, settings) for _ in range(settings.cold_starts)]
    except BenchmarkError as error:
        return _result(case, probe, error=error.message)
    return _result(
        case,
        probe,
        warmup=durations["warmup"],
        runs=len(durations["classify_ns"]),
        classify=latency_of(durations["classify_ns"]),
        invoke=latency_of(durations["invoke_ns"]),
        cold_start_ms=median(after_ms for after_ms, _ in starts),
        peak_memory_bytes=max(peak_bytes for _, peak_bytes in starts),
    )


def _first_label(probe: Probe, settings: _Settings) -> tuple[float, int]:
    """Return milliseconds from the start of a process to its first label, and its peak memory in bytes."""
    lines = run_module(
        "edgecls_bench.first_label", probe.to_arguments(), silence_s=settings.silence_s
    )
    return lines[0].after_ms, int(lines[-1].text)


def _result(
    case: Case,
    probe: Probe,
    *,
    warmup: int = 0,
    runs: int = 0,
    classify: Latency = _NOTHING,
    invoke: Latency = _NOTHING,
    cold_start_ms: float = 0.0,
    peak_memory_bytes: int = 0,
    error: str = "",
) -> BenchCase:
    return BenchCase(
        artifact=case.artifact.path.name,
        sha256=case.artifact.sha256,
        format=case.artifact.format,
        recipe=spec_of(case.artifact).provenance.recipe,
        backend=case.backend,
        threads=probe.threads,
        size_bytes=len(case.artifact.data),
        warmup=warmup,
        runs=runs,
        classify=classify,
        invoke=invoke,
        cold_start_ms=cold_start_ms,
        peak_memory_bytes=peak_memory_bytes,
        error=error,
    )
