"""A piece of work as a stream of photos, whatever it lies in: files, a tar, a row group of a Parquet file."""

import shlex
import socket
from collections.abc import Iterator
from pathlib import Path

from edgecls_device.errors import DataError
from edgecls_device.lazy import load

from edgecls.data.looks import read_photo
from edgecls.scale.file_versions import files_version
from edgecls.scale.filesystems import open_stream, stored_file
from edgecls.scale.piece import Piece, ShardPhoto
from edgecls.scale.tar_photos import read_tar
from edgecls.scale.urls import is_url

__all__ = ["read_piece"]


def read_piece(piece: Piece) -> Iterator[ShardPhoto]:
    """Yield the photos of a piece in the same order every time, not decoded, one in memory at a time.

    A photo that cannot be read has an ``error``, and the rest goes on.

    Raises:
        DataError: If the shard is no tar or Parquet file, damaged or cut off, or shard or files are others than
            were listed; the message names them. Photos before the damage were yielded.
        CredentialsError: If an object store does not know who asks.
        NetworkError: If it does not answer.
        MissingDependencyError: If the package to read it is not installed.
        StorageError: If it may not be read.
    """
    if not piece.chosen:
        yield from _read_all(piece)
        return
    chosen = frozenset(piece.chosen)
    for place, photo in enumerate(_read_all(piece)):
        if place in chosen:
            yield photo


def _read_all(piece: Piece) -> Iterator[ShardPhoto]:
    if piece.kind == "files":
        yield from _read_files(piece)
        return
    _require_same(piece)
    if piece.kind == "tar":
        with open_stream(piece.location) as stream:
            yield from read_tar(stream, name=piece.location)
    else:
        yield from load("edgecls.scale.parquet_photos:read_row_group", extra="shards")(piece)


def _require_same(piece: Piece) -> None:
    """Refuse a shard that was replaced since it was listed: results of the two would be mixed."""
    now = stored_file(piece.location)
    pairs = ((now.size_bytes, piece.size_bytes), (now.version, piece.version))
    if any(
        is_ and was and is_ != was for is_, was in pairs
    ):  # listings of web servers know neither
        message = f"Expected {piece.location!r} as it was listed, got one that changed since."
        raise DataError(message, hint="repeat the command when nobody writes the shards any more")


def _read_files(piece: Piece) -> Iterator[ShardPhoto]:
    if is_url(piece.location):
        from edgecls.scale.url_photos import read_url_files

        yield from read_url_files(piece)
        return
    root = Path(piece.location)
    if not root.is_dir():
        message = f"Expected a folder of photos, got {str(root)!r}, which is not there any more."
        raise DataError(message, hint=f"ls {shlex.quote(str(root))}")
    _require_same_files(piece, root)
    for below, label in piece.files:
        data, error = _read(root / below)
        yield ShardPhoto(key=below, label=label or None, data=data, error=error)


def _require_same_files(piece: Piece, root: Path) -> None:
    """Refuse files that changed since they were listed, or are others on the machine of this worker."""
    if not piece.version:
        return
    if files_version(root, [below for below, _ in piece.files]) != (
        piece.size_bytes,
        piece.version,
    ):
        message = (
            f"Expected {piece.name} as they were listed, got some that are missing, or of another size or "
            f"date, on {socket.gethostname()!r}."
        )
        hint = (
            "put them on a disk that all machines have under the same path, then repeat the command"
        )
        raise DataError(message, hint=hint)


def _read(path: Path) -> tuple[bytes, str]:
    """Return (content, why there is none)."""
    data, error = read_photo(path)
    if error and "\\udc" in str(path) and not path.exists():  # how such a name was listed
        return b"", "its name is not Unicode (UTF-8)"
    return data, error
