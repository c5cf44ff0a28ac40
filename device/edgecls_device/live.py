"""The live loop: frames -> predictions -> decisions -> sinks, and nothing lost without a name.

Every captured frame ends as one result or in one named counter: ``summary.captured`` is ``summary.results``
plus the sum of ``summary.dropped``.
"""

import time
from collections import Counter, deque
from collections.abc import Callable, Sequence
from typing import Literal

from edgecls_device.classifier import Classifier, Prediction
from edgecls_device.decisions.plain import EachAlone, EveryFrame
from edgecls_device.decisions.protocol import Chooser, Decider, Look
from edgecls_device.errors import ArtifactError, EdgeclsError, FrameError, SourceError
from edgecls_device.health import StatusBoard
from edgecls_device.results import Event, FrameResult, RunSummary, SinkCounts
from edgecls_device.sinks.protocol import Sink
from edgecls_device.sources.protocol import CapturedFrame, Source
from edgecls_device.stop import Stop

__all__ = ["INVALID_IN_A_ROW", "classify_source", "sink_counts"]

RATE_WINDOW = 30  # frames
INVALID_IN_A_ROW = 30  # results that are no numbers, of a live source


def classify_source(
    source: Source,
    classifier: Classifier,
    sinks: Sequence[Sink],
    *,
    stop: Stop,
    limit: int | None = None,
    k: int = 5,
    chooser: Chooser | None = None,
    decider: Decider | None = None,
    board: StatusBoard | None = None,
    on_round: Callable[[], None] | None = None,
) -> RunSummary:
    """Classify what a source gives until it ends, is lost for good, or ``stop`` is requested.

    Args:
        source: Closed when this returns or raises.
        classifier: Used from this thread only.
        sinks: Get each result in this order; finishing and closing them is the caller's part.
        stop: Looked at between frames.
        limit: Stop after so many results.
        k: How many labels a prediction holds.
        chooser: Which frames are looked at; every one by default.
        decider: What is believed; every prediction by default.
        board: Where the loop writes how it is.
        on_round: Called after each turn of the loop, with or without a frame; if it stays away, something
            hangs.

    Returns:
        The summary. A lost source is told in ``error``, so that what sinks hold can be finished first.

    Raises:
        ArtifactError: If the model fails on a frame; on 30 in a row if the source is live.
        StorageError: If a sink cannot write.
    """
    run = _Run(
        source,
        classifier,
        sinks,
        k,
        chooser=chooser or EveryFrame(),
        decider=decider or EachAlone(),
        board=board or StatusBoard(),
        on_round=on_round,
    )
    try:
        ended_by, error = run.loop(stop, limit)
    finally:
        source.close()
    return run.summary(ended_by, error)


def sink_counts(sinks: Sequence[Sink]) -> tuple[SinkCounts, ...]:
    """Return the counts of those sinks that may lose something."""
    return tuple(counts for sink in sinks if (counts := sink.counts) is not None)


