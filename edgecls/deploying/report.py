"""What came of a deployment, device by device."""

from dataclasses import dataclass
from typing import ClassVar, Literal

from edgecls_device.bundles.outcome import Outcome

__all__ = ["Deployment", "HostReport"]


@dataclass(frozen=True, kw_only=True, slots=True)
class HostReport:
    """One device.

    Attributes:
        host: As the user wrote it.
        result: ``done``; ``planned`` in a dry run; ``failed``; ``skipped`` since another one failed before.
        action: ``install``, ``update``, or empty if it never came to that.
        system: What it runs.
        outcome: What the device said at the end; None if it did not come to that.
        problem: Why it failed, a sentence.
        hint: What to do about it.
        seconds: How long it took.
    """

    host: str
    result: Literal["done", "planned", "failed", "skipped"]
    action: str = ""
    system: str = ""
    outcome: Outcome | None = None
    problem: str = ""
    hint: str = ""
    seconds: float = 0.0


@dataclass(frozen=True, kw_only=True, slots=True)
class Deployment:
    """All of them.

    Attributes:
        bundle: The bundle's file name.
        release: Its release.
        hosts: In the order in which they were named.
    """

    kind: ClassVar[str] = "edgecls.deployment"
    version: ClassVar[int] = 1

    bundle: str
    release: int
    hosts: tuple[HostReport, ...]
