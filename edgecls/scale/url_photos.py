"""A folder of class folders behind a URL; its classes are those of :mod:`edgecls.data.folders`."""

import hashlib
import shlex
import unicodedata
from collections.abc import Iterator, Sequence
from pathlib import PurePosixPath

from edgecls_device.errors import DataError
from edgecls_device.images import IMAGE_SUFFIXES, MAX_IMAGE_BYTES
from edgecls_device.labels import check_labels

from edgecls.data.folders import SPLIT_FOLDERS
from edgecls.scale.filesystems import StoredFile, open_stream
from edgecls.scale.piece import Piece, ShardPhoto

__all__ = ["read_url_files", "url_folder_pieces"]


def url_folder_pieces(
    url: str, files: Sequence[StoredFile], *, photos_per_piece: int
) -> tuple[Piece, ...]:
    """Return the pieces that the photos in class folders behind a URL make.

    Args:
        url: The folder with the class folders.
        files: All files below it.
        photos_per_piece: How many files make a piece.

    Raises:
        DataError: If there are fewer than two class folders with photos, or the name of one cannot be a label.
    """
    photos = [file for file in files if PurePosixPath(file.below).suffix.lower() in IMAGE_SUFFIXES]
    place = 1 if _are_splits(photos) else 0
    labelled = [(_label(file.below, place), file) for file in photos]
    used = sorted((label, file.below, file) for label, file in labelled if label)
    labels = sorted({label for label, _, _ in used})
    if len(labels) < 2:
        got = ", ".join(labels) or "none"
        message = (
            f"Expected shards, or at least two class folders with photos, at {url!r}, got {got}."
        )
        hint = f"edgecls data shards PHOTOS --out DIR, and copy DIR to {shlex.quote(url)}"
        raise DataError(message, hint=hint)
    check_labels(labels)
    root = url.rstrip("/")
    pieces = list[Piece]()
    for begin in range(0, len(used), photos_per_piece):
        group = used[begin : begin + photos_per_piece]
        versions = "\n".join(f"{file.size_bytes} {file.version}" for _, _, file in group)
        piece = Piece(
            index=len(pieces),
            kind="files",
            location=root,
            files=tuple((below, label) for label, below, _ in group),
            size_bytes=sum(file.size_bytes for _, _, file in group),
            version=hashlib.sha256(versions.encode()).hexdigest()[:16],
            photos=len(group),
        )
        pieces.append(piece)
    return tuple(pieces)


def read_url_files(piece: Piece) -> Iterator[ShardPhoto]:
    """Yield the photos of a piece of files behind a URL; see :func:`edgecls.scale.reading.read_piece`."""
    for below, label in piece.files:
        data, error = b"", ""
        try:
            with open_stream(f"{piece.location}/{below}") as stream:
                data = stream.read(MAX_IMAGE_BYTES + 1)
        except DataError:
            error = "it is not there any more"
        if len(data) > MAX_IMAGE_BYTES:
            data, error = b"", f"larger than {MAX_IMAGE_BYTES / 1e6:.0f} MB"
        yield ShardPhoto(key=below, label=label or None, data=data, error=error)


def _are_splits(photos: Sequence[StoredFile]) -> bool:
    """Return whether the folders are ``train``, ``validation`` and the like, with class folders inside."""
    parts = [file.below.split("/") for file in photos if "/" in file.below]
    names = {folders[0].lower() for folders in parts}
    return (
        names <= SPLIT_FOLDERS
        and bool(names & {"train", "training"})
        and all(len(folders) > 2 for folders in parts)
    )


def _label(below: str, place: int) -> str:
    """Return the class folder of a photo; empty if it lies beside the class folders."""
    *folders, _ = below.split("/")
    return unicodedata.normalize("NFC", folders[place]) if len(folders) > place else ""
