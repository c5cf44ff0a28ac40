"""A folder of photos with a folder per class that grows by one photo at a time.

The window, the terminal and the live page all save through it.
"""

import threading
import time
from collections import Counter, OrderedDict
from dataclasses import dataclass
from pathlib import Path

from edgecls_device.arrays import Frame
from edgecls_device.collecting.class_folder import check_class_name, count_photos
from edgecls_device.collecting.disk_room import check_room, folder_bytes
from edgecls_device.collecting.photo_file import encode_photo, photo_name
from edgecls_device.decisions.region import Region
from edgecls_device.errors import StorageError
from edgecls_device.files import make_directory, write_atomically
from edgecls_device.likeness import SeenPictures, thumbnail
from edgecls_device.sizes import format_size

__all__ = ["PhotoStore", "Saved"]

MAX_LABELS_REMEMBERED = 32


@dataclass(frozen=True, kw_only=True, slots=True)
class Saved:
    """What became of a photo.

    Attributes:
        label: Its class.
        path: The file; if it was not new, the one that it resembles.
        count: Photos in the class folder now.
        is_new: Whether it was written; else a photo taken before shows the same.
    """

    label: str
    path: Path
    count: int
    is_new: bool

    @property
    def relative_path(self) -> str:
        """The path below the store, such as ``cat/20260102T030405.678Z-0a1b2c3d.jpg``."""
        return f"{self.path.parent.name}/{self.path.name}"


class PhotoStore:
    """Saves photos as JPEG files, whole or not at all. It may be called from any thread.

    Nothing is written outside of the directory: a label is a plain name, and a class folder that is a link is
    refused. Of a label, the last 200 photos saved by this store are remembered for ``drop_similar``.

    Attributes:
        directory: Absolute.
        similar: Photos left out as near duplicates.
    """

    def __init__(
        self,
        directory: Path | str,
        *,
        quota_bytes: int | None = None,
        drop_similar: bool = True,
        region: Region | None = None,
    ) -> None:
        """Create the directory if there is none.

        Args:
            directory: Holds one folder per class.
            quota_bytes: Most that may lie in it, whoever put it there; None for no limit. In any case 5 % of
                the disk or 200 MB, whatever is less, stay free.
            drop_similar: Whether a photo that shows the same as one before is left out.
            region: The part of each picture that is saved: what a model with a region of interest will see.

        Raises:
            StorageError: If the directory cannot be created or read.
        """
        self.directory = make_directory(Path(directory)).resolve()
        self._quota_bytes = quota_bytes
        self._drop_similar = drop_similar
        self._region = region
        self._used_bytes = 0 if quota_bytes is None else folder_bytes(self.directory)
        self._saved: Counter[str] = Counter()
        self.similar = 0
        self._seen: OrderedDict[str, SeenPictures] = OrderedDict()
        self._lock = threading.Lock()

    def save(self, image: Frame, label: str) -> Saved:
        """Save a photo under a label.

        Args:
            image: BGR uint8 of any size (grey, alpha and 16-bit are converted).
            label: The name of its class folder, which is created if there is none.

        Raises:
            DataError: If the label cannot be the name of a class folder.
            FrameError: If it is not a picture, or the region does not lie inside.
            StorageError: If it cannot be written, the quota is used up or the disk is almost full.
        """
        folder = self.directory / check_class_name(label)
        if self._region is not None:
            image = self._region.cut(image)
        data = encode_photo(image)
        small = thumbnail(image)
        with self._lock:
            _refuse_link(folder)
            seen = self._seen_of(label)
            if self._drop_similar:
                for name in seen.same_as(small):
                    if (path := folder / name).exists():  # it may have been deleted as a bad one
                        self.similar += 1
                        return Saved(
                            label=label, path=path, count=count_photos(folder), is_new=False
                        )
            self._check_quota(len(data))
            check_room(self.directory, len(data))
            path = folder / photo_name(data, time.time())
            write_atomically(path, data)
            self._used_bytes += len(data)
            self._saved[label] += 1
            seen.add(small, path.name)
            return Saved(label=label, path=path, count=count_photos(folder), is_new=True)

    @property
    def saved(self) -> Counter[str]:
        """Photos saved by this store, by label."""
        with self._lock:
            return self._saved.copy()

    def count(self, label: str) -> int:
        """Return how many photos of a label there are.

        Raises:
            DataError: If the label cannot be the name of a class folder.
            StorageError: If its folder may not be read.
        """
        return count_photos(self.directory / check_class_name(label))

    def counts(self) -> dict[str, int]:
        """Return how many photos there are in each class folder that has some, sorted by name.

        Raises:
            StorageError: If a folder may not be read.
        """
        folders = sorted(self.directory.iterdir())
        counts = {f.name: count_photos(f) for f in folders if not f.name.startswith(".")}
        return {name: count for name, count in counts.items() if count}

    def _check_quota(self, needed_bytes: int) -> None:
        if self._quota_bytes is None or self._used_bytes + needed_bytes <= self._quota_bytes:
            return
        self._used_bytes = folder_bytes(self.directory)  # somebody may have made room
        if self._used_bytes + needed_bytes > self._quota_bytes:
            message = (
                f"Expected at most {format_size(self._quota_bytes)} in {str(self.directory)!r}, "
                f"got {format_size(self._used_bytes)}: there is no room for another photo."
            )
            raise StorageError(message, hint="move photos elsewhere, or allow more")

    def _seen_of(self, label: str) -> SeenPictures:
        seen = self._seen.setdefault(label, SeenPictures())
        self._seen.move_to_end(label)
        while len(self._seen) > MAX_LABELS_REMEMBERED:
            self._seen.popitem(last=False)
        return seen


def _refuse_link(folder: Path) -> None:
    if folder.is_symlink():
        message = f"Expected a class folder in {str(folder.parent)!r}, got {folder.name!r}, which is a link."
        raise StorageError(message, hint="put a folder in its place, or save where it leads to")
