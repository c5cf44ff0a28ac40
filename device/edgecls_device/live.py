"""The live loop: frames -> predictions -> sinks, and nothing lost without a name.

Every captured frame ends as one result or in one named counter: ``summary.captured`` is ``summary.results``
plus the sum of ``summary.dropped``.
"""

import time
from collections import Counter, deque
from collections.abc import Sequence

from edgecls_device.classifier import Classifier
from edgecls_device.errors import EdgeclsError, FrameError, SourceError
from edgecls_device.results import FrameResult, RunSummary
from edgecls_device.sinks.protocol import Sink
from edgecls_device.sources.protocol import CapturedFrame, Source
from edgecls_device.stop import Stop

__all__ = ["classify_source"]

RATE_WINDOW = 30  # frames
TIMES_KEPT = 10_000  # for the median, bounded so that months of frames take no more memory


def classify_source(
    source: Source,
    classifier: Classifier,
    sinks: Sequence[Sink],
    *,
    stop: Stop,
    limit: int | None = None,
    k: int = 5,
) -> RunSummary:
    """Classify every frame that a source gives until it ends, is lost, or ``stop`` is requested.

    Args:
        source: Closed when this returns or raises.
        classifier: Used from this thread only.
        sinks: Get each result in this order; closing them is the caller's part.
        stop: Looked at between frames.
        limit: Stop after so many results.
        k: How many labels a prediction holds.

    Returns:
        The summary. A lost source is told in ``error``, so that what sinks hold can be finished first.

    Raises:
        ArtifactError: If the model fails on a frame.
        StorageError: If a sink cannot write.
    """
    run = _Run(source, classifier, sinks, k)
    try:
        ended_by, error = run.loop(stop, limit)
    finally:
        source.close()
    return run.summary(ended_by, error)


class _Run:
    """The counters of one run."""

    def __init__(
        self, source: Source, classifier: Classifier, sinks: Sequence[Sink], k: int
    ) -> None:
        self._source = source
        self._classifier = classifier
        self._sinks = sinks
        self._k = k
        self._results = 0
        self._dropped: Counter[str] = Counter()
        self._problems: list[str] = []
        self._start = time.monotonic()
        self._recent: deque[float] = deque(maxlen=RATE_WINDOW)
        self._times_ms: deque[float] = deque(maxlen=TIMES_KEPT)

    def loop(self, stop: Stop, limit: int | None) -> tuple[str, SourceError | None]:
        """Classify until the end; return what ended it."""
        while limit is None or self._results < limit:
            try:
                frame = self._source.read(stop)
            except SourceError as error:
                return "source lost", error
            if frame is None:
                return stop.reason or "end", None
            self._one(frame)
        return "limit", None

    def summary(self, ended_by: str, error: SourceError | None) -> RunSummary:
        """Return the final counts; the source is closed by now."""
        times = sorted(self._times_ms)
        return RunSummary(
            captured=self._source.captured,
            results=self._results,
            dropped=self._all_dropped(),
            seconds=time.monotonic() - self._start,
            classify_p50_ms=times[len(times) // 2] if times else 0.0,
            ended_by=ended_by,
            problems=(*self._source.problems, *self._problems),
            error=error,
        )

    def _one(self, frame: CapturedFrame) -> None:
        try:
            prediction = self._classifier.classify(frame.image, k=self._k)
        except FrameError as error:
            self._dropped["not_a_picture"] += 1
            if self._dropped["not_a_picture"] == 1:
                self._problems.append(error.message)
            return
        except EdgeclsError:
            self._dropped["failed"] += 1
            raise
        self._results += 1
        result = FrameResult(
            frame=frame,
            prediction=prediction,
            age_ms=(time.monotonic_ns() - frame.captured_ns) / 1e6,
            frames_per_second=self._rate(),
            dropped=self._all_dropped(),
        )
        self._times_ms.append(prediction.preprocess_ms + prediction.inference_ms)
        for sink in self._sinks:
            sink.write(result)

    def _rate(self) -> float:
        self._recent.append(time.monotonic())
        spent = self._recent[-1] - self._recent[0]
        return (len(self._recent) - 1) / spent if spent > 0 else 0.0

    def _all_dropped(self) -> dict[str, int]:
        return {**self._source.dropped, **self._dropped}
