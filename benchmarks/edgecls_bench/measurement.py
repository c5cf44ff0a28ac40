"""What ``bench.json`` holds: latency, cold start and memory of each case."""

from dataclasses import dataclass
from typing import ClassVar

from edgecls_bench.machine import Machine

__all__ = ["BenchCase", "BenchRun", "Latency"]


@dataclass(frozen=True, kw_only=True, slots=True)
class Latency:
    """Percentiles of one duration, in milliseconds.

    Attributes:
        p50_ms: Median.
        p90_ms: 90th percentile.
        p99_ms: 99th percentile.
    """

    p50_ms: float
    p90_ms: float
    p99_ms: float


@dataclass(frozen=True, kw_only=True, slots=True)
class BenchCase:
    """One artifact on one backend with one number of threads, in a process of its own.

    Attributes:
        artifact: File name.
        sha256: Of the file, as hex.
        format: ``tflite`` or ``onnx``.
        recipe: As its spec says, empty for other models than ours.
        backend: The runtime.
        threads: Threads for one inference.
        size_bytes: Size of the file.
        warmup: Runs before the measured ones.
        runs: Measured runs.
        classify: Frame to label, through ``Classifier.classify``.
        invoke: The bare runtime's ``invoke`` or ``run`` on a prepared input, in turn with ``classify``.
        cold_start_ms: From the start of a fresh process to its first label, on a warm disk, median of several.
        peak_memory_bytes: Largest resident memory of such a process, which does nothing but classify.
        error: Why the case did not finish, empty if it did; the numbers are 0 then.
    """

    artifact: str
    sha256: str
    format: str
    recipe: str
    backend: str
    threads: int
    size_bytes: int
    warmup: int
    runs: int
    classify: Latency
    invoke: Latency
    cold_start_ms: float
    peak_memory_bytes: int
    error: str = ""


@dataclass(frozen=True, kw_only=True, slots=True)
class BenchRun:
    """All cases of one ``edgecls bench``.

    Attributes:
        created: ISO 8601, UTC.
        machine: What it was measured on.
        frame: Height and width in pixels of the BGR frame that was classified.
        cases: In the order of the artifacts.
    """

    kind: ClassVar[str] = "edgecls.bench"
    version: ClassVar[int] = 1

    created: str
    machine: Machine
    frame: tuple[int, ...]
    cases: tuple[BenchCase, ...]
