"""What a measurement was made on, and whether two measurements were made on the same machine."""

import math
import os
import platform
import re
import time
from dataclasses import dataclass, field
from pathlib import Path

from edgecls_device.stamps import installed_versions

from edgecls_bench.core_times import read_core_times
from edgecls_bench.emulation import emulator, is_virtual
from edgecls_bench.processors import clock_range_mhz, cores_in_order, physical_cores, usable_cores
from edgecls_bench.system_files import ROOT, text

__all__ = ["Machine", "describe_machine"]

SAMPLE_S = 0.3
BUSY = 0.5  # share of the cores from which other programs show in the figures
_SLUG_LENGTH = 48
_PACKAGES = (
    "edgecls",
    "numpy",
    "opencv-python-headless",
    "opencv-python",
    "ai-edge-litert",
    "tflite-runtime",
    "onnxruntime",
)


@dataclass(frozen=True, kw_only=True, slots=True)
class Machine:
    """A machine, as far as it decides about speed.

    Attributes:
        model: Board or CPU name, such as ``Raspberry Pi 5 Model B Rev 1.0``.
        architecture: As Python names it, such as ``aarch64``.
        cores: Cores this process may use.
        memory_bytes: Installed memory.
        system: Operating system and kernel.
        python: Python's version.
        governor: CPU frequency governor, empty where it cannot be read.
        busy_cores: Cores that other programs kept busy in the moment before the measurement.
        packages: Versions of the packages that ran the models.
        physical_cores: How many of ``cores`` are not the second thread of another; 0 where nobody says.
        cores_in_order: Numbers of the cores this process may use, those first that should be used first: the
            largest, and one of each physical core before the second of any.
        clock_mhz: Lowest and highest frequency of the fastest core; empty where they cannot be read.
        is_virtual: Whether it is a guest of a hypervisor, so that its cores may be taken away for a while.
        emulator: What imitates its processor, such as ``qemu``; empty for a real one.
    """

    model: str
    architecture: str
    cores: int
    memory_bytes: int
    system: str
    python: str
    governor: str = ""
    busy_cores: float = 0.0
    packages: dict[str, str] = field(default_factory=dict)
    physical_cores: int = 0
    cores_in_order: tuple[int, ...] = ()
    clock_mhz: tuple[int, ...] = ()
    is_virtual: bool = False
    emulator: str = ""

    @property
    def is_busy(self) -> bool:
        """Whether other programs took part in what was measured."""
        return self.busy_cores > BUSY * self.cores

    @property
    def is_emulated(self) -> bool:
        """Whether its processor is imitated by a program, so that its times say nothing of a device."""
        return bool(self.emulator)

    @property
    def parts(self) -> dict[str, str]:
        """What must be equal for two runs to compare, by name: the machine and how it is set up.

        Not the software: what a new runtime, kernel or Python brings is what one may want to see; see
        :attr:`software`. Memory is rounded up to a power of two, since kernels keep different parts of it to
        themselves. Two boards of one model count as the same machine: nothing that both lets tell them apart
        outlives a new memory card, and what differs between them, their cooling, stands in the readings.
        """
        gigabytes = 2.0 ** math.ceil(math.log2(max(1, self.memory_bytes) / 2**30))
        return {
            "model": self.model,
            "architecture": self.architecture,
            "cores": str(self.cores),
            "memory": f"{gigabytes:g} GB",
            "governor": self.governor,
            "highest clock": f"{self.clock_mhz[-1]} MHz" if self.clock_mhz else "",
            "hypervisor": "yes" if self.is_virtual else "no",
            "emulator": self.emulator,
        }

    @property
    def identity(self) -> str:
        """:attr:`parts` as one text: two runs compare only where it is the same."""
        return "; ".join(f"{name} {value}" for name, value in self.parts.items() if value)

    @property
    def software(self) -> dict[str, str]:
        """What may differ between two runs that compare, and should be said then."""
        return {"system": self.system, "python": self.python, **self.packages}

    @property
    def slug(self) -> str:
        """Its name in file names: lower-case letters, digits and hyphens."""
        words = f"{self.model} {self.architecture}" + (f" {self.emulator}" if self.emulator else "")
        return re.sub(r"[^a-z0-9]+", "-", words.lower())[:_SLUG_LENGTH].strip("-") or "machine"


def describe_machine(*, samples_load: bool = True, root: Path = ROOT) -> Machine:
    """Describe this machine. Nothing is imported for it; what cannot be read stays empty.

    Args:
        samples_load: Whether to look for 0.3 s how busy it is; not worth the wait where nothing is timed.
        root: Where ``proc`` and ``sys`` are.
    """
    usable = usable_cores()
    return Machine(
        model=_model(root),
        architecture=platform.machine(),
        cores=len(usable),
        memory_bytes=os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES"),
        system=f"{platform.system()} {platform.release()}",
        python=platform.python_version(),
        governor=text(root, "sys/devices/system/cpu/cpu0/cpufreq/scaling_governor"),
        busy_cores=_busy_cores(root) if samples_load else 0.0,
        packages=installed_versions(_PACKAGES),
        physical_cores=physical_cores(usable, root),
        cores_in_order=cores_in_order(usable, root),
        clock_mhz=clock_range_mhz(usable, root),
        is_virtual=is_virtual(root),
        emulator=emulator(root),
    )


def _model(root: Path) -> str:
    board = text(root, "proc/device-tree/model").strip("\0")
    if board:
        return board
    for line in text(root, "proc/cpuinfo").splitlines():
        name, _, value = line.partition(":")
        if name.strip() in {"model name", "Model"}:
            return value.strip()
    return platform.processor() or platform.machine()


def _busy_cores(root: Path) -> float:
    """Sample what runs now: a load average would still hold the training that has just ended."""
    before = read_core_times(root)
    time.sleep(SAMPLE_S)
    after = read_core_times(root)
    return 0.0 if before is None or after is None else round(after.busy_since(before), 2)
