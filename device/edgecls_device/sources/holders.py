"""Which programs have a device open, as ``fuser`` finds out: by looking at every process's descriptors."""

import os
from collections.abc import Iterator
from pathlib import Path

__all__ = ["who_uses"]

PROCESSES = Path("/proc")


def who_uses(device: str, *, processes: Path = PROCESSES) -> tuple[str, ...]:
    """Return the other programs that have a device open, such as ``vlc (process 4711)``.

    Other users' processes can be seen by root only, and processes come and go: what cannot be looked at is
    passed over, so that the answer may be incomplete.

    Args:
        device: Its path.
        processes: The proc file system.
    """
    try:
        wanted = Path(device).stat().st_rdev
    except OSError:
        return ()
    if not wanted:  # no device
        return ()
    me = os.getpid()
    found = [
        f"{_name(process)} (process {process.name})"
        for process in _processes(processes)
        if int(process.name) != me and _has_open(process, wanted)
    ]
    return tuple(sorted(found))


def _processes(root: Path) -> Iterator[Path]:
    try:
        yield from (path for path in root.iterdir() if path.name.isdigit())
    except OSError:
        return


def _has_open(process: Path, device_number: int) -> bool:
    try:
        descriptors = list((process / "fd").iterdir())
    except OSError:
        return False
    return any(_number(path) == device_number for path in descriptors)


def _number(path: Path) -> int | None:
    try:
        return path.stat().st_rdev
    except OSError:
        return None


def _name(process: Path) -> str:
    try:
        return (process / "comm").read_text(encoding="utf-8", errors="replace").strip()
    except OSError:
        return "a program"
