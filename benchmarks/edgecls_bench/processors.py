"""The cores of a machine: which there are, which share a physical one, how fast they may run."""

import os
from collections.abc import Sequence
from pathlib import Path

from edgecls_bench.system_files import ROOT, number, text

__all__ = [
    "clock_mhz",
    "clock_range_mhz",
    "cores_in_order",
    "lowest_cap_mhz",
    "physical_cores",
    "usable_cores",
]

_CORE = "sys/devices/system/cpu/cpu{core}"
_KHZ = 1000


def usable_cores() -> tuple[int, ...]:
    """Return the numbers of the cores this process may use."""
    if hasattr(os, "sched_getaffinity"):
        return tuple(sorted(os.sched_getaffinity(0)))
    return tuple(range(os.cpu_count() or 1))


def physical_cores(usable: Sequence[int], root: Path = ROOT) -> int:
    """Return how many of these cores are physical ones of their own; 0 where nobody says."""
    siblings = {core: _siblings(core, root) for core in usable}
    return len(set(siblings.values())) if all(siblings.values()) else 0


def cores_in_order(usable: Sequence[int], root: Path = ROOT) -> tuple[int, ...]:
    """Return these cores, those first that a benchmark should use first.

    Two threads of one physical core share its arithmetic units, so the second of any comes after the first of
    all. Before that, large cores come before small ones.
    """
    seen: dict[str, int] = {}
    ranks = []
    for core in sorted(usable):
        siblings = _siblings(core, root) or str(core)
        seen[siblings] = seen.get(siblings, -1) + 1
        ranks.append((seen[siblings], -_size(core, root), core))
    return tuple(core for _, _, core in sorted(ranks))


def clock_range_mhz(usable: Sequence[int], root: Path = ROOT) -> tuple[int, ...]:
    """Return the lowest and highest frequency of the fastest of these cores; empty where nobody says."""
    ranges = [
        (highest // _KHZ, lowest // _KHZ)
        for core in usable
        if (highest := _frequency(core, "cpuinfo_max_freq", root))
        and (lowest := _frequency(core, "cpuinfo_min_freq", root)) is not None
    ]
    return (max(ranges)[1], max(ranges)[0]) if ranges else ()


def clock_mhz(cores: Sequence[int], root: Path = ROOT) -> float | None:
    """Return the mean frequency of these cores now; None where nobody says.

    It means something while they work: an idle core is slowed down by its governor.
    """
    khz = [f for core in cores if (f := _frequency(core, "scaling_cur_freq", root)) is not None]
    return sum(khz) / len(khz) / _KHZ if khz else None


def lowest_cap_mhz(cores: Sequence[int], root: Path = ROOT) -> float | None:
    """Return the lowest limit that now holds for any of these cores; None where nobody says.

    The kernel lowers it where a processor becomes too hot, whether the core works or not.
    Source: Documentation/admin-guide/pm/cpufreq.rst, ``scaling_max_freq``.
    """
    khz = [f for core in cores if (f := _frequency(core, "scaling_max_freq", root)) is not None]
    return min(khz) / _KHZ if khz else None


def _siblings(core: int, root: Path) -> str:
    return text(root, f"{_CORE.format(core=core)}/topology/thread_siblings_list")


def _size(core: int, root: Path) -> int:
    """Return how much a core can do: as the kernel rates it, else its highest frequency; 0 where unknown."""
    capacity = number(root, f"{_CORE.format(core=core)}/cpu_capacity")
    return capacity or _frequency(core, "cpuinfo_max_freq", root) or 0


def _frequency(core: int, name: str, root: Path) -> int | None:
    return number(root, f"{_CORE.format(core=core)}/cpufreq/{name}")
