"""A picture of what came, and the best one of its stay, as JPEG files that are never more than their quota.

The pictures are clean, so that they can be looked at, sent and trained on. What was seen stands in the file
itself, as JSON in its JPEG comment: a second file beside it could be lost, or outlive it.
"""

import json
import re
from pathlib import Path
from typing import Any

from edgecls_device.jpeg import LONGEST_COMMENT, encode_jpeg
from edgecls_device.records import encode
from edgecls_device.results import Event, FrameResult
from edgecls_device.sinks.direct import DirectSink
from edgecls_device.sinks.json_lines import frame_record
from edgecls_device.sinks.naming import stamped_name
from edgecls_device.sinks.quota import Quota

__all__ = ["KIND", "VERSION", "SnapshotSink"]

KIND, VERSION = "edgecls.snapshot", 1
LABELS_KEPT = 5
_STAMP = re.compile(r"^[0-9]{8}T[0-9]{6}Z-")  # of an event's id; the file's name begins with one


class SnapshotSink(DirectSink):
    """Saves a picture when a label comes, and when it goes the one in which it was surest.

    The second is left out if it is the first. Files are named by time, label and event, such as
    ``20231114T221320.500Z-cat-3f2a-1-entered.jpg``; the best one's time is its own. See ``Sink`` for the
    contract.
    """

    name = "snapshots"

    def __init__(self, directory: Path, *, quota_bytes: int) -> None:
        """Look at what is there.

        Args:
            directory: Where pictures go.
            quota_bytes: What they may take; the oldest make room for the newest.

        Raises:
            StorageError: If it cannot be written.
        """
        self._quota = Quota(directory, quota_bytes=quota_bytes)
        self._stay: Event | None = None
        self._first: FrameResult | None = None
        self._best: FrameResult | None = None

    def write(self, result: FrameResult) -> None:
        """Remember the result that is the surest of what is there."""
        if self._stay is None or result.decision.label != self._stay.label or result.is_still:
            return
        if self._best is None or result.decision.score > self._best.decision.score:
            self._best = result

    def notify(self, event: Event, result: FrameResult | None) -> None:
        """Save the picture of an event.

        Raises:
            FrameError: If the picture is too large for a JPEG file.
            StorageError: If it cannot be written, or the disk is almost full.
        """
        if event.change == "entered":
            self._stay, self._first, self._best = event, result, result
            if result is not None:
                self._save(event, result, "entered")
            return
        is_same = self._stay is not None and self._stay.id == event.id
        best = self._best if is_same and self._best is not self._first else None
        self._stay = self._first = self._best = None
        if best is not None:
            self._save(event, best, "best")

    def _save(self, event: Event, result: FrameResult, word: str) -> None:
        data = encode_jpeg(result.image, comment=_comment(event, result))
        number = _STAMP.sub("", event.id)
        name = stamped_name(result.frame.captured_at, event.label, number, word, suffix=".jpg")
        self._quota.save(name, data)


def _comment(event: Event, result: FrameResult) -> str:
    """Return as much as fits into a comment: a label may have thousands of letters."""
    record = frame_record(result)
    record["top"] = record["top"][:LABELS_KEPT]
    body: dict[str, Any] = {"kind": KIND, "version": VERSION, "event": encode(event)}
    for fields in ({**body, "result": record}, body, {"kind": KIND, "version": VERSION}):
        text = json.dumps(fields, allow_nan=False)  # ASCII, so that it holds no JPEG marker
        if len(text) <= LONGEST_COMMENT:
            return text
    return ""
