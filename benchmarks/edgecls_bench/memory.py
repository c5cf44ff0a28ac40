"""How much memory this process has, and has had at most."""

import resource
from pathlib import Path

__all__ = ["peak_and_resident_bytes"]

_STATUS = Path("/proc/self/status")


def peak_and_resident_bytes() -> tuple[int, int]:
    """Return the largest resident memory of this process so far, and that of now; 0 for now where nobody says.

    Both come from one look at ``/proc``, as a second one may find more than the peak of the first. ``VmHWM``
    starts anew with the program; ``ru_maxrss`` also holds what the parent had when it started the child, which
    is more than the child's own where the parent is large.
    """
    try:
        lines = _STATUS.read_text(encoding="ascii", errors="replace").splitlines()
    except OSError:
        lines = []
    told = dict(line.split(":", 1) for line in lines if line.startswith("Vm"))
    peak, resident = (int(told.get(name, "0").split()[0]) * 1024 for name in ("VmHWM", "VmRSS"))
    return peak or resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024, resident
