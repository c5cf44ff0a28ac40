"""What one ``edgecls bench`` found: an immutable record with every sample, and what may have disturbed it."""

from dataclasses import dataclass, field
from typing import ClassVar

from edgecls_bench.machine import Machine
from edgecls_bench.readings import Reading
from edgecls_bench.sustained import Sustained

__all__ = [
    "LEAST_FOR_P99",
    "BenchCase",
    "BenchRun",
    "ColdStart",
    "Energy",
    "Latency",
    "Method",
    "Samples",
    "Throughput",
]

LEAST_FOR_P99 = 662
"""Samples from which the 99th percentile is told.

Source: MLPerf Inference rules, "Scenarios", single stream with early stopping: of 662 samples even the largest
but none need be left out for a 99 % confidence in the 99th percentile.
"""


@dataclass(frozen=True, kw_only=True, slots=True)
class Latency:
    """Percentiles of one duration, in milliseconds, each with its 95 % bootstrap interval.

    Attributes:
        p50_ms: Median.
        p90_ms: 90th percentile.
        p99_ms: 99th percentile; of fewer than 662 samples it is a guess, see :attr:`has_p99`.
        p50_interval_ms: From, to; empty where it was not made.
        p90_interval_ms: The same for ``p90_ms``.
        p99_interval_ms: The same for ``p99_ms``.
        samples: How many durations.
    """

    p50_ms: float
    p90_ms: float
    p99_ms: float
    p50_interval_ms: tuple[float, ...] = ()
    p90_interval_ms: tuple[float, ...] = ()
    p99_interval_ms: tuple[float, ...] = ()
    samples: int = 0

    @property
    def has_p99(self) -> bool:
        """Whether there are enough samples for the 99th percentile."""
        return self.samples >= LEAST_FOR_P99


NOTHING = Latency(p50_ms=0.0, p90_ms=0.0, p99_ms=0.0)


@dataclass(frozen=True, kw_only=True, slots=True)
class Samples:
    """Every measured duration in nanoseconds, in the order of measurement, one round after the other.

    ``classify`` is preprocess + inference + postprocess of one frame; ``invoke`` is the bare runtime in
    turn with it.

    Attributes:
        invoke_ns: The runtime's own call on a prepared input.
        preprocess_ns: Frame to model input.
        inference_ns: Input to raw scores, as ``classify`` calls the runtime.
        postprocess_ns: Raw scores to labels.
        classify_ns: Frame to label.
        rounds: How many samples each round (a process of its own) gave, in order.
    """

    invoke_ns: tuple[int, ...] = ()
    preprocess_ns: tuple[int, ...] = ()
    inference_ns: tuple[int, ...] = ()
    postprocess_ns: tuple[int, ...] = ()
    classify_ns: tuple[int, ...] = ()
    rounds: tuple[int, ...] = ()


@dataclass(frozen=True, kw_only=True, slots=True)
class ColdStart:
    """A fresh process on a warm disk, from its start to its first label: medians of several, in milliseconds.

    Attributes:
        total_ms: From the start of the process to its first label, without reading the frame.
        python_ms: To the first line of our code: the interpreter's own start.
        import_ms: Importing the device package, OpenCV and the runtime.
        load_ms: Reading and opening the model.
        first_inference_ms: The first frame: buffers are made, memory is touched for the first time.
        totals_ms: ``total_ms`` of each process.
    """

    total_ms: float
    python_ms: float
    import_ms: float
    load_ms: float
    first_inference_ms: float
    totals_ms: tuple[float, ...] = ()


@dataclass(frozen=True, kw_only=True, slots=True)
class Throughput:
    """All cores at work on frames that are all there at once (MLPerf's offline scenario).

    Attributes:
        workers: Processes side by side.
        threads: Threads of each.
        frames: Classified in all.
        seconds: From the common start to the last end.
        frames_per_second: ``frames / seconds``.
    """

    workers: int
    threads: int
    frames: int
    seconds: float
    frames_per_second: float


