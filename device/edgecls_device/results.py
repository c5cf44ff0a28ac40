"""What a run gives: a result for each frame, events, and a summary at its end."""

from dataclasses import dataclass, field
from typing import ClassVar, Literal

from edgecls_device.arrays import Frame
from edgecls_device.classifier import Prediction
from edgecls_device.errors import SourceError
from edgecls_device.sources.protocol import CapturedFrame

__all__ = ["Decision", "Event", "FrameResult", "RunSummary", "SinkCounts"]


@dataclass(frozen=True, kw_only=True, slots=True)
class Decision:
    """What is believed to be in front of the camera, after smoothing, hysteresis and minimum duration.

    Attributes:
        label: The label, or ``unknown``.
        score: Its smoothed score, 0..1; the best label's while unknown.
        is_unknown: Whether no label is believed.
        held_s: Seconds since the decision changed to this label.
    """

    label: str
    score: float
    is_unknown: bool
    held_s: float


@dataclass(frozen=True, kw_only=True, slots=True)
class Event:
    """A label that came or went.

    Attributes:
        id: The same for ``entered`` and ``left`` of one stay; unique among all runs.
        change: ``entered`` or ``left``.
        label: What came or went; never ``unknown``.
        source: The source's name.
        start: When it came: seconds since 1970, the frame in which it first won.
        end: When it was last seen; None while it is there.
        duration_s: Seconds from ``start`` to now, or to ``end``.
        peak_score: The highest smoothed score so far, 0..1.
        frames: Results for which it was the decision so far.
        ended_by: Empty while it is there; else ``gone`` (another label or unknown), ``source_lost`` or
            ``stopped``.
    """

    kind: ClassVar[str] = "edgecls.event"
    version: ClassVar[int] = 1

    id: str
    change: Literal["entered", "left"]
    label: str
    source: str
    start: float
    end: float | None
    duration_s: float
    peak_score: float
    frames: int
    ended_by: Literal["", "gone", "source_lost", "stopped"] = ""


@dataclass(frozen=True, kw_only=True, slots=True, eq=False)
class FrameResult:
    """What one frame shows, with all that a sink may want to say about it.

    Attributes:
        frame: The captured frame. Sinks share it and must not draw on it.
        prediction: What the model says of this frame alone.
        decision: What is believed, given the frames before.
        age_ms: From capture to decision.
        frames_per_second: Results a second over the last 30; 0 for the first.
        dropped: Frames dropped so far, by reason.
        is_still: Whether nothing moved, so that inference was saved and ``prediction`` is an earlier frame's.
    """

    frame: CapturedFrame
    prediction: Prediction
    decision: Decision
    age_ms: float
    frames_per_second: float
    dropped: dict[str, int]
    is_still: bool = False

    @property
    def image(self) -> Frame:
        """The frame's pixels, BGR uint8."""
        return self.frame.image


@dataclass(frozen=True, kw_only=True, slots=True)
class SinkCounts:
    """What became of the results given to one sink.

    ``given`` is the sum of ``written``, ``dropped``, ``failed`` and ``waiting``.

    Attributes:
        name: The sink, such as ``mqtt``.
        given: Results and events it was given.
        written: Taken over whole by the sink.
        dropped: Left out since the sink was too slow.
        failed: Refused by the sink, such as on a full disk.
        waiting: Not yet looked at.
        last_error: Why the last failure failed, a sentence; empty if none did.
        is_failing: Whether the newest attempt failed.
    """

    name: str
    given: int = 0
    written: int = 0
    dropped: int = 0
    failed: int = 0
    waiting: int = 0
    last_error: str = ""
    is_failing: bool = False


@dataclass(frozen=True, kw_only=True, slots=True)
class RunSummary:
    """How a run went.

    Attributes:
        captured: Frames captured.
        results: Frames with a result.
        dropped: All other frames, by reason.
        seconds: From the first read to the end.
        classify_p50_ms: Median of preprocessing and inference over the last 10,000 results.
        ended_by: ``end``, ``limit``, ``source lost``, or who asked to stop.
        problems: What was wrong but did not end the run.
        error: Why the source was lost, if it was.
        still: How many of the results were still, without inference.
        age_p50_ms: Median age of the last 10,000 results, from capture to decision.
        age_p99_ms: Their 99th percentile.
        reconnects: How often the source was opened again.
        events: How many labels came.
        sinks: What became of the results.
    """

    kind: ClassVar[str] = "edgecls.run_summary"
    version: ClassVar[int] = 2

    captured: int
    results: int
    dropped: dict[str, int]
    seconds: float
    classify_p50_ms: float
    ended_by: str
    problems: tuple[str, ...] = ()
    error: SourceError | None = field(default=None, compare=False)
    still: int = 0
    age_p50_ms: float = 0.0
    age_p99_ms: float = 0.0
    reconnects: int = 0
    events: int = 0
    sinks: tuple[SinkCounts, ...] = ()
