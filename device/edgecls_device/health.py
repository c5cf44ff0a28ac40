"""How a run is, told truthfully: worked out from clocks when asked, never from a flag that was set once.

The loop writes into a :class:`StatusBoard`; the live page, ``/ready``, metrics, MQTT and the watchdog read
it from their own threads.
"""

import threading
import time
from collections import deque
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import ClassVar, Literal

from edgecls_device.results import Decision, FrameResult, SinkCounts
from edgecls_device.sources.protocol import DELIVERING, SourceStatus

__all__ = ["HUNG_AFTER_S", "NO_RESULT_AFTER_S", "LiveStatus", "State", "StatusBoard", "percentiles"]

State = Literal["starting", "ready", "degraded", "source_lost", "stopping"]

HUNG_AFTER_S = (
    10.0  # the loop comes round at least every quarter of a second, unless something hangs
)
NO_RESULT_AFTER_S = 6.0
TIMES_KEPT = 10_000  # for percentiles, bounded so that months of frames take no more memory


@dataclass(frozen=True, kw_only=True, slots=True)
class LiveStatus:
    """How a run is at one moment.

    Attributes:
        state: ``starting`` until the first result; ``ready``; ``degraded`` when results come but something is
            wrong; ``source_lost`` while the source is opened again and again; ``stopping``.
        reasons: What is wrong, sentences for people; empty when ready.
        is_live: Whether the program works. False means that a restart is the remedy.
        is_ready: Whether results leave the pipeline now.
        uptime_s: Since the start of the run.
        source: The source's name, without passwords.
        description: What the source granted, such as ``MJPG 640x480 at 30 fps``.
        source_status: How the source is.
        captured: Frames captured.
        results: Frames with a result.
        still: Results without inference, since nothing moved.
        dropped: All other frames, by reason.
        events: Labels that came.
        frames_per_second: Results a second over the last 30; 0 when none came for six seconds.
        age_p50_ms: Median age of the last 10,000 results, from capture to decision.
        age_p99_ms: Their 99th percentile.
        classify_p50_ms: Median of preprocessing and inference over the last 10,000 results.
        last_result_s: Seconds since the last result; None before the first.
        decision: What is believed now; None before the first result and while the source is lost.
        sinks: What became of the results.
    """

    kind: ClassVar[str] = "edgecls.status"
    version: ClassVar[int] = 1

    state: State
    reasons: tuple[str, ...]
    is_live: bool
    is_ready: bool
    uptime_s: float
    source: str
    description: str
    source_status: SourceStatus
    captured: int
    results: int
    still: int
    dropped: dict[str, int]
    events: int
    frames_per_second: float
    age_p50_ms: float
    age_p99_ms: float
    classify_p50_ms: float
    last_result_s: float | None
    decision: Decision | None
    sinks: tuple[SinkCounts, ...]


