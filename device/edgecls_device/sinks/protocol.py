"""What every sink promises."""

from typing import Protocol

from edgecls_device.results import FrameResult, RunSummary

__all__ = ["Sink"]


class Sink(Protocol):
    """Takes each result of a run, in order, from one thread.

    ``write`` must not change the frame. It raises ``StorageError`` if it cannot go on. ``finish`` is called
    once after a run that ended by itself, was stopped or lost its source; not after an error, when what is
    unfinished is to be discarded. ``close`` is always called.
    """

    def write(self, result: FrameResult) -> None:
        """Take one result."""

    def finish(self, summary: RunSummary) -> None:
        """Complete what was written."""

    def close(self) -> None:
        """Free everything; twice is harmless."""
