"""An OpenCV window with the annotated picture; ``q``, Esc or its close button end the run."""

import os
import subprocess
import sys
import time

from edgecls_device.annotate import annotate
from edgecls_device.arrays import Frame
from edgecls_device.errors import OptionError
from edgecls_device.native_output import captured_stderr
from edgecls_device.opencv import cv2, require_window
from edgecls_device.results import FrameResult, RunSummary
from edgecls_device.sinks.direct import DirectSink
from edgecls_device.stop import Stop

__all__ = ["WindowSink", "check_window"]

TITLE = "edgecls (q to quit)"
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
    """Shows each result. See ``Sink`` for the contract."""

    name = "window"

    def __init__(self, stop: Stop, *, hold: bool = False) -> None:
        """Get ready; the window opens with the first result.

        Args:
            stop: Told when the user closes the window.
            hold: Whether each picture stays for a second (photos), and the last until a key is pressed.
        """
        self._stop = stop
        self._hold = hold
        self._is_open = False

    def write(self, result: FrameResult) -> None:
        """Draw and show one result."""
        rate = result.frames_per_second if not self._hold else 0.0
        note = result.frame.source if self._hold else ""
        picture = annotate(result.image, result.prediction, frames_per_second=rate, note=note)
        if not self._is_open:
            self._open(picture)
        else:
            cv2.imshow(TITLE, picture)
        self._wait(1.0 if self._hold else 0.0)

    def finish(self, summary: RunSummary) -> None:
        """Leave the last photo on the screen until a key is pressed."""
        if self._hold and self._is_open and summary.ended_by in {"end", "limit"}:
            self._wait(float("inf"))

    def close(self) -> None:
        """Close the window."""
        if self._is_open:
            cv2.destroyAllWindows()
            self._is_open = False

    def _open(self, picture: Frame) -> None:
        with captured_stderr():  # Qt complains about fonts that it does not need
            cv2.namedWindow(TITLE, cv2.WINDOW_NORMAL | cv2.WINDOW_KEEPRATIO)
            cv2.resizeWindow(TITLE, *_window_size(picture.shape[1], picture.shape[0]))
            cv2.imshow(TITLE, picture)
        self._is_open = True

    def _wait(self, seconds: float) -> None:
        end = time.monotonic() + seconds
        while True:
            key = cv2.waitKey(1 if seconds == 0 else 20)
            is_visible = cv2.getWindowProperty(TITLE, cv2.WND_PROP_VISIBLE) >= 1
            if (key & 0xFF in _KEYS and key != -1) or not is_visible:
                self._stop.request("the window")
            if self._stop.is_requested or time.monotonic() >= end or (key != -1 and seconds):
                return


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
