"""An annotated clip of a camera that runs for months, in parts: the oldest make room for the newest.

``clip.avi`` is the newest part that is complete, ``clip.1.avi`` the one before. The part that is being written
is ``clip.part.avi``; if the process is killed or the power fails, the next start completes it.
"""

import os
import time
from contextlib import suppress
from pathlib import Path

from edgecls_device.annotate import annotate
from edgecls_device.arrays import Frame
from edgecls_device.errors import StorageError
from edgecls_device.files import make_directory, storage_errors
from edgecls_device.jpeg import encode_jpeg
from edgecls_device.results import Event, FrameResult, RunSummary
from edgecls_device.sinks.avi_file import LONGEST_BYTES, AviFile, recover
from edgecls_device.sinks.caption import Caption
from edgecls_device.sinks.clip import check_clip_path, fitted
from edgecls_device.sinks.direct import DirectSink
from edgecls_device.sinks.quota import FREE_BYTES, FREE_SHARE
from edgecls_device.sinks.rotation import shift

__all__ = ["PART_BYTES", "LiveClipSink"]

RATE = 15.0  # frames a second, whatever comes: pictures are repeated or left out to keep the time
QUALITY = 90
PART_S, PART_BYTES, QUOTA_BYTES = 600.0, 250_000_000, 2_000_000_000
LONGEST_GAP_S = 10.0
MOST_PARTS = 999
LOOK_S = 1.0


