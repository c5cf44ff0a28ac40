"""A folder of frames for a person to sort into classes, within a quota that does not forget the first day."""

import os
import time
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime, timezone
from pathlib import Path
from typing import Any

from edgecls_device.collecting.class_folder import class_folder_name
from edgecls_device.collecting.disk_room import check_room
from edgecls_device.collecting.frame_index import FrameIndex
from edgecls_device.collecting.photo_file import photo_name
from edgecls_device.errors import StorageError
from edgecls_device.files import make_directory, storage_errors, write_atomically
from edgecls_device.sinks.naming import STAMPED
from edgecls_device.sizes import format_size

__all__ = ["INDEX_NAME", "TO_SORT", "SortingFolder"]

TO_SORT, INDEX_NAME, README_NAME = "to-sort", "uncertain.jsonl", "README.txt"
RESCAN_S = 60.0
MOST_FILES = 20_000

README = """\
Frames of which the model was not sure, kept by: edgecls run --keep-uncertain

  to-sort/LABEL      what the model took them for; to-sort/unknown where it knew none
  uncertain.jsonl    a line a frame: file, time, source, scores, and why it was kept

To train on them:

  1. Look through to-sort. Move each frame into the folder of its true class among
     your training photos, such as photos/star, and delete what nobody could tell.
  2. edgecls data check photos
  3. edgecls train photos --out runs/next

Do not train on to-sort as it is: its folders are the model's own guesses.

Only what lies in to-sort counts against the quota. When it is used up, a new frame
takes the place of one that had others shortly before and after it, so that busy
hours are thinned out, and the first day stays as well as the last.
"""


@dataclass(frozen=True, kw_only=True, slots=True)
class _File:
    """A frame in ``to-sort``.

    Attributes:
        folder: Its folder's name.
        name: ``TIME-HASH.jpg``.
        size_bytes: Its size.
        time_s: When it was captured, in seconds since 1970.
    """

    folder: str
    name: str
    size_bytes: int
    time_s: float


class SortingFolder:
    """Keeps frames under the label that they were taken for. Not safe for threads."""

    def __init__(self, directory: Path | str, *, quota_bytes: int) -> None:
        """Create the directory with its README, and look at what is there.

        Args:
            directory: Gets ``to-sort``, ``uncertain.jsonl`` and ``README.txt``.
            quota_bytes: Most that frames in ``to-sort`` may take. In any case 5 % of the disk or 200 MB,
                whatever is less, stay free.

        Raises:
            StorageError: If it cannot be created, read or written.
        """
        self.directory = Path(directory)
        self._quota_bytes = quota_bytes
        self._index = FrameIndex(self.directory / INDEX_NAME)
        self._make_directory()
        self._scan()

    def keep(
        self, data: bytes, label: str, *, captured_at: float, facts: Mapping[str, Any]
    ) -> Path:
        """Write a frame and its line; both or neither.

        Args:
            data: A JPEG file.
            label: What it was taken for.
            captured_at: Seconds since 1970.
            facts: What its line says besides the file, as plain JSON types.

        Returns:
            The file.

        Raises:
            StorageError: If it cannot be written, or the disk is almost full.
        """
        new = _File(
            folder=class_folder_name(label),
            name=photo_name(data, captured_at),
            size_bytes=len(data),
            time_s=captured_at,
        )
        self._make_directory()  # somebody may have moved it away to have a look
        self._make_room(new)
        check_room(self.directory, len(data))
        path = self._path(new)
        write_atomically(path, data)
        self._files.append(new)
        self._used_bytes += new.size_bytes
        try:
            self._index.append({"file": f"{TO_SORT}/{new.folder}/{new.name}", **facts})
        except StorageError:
            self._remove(new)
            raise
        return path

    def _make_directory(self) -> None:
        make_directory(self.directory / TO_SORT)
        if not (self.directory / README_NAME).exists():
            write_atomically(self.directory / README_NAME, README)

    def _path(self, file: _File) -> Path:
        return self.directory / TO_SORT / file.folder / file.name

    def _make_room(self, new: _File) -> None:
        if new.size_bytes > self._quota_bytes:
            message = f"A frame of {format_size(new.size_bytes)} is more than the whole quota."
            raise StorageError(message, hint="give a larger --keep-quota")
        if self._is_over(new) and time.monotonic() - self._scanned_s > RESCAN_S:
            self._scan()  # somebody may have sorted some
        while self._is_over(new):
            self._remove(_most_dispensable(self._files, new))

    def _is_over(self, new: _File) -> bool:
        is_full = self._used_bytes + new.size_bytes > self._quota_bytes
        return bool(self._files) and (is_full or len(self._files) >= MOST_FILES)

    def _remove(self, file: _File) -> None:
        path = self._path(file)
        with storage_errors("remove", path):
            path.unlink(missing_ok=True)
        self._files.remove(file)
        self._used_bytes -= file.size_bytes

    def _scan(self) -> None:
        root = self.directory / TO_SORT
        with storage_errors("read", root):
            self._files = list(_scan(root))
        self._used_bytes = sum(file.size_bytes for file in self._files)
        self._scanned_s = time.monotonic()


def _most_dispensable(files: list[_File], new: _File) -> _File:
    """Return the frame that leaves the smallest hole in time between its neighbours in its folder.

    The first and the last of a folder stay, as does ``new``. If nothing else is left, it is the oldest of all.
    """
    ordered = sorted([*files, new], key=lambda file: (file.folder, file.time_s, file.name))
    best, least_s = min(files, key=lambda file: file.time_s), float("inf")
    for before, file, after in zip(ordered, ordered[1:], ordered[2:], strict=False):
        hole_s = after.time_s - before.time_s
        if before.folder == after.folder and file is not new and hole_s < least_s:
            best, least_s = file, hole_s
    return best


def _scan(root: Path) -> Iterator[_File]:
    with os.scandir(root) as folders:
        names = [entry.name for entry in folders if entry.is_dir(follow_symlinks=False)]
    for name in names:
        with os.scandir(root / name) as entries:
            for entry in entries:
                if STAMPED.fullmatch(entry.name) and entry.is_file(follow_symlinks=False):
                    size = entry.stat(follow_symlinks=False).st_size
                    yield _File(
                        folder=name, name=entry.name, size_bytes=size, time_s=_time(entry.name)
                    )


def _time(name: str) -> float:
    """Return the seconds since 1970 that a name begins with; 0 if that is no date."""
    try:
        stamp = datetime.strptime(name[:19], "%Y%m%dT%H%M%S.%f")
    except ValueError:
        return 0.0
    return stamp.replace(tzinfo=timezone.utc).timestamp()
