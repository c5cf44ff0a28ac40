"""The wheels of a target, downloaded once and kept by their hash.

They are kept in ``$XDG_CACHE_HOME/edgecls/wheels/SHA256/NAME.whl`` (``~/.cache`` without it). A kept file
is hashed again before it is used, so a bundle whose wheels are all there needs no network, nor
trust in the folder.
"""

import hashlib
import os
import shutil
import tempfile
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path

from edgecls_device.errors import NetworkError
from edgecls_device.files import make_directory, storage_errors

from edgecls_export.bundles.locked import LockedWheel, to_requirement
from edgecls_export.bundles.pip_download import check_pip, download_wheels
from edgecls_export.bundles.targets import Target

__all__ = ["default_cache", "fetch_wheels"]

_BLOCK_BYTES = 1 << 20


def default_cache() -> Path:
    """Return the folder of kept wheels."""
    base = os.environ.get("XDG_CACHE_HOME", "")
    root = Path(base) if Path(base).is_absolute() else Path.home() / ".cache"
    return root / "edgecls" / "wheels"


def fetch_wheels(
    wheels: Sequence[LockedWheel],
    *,
    target: Target,
    python: str,
    cache: Path | None = None,
    advance: Callable[[int], None] | None = None,
) -> Mapping[str, Path]:
    """Return where each wheel lies, from the cache or else from the package index.

    Args:
        wheels: The wheels of a lock.
        target: The system they are for.
        python: Its version of Python.
        cache: Where they are kept; by default :func:`default_cache`.
        advance: Called with the bytes of each wheel that is there now.

    Returns:
        File name -> path, in the order of ``wheels``; each file has the hash of the lock.

    Raises:
        MissingDependencyError: If one must be downloaded and there is no pip.
        NetworkError: If the index cannot be reached, or gives something else.
        StorageError: If the cache cannot be used.
    """
    cache = cache or default_cache()
    places: dict[str, Path] = {}
    for wheel in wheels:
        place = cache / wheel.sha256 / wheel.file
        if not _is_there(place, wheel):
            check_pip()
            _download(wheel, place, target=target, python=python)
        places[wheel.file] = place
        if advance is not None:
            advance(wheel.size_bytes)
    return places


def _is_there(place: Path, wheel: LockedWheel) -> bool:
    """Whether a file is the locked one; one that is not is removed, since its name says that it were."""
    if not place.is_file():
        return False
    if _sha256(place) == wheel.sha256:
        return True
    with storage_errors("remove", place):
        place.unlink()
    return False


def _download(wheel: LockedWheel, place: Path, *, target: Target, python: str) -> None:
    with _temporary_folder(make_directory(place.parent)) as folder:
        download_wheels([to_requirement(wheel)], folder, target=target, python=python)
        arrived = folder / wheel.file
        if not arrived.is_file() or _sha256(arrived) != wheel.sha256:
            message = f"Expected {wheel.file} from the package index, got another file."
            hint = "check which index pip uses: python -m pip config list"
            raise NetworkError(message, hint=hint)
        with storage_errors("write", place):
            arrived.replace(place)


@contextmanager
def _temporary_folder(parent: Path) -> Iterator[Path]:
    with storage_errors("write", parent):
        folder = Path(tempfile.mkdtemp(prefix=".download-", dir=parent))
    try:
        yield folder
    finally:
        shutil.rmtree(folder, ignore_errors=True)


def _sha256(path: Path) -> str:
    digest = hashlib.sha256()
    with storage_errors("read", path), path.open("rb") as file:
        while block := file.read(_BLOCK_BYTES):
            digest.update(block)
    return digest.hexdigest()
