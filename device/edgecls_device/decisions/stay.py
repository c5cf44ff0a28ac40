"""One stay of a label before the camera, from ``entered`` to ``left``."""

from dataclasses import dataclass
from typing import Literal

from edgecls_device.decisions.hysteresis import Belief
from edgecls_device.results import Event

__all__ = ["Stay"]


@dataclass(kw_only=True, slots=True)
class Stay:
    """What its two events say.

    Attributes:
        id: See ``Event``.
        label: See ``Event``.
        source: See ``Event``.
        start: See ``Event``.
        belief: When it won, in frame time, and how high.
        frames: Results for which it was the decision so far.
    """

    id: str
    label: str
    source: str
    start: float
    belief: Belief
    frames: int = 1

    def entered(self, now_s: float) -> Event:
        """Return the event that it came; ``now_s`` is the frame time."""
        return Event(
            id=self.id,
            change="entered",
            label=self.label,
            source=self.source,
            start=self.start,
            end=None,
            duration_s=now_s - self.belief.first_s,
            peak_score=self.belief.peak,
            frames=self.frames,
        )

    def left(self, reason: Literal["gone", "source_lost", "stopped"]) -> Event:
        """Return the event that it went. It ended when it last won, not when that was believed."""
        duration_s = self.belief.last_s - self.belief.first_s
        return Event(
            id=self.id,
            change="left",
            label=self.label,
            source=self.source,
            start=self.start,
            end=self.start + duration_s,
            duration_s=duration_s,
            peak_score=self.belief.peak,
            frames=self.frames,
            ended_by=reason,
        )
