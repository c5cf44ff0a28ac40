"""What ``pick.json`` holds: what was chosen to run, from which measurements, and why nothing else."""

from dataclasses import dataclass
from typing import ClassVar

__all__ = ["Pick", "Rejected"]


@dataclass(frozen=True, kw_only=True, slots=True)
class Rejected:
    """A case that was measured and not chosen.

    Attributes:
        artifact: File name.
        backend: The runtime.
        threads: Threads for one inference.
        reason: Why not.
    """

    artifact: str
    backend: str
    threads: int
    reason: str


@dataclass(frozen=True, kw_only=True, slots=True)
class Pick:
    """What was chosen, and why.

    Attributes:
        created: When it was chosen, ISO 8601, UTC.
        budget: What was asked, in words; empty if nothing was.
        record: File of the benchmark.
        measured: When that was made.
        machine: What it was made on.
        artifact: File to run.
        sha256: Of its content then, as hex.
        backend: The runtime to run it on.
        threads: Threads for one inference.
        p50_ms: Its median from frame to label.
        reasons: Why this one, a sentence each.
        rejected: All others, in the order in which they stand in the benchmark.
    """

    kind: ClassVar[str] = "edgecls.pick"
    version: ClassVar[int] = 1

    created: str
    budget: str
    record: str
    measured: str
    machine: str
    artifact: str
    sha256: str
    backend: str
    threads: int
    p50_ms: float
    reasons: tuple[str, ...]
    rejected: tuple[Rejected, ...]