class StatusBoard:
    """Where the loop writes and everybody else reads. Every method may be called from any thread."""

    def __init__(self, *, clock: Callable[[], float] = time.monotonic) -> None:
        """Start the clock.

        Args:
            clock: Seconds that never go back.
        """
        self._clock = clock
        self._lock = threading.Lock()
        self._start = self._last_round = clock()
        self._last_result: float | None = None
        self._source, self._description = "", ""
        self._source_status = DELIVERING
        self._captured = self._results = self._still = self._events = 0
        self._dropped: Mapping[str, int] = {}
        self._rate = 0.0
        self._ages_ms: deque[float] = deque(maxlen=TIMES_KEPT)
        self._times_ms: deque[float] = deque(maxlen=TIMES_KEPT)
        self._decision: Decision | None = None
        self._is_stopping = False
        self._sink_counts: Callable[[], Sequence[SinkCounts]] = tuple
        self._reason_givers: list[Callable[[], str]] = []

    def begin(self, source: str, description: str) -> None:
        """Say what is read."""
        with self._lock:
            self._source, self._description = source, description

    def watch_sinks(self, counts: Callable[[], Sequence[SinkCounts]]) -> None:
        """Say who knows how the sinks are; it is called from any thread."""
        with self._lock:
            self._sink_counts = counts

    def add_reason(self, reason: Callable[[], str]) -> None:
        """Add somebody who knows of trouble: gives a sentence, or nothing; it is called from any thread."""
        with self._lock:
            self._reason_givers.append(reason)

    def note_round(self, status: SourceStatus, captured: int, dropped: Mapping[str, int]) -> None:
        """Say that the loop came round, with or without a frame, and how the source is."""
        with self._lock:
            self._last_round = self._clock()
            self._source_status = status
            self._captured, self._dropped = captured, dropped
            if status.state == "lost":
                self._decision = None

    def note_result(self, result: FrameResult) -> None:
        """Say that a result left the pipeline."""
        with self._lock:
            self._last_result = self._clock()
            self._results += 1
            self._still += result.is_still
            self._rate = result.frames_per_second
            self._decision = result.decision
            self._ages_ms.append(result.age_ms)
            if not result.is_still:
                spent = result.prediction.preprocess_ms + result.prediction.inference_ms
                self._times_ms.append(spent)

    def note_event(self) -> None:
        """Say that a label came."""
        with self._lock:
            self._events += 1

    def note_stopping(self) -> None:
        """Say that the run ends."""
        with self._lock:
            self._is_stopping = True

    def status(self) -> LiveStatus:
        """Work out how the run is now."""
        sinks = tuple(self._sink_counts())
        with self._lock:  # a moment only: the percentiles are worked out after it
            status = self._status(sinks)
            ages_ms, times_ms = list(self._ages_ms), list(self._times_ms)
        age_p50_ms, age_p99_ms = percentiles(ages_ms, 50, 99)
        (classify_p50_ms,) = percentiles(times_ms, 50)
        return replace(
            status, age_p50_ms=age_p50_ms, age_p99_ms=age_p99_ms, classify_p50_ms=classify_p50_ms
        )

    def _status(self, sinks: tuple[SinkCounts, ...]) -> LiveStatus:
        now = self._clock()
        silent_s = None if self._last_result is None else now - self._last_result
        is_live = now - self._last_round < HUNG_AFTER_S
        is_flowing = silent_s is not None and silent_s < NO_RESULT_AFTER_S
        reasons = self._reasons(now, sinks, silent_s=silent_s, is_live=is_live)
        return LiveStatus(
            state=self._state(is_flowing=is_flowing, is_live=is_live, has_reasons=bool(reasons)),
            reasons=tuple(reasons),
            is_live=is_live,
            is_ready=self._is_ready(is_flowing=is_flowing, is_live=is_live),
            uptime_s=now - self._start,
            source=self._source,
            description=self._description,
            source_status=self._source_status,
            captured=self._captured,
            results=self._results,
            still=self._still,
            dropped=dict(self._dropped),
            events=self._events,
            frames_per_second=self._rate if is_flowing else 0.0,
            age_p50_ms=0.0,
            age_p99_ms=0.0,
            classify_p50_ms=0.0,
            last_result_s=silent_s,
            decision=self._decision,
            sinks=sinks,
        )

    def _is_ready(self, *, is_flowing: bool, is_live: bool) -> bool:
        is_lost = self._source_status.state == "lost" or self._source_status.is_stale
        return is_flowing and is_live and not is_lost and not self._is_stopping

    def _state(self, *, is_flowing: bool, is_live: bool, has_reasons: bool) -> State:
        if self._is_stopping:
            return "stopping"
        if self._source_status.state == "lost":
            return "source_lost"
        if self._last_result is None and is_live:
            return "starting"
        return "degraded" if has_reasons or not is_flowing else "ready"

    def _reasons(
        self, now: float, sinks: Sequence[SinkCounts], *, silent_s: float | None, is_live: bool
    ) -> list[str]:
        reasons = []
        if not is_live:
            hung_s = now - self._last_round
            reasons.append(f"Nothing moves since {hung_s:.0f} s: the model or a driver hangs.")
        if self._source_status.trouble:
            reasons.append(self._source_status.trouble)
        elif self._source_status.is_stale:
            reasons.append("The camera gives the same picture over and over.")
        elif is_live and silent_s is not None and silent_s >= NO_RESULT_AFTER_S:
            reasons.append(f"No result for {silent_s:.0f} s.")
        failing = [counts for counts in sinks if counts.is_failing]
        reasons += [f"{counts.name}: {counts.last_error}" for counts in failing]
        return reasons + [reason for give in self._reason_givers if (reason := give())]


def percentiles(values: Sequence[float], *per_cents: float) -> list[float]:
    """Return for each of ``per_cents`` the value that so many do not exceed (nearest rank); 0 for no values."""
    ordered = sorted(values)
    ranks = [max(int(-(-len(ordered) * per_cent // 100)), 1) for per_cent in per_cents]
    return [ordered[rank - 1] if ordered else 0.0 for rank in ranks]
