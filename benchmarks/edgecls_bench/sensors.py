"""The machine's sensors: what other programs do to a measurement, and heat."""

import os
import subprocess
from collections.abc import Sequence
from pathlib import Path

from edgecls_device.service.throttling import read_throttling

from edgecls_bench.core_times import CoreTimes, read_core_times
from edgecls_bench.processors import clock_mhz, lowest_cap_mhz, usable_cores
from edgecls_bench.quota import quota_stops
from edgecls_bench.readings import Reading
from edgecls_bench.system_files import ROOT, number

__all__ = ["Sensors", "own_cpu_s"]

SHORTEST_S = 0.1
"""Cores' times are counted in hundredths of a second: over less than ten of them a load is a guess."""
UNLIKELY_CELSIUS = -100
"""Zones that are switched off say -274."""


def own_cpu_s() -> float:
    """Return the CPU time so far of this process and of its children that have ended."""
    times = os.times()
    return times.user + times.system + times.children_user + times.children_system


class Sensors:
    """All sensors of one machine. Each look tells of the time since the one before."""

    def __init__(self, root: Path = ROOT) -> None:
        """Take where ``proc`` and ``sys`` are."""
        self.root = root
        self._before: tuple[CoreTimes, float] | None = None

    def read(
        self, at_s: float, *, own_cpu_s: float | None = None, cores: Sequence[int] = ()
    ) -> Reading:
        """Look at all of them.

        Args:
            at_s: Seconds since the benchmark began; only written down.
            own_cpu_s: CPU time so far of what is measured and of whoever measures; by default that of this
                process and of its children that have ended, which is right before and after a child.
            cores: Cores that are at work now; only of these the frequency says something.
        """
        return Reading(
            at_s=round(at_s, 3),
            busy_cores=self._busy_cores(_own() if own_cpu_s is None else own_cpu_s),
            celsius=_hottest(self.root),
            clock_mhz=clock_mhz(cores, self.root),
            clock_cap_mhz=lowest_cap_mhz(usable_cores(), self.root),
            throttled=_throttled(self.root),
            throttle_events=_throttle_events(self.root),
            quota_stops=quota_stops(self.root),
        )

    def _busy_cores(self, own_s: float) -> float | None:
        now = read_core_times(self.root)
        if now is None:
            return None
        before, self._before = self._before, (now, own_s)
        if before is None:
            return None
        times, own_before_s = before
        if now.seconds_since(times) < SHORTEST_S:
            self._before = before  # the next look tells of this time too
            return None
        return round(now.busy_since(times, own_s=own_s - own_before_s), 3)


_own = own_cpu_s  # the parameter of the same name hides it


def _hottest(root: Path) -> float | None:
    zones = sorted(root.glob("sys/class/thermal/thermal_zone*"))
    readings = (number(zone, "temp") for zone in zones)
    celsius = [milli / 1000 for milli in readings if milli is not None]
    hottest = max(celsius, default=UNLIKELY_CELSIUS)
    return hottest if hottest > UNLIKELY_CELSIUS else None


def _throttled(root: Path) -> int | None:
    try:
        throttling = read_throttling(root)
    except (OSError, subprocess.SubprocessError):  # a firmware that does not answer says nothing
        return None
    return None if throttling is None else throttling.flags


def _throttle_events(root: Path) -> int | None:
    """Return how often the cores of an x86 processor were slowed down for heat since the start.

    Source: the kernel's arch/x86/kernel/cpu/mce/therm_throt.c.
    """
    files = root.glob("sys/devices/system/cpu/cpu*/thermal_throttle/*_throttle_count")
    counts = [number(file.parent, file.name) for file in files]
    known = [count for count in counts if count is not None]
    return sum(known) if known else None
