"""The machine before, while and after something is measured on it, and whether anything disturbed it."""

import time
from dataclasses import dataclass, replace

from edgecls_bench.conditions import disturbance
from edgecls_bench.machine import Machine
from edgecls_bench.processors import clock_mhz
from edgecls_bench.readings import Reading
from edgecls_bench.sensors import Sensors

__all__ = ["Watch", "Watched"]


@dataclass(frozen=True, kw_only=True, slots=True)
class Watched:
    """What was seen around one process.

    Attributes:
        readings: Before and after it.
        disturbance: Why it should not be believed; empty if nothing disturbed it.
    """

    readings: tuple[Reading, ...]
    disturbance: str


class Watch:
    """Looks at one machine's sensors around each process of a benchmark."""

    def __init__(self, machine: Machine, sensors: Sensors) -> None:
        """Begin to count the time."""
        self.machine = machine
        self.sensors = sensors
        self._start = time.perf_counter()
        self._before = self._read()
        self._clocks_mhz: list[float] = []
        self._cores: tuple[int, ...] = ()

    def begin(self, cores: tuple[int, ...]) -> None:
        """Look just before a process that will use these cores."""
        self._before = self._read()
        self._clocks_mhz = []
        self._cores = cores

    def look(self) -> None:
        """Look while it is at work: only then a core's clock says something."""
        clock = clock_mhz(self._cores, self.sensors.root)
        if clock is not None:
            self._clocks_mhz.append(clock)

    def end(self, threads: int) -> Watched:
        """Look just after a process with so many threads."""
        before, after = self._before, self._read()
        if self._clocks_mhz:
            before = replace(before, clock_mhz=self._clocks_mhz[0])
            after = replace(after, clock_mhz=self._clocks_mhz[-1])
        reason = disturbance(before, after, self.machine, threads=threads)
        return Watched(readings=(before, after), disturbance=reason)

    def _read(self) -> Reading:
        return self.sensors.read(time.perf_counter() - self._start)