class LiveClipSink(DirectSink):
    """Writes parts of a clip that play as fast as it happened. See ``Sink`` for the contract.

    The first picture of a part decides its size; others are fitted into it on black. A gap of more than ten
    seconds, as while the camera is lost, is left out.
    """

    name = "clip"

    def __init__(
        self,
        path: Path,
        *,
        part_s: float = PART_S,
        part_bytes: int = PART_BYTES,
        quota_bytes: int = QUOTA_BYTES,
        free_bytes: int | None = None,
    ) -> None:
        """Complete what a killed process left, and check that a part can be written.

        Args:
            path: The newest part; must end in ``.avi``. A clip that is there becomes an older part.
            part_s: How long a part may be, in seconds.
            part_bytes: How large a part may be.
            quota_bytes: What all parts may take, at least one part.
            free_bytes: What stays free on the disk; by default 5 % of it or 200 MB, whichever is less.

        Raises:
            OptionError: If the path does not end in ``.avi``.
            StorageError: If it cannot be written.
        """
        check_clip_path(path)
        self._path = path
        self._temporary = path.with_name(f"{path.stem}.part{path.suffix}")
        self._part_frames = max(round(part_s * RATE), 1)
        self._part_bytes = min(part_bytes, LONGEST_BYTES)
        self._quota_bytes = quota_bytes
        self._free_bytes = free_bytes
        self._caption = Caption()
        self._part: AviFile | None = None
        self._size = (0, 0)
        self._start_ns = self._last_ns = 0
        self._looked_s = float("-inf")
        self._trouble = ""  # why nothing is written for the next second
        self._credit_bytes = 0  # of removed parts, to be written on an almost full disk
        make_directory(path.parent)
        with storage_errors("write", self._temporary):
            self._recover()
            self._temporary.touch()

    def write(self, result: FrameResult) -> None:
        """Add one result.

        Raises:
            StorageError: If the disk is full; what was written is kept.
        """
        with storage_errors("write", self._path):
            self._make_room()
            picture = annotate(result, note=self._caption.at(result))
            try:
                self._add(picture, result.frame.captured_ns)
                if self._part is not None and self._is_complete(self._part):
                    self._finish_part()
            except OSError as error:
                self._stop_for_now(error)
                raise

    def notify(self, event: Event, result: FrameResult | None) -> None:
        """Write it on the pictures of the next seconds."""
        del result
        self._caption.notify(event)

    def finish(self, summary: RunSummary) -> None:
        """Complete the newest part.

        Raises:
            StorageError: If the disk is full.
        """
        del summary
        with storage_errors("write", self._path):
            self._finish_part()

    def close(self) -> None:
        """Complete the newest part, whatever happened."""
        with storage_errors("write", self._path):
            self._finish_part()
            if self._temporary.exists() and not self._temporary.stat().st_size:
                self._temporary.unlink()

    def _add(self, picture: Frame, captured_ns: int) -> None:
        if self._part is None:
            self._recover()  # what could not be completed on a full disk
            self._size = (picture.shape[0], picture.shape[1])
            height, width = self._size
            self._part = AviFile(self._temporary, height=height, width=width, rate=RATE)
            self._start_ns = self._last_ns = captured_ns
        gap_ns = captured_ns - self._last_ns - int(LONGEST_GAP_S * 1e9)
        self._start_ns += max(gap_ns, 0)
        self._last_ns = captured_ns
        due = int((captured_ns - self._start_ns) / 1e9 * RATE + 0.01) + 1 - self._part.frames
        if due > 0:
            jpeg = encode_jpeg(fitted(picture, self._size), quality=QUALITY)
            for _ in range(due):
                self._part.append(jpeg)
            self._credit_bytes -= due * len(jpeg)

    def _stop_for_now(self, error: OSError) -> None:
        """Let go of the part and of the next second; time goes on, and the next part begins with its own."""
        self._trouble = f"Cannot write {str(self._path)!r}: {error.strerror or error}."
        self._looked_s = time.monotonic()
        with suppress(OSError):  # what cannot be completed now is recovered before the next part
            self._finish_part()

    def _is_complete(self, part: AviFile) -> bool:
        return part.frames >= self._part_frames or part.size_bytes >= self._part_bytes

    def _finish_part(self) -> None:
        part, self._part = self._part, None
        if part is None:
            return
        part.finish()
        if part.frames:
            self._move_part()
        else:
            self._temporary.unlink()

    def _move_part(self) -> None:
        shift(self._numbered(i) for i in range(MOST_PARTS + 1))
        self._temporary.replace(self._path)
        while self._used_bytes() + self._part_bytes > self._quota_bytes and self._remove_oldest():
            pass

    def _recover(self) -> None:
        if self._temporary.is_file():
            if recover(self._temporary):
                self._move_part()
            else:
                self._temporary.unlink()

    def _make_room(self) -> None:
        """Look once a second whether the disk is almost full; then as much goes of the oldest as is written.

        No more: if others filled the disk, our past is no help against that.
        """
        now_s = time.monotonic()
        if now_s - self._looked_s >= LOOK_S:
            self._looked_s = now_s
            is_short = self._is_short()
            if not is_short:
                self._credit_bytes = 0
            elif self._credit_bytes <= 0:
                self._credit_bytes = self._remove_oldest()
            is_full = is_short and self._credit_bytes <= 0
            self._trouble = f"The disk of {str(self._path)!r} is almost full." if is_full else ""
        if self._trouble:
            self._finish_part()
            raise StorageError(self._trouble, hint="free some space on that disk")

    def _is_short(self) -> bool:
        disk = os.statvfs(self._path.parent)
        floor = self._free_bytes
        if floor is None:
            floor = int(min(disk.f_blocks * disk.f_frsize * FREE_SHARE, FREE_BYTES))
        return disk.f_bavail * disk.f_frsize < floor

    def _older(self) -> list[Path]:
        """Return the older parts, newest first."""
        names = (self._numbered(i) for i in range(1, MOST_PARTS + 1))
        return [name for name in names if name.exists()]

    def _used_bytes(self) -> int:
        newest = [self._path] if self._path.exists() else []
        return sum(name.stat().st_size for name in [*newest, *self._older()])

    def _remove_oldest(self) -> int:
        """Return how many bytes that freed."""
        older = self._older()
        if not older:
            return 0
        size = older[-1].stat().st_size
        older[-1].unlink()
        return size

    def _numbered(self, number: int) -> Path:
        if number == 0:
            return self._path
        return self._path.with_name(f"{self._path.stem}.{number}{self._path.suffix}")
