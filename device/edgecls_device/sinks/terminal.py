"""Results for people: one live line where there is a terminal, plain lines where there is none."""

import os
import time
import unicodedata
from typing import TextIO

from edgecls_device.results import FrameResult, RunSummary
from edgecls_device.sinks.direct import DirectSink

__all__ = ["LiveLineSink", "PhotoLinesSink", "PlainLinesSink", "columns_of", "fit"]

BAR_COLUMNS = 20
REDRAW_S = 0.05
SAME_S, CHANGED_S = 1.0, 0.2
_EIGHTHS = " ▏▎▍▌▋▊▉"


class _Lines(DirectSink):
    """What the line sinks share: a text stream that belongs to somebody else."""

    name = "terminal"

    def __init__(self, stream: TextIO) -> None:
        self._stream = stream

    def _print(self, line: str) -> None:
        self._stream.write(line + "\n")
        self._stream.flush()


class PhotoLinesSink(_Lines):
    """One line a photo. See ``Sink`` for the contract."""

    def write(self, result: FrameResult) -> None:
        """Print the photo's path, its labels and the time it took."""
        spent = result.prediction.preprocess_ms + result.prediction.inference_ms
        self._print(f"{result.frame.source}  {_labels(result)}  {spent:.1f} ms")


class PlainLinesSink(_Lines):
    """A line a second, and when the label changes. See ``Sink`` for the contract.

    A second of the video where there is one, so that the same video always gives the same lines.
    """

    def __init__(self, stream: TextIO) -> None:
        super().__init__(stream)
        self._last_s = float("-inf")
        self._label = ""

    def write(self, result: FrameResult) -> None:
        """Print the frame's place, labels, rate, latency and what was dropped, if it is time to."""
        position, label = result.frame.position_s, result.prediction.label
        now = time.monotonic() if position is None else position
        if now - self._last_s < (SAME_S if label == self._label else CHANGED_S):
            return
        self._last_s, self._label = now, label
        when = f"{position:.2f} s" if position is not None else _clock(result.frame.captured_at)
        self._print(f"{when}  frame {result.frame.index}  {_labels(result)}  {_pace(result)}")


class LiveLineSink(_Lines):
    """One line that is drawn over and over. See ``Sink`` for the contract."""

    def __init__(self, stream: TextIO) -> None:
        super().__init__(stream)
        self._last_s = float("-inf")
        self._last: FrameResult | None = None
        self._is_dirty = False

    def write(self, result: FrameResult) -> None:
        """Draw label, score bar, rate, latency and what was dropped, at most 20 times a second."""
        self._last, now = result, time.monotonic()
        if now - self._last_s >= REDRAW_S:
            self._last_s = now
            self._draw(result)

    def finish(self, summary: RunSummary) -> None:
        """Draw the last result."""
        if self._last is not None:
            self._draw(self._last)

    def close(self) -> None:
        """End the line, so that what follows begins on a new one."""
        if self._is_dirty:
            self._stream.write("\n")
            self._stream.flush()
            self._is_dirty = False

    def _draw(self, result: FrameResult) -> None:
        prediction = result.prediction
        bar = f"{_bar(prediction.score)} {prediction.score * 100:5.1f} %"
        rest = f"  {bar}  {_pace(result)}"
        width = max(_terminal_columns(self._stream) - 1, 20)
        label = fit(prediction.label, max(min(24, width - columns_of(rest)), 8))
        self._stream.write("\r" + fit(label + rest, width) + "\x1b[K")
        self._stream.flush()
        self._is_dirty = True


def columns_of(text: str) -> int:
    """Return how many columns a terminal needs for ``text``: East Asian characters take two."""
    return sum(
        0 if unicodedata.combining(c) or c in "\u200c\u200d" else 1 + (_east_asian(c) in {"W", "F"})
        for c in text
    )


def fit(text: str, columns: int) -> str:
    """Return ``text`` in exactly ``columns`` columns: padded, or cut with an ellipsis."""
    if columns_of(text) > columns:
        while text and columns_of(text) > columns - 1:
            text = text[:-1]
        text += "…"
    return text + " " * (columns - columns_of(text))


def _labels(result: FrameResult) -> str:
    prediction = result.prediction
    first = f"{prediction.label}  {prediction.score * 100:.1f} %"
    start = 0 if prediction.is_unknown else 1
    others = [f"{item.label} {item.score * 100:.1f} %" for item in prediction.top[start:]]
    return f"{first}  ({', '.join(others)})" if others else first


def _pace(result: FrameResult) -> str:
    spent = result.prediction.preprocess_ms + result.prediction.inference_ms
    dropped = sum(result.dropped.values())
    rate = f"{result.frames_per_second:4.1f} fps  " if result.frames_per_second else ""
    return f"{rate}{spent:5.1f} ms" + (f"  {dropped} dropped" if dropped else "")


def _bar(score: float) -> str:
    eighths = round(min(max(score, 0.0), 1.0) * BAR_COLUMNS * 8)
    full, rest = divmod(eighths, 8)
    return ("█" * full + (_EIGHTHS[rest] if rest else "")).ljust(BAR_COLUMNS, "·")


def _clock(seconds: float) -> str:
    return time.strftime("%H:%M:%S", time.localtime(seconds))


def _east_asian(character: str) -> str:
    return unicodedata.east_asian_width(character)


def _terminal_columns(stream: TextIO) -> int:
    try:
        return os.get_terminal_size(stream.fileno()).columns or 80
    except (OSError, ValueError):
        return 80
