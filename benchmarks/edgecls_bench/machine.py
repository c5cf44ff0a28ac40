"""What a measurement was made on."""

import os
import platform
import time
from dataclasses import dataclass, field
from pathlib import Path

from edgecls_device.stamps import installed_versions

__all__ = ["Machine", "describe_machine"]

SAMPLE_S = 0.3
BUSY = 0.5  # share of the cores from which other programs show in the figures
_IDLE = slice(3, 5)  # idle and waiting for the disk
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

    @property
    def is_busy(self) -> bool:
        """Whether other programs took part in what was measured."""
        return self.busy_cores > BUSY * self.cores


def describe_machine(*, samples_load: bool = True) -> Machine:
    """Describe this machine. Nothing is imported for it; what cannot be read stays empty.

    Args:
        samples_load: Whether to look for 0.3 s how busy it is; not worth the wait where nothing is timed.
    """
    return Machine(
        model=_model(),
        architecture=platform.machine(),
        cores=len(os.sched_getaffinity(0)),
        memory_bytes=os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES"),
        system=f"{platform.system()} {platform.release()}",
        python=platform.python_version(),
        governor=_text("/sys/devices/system/cpu/cpu0/cpufreq/scaling_governor"),
        busy_cores=_busy_cores() if samples_load else 0.0,
        packages=installed_versions(_PACKAGES),
    )


def _model() -> str:
    board = _text("/proc/device-tree/model").strip("\0")
    if board:
        return board
    for line in _text("/proc/cpuinfo").splitlines():
        name, _, value = line.partition(":")
        if name.strip() in {"model name", "Model"}:
            return value.strip()
    return platform.processor() or platform.machine()


def _busy_cores() -> float:
    """Sample what runs now: a load average would still hold the training that has just ended."""
    before = _ticks()
    time.sleep(SAMPLE_S)
    after = _ticks()
    passed = sum(after) - sum(before)
    if not passed:
        return 0.0
    idle = sum(after[_IDLE]) - sum(before[_IDLE])
    return round((1 - idle / passed) * (os.cpu_count() or 1), 2)


def _ticks() -> list[int]:
    """Return the times of all cores since the machine's start: user, nice, system, idle, iowait, ...

    Source: proc(5), ``/proc/stat``; its last two fields are parts of the first two.
    """
    words = _text("/proc/stat").partition("\n")[0].split()[1:9]
    return [int(word) for word in words]


def _text(path: str) -> str:
    try:
        return Path(path).read_text(encoding="utf-8", errors="replace").strip()
    except OSError:
        return ""
