"""How long the cores of a machine have worked, and how long they have been idle."""

import os
from dataclasses import dataclass
from pathlib import Path

from edgecls_bench.system_files import ROOT, text

__all__ = ["CoreTimes", "read_core_times"]

_FIELDS = slice(1, 9)  # user, nice, system, idle, iowait, irq, softirq, steal
_IDLE = slice(3, 5)  # idle and waiting for the disk


@dataclass(frozen=True, kw_only=True, slots=True)
class CoreTimes:
    """Times of all cores together since the machine's start, in seconds.

    Attributes:
        busy_s: Working, or taken away by the hypervisor for another guest.
        idle_s: With nothing to do.
        cores: How many there are.
    """

    busy_s: float
    idle_s: float
    cores: int

    def seconds_since(self, before: "CoreTimes") -> float:
        """Return how much time has passed, by the cores' own account."""
        return (self.busy_s + self.idle_s - before.busy_s - before.idle_s) / self.cores

    def busy_since(self, before: "CoreTimes", *, own_s: float = 0.0) -> float:
        """Return how many cores were busy on average, 0 if no time has passed.

        Args:
            before: An earlier moment.
            own_s: CPU time in between that does not count.
        """
        passed_s = self.seconds_since(before)
        busy_s = self.busy_s - before.busy_s - own_s
        return max(0.0, busy_s / passed_s) if passed_s > 0 else 0.0


def read_core_times(root: Path = ROOT) -> CoreTimes | None:
    """Return them as they are now; None where nobody counts.

    Source: proc(5), ``/proc/stat``; the last two fields of a line are parts of the first two.

    Args:
        root: Where ``proc`` is.
    """
    lines = [
        line.split() for line in text(root, "proc/stat").splitlines() if line.startswith("cpu")
    ]
    if not lines:
        return None
    ticks = [int(word) for word in lines[0][_FIELDS]]
    idle, second = sum(ticks[_IDLE]), os.sysconf("SC_CLK_TCK")
    return CoreTimes(
        busy_s=(sum(ticks) - idle) / second,
        idle_s=idle / second,
        cores=max(1, len(lines) - 1),
    )
