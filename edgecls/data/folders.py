"""Class folders as users have them: which files are photos, and which class each is in.

Nothing is opened here. Direct subfolders of the root are the classes; photos may lie at any depth below them.
A root that holds ``train/`` and ``validation/`` (or the like) with class folders inside is read as one set
of photos, because edgecls makes its own split by content (see :mod:`edgecls.data.split`).
"""

import os
import unicodedata
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from edgecls_device.collecting.class_folder import IGNORED_FOLDERS
from edgecls_device.errors import DataError
from edgecls_device.files import storage_errors
from edgecls_device.images import IMAGE_SUFFIXES
from edgecls_device.labels import check_labels

__all__ = ["FoundFile", "FoundPhotos", "find_photos", "photos_below", "relative_path"]

SPLIT_FOLDERS = frozenset({"train", "training", "val", "valid", "validation", "test", "testing"})
_IGNORED_FILES = frozenset({"thumbs.db", "desktop.ini"})


@dataclass(frozen=True, kw_only=True, slots=True)
class FoundFile:
    """A file below a class folder.

    Attributes:
        path: Absolute.
        class_id: Place of its label among the labels.
    """

    path: Path
    class_id: int


@dataclass(frozen=True, kw_only=True, slots=True)
class FoundPhotos:
    """What lies below a folder of photos.

    Attributes:
        root: The folder, absolute.
        labels: One label per class, sorted: the names of the class folders in Unicode form NFC. (macOS hands
            out names in NFD, so that the same folder copied to Linux would otherwise be another label.)
        photos: Files with the suffix of a photo, sorted by path.
        others: Files with another suffix, sorted by path.
        stray: Photos beside the class folders instead of in them.
        merged: The folders such as ``train`` and ``validation`` whose classes were put together; else empty.
    """

    root: Path
    labels: tuple[str, ...]
    photos: tuple[FoundFile, ...]
    others: tuple[FoundFile, ...] = ()
    stray: tuple[Path, ...] = ()
    merged: tuple[str, ...] = ()


def find_photos(root: Path | str, *, fewest_classes: int = 2) -> FoundPhotos:
    """List the photos below a folder of class folders.

    Hidden files, ``__MACOSX``, ``Thumbs.db`` and the like are ignored. Links are followed, each folder once.
    Class folders whose names are the same in Unicode form NFC are one class.

    Args:
        root: The folder.
        fewest_classes: How many class folders there have to be: one will do where nothing is learnt.

    Raises:
        DataError: If there is no such folder, it has too few class folders, or the name of one cannot be a
            label.
        StorageError: If a folder may not be read.
    """
    root = _existing_folder(Path(root))
    folders, stray = _folders(root), [path for path in _files(root) if _is_photo(path)]
    merged = _split_folders(folders)
    class_folders = [inner for folder in merged for inner in _folders(folder)] or folders
    by_label: dict[str, list[Path]] = {}
    for folder in class_folders:
        by_label.setdefault(unicodedata.normalize("NFC", folder.name), []).append(folder)
    if len(by_label) < fewest_classes:
        raise _too_few_classes(root, class_folders, stray)
    labels = check_labels(sorted(by_label))
    found = [
        FoundFile(path=path, class_id=class_id)
        for class_id, label in enumerate(labels)
        for path in _walk(by_label[label], outside=(root, *root.parents, *merged))
    ]
    stray += [path for folder in merged for path in _files(folder) if _is_photo(path)]
    return FoundPhotos(
        root=root,
        labels=labels,
        photos=tuple(file for file in found if _is_photo(file.path)),
        others=tuple(file for file in found if not _is_photo(file.path)),
        stray=tuple(stray),
        merged=tuple(folder.name for folder in merged),
    )


def photos_below(root: Path | str, *, hint: str = "give a folder of photos") -> tuple[Path, ...]:
    """Return every photo at any depth below a folder, sorted, whatever its folders are called.

    What is ignored and which links are followed is as in :func:`find_photos`.

    Args:
        root: The folder.
        hint: What to give instead, if it is no folder.

    Raises:
        DataError: If there is no such folder.
        StorageError: If a folder may not be read.
    """
    root = _existing_folder(Path(root), hint=hint)
    return tuple(path for path in _walk([root], outside=()) if _is_photo(path))


