"""The systems that are emulated: the Debian packages they consist of, and the computer they believe to be on.

Raspberry Pi OS is Debian's arm64, or for 32 bits Raspbian, whose packages have Debian's names and versions.
What is installed here is less than what any of its images holds, so a bundle that gets along with this gets
along with them: no ``python3-venv``, no ``pip``, no compiler.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from types import MappingProxyType

__all__ = ["BOARDS", "SYSTEMS", "Board", "System"]

BASE = ("python3", "openssl", "passwd", "libstdc++6", "netbase", "procps", "curl")
"""Beside the essential packages: each is in Raspberry Pi OS Lite too."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Board:
    """A computer.

    Attributes:
        model: Its name in the device tree.
        processor: Its name for qemu.
        cpuinfo: The lines of one core in ``/proc/cpuinfo``.
    """

    model: str
    processor: str
    cpuinfo: str


@dataclass(frozen=True, kw_only=True, slots=True)
class System:
    """A root file system and the computer under it.

    Attributes:
        name: As the target of ``edgecls bundle``.
        suite: Debian's name of the release.
        architecture: Debian's name of the architecture.
        packages: What is installed beside the essential packages.
        links: Links that the packages' scripts would make with ``update-alternatives``: link -> what it names.
        board: The computer it is usually on.
    """

    name: str
    suite: str
    architecture: str
    packages: tuple[str, ...]
    links: Mapping[str, str]
    board: Board


_CORE64 = """BogoMIPS\t: 108.00
Features\t: fp asimd evtstrm crc32 cpuid
CPU implementer\t: 0x41
CPU architecture: 8
CPU variant\t: 0x0
CPU part\t: 0xd08
CPU revision\t: 3
"""
_CORE32 = """model name\t: ARMv7 Processor rev 5 (v7l)
BogoMIPS\t: 38.40
Features\t: half thumb fastmult vfp edsp neon vfpv3 tls vfpv4 idiva idivt vfpd32 lpae evtstrm
CPU implementer\t: 0x41
CPU architecture: 7
CPU variant\t: 0x0
CPU part\t: 0xc07
CPU revision\t: 5
"""
_PI_4 = Board(model="Raspberry Pi 4 Model B Rev 1.4", processor="cortex-a72", cpuinfo=_CORE64)
_PI_5 = Board(
    model="Raspberry Pi 5 Model B Rev 1.0",
    processor="cortex-a76",
    cpuinfo=_CORE64.replace(
        "crc32 cpuid", "crc32 atomics fphp asimdhp cpuid asimdrdm lrcpc dcpop asimddp"
    )
    .replace("0xd08", "0xd0b")
    .replace("variant\t: 0x0", "variant\t: 0x4"),
)
_PI_2 = Board(model="Raspberry Pi 2 Model B Rev 1.1", processor="cortex-a7", cpuinfo=_CORE32)
_A15 = Board(
    model="a board with a Cortex-A15",
    processor="cortex-a15",
    cpuinfo=_CORE32.replace("0xc07", "0xc0f"),
)
_PC = Board(model="", processor="max", cpuinfo="")

BOARDS: Mapping[str, Board] = MappingProxyType(
    {"pi2": _PI_2, "a15": _A15, "pi4": _PI_4, "pi5": _PI_5, "pc": _PC}
)
"""By name. A board's ``cpuinfo`` must fit its processor: runtimes choose their instructions by it."""

_AWK = {"usr/bin/awk": "mawk"}
_LINEAR_ALGEBRA = {
    f"usr/lib/arm-linux-gnueabihf/{name}": f"{folder}/{name}"
    for folder, name in (("blas", "libblas.so.3"), ("lapack", "liblapack.so.3"))
}

_ALL = (
    System(
        name="bookworm64",
        suite="bookworm",
        architecture="arm64",
        packages=BASE,
        links=_AWK,
        board=BOARDS["pi4"],
    ),
    System(
        name="trixie64",
        suite="trixie",
        architecture="arm64",
        packages=BASE,
        links=_AWK,
        board=BOARDS["pi5"],
    ),
    System(
        name="bookworm32",
        suite="bookworm",
        architecture="armhf",
        packages=(*BASE, "python3-numpy", "python3-opencv"),  # the one apt command of this target
        links={**_AWK, **_LINEAR_ALGEBRA},
        board=BOARDS["pi2"],
    ),
    System(
        # for figures: the same emulator on the other side
        name="linux-x86_64",
        suite="bookworm",
        architecture="amd64",
        packages=BASE,
        links=_AWK,
        board=BOARDS["pc"],
    ),
)

SYSTEMS: Mapping[str, System] = MappingProxyType({system.name: system for system in _ALL})
"""By name."""
