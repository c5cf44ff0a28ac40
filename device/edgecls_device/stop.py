"""Ending a run from outside: a flag that signals and windows set, and the loop looks at between two frames.

A flag and not an exception, so that a frame is never torn apart on its way from the source to the sinks.
"""

import signal
import time
from collections.abc import Iterator
from contextlib import contextmanager
from types import FrameType

__all__ = ["READER_GONE", "Stop", "stop_on_signals"]

READER_GONE = "the reader of the output, who went away"


class Stop:
    """Whether somebody asked to stop.

    Attributes:
        reason: Who asked, such as ``Ctrl-C``; empty while nobody has.
        signal_number: The signal it came with, 0 if none.
        requested_s: When, ``time.monotonic``; 0 while nobody has.
    """

    def __init__(self) -> None:
        self.reason = ""
        self.signal_number = 0
        self.requested_s = 0.0

    @property
    def is_requested(self) -> bool:
        """Whether somebody asked to stop."""
        return bool(self.reason)

    def request(self, reason: str, *, signal_number: int = 0) -> None:
        """Ask to stop; the first reason stays."""
        if not self.reason:
            self.requested_s = time.monotonic()
            self.reason, self.signal_number = reason, signal_number


@contextmanager
def stop_on_signals(stop: Stop) -> Iterator[None]:
    """Let Ctrl-C and SIGTERM set ``stop`` inside the block; a second Ctrl-C interrupts at once.

    A second SIGTERM does not: systemd sends one to each process of a service, and a parent passes its own on.
    It must be called in the main thread.
    """

    def on_signal(number: int, frame: FrameType | None) -> None:
        del frame
        if stop.is_requested:
            if number == signal.SIGTERM:
                return
            raise KeyboardInterrupt
        names = {signal.SIGINT: "Ctrl-C", signal.SIGTERM: "SIGTERM"}
        stop.request(names[signal.Signals(number)], signal_number=number)

    numbers = (signal.SIGINT, signal.SIGTERM)
    previous = [signal.signal(number, on_signal) for number in numbers]
    try:
        yield
    finally:
        for number, handler in zip(numbers, previous, strict=True):
            signal.signal(number, handler)
