"""Results for people: plain lines, for files, pipes and logs. ``live_line`` draws the one of terminals."""

import time
from typing import TextIO

from edgecls_device.health import LiveStatus, StatusBoard
from edgecls_device.results import Event, FrameResult
from edgecls_device.sinks.columns import printable
from edgecls_device.sinks.direct import DirectSink
from edgecls_device.sinks.live_line import LiveLineSink
from edgecls_device.sinks.stream import TextOut
from edgecls_device.sinks.wording import clock, duration, event_words, source_words, told_at

__all__ = ["LiveLineSink", "PhotoLinesSink", "PlainLinesSink"]

SAME_S, CHANGED_S = 1.0, 0.2


class PhotoLinesSink(DirectSink):
    """One line a photo. See ``Sink`` for the contract."""

    name = "terminal"
    takes_events = False
    needs_pixels = False

    def __init__(self, stream: TextIO) -> None:
        self._out = TextOut(stream)

    def write(self, result: FrameResult) -> None:
        """Print the photo's path, its labels and the time it took."""
        spent = result.prediction.preprocess_ms + result.prediction.inference_ms
        line = f"{result.frame.source}  {_labels(result)}  {spent:.1f} ms"
        self._out.write(printable(line) + "\n")


class PlainLinesSink(DirectSink):
    """A line a second, when the label changes, and for each event. See ``Sink`` for the contract.

    A second of the video where there is one, so that the same video always gives the same lines.
    """

    name = "terminal"
    needs_pixels = False
    idle_s = 1.0

    def __init__(self, stream: TextIO, *, board: StatusBoard | None = None) -> None:
        """Print nothing yet.

        Args:
            stream: Takes the lines.
            board: Says when the source is lost; without it nothing is said of that.
        """
        self._out = TextOut(stream)
        self._board = board
        self._last_s = float("-inf")
        self._label = ""
        self._when = ""
        self._lost_since: float | None = None

    def write(self, result: FrameResult) -> None:
        """Print the frame's place, labels, rate, latency and what was dropped, if it is time to."""
        position, label = result.frame.position_s, result.decision.label
        now = time.monotonic() if position is None else position
        self._when = f"{position:.2f} s" if position is not None else ""
        if self._lost_since is not None:
            lost_s = time.monotonic() - self._lost_since
            self._lost_since = None
            self._print(f"{clock(time.time())}  the source is back after {duration(lost_s)}")
        if now - self._last_s < (SAME_S if label == self._label else CHANGED_S):
            return
        self._last_s, self._label = now, label
        when = self._when or clock(result.frame.captured_at)
        self._print(f"{when}  frame {result.frame.index}  {_labels(result)}  {_pace(result)}")

    def notify(self, event: Event, result: FrameResult | None) -> None:
        """Print what came or went."""
        when = self._when or clock(told_at(event, result))
        self._print(f"{when}  {event_words(event)}")

    def idle(self) -> None:
        """Say once that the source is lost."""
        if self._board is None or self._lost_since is not None:
            return
        status = self._board.status()
        if status.state == "source_lost":
            self._lost_since = time.monotonic()
            self._print(f"{clock(time.time())}  the source is lost: {_trouble(status)}")

    def _print(self, line: str) -> None:
        self._out.write(printable(line) + "\n")


def _trouble(status: LiveStatus) -> str:
    return status.source_status.trouble or "it gives no frames"


def _labels(result: FrameResult) -> str:
    decision, top = result.decision, result.prediction.top
    first = f"{decision.label}  {decision.score * 100:.1f} %"
    others = [
        f"{item.label} {item.score * 100:.1f} %"
        for item in top
        if decision.is_unknown or item.label != decision.label
    ]
    return f"{first}  ({', '.join(others)})" if others else first


def _pace(result: FrameResult) -> str:
    spent = result.prediction.preprocess_ms + result.prediction.inference_ms
    dropped = sum(result.dropped.values())
    rate = f"{result.frames_per_second:4.1f} fps  " if result.frames_per_second else ""
    took = source_words(result) or f"{spent:5.1f} ms"
    return f"{rate}{took}" + (f"  {dropped} dropped" if dropped else "")
