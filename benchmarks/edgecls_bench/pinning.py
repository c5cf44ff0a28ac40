"""Which cores a measured process is held to, so that the scheduler does not move it about."""

import os

from edgecls_bench.machine import Machine

__all__ = ["cores_for", "disjoint_cores"]


def cores_for(machine: Machine, threads: int) -> tuple[int, ...]:
    """Return as many cores as there are threads, the best first; empty where processes cannot be held to any.

    With more threads than cores it is all of them.
    """
    return machine.cores_in_order[:threads] if _is_possible() else ()


def disjoint_cores(machine: Machine, threads: int, workers: int) -> tuple[tuple[int, ...], ...]:
    """Return cores for each of several processes side by side, no core twice; empty ones where not possible."""
    order = machine.cores_in_order
    if not _is_possible() or threads * workers > len(order):
        return ((),) * workers
    return tuple(order[n * threads : (n + 1) * threads] for n in range(workers))


def _is_possible() -> bool:
    return hasattr(os, "sched_setaffinity")