def relative_path(root: Path, path: Path) -> str:
    """Return a path below the root, with ``/``; bytes that are not UTF-8 become escapes."""
    return path.relative_to(root).as_posix().encode("utf-8", "backslashreplace").decode()


_CLASS_FOLDERS_HINT = (
    "give the folder that holds one folder per class, e.g. photos/ with photos/cats and photos/dogs"
)


def _existing_folder(root: Path, *, hint: str = _CLASS_FOLDERS_HINT) -> Path:
    try:
        root = root.expanduser().resolve()
        str(root).encode()
        is_there, is_folder = root.exists(), root.is_dir()
    except (
        OSError,
        RuntimeError,
        ValueError,
    ) as error:  # a link to itself, a name that is not Unicode
        message = (
            f"Expected a folder of photos, got {str(root)!a}, which cannot be opened: {error}."
        )
        raise DataError(message, hint=hint) from error
    if not is_there:
        message = f"Expected a folder of photos, got {str(root)!r}, which does not exist."
        raise DataError(message, hint=hint)
    if not is_folder:
        message = f"Expected a folder of photos, got {str(root)!r}, which is a file."
        raise DataError(message, hint=hint)
    return root


def _split_folders(folders: list[Path]) -> list[Path]:
    """Return the folders if they are ``train``, ``validation`` and the like, with class folders inside.

    Two classes that are really called ``train`` and ``test`` hold photos instead, and stay classes.
    """
    names = {folder.name.lower() for folder in folders}
    if not names <= SPLIT_FOLDERS or not names & {"train", "training"}:
        return []
    has_classes = all(_folders(folder) for folder in folders)
    has_photos = any(_is_photo(path) for folder in folders for path in _files(folder))
    return folders if has_classes and not has_photos else []


def _too_few_classes(root: Path, folders: list[Path], stray: list[Path]) -> DataError:
    if folders:
        message = (
            f"Expected at least two class folders in {str(root)!r}, got one: {folders[0].name!r}."
        )
        hint = f"add a folder for what else the camera may see, e.g. {root / 'other'}"
        if len(_folders(folders[0])) > 1:
            hint = f"the classes may be one folder further down: give {folders[0]}"
        return DataError(message, hint=hint)
    if stray:
        message = f"Expected class folders in {str(root)!r}, got {len(stray)} photos and no folder."
        hint = f"move each photo into a folder named after its class, e.g. {root / 'cats' / stray[0].name}"
        return DataError(message, hint=hint)
    message = f"Expected class folders with photos in {str(root)!r}, got none."
    return DataError(message, hint="edgecls data fetch cats-and-dogs   (or edgecls demo)")


def _walk(folders: list[Path], *, outside: tuple[Path, ...]) -> list[Path]:
    """Return every file at any depth, sorted.

    A folder that links lead to again is not entered again, nor are the folders ``outside``, which hold ours.
    """
    files: list[Path] = []
    waiting, seen = list(folders), {_identity(folder) for folder in outside}
    while waiting:
        folder = waiting.pop()
        identity = _identity(folder)
        if identity in seen:
            continue
        seen.add(identity)
        files.extend(_files(folder))
        waiting.extend(_folders(folder))
    return sorted(files)


def _identity(folder: Path) -> tuple[int, int]:
    with storage_errors("read", folder):
        status = folder.stat()
    return status.st_dev, status.st_ino


def _folders(folder: Path) -> list[Path]:
    return [
        Path(entry.path)
        for entry in _entries(folder)
        if _is_folder(entry) and entry.name.lower() not in IGNORED_FOLDERS
    ]


def _files(folder: Path) -> list[Path]:
    return [
        Path(entry.path)
        for entry in _entries(folder)
        if not _is_folder(entry) and entry.name.lower() not in _IGNORED_FILES
    ]


def _entries(folder: Path) -> Iterator["os.DirEntry[str]"]:
    """Yield what is in a folder and not hidden, sorted by name."""
    with storage_errors("read", folder), os.scandir(folder) as entries:
        visible = [entry for entry in entries if not entry.name.startswith(".")]
    yield from sorted(visible, key=lambda entry: entry.name)


def _is_folder(entry: "os.DirEntry[str]") -> bool:
    try:
        return entry.is_dir()
    except OSError:  # a link to itself
        return False


def _is_photo(path: Path) -> bool:
    return path.suffix.lower() in IMAGE_SUFFIXES
