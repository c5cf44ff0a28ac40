"""The newest event in words, for a few seconds of the picture's own time."""

from edgecls_device.results import Event, FrameResult
from edgecls_device.sinks.wording import event_words

__all__ = ["Caption"]

SHOWN_S = 3.0


class Caption:
    """What to write on pictures after something came or went."""

    def __init__(self) -> None:
        self._words = ""
        self._since_s: float | None = None

    def notify(self, event: Event) -> None:
        """Show this event from the next picture on."""
        self._words, self._since_s = event_words(event), None

    def at(self, result: FrameResult) -> str:
        """Return what to write on this picture; empty if the last event is too long ago."""
        position = result.frame.position_s
        now_s = result.frame.captured_ns / 1e9 if position is None else position
        if self._since_s is None:
            self._since_s = now_s
        return self._words if abs(now_s - self._since_s) < SHOWN_S else ""
