"""Bench: latency, cold start and memory of artifacts, each case in processes of its own."""

import tempfile
from collections.abc import Callable, Sequence
from pathlib import Path

import numpy as np
from edgecls_device.artifact import Artifact
from edgecls_device.backends.protocol import BackendOptions, default_threads
from edgecls_device.errors import BenchmarkError, OptionError
from edgecls_device.files import writing
from edgecls_device.golden import golden_inputs
from edgecls_device.stamps import now

from edgecls_bench.case_figures import case_of
from edgecls_bench.cases import plan_cases
from edgecls_bench.further import Further, further_steps
from edgecls_bench.machine import describe_machine
from edgecls_bench.measurement import BenchCase, BenchRun, Method
from edgecls_bench.measuring import PROGRESS_STEPS, Measuring
from edgecls_bench.pinning import cores_for
from edgecls_bench.schedule import plan_steps, plan_subjects
from edgecls_bench.sensors import Sensors
from edgecls_bench.settings import THOROUGH, BenchSettings
from edgecls_bench.watch import Watch

__all__ = ["bench", "count_progress", "default_thread_counts"]

MAX_FRAME_SIDE_PX = 8192


def default_thread_counts() -> tuple[int, ...]:
    """Return the thread counts that are tried by default: 1, and all cores up to 4."""
    return tuple(sorted({1, default_threads()}))


def count_progress(
    artifacts: Sequence[Artifact],
    *,
    backends: Sequence[str] | None = None,
    threads: Sequence[int] | None = None,
    settings: BenchSettings = THOROUGH,
) -> int:
    """Return how many steps :func:`bench` with the same arguments tells its ``advance`` of."""
    cases = plan_cases(artifacts, backends, with_missing=True)
    subjects = len(cases) * len(threads or default_thread_counts())
    return _steps(subjects, settings)


def bench(
    artifacts: Sequence[Artifact],
    *,
    backends: Sequence[str] | None = None,
    threads: Sequence[int] | None = None,
    frame: tuple[int, int] = (480, 640),
    settings: BenchSettings = THOROUGH,
    sensors: Sensors | None = None,
    advance: Callable[[int], None] | None = None,
) -> BenchRun:
    """Measure every artifact on every backend with every number of threads.

    A case that crashes, hangs or whose runtime is missing is recorded with its ``error``; the others go on. One
    that was disturbed keeps its figures, and the reason in ``void``.

    Args:
        artifacts: With their specs.
        backends: By default every installed one that runs the file.
        threads: By default 1, and all cores up to 4.
        frame: Height and width in pixels of the BGR frame that is classified.
        settings: How carefully.
        sensors: The machine's.
        advance: Called with a number of steps; see :func:`count_progress`.

    Raises:
        BenchmarkError: If no case finishes.
        ArtifactError: If an artifact has no spec.
        MissingDependencyError: If no runtime is installed for any of them.
        OptionError: If an option cannot be used.
    """
    _check_options(threads, frame)
    cases = plan_cases(artifacts, backends, with_missing=True)
    sensors = sensors or Sensors()
    watch = Watch(describe_machine(root=sensors.root), sensors)
    with tempfile.TemporaryDirectory(prefix="edgecls-bench-") as name:
        directory = Path(name)
        subjects = plan_subjects(
            cases,
            threads or default_thread_counts(),
            frame=_write_frame(directory / "frame.npy", frame),
            directory=directory,
        )
        steps = plan_steps(
            len(subjects),
            rounds=settings.rounds,
            cold_starts=settings.cold_starts,
            seed=settings.seed,
        )
        counted = _Counted(advance, _steps(len(subjects), settings))
        measuring = Measuring(subjects, settings, watch, counted.advance)
        measuring.run(steps)
        results = [
            case_of(subject, found, cores=cores_for(watch.machine, subject.probe.threads))
            for subject, found in zip(subjects, measuring.found, strict=True)
        ]
        _check_any_finished(results)
        further = Further(subjects, results, settings, watch, counted.advance)
        further.run()
        counted.finish()
        return BenchRun(
            created=now(),
            machine=watch.machine,
            frame=frame,
            cases=tuple(further.results),
            method=_method(settings, measuring.order),
            sustained=further.sustained,
        )


def _steps(subjects: int, settings: BenchSettings) -> int:
    processes = subjects * (settings.rounds + settings.cold_starts)
    return PROGRESS_STEPS * processes + further_steps(subjects, settings)


class _Counted:
    """Progress that comes out at what was said, also where cases were given up."""

    def __init__(self, advance: Callable[[int], None] | None, total: int) -> None:
        self._advance = advance
        self._left = total

    def advance(self, steps: int) -> None:
        steps = min(steps, self._left)
        self._left -= steps
        if self._advance is not None and steps:
            self._advance(steps)

    def finish(self) -> None:
        self.advance(self._left)


def _check_options(threads: Sequence[int] | None, frame: tuple[int, int]) -> None:
    for count in threads or ():
        BackendOptions(threads=count)
    if not all(1 <= side <= MAX_FRAME_SIDE_PX for side in frame):
        message = f"Expected a frame of 1..{MAX_FRAME_SIDE_PX} pixels a side, got {frame}."
        raise OptionError(message, hint="give what your camera gives, e.g. --frame 480x640")


def _write_frame(path: Path, size: tuple[int, int]) -> Path:
    with writing(path) as temporary:
        np.save(temporary, golden_inputs(0, *size, count=2)[1])
    return path


def _check_any_finished(results: Sequence[BenchCase]) -> None:
    if all(result.error for result in results):
        message = (
            f"Expected at least one case to finish, got none of {len(results)}: {results[0].error}"
        )
        raise BenchmarkError(message, hint="check a file with: edgecls verify ARTIFACT")


def _method(settings: BenchSettings, order: Sequence[str]) -> Method:
    return Method(
        rounds=settings.rounds,
        least_samples=settings.runs or settings.least_samples,
        least_seconds=0.0 if settings.runs else settings.least_seconds,
        most_seconds=settings.most_seconds,
        precision=settings.precision,
        cold_starts=settings.cold_starts,
        seed=settings.seed,
        order=tuple(order),
    )
