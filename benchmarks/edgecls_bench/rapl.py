"""The energy counters of x86 processors (RAPL), as Linux shows them in files.

Source: Documentation/power/powercap/powercap.rst of the kernel. AMD's are in ``intel-rapl`` too.
"""

import time
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import ClassVar

from edgecls_bench.system_files import number, text

__all__ = ["RaplSensor", "find_zones", "unreadable"]

_ZONES = "sys/class/powercap/intel-rapl:*"
_MICRO = 1e-6


def find_zones(root: Path) -> tuple[Path, ...]:
    """Return the folders of all processor packages.

    Not those of their parts, which the packages contain, nor that of the whole platform, which contains them.
    """
    return tuple(
        zone for zone in sorted(root.glob(_ZONES)) if text(zone, "name").startswith("package")
    )


def unreadable(zones: Sequence[Path]) -> str:
    """Return why the counters cannot be read, a sentence with the remedy; empty if they can.

    Only root may read them, since their fine steps betray what a processor computes (CVE-2020-8694).
    """
    for zone in zones:
        path = zone / "energy_uj"
        try:
            path.read_bytes()
        except PermissionError:
            files = path.parent.parent / "intel-rapl:*" / path.name
            return f"only root may read the processor's energy: sudo chmod a+r {files}"
        except OSError as error:
            return f"the processor's energy cannot be read: {error}"
    return ""


class RaplSensor:
    """Counts the energy of all processor packages.

    A counter begins anew at a limit, after minutes at the soonest: ask more often than that.
    """

    name: ClassVar[str] = "rapl"

    def __init__(
        self, zones: Sequence[Path], *, clock: Callable[[], float] = time.monotonic
    ) -> None:
        """Take the folders of the packages, and a clock in seconds."""
        self._zones = zones
        self._ranges = [number(zone, "max_energy_range_uj") or 0 for zone in zones]
        self._clock = clock
        self._before: tuple[float, list[int | None]] = (0.0, [])

    def __enter__(self) -> "RaplSensor":
        """Begin to count."""
        self._before = self._now()
        return self

    def __exit__(self, *exception: object) -> None:
        """Nothing is kept open."""

    def watts(self) -> float | None:
        """Return the mean power since the last question, or since entering; None if the counters failed."""
        (before_s, before), (now_s, now) = self._before, self._now()
        self._before = now_s, now
        microjoules = 0
        for earlier, later, size in zip(before, now, self._ranges, strict=True):
            if earlier is None or later is None:
                return None
            microjoules += later - earlier + (size if later < earlier else 0)
        return microjoules * _MICRO / (now_s - before_s) if now_s > before_s else None

    def _now(self) -> tuple[float, list[int | None]]:
        return self._clock(), [number(zone, "energy_uj") for zone in self._zones]
