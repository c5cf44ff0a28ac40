"""Goes through all processes of a benchmark, and repeats those that something disturbed."""

from collections import deque
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field

from edgecls_device.errors import BenchmarkError

from edgecls_bench.latency import Ending, Measured
from edgecls_bench.pinning import cores_for
from edgecls_bench.rounds import ColdTimes, run_cold_start, run_round
from edgecls_bench.schedule import Step, Subject
from edgecls_bench.settings import BenchSettings
from edgecls_bench.watch import Watch, Watched

__all__ = ["PROGRESS_STEPS", "Found", "Measuring"]

PROGRESS_STEPS = 10
"""Of each process, for a bar that moves within it."""

HOPELESS = 8
"""So many disturbed processes in a row, and nothing is tried again until one is not: the machine is simply
busy, and trying would make it take three times as long."""


@dataclass(kw_only=True, slots=True)
class Found:
    """What the processes of one subject gave so far.

    Attributes:
        rounds: By their number.
        cold_starts: By their number.
        error: Why it was given up; empty while it goes well.
    """

    rounds: dict[int, tuple[Measured, Watched]] = field(default_factory=dict)
    cold_starts: dict[int, tuple[ColdTimes, Watched]] = field(default_factory=dict)
    error: str = ""


class Measuring:
    """One benchmark on its way.

    Attributes:
        found: For each subject.
        order: What ran, in order, repetitions too.
    """

    def __init__(
        self,
        subjects: Sequence[Subject],
        settings: BenchSettings,
        watch: Watch,
        advance: Callable[[int], None],
    ) -> None:
        self.found = [Found() for _ in subjects]
        self.order: list[str] = []
        self._subjects = subjects
        self._settings = settings
        self._watch = watch
        self._advance = advance
        self._in_a_row = 0

    def run(self, steps: Sequence[Step]) -> None:
        """Run every process; a disturbed one again when the others of its turn have run.

        A subject that crashes or hangs is given up: its error is kept, the others go on.
        """
        self._fill_disk_cache()
        for number in sorted({step.number for step in steps}):
            queue = deque((step, 0) for step in steps if step.number == number)
            while queue:
                step, tries = queue.popleft()
                is_disturbed = self._run(step, is_first=not tries)
                self._in_a_row = self._in_a_row + 1 if is_disturbed else 0
                if is_disturbed and tries < self._settings.tries_again and not self._is_hopeless:
                    queue.append((step, tries + 1))

    @property
    def _is_hopeless(self) -> bool:
        return self._in_a_row >= HOPELESS

    def _fill_disk_cache(self) -> None:
        """Start each runtime once, so that no cold start has to wait for the disk; files were read already."""
        first = {subject.case.backend: subject for subject in reversed(self._subjects)}
        for subject in first.values():
            try:
                run_cold_start(subject.probe, cores=(), silence_s=self._settings.silence_s)
            except BenchmarkError:  # it will fail again, and be told then
                continue

    def _run(self, step: Step, *, is_first: bool) -> bool:
        """Run one process and say whether something that may pass disturbed it."""
        found, subject = self.found[step.subject], self._subjects[step.subject]
        bar = _Bar(self._advance if is_first else None)
        try:
            if found.error:
                return False
            self.order.append(step.title(self._subjects))
            watched = self._measure(step, subject, found, bar)
        except BenchmarkError as error:
            found.error = error.message
            return False
        finally:
            bar.finish()
        return bool(watched.disturbance) and not self._watch.machine.is_emulated

    def _measure(self, step: Step, subject: Subject, found: Found, bar: "_Bar") -> Watched:
        threads, silence_s = subject.probe.threads, self._settings.silence_s
        cores = cores_for(self._watch.machine, threads)
        self._watch.begin(cores)
        if step.kind == "cold":
            times = run_cold_start(subject.probe, cores=cores, silence_s=silence_s)
            watched = self._watch.end(threads)
            found.cold_starts[step.number] = times, watched
            return watched

        def on_progress(share: float) -> None:
            self._watch.look()
            bar.show(share)

        ending = _ending(self._settings, step.number)
        measured = run_round(
            subject.probe, ending, cores=cores, silence_s=silence_s, on_progress=on_progress
        )
        watched = self._watch.end(threads)
        found.rounds[step.number] = measured, watched
        return watched


class _Bar:
    """The steps of one process on the bar of all."""

    def __init__(self, advance: Callable[[int], None] | None) -> None:
        self._advance = advance
        self._shown = 0

    def show(self, share: float) -> None:
        self._to(int(share * PROGRESS_STEPS))

    def finish(self) -> None:
        self._to(PROGRESS_STEPS)

    def _to(self, steps: int) -> None:
        if self._advance is not None and steps > self._shown:
            self._advance(steps - self._shown)
            self._shown = steps


def _ending(settings: BenchSettings, number: int) -> Ending:
    """Return what one round is to do; of samples that cannot be shared evenly the first ones take more."""
    rounds = settings.rounds

    def share(runs: int) -> int:
        return runs // rounds + (number <= runs % rounds)

    return Ending(
        runs=share(settings.runs),
        least_runs=share(settings.least_samples),
        least_seconds=settings.least_seconds / rounds,
        precision=settings.precision,
        most_seconds=settings.most_seconds / rounds,
        patience_seconds=settings.most_samples_seconds / rounds,
    )
