"""How often a container's share of the processor was used up, so that its programs had to wait."""

from pathlib import Path

from edgecls_bench.system_files import ROOT, text

__all__ = ["quota_stops"]


def quota_stops(root: Path = ROOT) -> int | None:
    """Return how often the programs of this process's groups were held back; None where no group has a quota.

    Source: Documentation/admin-guide/cgroup-v2.rst of the kernel, ``cpu.stat``. A group above ours may have the
    quota, so all of them count.

    Args:
        root: Where ``proc`` and ``sys`` are.
    """
    lines = text(root, "proc/self/cgroup").splitlines()
    ours = next((line.removeprefix("0::/") for line in lines if line.startswith("0::/")), None)
    if ours is None:
        return None
    group = Path("sys/fs/cgroup") / ours
    counts = [
        int(line.split()[1])
        for folder in (group, *group.parents[: len(Path(ours).parts)])
        for line in text(root, f"{folder}/cpu.stat").splitlines()
        if line.startswith("nr_throttled ")
    ]
    return sum(counts) if counts else None
