"""What a sink does that has nothing to do: most look at results only, and lose nothing."""

from typing import ClassVar

from edgecls_device.results import Event, FrameResult, RunSummary, SinkCounts

__all__ = ["DirectSink"]


class DirectSink:
    """A base of sinks. See ``Sink`` for the contract.

    The attributes tell a ``BackgroundSink`` what need not be kept for this sink.

    Attributes:
        takes_results: Whether ``write`` does something.
        takes_events: Whether ``notify`` does something.
        needs_pixels: Whether it looks at a frame, or at its shape only.
        idle_s: Call ``idle`` whenever nothing came for so many seconds; None for never.
    """

    name: ClassVar[str]
    takes_results: ClassVar[bool] = True
    takes_events: ClassVar[bool] = True
    needs_pixels: ClassVar[bool] = True
    idle_s: ClassVar[float | None] = None

    def write(self, result: FrameResult) -> None:
        """Leave results alone."""

    def notify(self, event: Event, result: FrameResult | None) -> None:
        """Leave events alone."""

    def idle(self) -> None:
        """Do nothing while nothing comes."""

    def finish(self, summary: RunSummary) -> None:
        """Do nothing: what was written is complete."""

    def close(self) -> None:
        """Do nothing: there is nothing to free."""

    @property
    def counts(self) -> SinkCounts | None:
        """Nothing is lost."""
        return None
