"""The time of frames: a video's own, else when they were captured. Never the wall clock."""

from edgecls_device.sources.protocol import CapturedFrame

__all__ = ["FrameClock"]


class FrameClock:
    """Seconds of frame time since the first frame; it never goes back.

    A video that starts over, or whose time stamps go back, stands still for that frame.

    Attributes:
        now_s: Time of the last frame, 0 for the first.
        step_s: Seconds between the last two.
    """

    def __init__(self) -> None:
        self.now_s = 0.0
        self.step_s = 0.0
        self._last_s: float | None = None
        self._has_position = False

    def advance(self, frame: CapturedFrame) -> float:
        """Go on to a frame; return ``now_s``."""
        has_position = frame.position_s is not None
        time_s = frame.captured_ns / 1e9 if frame.position_s is None else frame.position_s
        is_comparable = self._last_s is not None and has_position == self._has_position
        self.step_s = max(time_s - (self._last_s or 0.0), 0.0) if is_comparable else 0.0
        self._last_s, self._has_position = time_s, has_position
        self.now_s += self.step_s
        return self.now_s
