"""What a run gives: one result per frame, and a summary at its end."""

from dataclasses import dataclass, field
from typing import ClassVar

from edgecls_device.arrays import Frame
from edgecls_device.classifier import Prediction
from edgecls_device.errors import SourceError
from edgecls_device.sources.protocol import CapturedFrame

__all__ = ["FrameResult", "RunSummary"]


@dataclass(frozen=True, kw_only=True, slots=True, eq=False)
class FrameResult:
    """What one frame shows, with all that a sink may want to say about it.

    Attributes:
        frame: The captured frame.
        prediction: What it shows.
        age_ms: From capture to result.
        frames_per_second: Results a second over the last 30; 0 for the first.
        dropped: Frames dropped so far, by reason.
    """

    frame: CapturedFrame
    prediction: Prediction
    age_ms: float
    frames_per_second: float
    dropped: dict[str, int]

    @property
    def image(self) -> Frame:
        """The frame's pixels, BGR uint8."""
        return self.frame.image


@dataclass(frozen=True, kw_only=True, slots=True)
class RunSummary:
    """How a run went.

    Attributes:
        captured: Frames captured.
        results: Frames classified.
        dropped: All other frames, by reason.
        seconds: From the first read to the end.
        classify_p50_ms: Median of preprocessing and inference over the last 10,000 results.
        ended_by: ``end``, ``limit``, ``source lost``, or who asked to stop.
        problems: What was wrong but did not end the run.
        error: Why the source was lost, if it was.
    """

    kind: ClassVar[str] = "edgecls.run_summary"
    version: ClassVar[int] = 1

    captured: int
    results: int
    dropped: dict[str, int]
    seconds: float
    classify_p50_ms: float
    ended_by: str
    problems: tuple[str, ...] = ()
    error: SourceError | None = field(default=None, compare=False)
