"""Sample sets of photos: where they are, and how they become class folders."""

import errno
import os
import shutil
import tempfile
from collections.abc import Callable
from contextlib import AbstractContextManager
from dataclasses import dataclass, field, replace
from difflib import get_close_matches
from pathlib import Path
from typing import ClassVar

from edgecls_device.errors import DataError, OptionError, StorageError
from edgecls_device.files import make_directory, storage_errors

from edgecls.data.archive import extract_photos, find_in_archive, opened
from edgecls.data.download import Download, download, sha256_of
from edgecls.progress import Advance, progress

__all__ = ["SAMPLE_SETS", "FetchedPhotos", "SampleSet", "fetch_photos", "sample_set"]

Progress = Callable[[str, int], AbstractContextManager[Advance]]


@dataclass(frozen=True, kw_only=True, slots=True)
class SampleSet:
    """A published set of photos.

    Attributes:
        name: As on the command line.
        url: Of a zip archive.
        size_bytes: Of the archive.
        sha256: Of the archive, as hex.
        labels: Its class folders.
    """

    name: str
    url: str
    size_bytes: int
    sha256: str
    labels: tuple[str, ...]


SAMPLE_SETS = {
    "cats-and-dogs": SampleSet(
        name="cats-and-dogs",
        url="https://storage.googleapis.com/mledu-datasets/cats_and_dogs_filtered.zip",
        size_bytes=68_606_236,
        # Its publisher states none. This is the object id under which Git LFS holds the file of this name and
        # size in the repository HubBucket-Team/depot on GitHub.
        sha256="91af24e0be191e9380dafc8710d0933fa826ec8e51f26f85c1fddba4e8018e3f",
        labels=("cats", "dogs"),
    )
}


@dataclass(frozen=True, kw_only=True, slots=True)
class FetchedPhotos:
    """A sample set on disk.

    Attributes:
        folder: The folder with the class folders, absolute.
        photos: Label -> number of photos.
        source: URL or file of the archive; empty if the folder was there already.
        sha256: Of the archive; empty if the folder was there already.
        resumed_bytes: How much of it an earlier, interrupted download had left.
    """

    kind: ClassVar[str] = "edgecls.data_fetch"
    version: ClassVar[int] = 1

    folder: str
    photos: dict[str, int] = field(default_factory=dict)
    source: str = ""
    sha256: str = ""
    resumed_bytes: int = 0


def sample_set(name: str, *, url: str = "", sha256: str = "") -> SampleSet:
    """Return a sample set by name, from a mirror or with another checksum where given.

    Raises:
        OptionError: If there is none of that name, or the checksum is not one.
    """
    if name not in SAMPLE_SETS:
        near = get_close_matches(name, SAMPLE_SETS, n=1, cutoff=0.4) or list(SAMPLE_SETS)
        message = f"Expected a sample set ({', '.join(SAMPLE_SETS)}), got {name!r}."
        raise OptionError(message, hint=f"edgecls data fetch {near[0]}")
    chosen, sha256 = SAMPLE_SETS[name], sha256.strip().lower()
    if sha256 and (len(sha256) != 64 or not set(sha256) <= set("0123456789abcdef")):
        message = f"Expected a SHA-256 of 64 hexadecimal digits, got {sha256!r}."
        raise OptionError(message, hint=f"sha256sum {Path(chosen.url).name}")
    return replace(chosen, url=url or chosen.url, sha256=sha256 or chosen.sha256)