@dataclass(frozen=True, kw_only=True, slots=True)
class Energy:
    """What a sensor of the machine counted while frames were classified one after the other.

    Attributes:
        sensor: ``rapl`` (package of an x86 processor) or ``pmic`` (all rails of a Raspberry Pi 5).
        millijoules_per_frame: Of the whole processor or board, idle power included.
        idle_watts: The same sensor with nothing running, just before.
        watts: While classifying.
    """

    sensor: str
    millijoules_per_frame: float
    idle_watts: float
    watts: float


@dataclass(frozen=True, kw_only=True, slots=True)
class BenchCase:
    """One artifact on one backend with one number of threads, in processes of its own.

    Attributes:
        artifact: File name.
        sha256: Of the file, as hex.
        format: ``tflite`` or ``onnx``.
        recipe: As its spec says, empty for other models than ours.
        backend: The runtime.
        threads: Threads for one inference.
        size_bytes: Size of the file.
        warmup: Runs before the measured ones, of all rounds together.
        runs: Measured runs, of all rounds together.
        classify: Frame to label, through ``Classifier.classify``.
        invoke: The bare runtime's ``invoke`` or ``run`` on a prepared input, in turn with ``classify``.
        cold_start_ms: From the start of a fresh process to its first label, on a warm disk, median of several.
        peak_memory_bytes: Largest resident memory of such a process, which does nothing but classify.
        error: Why the case did not finish, empty if it did; the numbers are 0 then.
        preprocess: Frame to model input.
        inference: Input to raw scores.
        postprocess: Raw scores to labels.
        cold: The cold start in parts; None where it was not measured.
        steady_memory_bytes: Resident memory of that process after its frames; 0 where it was not measured.
        throughput: With all cores; None where it was not asked for.
        energy: None where no sensor can be read.
        samples: Everything that was measured.
        is_settled: Whether the median's interval became as narrow as wished before time was up.
        pinned_to: Cores its processes were held to; empty where that is not possible.
        readings: The machine before and after each round.
        void: Why its figures should not be believed, a sentence; empty if nothing disturbed it.
        notes: What was wished and could not be measured, a sentence each.
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
    preprocess: Latency = NOTHING
    inference: Latency = NOTHING
    postprocess: Latency = NOTHING
    cold: ColdStart | None = None
    steady_memory_bytes: int = 0
    throughput: Throughput | None = None
    energy: Energy | None = None
    samples: Samples = field(default_factory=Samples)
    is_settled: bool = True
    pinned_to: tuple[int, ...] = ()
    readings: tuple[Reading, ...] = ()
    void: str = ""
    notes: tuple[str, ...] = ()


@dataclass(frozen=True, kw_only=True, slots=True)
class Method:
    """How it was measured, so that it can be repeated.

    Attributes:
        rounds: Processes for each case.
        least_samples: Of each case, all rounds together.
        least_seconds: Of measuring each case.
        most_seconds: After which a case ends even if its median is not settled; it ends with too few samples
            after four times as long.
        precision: Wanted half width of the median's 95 % interval, as a share of the median.
        cold_starts: Processes for each case's cold start.
        seed: Of the random order.
        order: Every process in the order it ran: ``artifact backend xTHREADS #ROUND``.
    """

    rounds: int
    least_samples: int
    least_seconds: float
    most_seconds: float
    precision: float
    cold_starts: int
    seed: int
    order: tuple[str, ...] = ()


@dataclass(frozen=True, kw_only=True, slots=True)
class BenchRun:
    """All cases of one ``edgecls bench`` on one machine. Written once and never changed.

    Attributes:
        created: ISO 8601, UTC.
        machine: What it was measured on.
        frame: Height and width in pixels of the BGR frame that was classified.
        cases: In the order of the artifacts.
        method: How; None in a record made by hand.
        host: What the user called the machine with ``--host``; empty for this one.
        sustained: Minutes of load, where that was asked for.
    """

    kind: ClassVar[str] = "edgecls.bench"
    version: ClassVar[int] = 2

    created: str
    machine: Machine
    frame: tuple[int, ...]
    cases: tuple[BenchCase, ...]
    method: Method | None = None
    host: str = ""
    sustained: tuple[Sustained, ...] = ()

    @property
    def void(self) -> str:
        """Why no case of it should be believed; empty if at least one may be."""
        finished = [case for case in self.cases if not case.error]
        return finished[0].void if finished and all(case.void for case in finished) else ""
