"""A folder of photos, in the order people count: ``cat2.jpg`` before ``cat10.jpg``."""

import os
import re
from collections.abc import Mapping
from pathlib import Path

from edgecls_device.errors import ImageError, SourceError, StorageError
from edgecls_device.images import IMAGE_SUFFIXES, read_image
from edgecls_device.sources.options import NO_OPTIONS, SourceOptions
from edgecls_device.sources.protocol import (
    DELIVERING,
    ENDED,
    CapturedFrame,
    Source,
    SourceStatus,
    captured_now,
)
from edgecls_device.stop import Stop

__all__ = ["FolderSource", "ProblemList", "natural_key", "open_folder"]

MOST_PROBLEMS = 50


def open_folder(
    path: str, options: SourceOptions = NO_OPTIONS, *, stop: Stop | None = None
) -> Source:
    """Open a folder of photos; with ``watch`` it does not end.

    Raises:
        SourceError: If it has none and is not watched, or cannot be read.
    """
    del stop
    if options.watch:
        from edgecls_device.sources.watched_folder import WatchedFolderSource

        return WatchedFolderSource(path)
    return FolderSource(path)


class ProblemList:
    """Sentences about what was wrong, each once: the first are kept and the others counted."""

    def __init__(self, most: int = MOST_PROBLEMS) -> None:
        self._most = most
        self._first: list[str] = []
        self._more = 0

    def add(self, sentence: str) -> None:
        """Note a problem."""
        if sentence in self._first:
            return
        if len(self._first) < self._most:
            self._first.append(sentence)
        else:
            self._more += 1

    @property
    def sentences(self) -> tuple[str, ...]:
        """What was noted, and how much more there was."""
        more = (f"There were {self._more} more such problems.",) if self._more else ()
        return (*self._first, *more)


class FolderSource:
    """Every photo below a folder, sorted. See ``Source`` for the contract.

    A photo that cannot be decoded is named in ``problems`` and counted as ``undecodable``; if none can be
    decoded, that is a ``SourceError`` at the end. Hidden files and other kinds of files are passed over.
    """

    is_live = False
    frame_rate = 0.0

    def __init__(self, path: Path | str) -> None:
        """List the photos of a folder.

        Raises:
            SourceError: If there is none, or the folder cannot be read.
        """
        self.name = str(path)
        photos = _photos(Path(path))
        if not photos:
            message = f"Expected a folder with photos, got {self.name!r} without any."
            hint = f"photos are files that end in {', '.join(sorted(IMAGE_SUFFIXES))}"
            raise SourceError(message, hint=hint)
        self.description = f"{len(photos)} photos"
        self.captured = 0
        self.status: SourceStatus = DELIVERING
        self.total = len(photos)
        self._waiting = iter(photos)
        self._problems = ProblemList()
        self._undecodable = 0

    def read(self, stop: Stop) -> CapturedFrame | None:
        """Return the next photo that decodes; None after the last."""
        while not stop.is_requested:
            path = next(self._waiting, None)
            if path is None:
                self.status = ENDED
                self._check_any()
                return None
            self.captured += 1
            try:
                image = read_image(path)
            except (ImageError, StorageError) as error:
                self._undecodable += 1
                self._problems.add(error.message)
                continue
            return captured_now(image, index=self.captured - 1, source=str(path))
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
        """Forget the photos that were not read."""
        self._waiting = iter(())

    def _check_any(self) -> None:
        if self._undecodable == self.total:
            message = (
                f"Expected photos in {self.name!r}, got {self.total} files that cannot be decoded."
            )
            raise SourceError(message, hint="save them again from the originals")


def natural_key(path: Path) -> list[tuple[int, int, str]]:
    """Return a key that sorts numbers in names by their value, and the rest without regard to case."""
    parts = re.split(r"([0-9]+)", str(path).casefold())
    return [(0, int(part), "") if i % 2 else (1, 0, part) for i, part in enumerate(parts)]


def _photos(folder: Path) -> list[Path]:
    found: list[Path] = []

    def fail(error: OSError) -> None:
        message = f"Expected a folder that can be read, got {error.filename!r}: {error.strerror}."
        raise SourceError(message, hint="check the permissions, e.g. with: ls -ld") from error

    for directory, folders, names in os.walk(folder, onerror=fail):
        folders[:] = [name for name in folders if not name.startswith(".")]
        found += [
            Path(directory, name)
            for name in names
            if not name.startswith(".") and Path(name).suffix.lower() in IMAGE_SUFFIXES
        ]
    return sorted(found, key=lambda path: natural_key(path.relative_to(folder)))
