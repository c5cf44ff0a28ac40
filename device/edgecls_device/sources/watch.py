"""Which files are new in a folder: looked at again and again, cheaply, and without growing.

Polling and not inotify, since that is silent on network drives and has limits of its own. A folder is listed
only if the time of its last change says so, and once a minute whatever it says; known are the files that are
there and no others.
"""

import os
import stat
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field

__all__ = ["FolderWatch"]

COARSE_S = 3.0  # FAT notes a change to two seconds; within that it may have changed again
LIST_AGAIN_S = 60.0


@dataclass(kw_only=True, slots=True)
class _Folder:
    """What is known of one folder: files with their inode, so that a file moved over another is new."""

    changed_ns: int = -1
    listed_s: float = 0.0
    files: dict[str, int] = field(default_factory=dict)
    folders: list[str] = field(default_factory=list)


class FolderWatch:
    """New files below a folder.

    Attributes:
        unreadable: Folders below it that could not be listed at the last look, with the reason.
    """

    def __init__(self, root: str, *, is_wanted: Callable[[str], bool]) -> None:
        """Look at nothing yet.

        Args:
            root: The folder.
            is_wanted: Whether a file of that name counts. Hidden files and folders never do.
        """
        self.unreadable: dict[str, str] = {}
        self._root = root
        self._is_wanted = is_wanted
        self._known: dict[str, _Folder] = {}
        self._device: int | None = None

    def look(self) -> list[str]:
        """Return the files that came since the last look; at the first all that are there.

        Raises:
            OSError: If the folder itself is gone, cannot be read, or its drive was unmounted; what was known
                of it stays known.
        """
        self._check_mounted()
        new: list[str] = []
        seen: dict[str, _Folder] = {}
        self.unreadable = {}
        waiting = [self._root]
        while waiting:
            path = waiting.pop()
            folder = self._known.get(path) or _Folder()
            try:
                new += self._update(path, folder)
            except OSError as error:
                if path == self._root:
                    raise
                if isinstance(error, FileNotFoundError):  # gone since its parent was listed
                    continue
                self.unreadable[path] = error.strerror or str(error)
            seen[path] = folder
            waiting += [os.path.join(path, name) for name in folder.folders]  # noqa: PTH118 - many
        self._known = seen
        return new

    def _check_mounted(self) -> None:
        device = os.stat(self._root).st_dev  # noqa: PTH116 - the folder is a string for speed
        if self._device is None:
            self._device = device
        if device != self._device:
            raise OSError(0, "the drive is not mounted any more", self._root)

    def _update(self, path: str, folder: _Folder) -> Iterator[str]:
        status = os.stat(path)  # noqa: PTH116
        now_s = time.monotonic()
        is_recent = time.time() - status.st_mtime < COARSE_S
        is_due = now_s - folder.listed_s > LIST_AGAIN_S
        if status.st_mtime_ns == folder.changed_ns and not (is_recent or is_due):
            return iter(())
        before = folder.files
        folder.files, folder.folders = self._listed(path)
        folder.changed_ns, folder.listed_s = status.st_mtime_ns, now_s
        return (
            os.path.join(path, name)  # noqa: PTH118
            for name, inode in folder.files.items()
            if before.get(name) != inode
        )

    def _listed(self, path: str) -> tuple[dict[str, int], list[str]]:
        files, folders = {}, []
        with os.scandir(path) as entries:
            for entry in entries:
                if entry.name.startswith("."):
                    continue
                if entry.is_dir(follow_symlinks=False):
                    folders.append(entry.name)
                elif self._is_wanted(entry.name) and _is_file(entry):
                    files[entry.name] = entry.inode()
        return files, folders


def _is_file(entry: "os.DirEntry[str]") -> bool:
    try:
        return stat.S_ISREG(entry.stat().st_mode) if entry.is_symlink() else entry.is_file()
    except OSError:  # a link to nothing, or gone already
        return False
