"""Whether the processor is real, imitated by a program, or shared through a hypervisor."""

import os
import platform
from pathlib import Path

from edgecls_bench.system_files import ROOT, text

__all__ = ["emulator", "is_virtual"]

_ARM = frozenset({"aarch64", "arm64", "armv6l", "armv7l", "armv8l"})
_X86 = frozenset({"x86_64", "amd64", "i386", "i686"})
_TRANSLATORS = ("qemu-", "rosetta", "box64", "FEX")
"""Beginnings of the names of programs that execute those of another architecture."""
_IMITATED_MODELS = ("QEMU Virtual CPU", "QEMU TCG CPU")
"""What qemu calls the processors of a machine that it imitates as a whole. On ARM it gives them names of real
ones, and nothing tells such a machine from a virtual one."""


def emulator(root: Path = ROOT) -> str:
    """Return what imitates this machine's processor, such as ``qemu``; empty for a real one.

    A program of another architecture does not know that it is translated, but three things give it away: the
    kernel's own name of the program that runs is the translator's; the kernel describes a processor of another
    architecture; its processor has a name that only imitated ones have.

    Args:
        root: Where ``proc`` is.
    """
    program = _running_program(root)
    if program.startswith(_TRANSLATORS):
        return program.partition("-")[0]
    processors = text(root, "proc/cpuinfo")
    machine = platform.machine().lower()
    is_foreign = (machine in _ARM and "vendor_id" in processors) or (
        machine in _X86 and "CPU implementer" in processors
    )
    if is_foreign or any(model in processors for model in _IMITATED_MODELS):
        return "qemu"
    return ""


def is_virtual(root: Path = ROOT) -> bool:
    """Return whether this is a guest of a hypervisor, as far as it says so."""
    words = text(root, "proc/cpuinfo").split()
    board = text(root, "proc/device-tree/compatible")
    return "hypervisor" in words or "dummy-virt" in board or bool(text(root, "sys/hypervisor/type"))


def _running_program(root: Path) -> str:
    """Return the file name of the program that the kernel runs for this process.

    Not through ``/proc/self/exe``: qemu answers that itself.
    """
    try:
        return (root / f"proc/self/task/{os.getpid()}/exe").readlink().name
    except OSError:
        return ""
