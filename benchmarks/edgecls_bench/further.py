"""What is measured after the latencies where it is wished or possible: throughput, energy, minutes of load."""

from collections.abc import Callable, Sequence
from dataclasses import replace

from edgecls_device.errors import BenchmarkError

from edgecls_bench.energy import open_energy_sensor
from edgecls_bench.measurement import BenchCase
from edgecls_bench.measuring import PROGRESS_STEPS
from edgecls_bench.pinning import cores_for
from edgecls_bench.schedule import Subject
from edgecls_bench.settings import BenchSettings
from edgecls_bench.sustained import Sustained, SustainedPoint
from edgecls_bench.sustaining import measure_energy, sustain
from edgecls_bench.throughput import measure_throughput
from edgecls_bench.watch import Watch

__all__ = ["Further", "further_steps"]


def further_steps(subjects: int, settings: BenchSettings) -> int:
    """Return how many steps :class:`Further` tells of at most."""
    throughput = PROGRESS_STEPS * subjects if settings.throughput_seconds else 0
    return throughput + int(settings.sustained_seconds)


class Further:
    """Measures more of cases whose latency is known. What fails is noted; their latencies stay."""

    def __init__(
        self,
        subjects: Sequence[Subject],
        results: Sequence[BenchCase],
        settings: BenchSettings,
        watch: Watch,
        advance: Callable[[int], None],
    ) -> None:
        """Take what was measured.

        Args:
            subjects: What was measured.
            results: What was found of each.
            settings: What is wished.
            watch: The machine.
            advance: Called with a number of steps; see :func:`further_steps`.
        """
        self.results = list(results)
        self.sustained: tuple[Sustained, ...] = ()
        self._subjects = subjects
        self._settings = settings
        self._watch = watch
        self._advance = advance
        self._energy = open_energy_sensor(watch.sensors.root)

    def run(self) -> None:
        """Measure; afterwards ``results`` and ``sustained`` hold what was found."""
        finished = [number for number, case in enumerate(self.results) if not case.error]
        for number in finished:
            if self._settings.throughput_seconds:
                self._try("throughput", number, self._measure_throughput)
                self._advance(PROGRESS_STEPS)
            if self._energy is not None and self._settings.measures_energy:
                self._try("energy", number, self._measure_energy)
        if self._settings.sustained_seconds:
            fastest = min(finished, key=self._rank)
            self._try("sustained load", fastest, self._sustain)

    def _try(self, what: str, number: int, measure: Callable[[int], None]) -> None:
        try:
            measure(number)
        except BenchmarkError as error:
            case = self.results[number]
            self.results[number] = replace(case, notes=(*case.notes, f"{what}: {error.message}"))

    def _rank(self, number: int) -> tuple[bool, float]:
        """Return what is smallest for the fastest case that nothing disturbed."""
        return bool(self.results[number].void), self.results[number].classify.p50_ms

    def _measure_throughput(self, number: int) -> None:
        self._watch.begin(self._watch.machine.cores_in_order)
        throughput = measure_throughput(
            self._subjects[number].probe,
            self._watch.machine,
            seconds=self._settings.throughput_seconds,
            silence_s=self._settings.silence_s,
        )
        seen = self._watch.end(throughput.workers * throughput.threads)
        case = self.results[number]
        note = (f"throughput: {seen.disturbance}",) if seen.disturbance else ()
        self.results[number] = replace(case, throughput=throughput, notes=(*case.notes, *note))

    def _measure_energy(self, number: int) -> None:
        if self._energy is None:
            return
        probe, case = self._subjects[number].probe, self.results[number]
        cores = cores_for(self._watch.machine, probe.threads)
        self._watch.begin(cores)
        energy = measure_energy(
            probe, self._energy, cores=cores, silence_s=self._settings.silence_s
        )
        seen = self._watch.end(probe.threads)
        note = (f"energy: {seen.disturbance}",) if seen.disturbance else ()
        self.results[number] = replace(case, energy=energy, notes=(*case.notes, *note))

    def _sustain(self, number: int) -> None:
        probe, machine = self._subjects[number].probe, self._watch.machine
        shown_s = 0

        def on_point(point: SustainedPoint) -> None:
            nonlocal shown_s
            self._advance(int(point.at_s) - shown_s)
            shown_s = int(point.at_s)

        self.sustained = (
            sustain(
                probe,
                machine,
                seconds=self._settings.sustained_seconds,
                cores=cores_for(machine, probe.threads),
                sensors=self._watch.sensors,
                energy=self._energy,
                silence_s=self._settings.silence_s,
                advance=on_point,
            ),
        )
