"""Frames at their own pace, as a camera gives them."""

import time

__all__ = ["Pace"]

LATE_S = 1.0


class Pace:
    """Waits until the next frame is due. A late frame does not move the ones after it.

    Who is late by more than a second, since the machine slept or cannot keep up, goes on from there without a
    burst.
    """

    def __init__(self, frame_rate: float) -> None:
        """Begin now.

        Args:
            frame_rate: Frames a second, above 0.
        """
        self._interval_s = 1 / frame_rate
        self._due_s = time.monotonic()

    def wait(self) -> None:
        """Wait until the next frame is due."""
        now = time.monotonic()
        if now < self._due_s:
            time.sleep(self._due_s - now)
        elif now - self._due_s > LATE_S:
            self._due_s = now
        self._due_s += self._interval_s
