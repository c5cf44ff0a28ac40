"""Always the newest frame of something that does not wait: a thread reads, and one slot holds the result.

The seam is the ``Capture`` protocol: whatever blocks stands behind it. A capture that may hang for ever can
move into a process of its own without a change here.
"""

import threading
import time
from collections import Counter
from collections.abc import Mapping
from typing import Protocol

from edgecls_device.arrays import Frame
from edgecls_device.errors import SourceError
from edgecls_device.sources.protocol import (
    DELIVERING,
    CapturedFrame,
    SourceStatus,
    captured_now,
)
from edgecls_device.stop import Stop

__all__ = ["Capture", "NewestFrameSource"]

SILENCE_S = 5.0
POLL_S = 0.1
WAIT_S = 0.25
CORRUPT_IN_A_ROW = 30


class Capture(Protocol):
    """An open camera or stream. It is read and closed from one thread, which is not the one that opened it.

    Attributes:
        name: See ``Source``.
        description: See ``Source``.
        frame_rate: See ``Source``.
    """

    name: str
    description: str
    frame_rate: float

    def read(self) -> Frame | None:
        """Wait for the next frame; None for one that does not decode.

        Raises:
            SourceError: If no more will come.
        """

    def close(self) -> None:
        """Free it."""


class NewestFrameSource:
    """A live source. See ``Source`` for the contract.

    Dropped frames are counted as ``superseded`` (a newer one came before it was read), ``corrupt`` (it did not
    decode; 30 in a row lose the source) and ``unread`` (still in the slot when the source was closed).
    """

    is_live = True
    problems: tuple[str, ...] = ()

    def __init__(self, capture: Capture, *, silence_s: float = SILENCE_S) -> None:
        """Start reading.

        Args:
            capture: Taken over: it is closed by this source.
            silence_s: Seconds without a frame after which the source is lost.
        """
        self.name, self.description = capture.name, capture.description
        self.frame_rate = capture.frame_rate
        self.captured = 0
        self.status: SourceStatus = DELIVERING
        self._capture = capture
        self._silence_s = silence_s
        self._last_s = time.monotonic()
        self._dropped: Counter[str] = Counter()
        self._changed = threading.Condition()
        self._slot: CapturedFrame | None = None
        self._error: SourceError | None = None
        self._is_closing = False
        self._thread = threading.Thread(target=self._run, name="edgecls-capture", daemon=True)
        self._thread.start()

    def read(self, stop: Stop) -> CapturedFrame | None:
        """Return the newest frame not yet read; wait a moment for one if there is none."""
        until = time.monotonic() + WAIT_S
        with self._changed:
            while self._slot is None:
                if self._error is not None:
                    raise self._error
                now = time.monotonic()
                if now - self._last_s > self._silence_s:
                    raise self._silent()
                if stop.is_requested or self._is_closing or now > until:
                    return None
                self._changed.wait(POLL_S)
            frame, self._slot = self._slot, None
            self._last_s = time.monotonic()
            return frame

    @property
    def dropped(self) -> Mapping[str, int]:
        """Frames that were captured and not given out."""
        with self._changed:
            return dict(self._dropped)

    def close(self) -> None:
        """Stop reading; a capture that hangs is left to its daemon thread."""
        with self._changed:
            self._is_closing = True
            if self._slot is not None:
                self._slot = None
                self._dropped["unread"] += 1
        self._thread.join(timeout=1.0)

    def _run(self) -> None:
        corrupt = 0
        try:
            while not self._is_closing:
                image = self._capture.read()
                corrupt = 0 if image is not None else corrupt + 1
                self._put(image)
                if corrupt == CORRUPT_IN_A_ROW:
                    raise _corrupt(self.name)
        except SourceError as error:
            with self._changed:
                self._error = error
                self._changed.notify()
        finally:
            self._capture.close()

    def _put(self, image: Frame | None) -> None:
        with self._changed:
            if self._is_closing:  # nobody will read it, and the counters have been closed
                return
            index = self.captured
            self.captured += 1
            if image is None:
                self._dropped["corrupt"] += 1
                return
            if self._slot is not None:
                self._dropped["superseded"] += 1
            self._slot = captured_now(image, index=index, source=self.name)
            self._changed.notify()

    def _silent(self) -> SourceError:
        message = f"Expected frames from {self.name!r}, got none for {self._silence_s:g} seconds."
        return SourceError(message, hint="check the camera or the network, then start again")


def _corrupt(name: str) -> SourceError:
    message = f"Expected frames from {name!r}, got {CORRUPT_IN_A_ROW} in a row that do not decode."
    return SourceError(
        message, hint="check the cable and the power of the camera, then start again"
    )
