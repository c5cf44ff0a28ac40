"""One JSON object a line for each result and event, in a file that is rotated."""

from pathlib import Path

from edgecls_device.results import Event, FrameResult, RunSummary
from edgecls_device.sinks.direct import DirectSink
from edgecls_device.sinks.json_lines import event_line, frame_line
from edgecls_device.sinks.rotation import RotatingFile

__all__ = ["ROTATE_BYTES", "JsonFileSink"]

ROTATE_BYTES, KEEP = 10_000_000, 5


class JsonFileSink(DirectSink):
    """Appends to a file; see ``RotatingFile`` for what survives what. See ``Sink`` for the contract.

    The disk is asked to keep what was written after each event and at the end; results in between reach it when
    the kernel sees fit, within half a minute or so, which spares SD cards.
    """

    name = "json-file"
    needs_pixels = False

    def __init__(self, path: Path, *, rotate_bytes: int = ROTATE_BYTES, keep: int = KEEP) -> None:
        """Open the file; what is in it is kept.

        Args:
            path: The newest file; older ones are ``PATH.1`` to ``PATH.<keep>``.
            rotate_bytes: How long a file may become.
            keep: How many older files stay.

        Raises:
            StorageError: If it cannot be written.
        """
        self._file = RotatingFile(path, rotate_bytes=rotate_bytes, keep=keep)

    def write(self, result: FrameResult) -> None:
        """Append one line."""
        self._file.append(frame_line(result).encode())

    def notify(self, event: Event, result: FrameResult | None) -> None:
        """Append one line, and bring it to the disk."""
        del result
        self._file.append(event_line(event).encode())
        self._file.sync()

    def finish(self, summary: RunSummary) -> None:
        """Bring everything to the disk."""
        del summary
        self._file.sync()

    def close(self) -> None:
        """Close the file."""
        self._file.close()
