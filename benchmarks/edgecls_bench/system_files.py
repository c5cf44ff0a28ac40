"""Reading what Linux tells about a machine in small files below ``/proc`` and ``/sys``."""

from pathlib import Path

__all__ = ["ROOT", "number", "text"]

ROOT = Path("/")


def text(root: Path, name: str) -> str:
    """Return what a file says, without white space around it; empty if it is not there or not for us.

    Args:
        root: Where ``proc`` and ``sys`` are.
        name: Path below it.
    """
    try:
        return (root / name).read_text(encoding="utf-8", errors="replace").strip()
    except OSError:  # a virtual machine, a container or another kernel has not all of them
        return ""


def number(root: Path, name: str) -> int | None:
    """Return the whole number in a file; None if there is none."""
    try:
        return int(text(root, name))
    except ValueError:
        return None
