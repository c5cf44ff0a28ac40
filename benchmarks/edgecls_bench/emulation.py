"""Whether the processor is real, imitated by a program, or shared through a hypervisor."""

import os
import platform
import re
from pathlib import Path

from edgecls_bench.system_files import ROOT, text

__all__ = ["emulator", "is_virtual"]

_ARM = frozenset({"aarch64", "arm64", "armv6l", "armv7l", "armv8l"})
_X86 = frozenset({"x86_64", "amd64", "i386", "i686"})
_TRANSLATORS = ("qemu-", "rosetta", "box64", "FEX")
"""Beginnings of the names of programs that execute those of another architecture."""
_MODEL_OF_QEMU = "QEMU TCG CPU"
"""What qemu calls the x86 processor of a machine that it imitates as a whole, with ``-cpu max``. The name of
others stands for a guest of KVM too."""
_TICKS_OF_QEMU = re.compile(r"^BogoMIPS\s*: 125\.00$", re.MULTILINE)
"""On ARM it gives them names of real ones, but their timers tick 62.5 million times a second, of which Linux
makes this. Source: qemu's target/arm/cpu.h, ``GTIMER_BACKCOMPAT_HZ``. With ``-cpu max`` they tick as some real
ones do."""
_BOARD_OF_QEMU = "linux,dummy-virt"


def emulator(root: Path = ROOT) -> str:
    """Return what imitates this machine's processor, such as ``qemu``; empty for a real one.

    A program of another architecture does not know that it is translated, but three things give it away: the
    kernel's own name of the program that runs is the translator's; the kernel describes a processor of another
    architecture; its processor has a name, or a timer, that only imitated ones have.

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
    is_imitated = _MODEL_OF_QEMU in processors or (
        _BOARD_OF_QEMU in _board(root) and _TICKS_OF_QEMU.search(processors) is not None
    )
    return "qemu" if is_foreign or is_imitated else ""


def is_virtual(root: Path = ROOT) -> bool:
    """Return whether this is a guest of a hypervisor, as far as it says so."""
    words = text(root, "proc/cpuinfo").split()
    is_board = _BOARD_OF_QEMU in _board(root)
    return "hypervisor" in words or is_board or bool(text(root, "sys/hypervisor/type"))


def _board(root: Path) -> str:
    return text(root, "proc/device-tree/compatible")


def _running_program(root: Path) -> str:
    """Return the file name of the program that the kernel runs for this process.

    Not through ``/proc/self/exe``: qemu answers that itself.
    """
    try:
        return (root / f"proc/self/task/{os.getpid()}/exe").readlink().name
    except OSError:
        return ""
