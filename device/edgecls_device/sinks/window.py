"""An OpenCV window with the annotated picture; ``q``, Esc or its close button end the run."""

import os
import subprocess
import sys
import threading
import time
from dataclasses import replace

import numpy as np

from edgecls_device.annotate import annotate
from edgecls_device.arrays import Frame
from edgecls_device.errors import OptionError
from edgecls_device.health import LiveStatus, StatusBoard
from edgecls_device.native_output import captured_stderr
from edgecls_device.opencv import cv2, require_window
from edgecls_device.results import Event, FrameResult, RunSummary
from edgecls_device.sinks.caption import Caption
from edgecls_device.sinks.direct import DirectSink
from edgecls_device.sinks.live_line import status_line
from edgecls_device.stop import Stop

__all__ = ["WindowSink", "check_window"]

TITLE = "edgecls (q to quit)"
PHOTO_S = 1.0
STATUS_S = 1.0
_KEYS = {ord("q"), ord("Q"), 27}
_HINT = "run it in a desktop session, or write a clip instead: --save clip.avi"
_PROBE = "import cv2; cv2.namedWindow('edgecls'); cv2.waitKey(1)"
_PROBE_TIMEOUT_S = 30.0


def check_window() -> None:
    """Check that a window can be opened, before a camera is.

    Raises:
        MissingDependencyError: If this OpenCV is a headless build.
        OptionError: If there is no display, or it cannot be opened.
    """
    require_window()
    if sys.platform == "linux" and not (
        os.environ.get("DISPLAY") or os.environ.get("WAYLAND_DISPLAY")
    ):
        message = "Expected a display for --show, got none (DISPLAY is not set)."
        raise OptionError(message, hint=_HINT)
    reason = _reason_not_to_open()
    if reason:
        message = f"Expected a display for --show, got one that cannot be opened: {reason}."
        raise OptionError(message, hint=_HINT)


class WindowSink(DirectSink):
    """Shows results. See ``Sink`` for the contract.

    Windows belong to the main thread, results come from another: ``write`` puts the newest into a slot at once,
    and the main thread calls ``pump`` about 50 times a second, which draws and looks at keys. With ``hold``
    (photos) ``write`` waits until the photo before has been looked at for a second.
    """

    name = "window"

    def __init__(self, stop: Stop, *, hold: bool = False, board: StatusBoard | None = None) -> None:
        """Get ready; the window opens with the first result.

        Args:
            stop: Told when the user closes the window.
            hold: Whether each picture stays for a second (photos), and the last until a key is pressed.
            board: Says why no results come; without it the last picture just stays.
        """
        self._stop = stop
        self._hold = hold
        self._board = board
        self._caption = Caption()
        self._change = threading.Condition()
        self._newest: FrameResult | None = None
        self._last: FrameResult | None = None
        self._until_s = float("-inf")  # no other picture is shown before
        self._status_at_s = float("-inf")
        self._is_open = self._is_closed = False

    def write(self, result: FrameResult) -> None:
        """Show this next; for the loop's thread."""
        with self._change:
            while self._hold and self._newest is not None and not self._is_over():
                self._change.wait(0.1)
            self._newest = result

    def notify(self, event: Event, result: FrameResult | None) -> None:
        """Write it on the pictures of the next seconds."""
        del result
        self._caption.notify(event)

    def pump(self, wait_s: float = 0.0) -> None:
        """Show what is to be shown and look at keys, for ``wait_s`` seconds. For the main thread only."""
        end_s = time.monotonic() + wait_s
        while True:
            self._show_next()
            if self._is_open:
                self._look_at_keys(is_waiting=wait_s > 0)
            else:
                time.sleep(min(wait_s, 0.02))
            if self._stop.is_requested or time.monotonic() >= end_s:
                return

    def finish(self, summary: RunSummary) -> None:
        """Show what is left, and leave the last photo on the screen until a key is pressed."""
        self.pump()
        while self._hold and not self._is_over() and (self._newest is not None):
            self.pump(0.05)
        if self._hold and self._is_open and summary.ended_by in {"end", "limit"}:
            self._until_s = float("inf")
            while self._until_s == float("inf") and not self._is_over():
                self.pump(0.05)

    def close(self) -> None:
        """Close the window."""
        self._is_closed = True
        if self._is_open:
            cv2.destroyAllWindows()
            self._is_open = False

    def _is_over(self) -> bool:
        return self._stop.is_requested or self._is_closed

    def _show_next(self) -> None:
        now_s = time.monotonic()
        result = None
        if now_s >= self._until_s:
            with self._change:
                result, self._newest = self._newest, None
                self._change.notify_all()
        if result is not None:
            self._last = result
            self._until_s = now_s + (PHOTO_S if self._hold else 0.0)
            self._status_at_s = now_s + STATUS_S
            note = result.frame.source if self._hold else self._caption.at(result)
            self._show(annotate(result, has_rate=not self._hold, note=note))
        elif self._board is not None and self._last is not None and now_s >= self._status_at_s:
            self._status_at_s = now_s + STATUS_S
            self._show_status(self._board.status(), self._last)

    def _show_status(self, status: LiveStatus, last: FrameResult) -> None:
        """Draw why nothing comes on the last picture, in grey."""
        words = "".join(text for text, _ in status_line(status, 80)).strip()
        if words:
            grey = cv2.cvtColor(cv2.cvtColor(last.image, cv2.COLOR_BGR2GRAY), cv2.COLOR_GRAY2BGR)
            image = np.asarray(cv2.convertScaleAbs(grey, alpha=0.5), np.uint8)
            old = replace(last, frame=replace(last.frame, image=image))
            self._show(annotate(old, has_rate=False, note=words))

    def _show(self, picture: Frame) -> None:
        if self._is_open:
            cv2.imshow(TITLE, picture)
            return
        with captured_stderr():  # Qt complains about fonts that it does not need
            cv2.namedWindow(TITLE, cv2.WINDOW_NORMAL | cv2.WINDOW_KEEPRATIO)
            cv2.resizeWindow(TITLE, *_window_size(picture.shape[1], picture.shape[0]))
            cv2.imshow(TITLE, picture)
        self._is_open = True

    def _look_at_keys(self, *, is_waiting: bool) -> None:
        key = cv2.waitKey(20 if is_waiting else 1)
        is_visible = cv2.getWindowProperty(TITLE, cv2.WND_PROP_VISIBLE) >= 1
        if (key & 0xFF in _KEYS and key != -1) or not is_visible:
            self._stop.request("the window")
        elif key != -1:
            self._until_s = float("-inf")  # the next photo, please


def _reason_not_to_open() -> str:
    """Open a window in a process of its own: where the toolkit cannot, it ends the process."""
    try:
        child = subprocess.run(
            [sys.executable, "-c", _PROBE],
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            errors="replace",
            timeout=_PROBE_TIMEOUT_S,
            check=False,
        )
    except subprocess.TimeoutExpired:
        return f"no window in {_PROBE_TIMEOUT_S:g} seconds"
    if child.returncode == 0:
        return ""
    lines = [line.strip() for line in child.stderr.splitlines() if line.strip()]
    return lines[0].rstrip(".") if lines else f"exit code {child.returncode}"


def _window_size(width: int, height: int) -> tuple[int, int]:
    scale = min(1280 / width, 960 / height, 2.0)
    return max(round(width * scale), 1), max(round(height * scale), 1)
