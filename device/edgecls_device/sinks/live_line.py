"""One line of a terminal that is drawn over and over, with events as lines of their own above it."""

import os
import time
from typing import TextIO

from edgecls_device.health import LiveStatus, StatusBoard
from edgecls_device.results import Event, FrameResult, RunSummary
from edgecls_device.sinks.columns import columns_of, fit, printable
from edgecls_device.sinks.direct import DirectSink
from edgecls_device.sinks.stream import TextOut
from edgecls_device.sinks.wording import clock, duration, event_words, source_words, told_at

__all__ = ["LiveLineSink", "live_line", "status_line"]

REDRAW_S = 0.05
LABEL_COLUMNS = 24
_EIGHTHS = " ▏▎▍▌▋▊▉"
_GREEN, _AMBER, _RED, _DIM, _BOLD, _PLAIN = "32", "33", "31", "2", "1", ""
_WIDTHS = ((20, 3), (10, 3), (10, 2), (10, 1), (0, 2), (0, 1), (0, 0))  # bar, other parts

Part = tuple[str, str]  # text and its style


class LiveLineSink(DirectSink):
    """Draws the newest result. See ``Sink`` for the contract."""

    name = "terminal"
    needs_pixels = False
    idle_s = 0.5

    def __init__(self, stream: TextIO, *, board: StatusBoard | None = None, total: int = 0) -> None:
        """Draw nothing yet.

        Args:
            stream: A terminal.
            board: Says why no results come; without it the line just stands still.
            total: How many frames a file has; 0 if that is not known.
        """
        self._out = TextOut(stream)
        self._board = board
        self._total = total
        self._has_colors = not os.environ.get("NO_COLOR") and os.environ.get("TERM") != "dumb"
        self._last_s = float("-inf")
        self._last: FrameResult | None = None
        self._is_dirty = False

    def write(self, result: FrameResult) -> None:
        """Draw label, score bar, rate, age and what was dropped, at most 20 times a second."""
        self._last, now = result, time.monotonic()
        if now - self._last_s >= REDRAW_S:
            self._last_s = now
            self._draw(live_line(result, self._room(), total=self._total))

    def notify(self, event: Event, result: FrameResult | None) -> None:
        """Write a line for what came or went; the live line goes on below it."""
        position = None if self._last is None else self._last.frame.position_s
        when = clock(told_at(event, result)) if position is None else f"{position:.2f} s"
        style = _GREEN if event.change == "entered" else _PLAIN
        text = f"\r\x1b[K{when}  {self._styled([(printable(event_words(event)), style)])}\n"
        self._is_dirty = False
        self._out.write(text)
        if result is not None:
            self._draw(live_line(result, self._room(), total=self._total))

    def idle(self) -> None:
        """Draw why nothing comes."""
        if self._board is not None:
            parts = status_line(self._board.status(), self._room())
            if parts:
                self._draw(parts)

    def finish(self, summary: RunSummary) -> None:
        """Draw the last result."""
        if self._last is not None:
            self._draw(live_line(self._last, self._room(), total=self._total))

    def close(self) -> None:
        """End the line, so that what follows begins on a new one."""
        if self._is_dirty:
            self._is_dirty = False
            self._out.write("\n")

    def _room(self) -> int:
        return max(self._out.columns - 1, 10)

    def _draw(self, parts: list[Part]) -> None:
        # Without line wrap (7l) a letter that is wider than we think cannot push the line down.
        self._is_dirty = True
        self._out.write(f"\r\x1b[?7l{self._styled(parts)}\x1b[K\x1b[?7h")

    def _styled(self, parts: list[Part]) -> str:
        if not self._has_colors:
            return "".join(text for text, _ in parts)
        return "".join(f"\x1b[{style}m{text}\x1b[0m" if style else text for text, style in parts)


def live_line(result: FrameResult, room: int, *, total: int = 0) -> list[Part]:
    """Return the parts of a result's line, which take ``room`` columns together.

    When there is little room the bar becomes shorter, then what was dropped, the age and the rate are left out.

    Args:
        result: What to show.
        room: Columns, at least 10.
        total: How many frames a file has; 0 if that is not known.
    """
    decision = result.decision
    color = _AMBER if decision.is_unknown else _GREEN
    odd = source_words(result)
    others = _others(result, total)
    score = f"{decision.score * 100:5.1f} %"
    label = printable(decision.label)
    least = min(max(columns_of(label), 8), 12)
    for bar, count in _WIDTHS:
        shown = others[:count]
        rest = _columns(score, bar, odd, shown)
        if least + rest <= room:
            break
    parts = [(fit(label, min(LABEL_COLUMNS, max(room - rest, 1))), _BOLD)]
    if bar:
        parts += [("  ", _PLAIN), *_bar(decision.score, bar, color)]
    parts.append((f" {score}", color))
    if odd:
        parts += [("  ", _PLAIN), (odd, _AMBER)]
    parts += [(f"  {text}", _DIM) for text in shown]
    return _cut(parts, room)


def status_line(status: LiveStatus, room: int) -> list[Part]:
    """Return the line to draw while nothing comes; empty if all is well, or the run ends."""
    silent_s = status.last_result_s
    since = "" if silent_s is None else f" for {duration(silent_s, whole=True)}"
    if status.state == "source_lost":
        trouble = printable(status.source_status.trouble)
        text = f"source lost{since}, reconnecting"
        return _cut([(text, _RED), (f"  {trouble}" if trouble else "", _DIM)], room)
    if status.state == "starting":
        return _cut([("waiting for the first frame", _DIM)], room)
    if status.state == "degraded" and not status.is_ready:
        return _cut([(printable(" ".join(status.reasons)), _AMBER)], room)
    return []


def _others(result: FrameResult, total: int) -> list[str]:
    """Return what is shown as far as there is room, the most important first."""
    spent = result.prediction.preprocess_ms + result.prediction.inference_ms
    position, dropped = result.frame.position_s, sum(result.dropped.values())
    rate = f"{result.frames_per_second:4.1f} fps" if result.frames_per_second else ""
    if total:
        done = result.frame.index + 1
        rate = f"{min(done / total, 1.0) * 100:3.0f} %  {rate}"
    took = f"{result.age_ms:3.0f} ms old" if position is None else f"{spent:5.1f} ms"
    return [text for text in (rate, took, f"{dropped} dropped" if dropped else "") if text]


def _columns(score: str, bar: int, odd: str, others: list[str]) -> int:
    gaps = (bar + 2 if bar else 0) + 1 + len(score) + (2 + len(odd) if odd else 0)
    return gaps + sum(2 + len(text) for text in others)


def _bar(score: float, columns: int, color: str) -> list[Part]:
    eighths = round(min(max(score, 0.0), 1.0) * columns * 8)
    full, rest = divmod(eighths, 8)
    filled = "█" * full + (_EIGHTHS[rest] if rest else "")
    return [(filled, color), ("·" * (columns - len(filled)), _DIM)]


def _cut(parts: list[Part], room: int) -> list[Part]:
    """Return the parts in exactly ``room`` columns."""
    out: list[Part] = []
    for text, style in parts:
        columns = columns_of(text)
        if columns > room:
            out.append((fit(text, room), style))
            return out
        out.append((text, style))
        room -= columns
    return [*out, (" " * room, _PLAIN)]
