"""What a device found when it tried a bundle: which model file, runtime and threads it will use, and why."""

from dataclasses import dataclass
from typing import ClassVar

__all__ = ["TUNING", "Candidate", "Tuning"]

TUNING = "tuning.json"


@dataclass(frozen=True, kw_only=True, slots=True)
class Candidate:
    """One model file on one runtime.

    Attributes:
        artifact: Member of the model file.
        backend: The runtime.
        threads: Threads of one inference; 0 if it never came to that.
        samples: Seeded samples and photos that were tried.
        same_best: How many of them had the expected best class.
        worst_error: Largest difference of a score.
        p50_ms: Median time of a frame, preprocessing and inference; 0 if it was not measured.
        failure: Why it cannot be used, to be put behind "got"; empty if it can.
    """

    artifact: str
    backend: str
    threads: int
    samples: int = 0
    same_best: int = 0
    worst_error: float = 0.0
    p50_ms: float = 0.0
    failure: str = ""


@dataclass(frozen=True, kw_only=True, slots=True)
class Tuning:
    """The choice.

    Attributes:
        artifact: Member of the model file that is used.
        backend: The runtime that is used.
        threads: Threads of one inference.
        candidates: Everything that was tried.
    """

    kind: ClassVar[str] = "edgecls.tuning"
    version: ClassVar[int] = 1

    artifact: str
    backend: str
    threads: int
    candidates: tuple[Candidate, ...]