def fetch_photos(
    chosen: SampleSet, out: Path, *, archive: Path | None = None, show: Progress = progress
) -> FetchedPhotos:
    """Make a folder of class folders from a sample set. A folder that is there already is left as it is.

    A downloaded archive lies hidden beside ``out`` until the folder is whole, so that a repeated command goes
    on where an interrupted one stopped. Photos of the archive's train and validation folders are put together.

    Args:
        chosen: Which set.
        out: The folder to make.
        archive: The archive, where it was downloaded by other means.
        show: Shows progress.

    Raises:
        DataError: If the archive is not the one that is wanted, not a set of photos, or damaged.
        NetworkError: If it cannot be downloaded.
        StorageError: If something cannot be written, or ``out`` holds something else.
    """
    out = Path(os.path.abspath(out.expanduser()))  # noqa: PTH100 - keeps links, takes a missing path
    if _is_finished(chosen, out):
        return FetchedPhotos(folder=str(out), photos=_counts(chosen, out))
    with storage_errors("write", out):
        if not os.access(make_directory(out.parent), os.W_OK):  # said before a long download
            raise PermissionError(errno.EACCES, os.strerror(errno.EACCES))
    resumed, source = 0, chosen.url
    path = archive or out.parent / f".{out.name}.zip"
    if archive is not None:
        source = str(archive)
        _check_archive(chosen, archive)
    elif not path.is_file() or sha256_of(path) != chosen.sha256:
        resumed = _download(chosen, path, show)
    _unpack(chosen, path, out, show)
    if archive is None:
        with storage_errors("remove", path):
            path.unlink()
    return FetchedPhotos(
        folder=str(out),
        photos=_counts(chosen, out),
        source=source,
        sha256=chosen.sha256,
        resumed_bytes=resumed,
    )


def _is_finished(chosen: SampleSet, out: Path) -> bool:
    with storage_errors("read", out):
        if not out.exists() or (out.is_dir() and not any(out.iterdir())):
            return False
        if all((out / label).is_dir() for label in chosen.labels):
            return True
    message = f"Expected no folder yet at {str(out)!r}, got something else than the photos of {chosen.name}."
    raise StorageError(message, hint=f"edgecls data fetch {chosen.name} --out ANOTHER_FOLDER")


def _counts(chosen: SampleSet, out: Path) -> dict[str, int]:
    return {label: sum(1 for _ in (out / label).iterdir()) for label in chosen.labels}


def _otherwise(chosen: SampleSet) -> str:
    name = chosen.url.rpartition("/")[2]
    return (
        f"download {chosen.url} elsewhere (a browser will do), copy it here, then: "
        f"edgecls data fetch {chosen.name} --archive {name}"
    )


def _download(chosen: SampleSet, path: Path, show: Progress) -> int:
    wanted = Download(
        url=chosen.url,
        size_bytes=chosen.size_bytes,
        sha256=chosen.sha256,
        otherwise=_otherwise(chosen),
    )
    with show(f"Downloading {chosen.name}, bytes", chosen.size_bytes) as advance:
        return download(wanted, path, on_progress=advance)


def _check_archive(chosen: SampleSet, archive: Path) -> None:
    got = sha256_of(archive)
    if got != chosen.sha256:
        size = archive.stat().st_size
        message = (
            f"Expected {chosen.size_bytes} bytes with SHA-256 {chosen.sha256} in {str(archive)!r}, "
            f"got {size} bytes with {got}."
        )
        hint = f"download {chosen.url} again; if you trust this file, add: --sha256 {got}"
        raise DataError(message, hint=hint)


def _unpack(chosen: SampleSet, path: Path, out: Path, show: Progress) -> None:
    """Unpack into a temporary folder beside ``out`` and rename it, so that ``out`` is whole or not there."""
    with storage_errors("write", out):
        temporary = Path(tempfile.mkdtemp(prefix=f".{out.name}.", dir=out.parent))
        try:
            temporary.chmod(0o755)
            with opened(path) as archive:
                photos = find_in_archive(archive, chosen.labels)
                with show("Unpacking photos", len(photos)) as advance:
                    extract_photos(archive, photos, temporary, on_progress=advance)
            os.sync()  # once, instead of once per photo
            temporary.replace(out)
        finally:
            shutil.rmtree(temporary, ignore_errors=True)
