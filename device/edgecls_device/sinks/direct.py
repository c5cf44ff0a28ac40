"""What a sink does that has nothing to do: most look at results only, and lose nothing."""

from typing import ClassVar

from edgecls_device.results import Event, FrameResult, RunSummary, SinkCounts

__all__ = ["DirectSink"]


class DirectSink:
    """A base of sinks. See ``Sink`` for the contract."""

    name: ClassVar[str]

    def notify(self, event: Event, result: FrameResult | None) -> None:
        """Leave events alone."""

    def finish(self, summary: RunSummary) -> None:
        """Do nothing: what was written is complete."""

    def close(self) -> None:
        """Do nothing: there is nothing to free."""

    @property
    def counts(self) -> SinkCounts | None:
        """Nothing is lost."""
        return None
