"""How far a file or folder is, for whoever waits while the results go into a pipe or a file."""

import time
from typing import TextIO

from edgecls_device.results import FrameResult, RunSummary
from edgecls_device.sinks.columns import fit
from edgecls_device.sinks.direct import DirectSink
from edgecls_device.sinks.stream import TextOut
from edgecls_device.sinks.wording import duration

__all__ = ["ProgressSink", "progress_words"]

REDRAW_S = 0.2
FIRST_S = 1.0  # what is done sooner needs no progress


class ProgressSink(DirectSink):
    """Draws one line on a terminal, and takes it away in the end. See ``Sink`` for the contract."""

    name = "progress"
    takes_events = False
    needs_pixels = False

    def __init__(self, stream: TextIO, *, total: int) -> None:
        """Draw nothing yet.

        Args:
            stream: A terminal, such as ``sys.stderr`` when standard output goes elsewhere.
            total: How many frames there are; a container of videos may only estimate it.
        """
        self._out = TextOut(stream)
        self._total = total
        self._start_s = time.monotonic()
        self._next_s = self._start_s + FIRST_S
        self._is_dirty = False

    def write(self, result: FrameResult) -> None:
        """Draw how far it is, a few times a second."""
        now_s = time.monotonic()
        if now_s < self._next_s:
            return
        self._next_s = now_s + REDRAW_S
        self._is_dirty = True
        text = progress_words(result.frame.index + 1, self._total, now_s - self._start_s)
        self._out.write(f"\r{fit(text, max(self._out.columns - 1, 10)).rstrip()}\x1b[K")

    def finish(self, summary: RunSummary) -> None:
        """Take the line away."""
        del summary
        self.close()

    def close(self) -> None:
        """Take the line away."""
        if self._is_dirty:
            self._is_dirty = False
            self._out.write("\r\x1b[K")


def progress_words(done: int, total: int, seconds: float) -> str:
    """Return ``34 %  1240 of 3600 frames  118.0 a second  20 s left``."""
    rate = done / seconds if seconds > 0 else 0.0
    share = min(done / max(total, 1), 1.0)
    left = duration(max(total - done, 0) / rate, whole=True) if rate else "?"
    return f"{share * 100:3.0f} %  {done} of {total} frames  {rate:.1f} a second  {left} left"
