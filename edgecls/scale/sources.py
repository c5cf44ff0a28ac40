"""Where photos are: a folder of class folders, tar or Parquet shards, here or behind a URL, as pieces of work.

The same photos always give the same pieces, in the same order.
"""

import hashlib
from collections.abc import Iterator, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Literal

from edgecls_device.errors import DataError
from edgecls_device.images import IMAGE_SUFFIXES
from edgecls_device.lazy import load

from edgecls.data.folders import find_photos, relative_path
from edgecls.data.parallel import each
from edgecls.scale.file_versions import files_version
from edgecls.scale.filesystems import StoredFile, list_files
from edgecls.scale.piece import Piece
from edgecls.scale.urls import is_url

__all__ = ["PHOTOS_PER_PIECE", "file_pieces", "find_pieces", "fingerprint", "is_shards", "places"]

PHOTOS_PER_PIECE = 256
_FOOTER_THREADS = 8  # mostly waiting for the disk or the network

_SUFFIXES: dict[str, Literal["tar", "parquet"]] = {".tar": "tar", ".parquet": "parquet"}


def is_shards(location: str | Path) -> bool:
    """Return whether photos are to be read through :func:`find_pieces`, and lie in no plain class folder here.

    It is so for a URL, a tar or Parquet file, and a folder with such files and no photo below it.

    Raises:
        StorageError: If a folder may not be read.
    """
    if is_url(location):
        return True
    path = Path(location).expanduser()
    if not path.is_dir():
        return path.is_file() and _suffix(path.name) in _SUFFIXES
    has_shards = False
    for file in list_files(path):
        if _is_photo(file):
            return False
        has_shards = has_shards or _suffix(file.below) in _SUFFIXES
    return has_shards


def find_pieces(
    location: str | Path, *, photos_per_piece: int = PHOTOS_PER_PIECE
) -> tuple[Piece, ...]:
    """Return the pieces of work that photos make: some files, a tar shard, or a row group of a Parquet file.

    Args:
        location: A folder of class folders, a folder of ``*.tar`` or ``*.parquet`` at any depth, one such file,
            or a URL of one of these that fsspec knows.
        photos_per_piece: How many files make a piece.

    Raises:
        DataError: If there are no photos and no shards, or shards of both formats.
        OptionError: If no file system is known by that URL.
        CredentialsError: If an object store does not know who asks, or refuses.
        NetworkError: If it does not answer.
        MissingDependencyError: If the package to read it is not installed.
        StorageError: If a folder may not be read.
    """
    if not is_shards(location):
        return _folder_pieces(Path(location), photos_per_piece)
    files = list(list_files(location))
    shards = [file for file in files if _suffix(file.below) in _SUFFIXES]
    if is_url(location) and (not shards or any(_is_photo(file) for file in files)):
        from edgecls.scale.url_photos import url_folder_pieces

        return url_folder_pieces(str(location), files, photos_per_piece=photos_per_piece)
    kinds = {_SUFFIXES[_suffix(file.below)] for file in shards}
    if len(kinds) > 1:
        message = f"Expected shards of one format in {str(location)!r}, got tar and Parquet files."
        raise DataError(message, hint="give the folder of one of them, lest photos count twice")
    pieces = tuple(_tar_pieces(shards) if kinds == {"tar"} else _parquet_pieces(shards))
    if not pieces:
        message = f"Expected rows in the Parquet files of {str(location)!r}, got none."
        raise DataError(message, hint="check that these are the files you meant")
    return pieces


def fingerprint(pieces: Sequence[Piece]) -> str:
    """Return a SHA-256, as hex, of where the photos are and in which version."""
    digest = hashlib.sha256()
    for piece in pieces:
        told = (piece.kind, piece.location, piece.files, piece.row_group, piece.chosen)
        digest.update(repr((*told, piece.size_bytes, piece.version)).encode())
    return digest.hexdigest()


def places(pieces: Sequence[Piece]) -> str:
    """Return a SHA-256, as hex, of where the photos are, whatever version lies there.

    A shard is one place, however many row groups it has: mended, it may have others.
    """
    return fingerprint(tuple(dict.fromkeys(map(_place, pieces))))


def _place(piece: Piece) -> Piece:
    row_group = (
        piece.row_group if piece.chosen else 0
    )  # a choice is one of the photos of a row group
    return replace(piece, index=0, row_group=row_group, size_bytes=0, version="", photos=0)


def _suffix(name: str) -> str:
    return Path(name).suffix.lower()


def _is_photo(file: StoredFile) -> bool:
    return _suffix(file.below) in IMAGE_SUFFIXES


def _folder_pieces(folder: Path, photos_per_piece: int) -> tuple[Piece, ...]:
    found = find_photos(folder)
    if not found.photos:
        message = f"Expected photos in the class folders of {str(found.root)!r}, got none."
        raise DataError(message, hint=f"edgecls data check {found.root}")
    files = [(file.path, found.labels[file.class_id]) for file in found.photos]
    return file_pieces(found.root, files, photos_per_piece=photos_per_piece)


def file_pieces(
    root: Path, files: Sequence[tuple[Path, str]], *, photos_per_piece: int = PHOTOS_PER_PIECE
) -> tuple[Piece, ...]:
    """Return the pieces of photo files, in the order in which they are given.

    Args:
        root: The folder they are in.
        files: Path and label of each; "" for no label.
        photos_per_piece: How many files make a piece.
    """
    pieces: list[Piece] = []
    for begin in range(0, len(files), photos_per_piece):
        some = files[begin : begin + photos_per_piece]
        named = tuple((relative_path(root, path), label) for path, label in some)
        size_bytes, version = files_version(root, [name for name, _ in named])
        piece = Piece(
            index=len(pieces),
            kind="files",
            location=str(root),
            files=named,
            size_bytes=size_bytes,
            version=version,
            photos=len(named),
        )
        pieces.append(piece)
    return tuple(pieces)


def _tar_pieces(shards: Sequence[StoredFile]) -> Iterator[Piece]:
    for index, shard in enumerate(shards):
        yield Piece(
            index=index,
            kind="tar",
            location=shard.location,
            size_bytes=shard.size_bytes,
            version=shard.version,
        )


def _parquet_pieces(shards: Sequence[StoredFile]) -> Iterator[Piece]:
    rows_of_groups = load("edgecls.scale.parquet_photos:rows_of_groups", extra="shards")
    index = 0
    for shard, rows in each(
        lambda shard: rows_of_groups(shard.location), shards, threads=_FOOTER_THREADS
    ):
        for row_group, photos in enumerate(rows):
            yield Piece(
                index=index,
                kind="parquet",
                location=shard.location,
                row_group=row_group,
                size_bytes=shard.size_bytes,
                version=shard.version,
                photos=photos,
            )
            index += 1
