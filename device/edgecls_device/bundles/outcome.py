"""What came of installing or updating: one record for people's tools and for ``edgecls deploy``."""

from dataclasses import dataclass
from typing import ClassVar, Literal

__all__ = ["Outcome"]


@dataclass(frozen=True, kw_only=True, slots=True)
class Outcome:
    """The end of an installation or update.

    Attributes:
        name: What was installed.
        release: The bundle's release.
        installed_version: The folder's name of the bundle's version.
        current_version: The folder's name of the version that runs now.
        result: ``installed`` for the first time; ``confirmed`` by its trial; ``reverted`` to the one before;
            ``pending`` if no service runs, so that the trial begins when it is started; ``same`` if this very
            bundle runs already; ``rolled-back`` by hand.
        artifact: Model file in use.
        backend: Runtime in use.
        threads: Threads in use.
        p50_ms: Median time of a frame on this device.
        reason: Why, a sentence; empty where there is nothing to say.
        notes: What a person should know, sentences.
    """

    kind: ClassVar[str] = "edgecls.outcome"
    version: ClassVar[int] = 1

    name: str
    release: int
    installed_version: str
    current_version: str
    result: Literal["installed", "confirmed", "reverted", "pending", "same", "rolled-back"]
    artifact: str = ""
    backend: str = ""
    threads: int = 0
    p50_ms: float = 0.0
    reason: str = ""
    notes: tuple[str, ...] = ()
