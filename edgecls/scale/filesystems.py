"""Files on this machine or behind a URL: listed, opened as a stream, and their failures as typed errors.

A path needs nothing but Python; a URL goes through fsspec and the package of its object store.
"""

import logging
import os
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Any, BinaryIO

from edgecls_device.collecting.class_folder import IGNORED_FOLDERS
from edgecls_device.errors import DataError, MissingDependencyError, OptionError
from edgecls_device.files import storage_errors

from edgecls.scale.source_errors import source_errors
from edgecls.scale.urls import extra_of, is_url

__all__ = ["StoredFile", "is_hidden", "list_files", "open_stream", "stored_file"]

READ_BYTES = 4 << 20  # of one request to an object store; a stream keeps one or two of them

_VERSION_KEYS = ("ETag", "etag", "generation", "md5Hash", "mtime", "LastModified", "created")
"""What file systems call what changes with a file's content, the surest first."""


@dataclass(frozen=True, kw_only=True, slots=True)
class StoredFile:
    """A file as its file system lists it.

    Attributes:
        location: An absolute path, or a URL.
        below: Its path below the folder that was listed, with ``/``; its name if it was listed itself.
        size_bytes: Its size.
        version: What the file system says changes with its content: an ETag, or the time of the last change.
    """

    location: str
    below: str
    size_bytes: int
    version: str


def is_hidden(below: str) -> bool:
    """Return whether a path below a folder is one that nobody put there as a photo or shard.

    Such as ``.cache/x``, ``._photo.jpg`` and ``__MACOSX/x``.
    """
    *folders, name = below.split("/")
    return name.startswith(".") or any(
        folder.startswith(".") or folder.lower() in IGNORED_FOLDERS for folder in folders
    )


def list_files(location: str | Path) -> Iterator[StoredFile]:
    """Yield the files at any depth below a folder, by path, or the one file that the location names.

    Hidden ones are left out; links are followed, each folder once.

    Raises:
        DataError: If there is nothing there.
        OptionError: If no file system is known by that URL.
        CredentialsError: If an object store does not know or not let in who asks.
        NetworkError: If it does not answer.
        MissingDependencyError: If the package for it is not installed.
        StorageError: If a folder may not be read.
    """
    if is_url(location):
        yield from _list_url(str(location))
        return
    path = Path(location).expanduser().resolve()
    with storage_errors("read", path):
        if path.is_file():
            yield _stored(path, path.name)
            return
        seen = set[tuple[int, int]]()
        yield from _list_folder(path, "", seen)


def stored_file(location: str) -> StoredFile:
    """Return how a file is now.

    Raises:
        EdgeclsError: As :func:`list_files` does.
    """
    with source_errors(location):
        if not is_url(location):
            return _stored(Path(location), Path(location).name)
        filesystem, path = _filesystem(location)
        filesystem.invalidate_cache()
        info = filesystem.info(path)
    return StoredFile(
        location=location,
        below=path.rsplit("/", 1)[-1],
        size_bytes=int(info.get("size") or 0),
        version=_version(info),
    )


@contextmanager
def open_stream(location: str) -> Iterator[BinaryIO]:
    """Open a file for reading from its begin to its end; what is read of it fails with typed errors.

    Raises:
        EdgeclsError: As :func:`list_files` does; also from reads in the block.
    """
    with source_errors(location):
        if not is_url(location):
            with Path(location).open("rb") as local:
                yield local
            return
        filesystem, path = _filesystem(location)
        with filesystem.open(path, "rb", block_size=READ_BYTES, cache_type="readahead") as stream:
            yield stream


def _list_folder(folder: Path, below: str, seen: set[tuple[int, int]]) -> Iterator[StoredFile]:
    status = folder.stat()
    if (status.st_dev, status.st_ino) in seen:
        return
    seen.add((status.st_dev, status.st_ino))
    with os.scandir(folder) as entries:
        found = sorted(entries, key=lambda entry: entry.name)
    for entry in found:
        path, inner = folder / entry.name, f"{below}{entry.name}"
        if is_hidden(inner):
            continue
        if path.is_dir():
            if entry.name.lower() not in IGNORED_FOLDERS:
                yield from _list_folder(path, f"{inner}/", seen)
        elif path.is_file():
            yield _stored(path, inner)


def _stored(path: Path, below: str) -> StoredFile:
    status = path.stat()
    return StoredFile(
        location=str(path),
        below=below,
        size_bytes=status.st_size,
        version=str(status.st_mtime_ns),
    )


def _list_url(url: str) -> Iterator[StoredFile]:
    with source_errors(url):
        filesystem, root = _filesystem(url)
        filesystem.invalidate_cache()
        details = filesystem.find(root, withdirs=False, detail=True)
        if not details:
            filesystem.info(root)  # which says why
        for path, info in details.items():
            if not info.get("size") and not _version(info):  # web servers list names only
                details[path] = filesystem.info(path)
    if not details:
        message = f"Expected photos or shards at {url!r}, got nothing."
        raise DataError(message, hint="check bucket and folder, and that you may list them")
    root = root.rstrip("/")
    *chain, _ = url.split("::")
    for path, info in sorted(details.items()):
        below = path[len(root) :].lstrip("/") or path.rsplit("/", 1)[-1]
        if is_hidden(below) or info.get("type") == "directory":
            continue
        yield StoredFile(
            location="::".join([*chain, str(filesystem.unstrip_protocol(path))]),
            below=below,
            size_bytes=int(info.get("size") or 0),
            version=_version(info),
        )


def _version(info: dict[str, Any]) -> str:
    """Return what tells versions apart; times in a listing and of one file differ in type only."""
    value = next((info[key] for key in _VERSION_KEYS if info.get(key)), "")
    return str(value.timestamp() if isinstance(value, datetime) else value).strip('"')


def _filesystem(url: str) -> tuple[Any, str]:
    """Return fsspec's file system of a URL, and the path in it."""
    try:
        import fsspec
    except ModuleNotFoundError as error:
        message = f"Expected the package fsspec for {url!r}, which is not installed."
        raise MissingDependencyError(
            message, hint=f"pip install 'edgecls[{extra_of(url)}]'"
        ) from error
    # A cloud's machines answer in milliseconds who they are; elsewhere nobody does, which takes 9 s by default.
    os.environ.setdefault("GCE_METADATA_TIMEOUT", "1")
    os.environ.setdefault("GCE_METADATA_DETECT_RETRIES", "1")
    logging.getLogger("gcsfs").setLevel(logging.CRITICAL + 1)  # it also raises what it logs
    try:
        filesystem, path = fsspec.core.url_to_fs(url, **_default_options(url))
    except ImportError as error:  # of the package for this object store
        message = f"Expected a package for {url!r}, which is not installed: {error}."
        raise MissingDependencyError(
            message, hint=f"pip install 'edgecls[{extra_of(url)}]'"
        ) from error
    except ValueError as error:
        message = f"Expected a path, or a URL such as s3://bucket/folder, got {url!r}: {error}."
        raise OptionError(message, hint="check how the URL begins") from error
    return filesystem, str(path)


def _default_options(url: str) -> dict[str, str]:
    """Return what a file system is asked for where neither environment nor configuration says anything.

    gcsfs would otherwise go on without credentials, and be refused after many attempts without a word of why.
    """
    from fsspec.config import conf

    is_google = extra_of(url) == "gcs" and "::" not in url
    is_configured = any(conf.get(name) for name in ("gs", "gcs"))
    if is_google and not is_configured and "STORAGE_EMULATOR_HOST" not in os.environ:
        return {"token": "google_default"}
    return {}
