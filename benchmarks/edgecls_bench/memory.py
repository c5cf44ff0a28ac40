"""How much memory this process has, and has had at most."""

import resource
from pathlib import Path

__all__ = ["peak_memory_bytes", "resident_memory_bytes"]

_STATUS = Path("/proc/self/status")


def peak_memory_bytes() -> int:
    """Return the largest resident memory of this process so far.

    ``VmHWM`` starts anew with the program; ``ru_maxrss`` also holds what the parent had when it started the
    child, which is more than the child's own where the parent is large.
    """
    peak = _status("VmHWM")
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024 if peak is None else peak


def resident_memory_bytes() -> int:
    """Return the resident memory of this process now; 0 where nobody says."""
    return _status("VmRSS") or 0


def _status(name: str) -> int | None:
    try:
        lines = _STATUS.read_text(encoding="ascii", errors="replace").splitlines()
    except OSError:
        return None
    found = next((line for line in lines if line.startswith(f"{name}:")), None)
    return None if found is None else int(found.split()[1]) * 1024