class _Run:
    """One run: its counters, and the way of a frame."""

    def __init__(
        self,
        source: Source,
        classifier: Classifier,
        sinks: Sequence[Sink],
        k: int,
        *,
        chooser: Chooser,
        decider: Decider,
        board: StatusBoard,
        on_round: Callable[[], None] | None,
    ) -> None:
        self._source = source
        self._classifier = classifier
        self._sinks = sinks
        self._k = k
        self._chooser = chooser
        self._decider = decider
        self._board = board
        self._on_round = on_round
        self._results = 0
        self._invalid_in_a_row = 0
        self._was_lost = False
        self._last: Prediction | None = None
        self._dropped: Counter[str] = Counter()
        self._problems: list[str] = []
        self._start = time.monotonic()
        self._recent: deque[float] = deque(maxlen=RATE_WINDOW)
        board.begin(source.name, source.description)
        board.watch_sinks(lambda: sink_counts(sinks))

    def loop(self, stop: Stop, limit: int | None) -> tuple[str, SourceError | None]:
        """Classify until the end; return what ended it."""
        ended_by, error = "limit", None
        while limit is None or self._results < limit:
            try:
                frame = self._source.read(stop)
            except SourceError as lost:
                ended_by, error = "source lost", lost
                break
            if frame is not None:
                self._one(frame)
            elif stop.is_requested:
                ended_by = stop.reason
                break
            elif self._source.status.state == "ended":
                ended_by = "end"
                break
            self._come_round()
        self._board.note_stopping()
        self._interrupt("stopped" if error is None else "source_lost")
        return ended_by, error

    def summary(self, ended_by: str, error: SourceError | None) -> RunSummary:
        """Return the final counts; the source is closed by now."""
        source, dropped = self._source, self._all_dropped()
        self._board.note_round(source.status, source.captured, dropped)
        status = self._board.status()
        return RunSummary(
            captured=source.captured,
            results=self._results,
            dropped=dropped,
            seconds=time.monotonic() - self._start,
            classify_p50_ms=status.classify_p50_ms,
            ended_by=ended_by,
            problems=(*source.problems, *self._problems),
            error=error,
            still=status.still,
            age_p50_ms=status.age_p50_ms,
            age_p99_ms=status.age_p99_ms,
            reconnects=status.source_status.reconnects,
            events=status.events,
            sinks=status.sinks,
        )

    def _come_round(self) -> None:
        status = self._source.status
        is_lost = status.state == "lost"
        if is_lost and not self._was_lost:
            self._interrupt("source_lost")
            self._last = None
        self._was_lost = is_lost
        self._board.note_round(status, self._source.captured, self._all_dropped())
        if self._on_round is not None:
            self._on_round()

    def _one(self, frame: CapturedFrame) -> None:
        try:
            look = self._chooser.look(frame)
            if look.action == "skip":
                self._dropped["skipped"] += 1
                return
            self._give(frame, *self._predict(look))
        except FrameError as error:
            self._drop("not_a_picture", error)
        except ArtifactError as error:
            self._invalid(error)

    def _predict(self, look: Look) -> tuple[Prediction, bool]:
        """Return the prediction, and whether it is an earlier frame's since nothing moved."""
        if look.action == "still" and self._last is not None:
            return self._last, True
        self._last = self._classifier.classify(look.image, k=self._k)
        self._invalid_in_a_row = 0
        return self._last, False

    def _give(self, frame: CapturedFrame, prediction: Prediction, is_still: bool) -> None:
        decision, events = self._decider.decide(frame, prediction)
        self._results += 1
        result = FrameResult(
            frame=frame,
            prediction=prediction,
            decision=decision,
            age_ms=(time.monotonic_ns() - frame.captured_ns) / 1e6,
            frames_per_second=self._rate(),
            dropped=self._all_dropped(),
            is_still=is_still,
        )
        for sink in self._sinks:
            sink.write(result)
        self._board.note_result(result)
        self._notify(events, result)

    def _notify(self, events: Sequence[Event], result: FrameResult | None) -> None:
        for event in events:
            if event.change == "entered":
                self._board.note_event()
            for sink in self._sinks:
                sink.notify(event, result)

    def _interrupt(self, reason: Literal["source_lost", "stopped"]) -> None:
        self._notify(self._decider.interrupt(reason), None)

    def _invalid(self, error: ArtifactError) -> None:
        self._drop("invalid", error)
        self._invalid_in_a_row += 1
        if not self._source.is_live or self._invalid_in_a_row >= INVALID_IN_A_ROW:
            raise error

    def _drop(self, reason: str, error: EdgeclsError) -> None:
        self._dropped[reason] += 1
        if self._dropped[reason] == 1:
            self._problems.append(error.message)

    def _rate(self) -> float:
        self._recent.append(time.monotonic())
        spent = self._recent[-1] - self._recent[0]
        return (len(self._recent) - 1) / spent if spent > 0 else 0.0

    def _all_dropped(self) -> dict[str, int]:
        return {**self._source.dropped, **self._dropped}
