"""What every sink promises."""

from typing import Protocol

from edgecls_device.results import Event, FrameResult, RunSummary, SinkCounts

__all__ = ["Sink"]


class Sink(Protocol):
    """Takes each result and event of a run, in order, from one thread.

    ``write`` and ``notify`` must not change the frame. They raise ``StorageError`` or ``NetworkError`` if
    something could not be taken; the next may be. What may block stands behind a ``BackgroundSink``, which has
    a thread and a bounded queue and counts. ``finish`` is called once after a run that ended by itself, was
    stopped or lost its source; not after an error, when what is unfinished is to be discarded. ``close`` is
    always called, twice is harmless.

    Attributes:
        name: A word for counters and messages, such as ``mqtt``.
    """

    @property
    def name(self) -> str:
        """See above."""

    def write(self, result: FrameResult) -> None:
        """Take one result."""

    def notify(self, event: Event, result: FrameResult | None) -> None:
        """Take one event, after the result that caused it; there is none if the source was lost or stopped."""

    def finish(self, summary: RunSummary) -> None:
        """Complete what was written."""

    def close(self) -> None:
        """Free everything."""

    @property
    def counts(self) -> SinkCounts | None:
        """What became of what it was given; None if the sink is direct and cannot lose anything."""
