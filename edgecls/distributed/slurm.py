"""What Slurm tells a process that ``srun`` started: how many there are, and where the first one runs."""

import re
from collections.abc import Mapping

__all__ = ["coordinator_of", "first_host", "processes_of"]

_FIRST_PORT, _PORTS = 12_000, 8_000
"""Where pairs of ports begin and how many there are: below those that systems give out by themselves."""


def processes_of(variables: Mapping[str, str]) -> str | None:
    """Return the number of processes: of the step if there is one, else of the job; None outside Slurm."""
    return variables.get("SLURM_STEP_NUM_TASKS") or variables.get("SLURM_NTASKS")


def coordinator_of(variables: Mapping[str, str]) -> str | None:
    """Return ``host:port`` of the first node, the port derived from the job; None outside Slurm."""
    nodes = variables.get("SLURM_STEP_NODELIST") or variables.get("SLURM_JOB_NODELIST")
    job = variables.get("SLURM_JOB_ID") or variables.get("SLURM_JOBID") or ""
    if not nodes or not re.fullmatch(r"[0-9]{1,18}", job):
        return None
    return f"{first_host(nodes)}:{_FIRST_PORT + 2 * (int(job) % _PORTS)}"


def first_host(nodes: str) -> str:
    """Return the first host of a node list such as ``gpu[03-05,9],login1``: ``gpu03``.

    The format is that of ``scontrol show hostnames``: brackets hold numbers and ranges, and may stand more
    than once in a name.
    """
    first = re.match(r"(?:[^,\[]|\[[^\]]*\])*", nodes)
    name = first.group() if first else nodes
    return re.sub(r"\[([^\],-]*)[^\]]*\]", r"\1", name)
