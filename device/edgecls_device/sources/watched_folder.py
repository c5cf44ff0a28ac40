"""A folder that is watched: the photos that are there, then each new one once it is complete. It does not end.

A file is complete when its size and its time of change were the same for a second and it decodes. One that
does not decode may still be on its way: it is looked at again whenever it changes, and only when nothing
happened to it for a minute it is called undecodable.
"""

import os
import time
from collections import deque
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from edgecls_device.arrays import Frame
from edgecls_device.errors import EdgeclsError, ImageError, SourceError, StorageError
from edgecls_device.images import IMAGE_SUFFIXES, read_image
from edgecls_device.sources.folder import ProblemList, natural_key
from edgecls_device.sources.protocol import (
    DELIVERING,
    CapturedFrame,
    SourceStatus,
    captured_now,
)
from edgecls_device.sources.watch import FolderWatch
from edgecls_device.stop import Stop

__all__ = ["WatchedFolderSource"]

SETTLE_S = 1.0
GIVE_UP_S = 60.0
POLL_S = 0.5
WAIT_S = 0.2
STEP_S = 0.05


@dataclass(kw_only=True, slots=True)
class _Arrival:
    """A file that is not complete yet, as it was when it last changed.

    Attributes:
        is_tried: Whether it was decoded in vain since then.
        is_queued: Whether its turn to be decoded comes.
    """

    size_bytes: int
    changed_ns: int
    since_s: float
    is_tried: bool = False
    is_queued: bool = False


class WatchedFolderSource:
    """A folder without end. See ``Source`` for the contract."""

    is_live = False
    frame_rate = 0.0

    def __init__(
        self,
        path: Path | str,
        *,
        settle_s: float = SETTLE_S,
        give_up_s: float = GIVE_UP_S,
        poll_s: float = POLL_S,
    ) -> None:
        """Look what is there; that may be nothing.

        Args:
            path: The folder.
            settle_s: Seconds without a change after which a file may be complete.
            give_up_s: Seconds without a change after which a file that does not decode is undecodable.
            poll_s: Seconds from one look to the next.

        Raises:
            SourceError: If it cannot be read.
        """
        self.name = str(path)
        self.captured = 0
        self.status: SourceStatus = DELIVERING
        self._settle_s, self._give_up_s, self._poll_s = settle_s, give_up_s, poll_s
        self._watch = FolderWatch(self.name, is_wanted=_is_photo)
        self._problems = ProblemList()
        self._undecodable = 0
        self._arriving: dict[str, _Arrival] = {}
        self._complete: deque[str] = deque()
        self._is_closed = False
        try:
            there = self._watch.look()
        except OSError as error:
            raise _unreadable(self.name, error) from error
        self._complete.extend(sorted(there, key=lambda path: natural_key(Path(path))))
        self.description = f"{len(there)} photos, watched for more"
        self._look_s = time.monotonic() + poll_s

    def read(self, stop: Stop) -> CapturedFrame | None:
        """Return the next photo that is complete; None if there is none now."""
        until_s = time.monotonic() + WAIT_S
        while not (stop.is_requested or self._is_closed):
            self._look_again()
            path = self._complete.popleft() if self._complete else None
            image = self._decoded(path) if path is not None else None
            if path is not None and image is not None:
                self.captured += 1
                return captured_now(image, index=self.captured - 1, source=path)
            if time.monotonic() >= until_s:
                break
            if path is None:
                time.sleep(STEP_S)
        return None

    @property
    def dropped(self) -> Mapping[str, int]:
        """Photos that could not be decoded."""
        return {"undecodable": self._undecodable} if self._undecodable else {}

    @property
    def problems(self) -> tuple[str, ...]:
        """One sentence for each of the first photos that could not be decoded."""
        return self._problems.sentences

    def close(self) -> None:
        """Watch no longer."""
        self._is_closed = True
        self._complete.clear()
        self._arriving.clear()

    def _look_again(self) -> None:
        now = time.monotonic()
        if now < self._look_s:
            return
        self._look_s = now + self._poll_s
        try:
            new = self._watch.look()
        except OSError as error:
            trouble = _unreadable(self.name, error).message
            self.status = SourceStatus(state="lost", trouble=trouble)
            return
        self.status = DELIVERING
        for folder, reason in self._watch.unreadable.items():
            self._problems.add(f"Expected a folder that can be read, got {folder!r}: {reason}.")
        for path in sorted(new, key=lambda path: natural_key(Path(path))):
            self._note(path)
        self._sort_arrivals(now)

    def _note(self, path: str) -> None:
        try:
            status = os.stat(path)  # noqa: PTH116 - one of perhaps 100,000
        except OSError:  # gone again
            return
        self._arriving[path] = _Arrival(
            size_bytes=status.st_size, changed_ns=status.st_mtime_ns, since_s=time.monotonic()
        )

    def _sort_arrivals(self, now: float) -> None:
        """Find out which of the files that are on their way have arrived, and which are gone."""
        for path, arrival in list(self._arriving.items()):
            if arrival.is_queued:
                continue
            try:
                status = os.stat(path)  # noqa: PTH116
            except OSError:
                del self._arriving[path]
                continue
            if (status.st_size, status.st_mtime_ns) != (arrival.size_bytes, arrival.changed_ns):
                self._note(path)
            elif now - arrival.since_s >= (self._give_up_s if arrival.is_tried else self._settle_s):
                arrival.is_queued = True
                self._complete.append(path)

    def _decoded(self, path: str) -> Frame | None:
        """Return a photo; None if it is gone, not whole yet, or never will be."""
        arrival = self._arriving.get(path)
        try:
            image = read_image(path)
        except (ImageError, StorageError) as error:
            self._refuse(path, arrival, error)
            return None
        self._arriving.pop(path, None)
        return image

    def _refuse(self, path: str, arrival: _Arrival | None, error: EdgeclsError) -> None:
        if not Path(path).exists():  # it was taken away before it was its turn
            self._arriving.pop(path, None)
            return
        if arrival is None:  # it was there from the start, and may be on its way as well
            self._note(path)
            self._arriving[path].is_tried = True
            return
        if not arrival.is_tried or time.monotonic() - arrival.since_s < self._give_up_s:
            arrival.is_tried, arrival.is_queued = True, False
            return
        self._arriving.pop(path, None)
        self.captured += 1
        self._undecodable += 1
        self._problems.add(error.message)


def _is_photo(name: str) -> bool:
    return os.path.splitext(name)[1].lower() in IMAGE_SUFFIXES  # noqa: PTH122 - one of perhaps 100,000


def _unreadable(name: str, error: OSError) -> SourceError:
    reason = (error.strerror or str(error)).lower()
    message = f"Expected a folder that can be read, got {name!r}: {reason}."
    return SourceError(message, hint="check the permissions and the drive, e.g. with: ls -ld")
