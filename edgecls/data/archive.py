"""Photos out of a zip archive that somebody else made: nothing outside of the folder, nothing but photos.

The archive's own paths are never used as paths. A member that tries to leave the folder, a link, a name with
odd characters, or more data than photos have is refused, and with it the archive.
"""

import stat
import struct
import zipfile
import zlib
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from edgecls_device.errors import DataError, EdgeclsError
from edgecls_device.files import make_directory, storage_errors
from edgecls_device.images import IMAGE_SUFFIXES

from edgecls.progress import Advance

__all__ = ["ArchivedPhoto", "extract_photos", "find_in_archive", "opened"]

MAX_MEMBERS = 100_000
MAX_PHOTO_BYTES = 20_000_000
MAX_TOTAL_BYTES = 2_000_000_000
_SAFE = frozenset("abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789._- ()")


@dataclass(frozen=True, kw_only=True, slots=True)
class ArchivedPhoto:
    """One photo in an archive.

    Attributes:
        member: Its entry in the archive.
        label: Its class folder.
        name: The file name it gets, unique in its class.
    """

    member: zipfile.ZipInfo
    label: str
    name: str


@contextmanager
def opened(path: Path) -> Iterator[zipfile.ZipFile]:
    """Open an archive; damage found inside the block is a typed error.

    Raises:
        DataError: If it is no zip archive, or damaged.
        StorageError: If it cannot be read.
    """
    try:
        with storage_errors("read", path):
            file = path.open("rb")
        with file, zipfile.ZipFile(file) as archive:
            yield archive
    except EdgeclsError:
        raise
    except (
        zipfile.BadZipFile,
        zlib.error,
        struct.error,
        EOFError,
        NotImplementedError,
        ValueError,
    ) as error:
        message = f"Expected a whole zip archive in {str(path)!r}, got a damaged one: {error}."
        raise DataError(message, hint=f"remove {path} and fetch it again") from error


def find_in_archive(archive: zipfile.ZipFile, labels: tuple[str, ...]) -> list[ArchivedPhoto]:
    """List the photos whose folder is one of ``labels``, at any depth; other files are left where they are.

    Raises:
        DataError: If a member is not what a set of photos has, or a class has no photo.
    """
    members = archive.infolist()
    _refuse_sizes(members, archive.filename or "the archive")
    photos: list[ArchivedPhoto] = []
    taken: set[tuple[str, str]] = set()
    for member in members:
        parts = _safe_parts(member)
        if not _is_photo_of(parts, labels) or member.is_dir():
            continue
        label, name = parts[-2], parts[-1]
        if (label, name.lower()) in taken:  # as in train/cats/1.jpg and validation/cats/1.jpg
            name = f"{parts[-3]}-{name}" if len(parts) > 2 else name
        if (label, name.lower()) in taken:
            raise _refusal(member, "comes twice")
        taken.add((label, name.lower()))
        photos.append(ArchivedPhoto(member=member, label=label, name=name))
    missing = [label for label in labels if all(photo.label != label for photo in photos)]
    if missing:
        message = f"Expected photos in folders {', '.join(labels)} in the archive, got none in {missing[0]!r}."
        raise DataError(message, hint="check that this is the archive you meant")
    return photos


def extract_photos(
    archive: zipfile.ZipFile,
    photos: list[ArchivedPhoto],
    destination: Path,
    *,
    on_progress: Advance | None = None,
) -> None:
    """Write photos into class folders below ``destination``; every CRC is checked.

    Raises:
        BadZipFile: If a member is damaged; :func:`opened` makes a typed error of it.
        StorageError: If a file cannot be written.
    """
    for photo in photos:
        path = make_directory(destination / photo.label) / photo.name
        data = archive.read(photo.member)  # stops at the size in the directory, checks the CRC
        with storage_errors("write", path), path.open("xb") as file:
            file.write(data)
        if on_progress is not None:
            on_progress(1)


def _refuse_sizes(members: list[zipfile.ZipInfo], name: str) -> None:
    total = sum(member.file_size for member in members)
    if len(members) > MAX_MEMBERS or total > MAX_TOTAL_BYTES:
        message = (
            f"Expected at most {MAX_MEMBERS} files and {MAX_TOTAL_BYTES} bytes in {name!r}, "
            f"got {len(members)} files and {total} bytes."
        )
        raise DataError(message, hint="check that this is the archive you meant")


def _safe_parts(member: zipfile.ZipInfo) -> list[str]:
    parts = member.filename.rstrip("/").split("/")
    if any(part in {"", ".", ".."} for part in parts) or not set("".join(parts)) <= _SAFE:
        raise _refusal(member, "has a path that is not plain")
    if stat.S_ISLNK(member.external_attr >> 16):
        raise _refusal(member, "is a link")
    if member.flag_bits & 1:
        raise _refusal(member, "needs a password")
    if member.compress_type not in {zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED}:
        raise _refusal(member, "is packed in an unusual way")
    if member.file_size > MAX_PHOTO_BYTES:
        raise _refusal(member, f"is larger than {MAX_PHOTO_BYTES} bytes")
    return parts


def _is_photo_of(parts: list[str], labels: tuple[str, ...]) -> bool:
    return (
        len(parts) >= 2
        and parts[-2] in labels
        and not parts[-1].startswith(".")
        and "__MACOSX" not in parts
        and Path(parts[-1]).suffix.lower() in IMAGE_SUFFIXES
    )


def _refusal(member: zipfile.ZipInfo, reason: str) -> DataError:
    message = f"Expected only photos in plain folders in the archive, got {member.filename!a}: it {reason}."
    return DataError(message, hint="do not use this archive; fetch it again from its source")
