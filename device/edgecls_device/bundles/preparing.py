"""A new version beside the one that runs: unpacked, with its environment, tried, and not yet used.

Its folder is whole once ``tuning.json`` stands in it, written last. A folder without is garbage, whatever
happened.
"""

import os
import shutil
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

from edgecls_device.bundles.acceptance import accept
from edgecls_device.bundles.environments import has_environment, make_environment, wheels
from edgecls_device.bundles.installation import Installation, sync_directory
from edgecls_device.bundles.manifest import MANIFEST, Manifest
from edgecls_device.bundles.tuning import TUNING, Tuning
from edgecls_device.errors import StorageError
from edgecls_device.files import make_directory, read_bytes, storage_errors, write_atomically
from edgecls_device.records import from_json, to_json

if TYPE_CHECKING:
    from edgecls_device.bundles.reading import Bundle

__all__ = ["check_room", "needed_bytes", "prepare_version", "read_tuning"]

SPARE_BYTES = 30_000_000
"""What must stay free for logs, the state, and bytecode."""
GROWTH = 4
"""A wheel's files take at most four times its size (NumPy 4.0, OpenCV 2.4, ONNX Runtime 2.9, LiteRT 3.1)."""
MOST_BYTES = 10_000_000


def prepare_version(
    bundle: "Bundle", installation: Installation, say: Callable[[str], None]
) -> str:
    """Make a version out of an open bundle whose signature was checked; return its folder's name.

    Nothing that runs is touched. A version that is whole already is taken as it is. Everything is synced.
    Whether there is room is asked before, by :func:`check_room`.

    Args:
        bundle: The bundle.
        installation: Where; nobody else may change it meanwhile.
        say: Takes lines of progress.

    Raises:
        BundleError: If a member is damaged, or the wheels cannot be installed.
        StorageError: If the disk is full or cannot be written.
        UpdateError: If no model file agrees with the workstation on any runtime.
    """
    name, folder = bundle.version_name, installation.version(bundle.version_name)
    if (folder / TUNING).exists() and has_environment(installation, bundle.manifest):
        say(f"The version {name} is there already.")
        return name
    with _readable_for_all():
        if folder.exists():
            shutil.rmtree(folder)
        try:
            _unpack(bundle, folder)  # first, since damage there is found in a moment
            _link(folder, make_environment(bundle, installation, say))
            tuning = accept(folder, bundle.manifest, say)
            write_atomically(folder / TUNING, to_json(tuning))
        except BaseException:  # Ctrl-C too; a kill leaves it to the next update
            shutil.rmtree(folder, ignore_errors=True)
            raise
        sync_directory(folder.parent)
    return name


def needed_bytes(manifest: Manifest, *, has_environment: bool) -> int:
    """Return how many bytes an installation of a bundle takes at most.

    Args:
        manifest: The bundle's.
        has_environment: Whether its Python environment is there already.
    """
    needed = SPARE_BYTES + sum(manifest.member(name).size_bytes for name in _kept(manifest))
    if not has_environment:
        needed += (1 + GROWTH) * sum(manifest.member(name).size_bytes for name in wheels(manifest))
    return needed


def check_room(manifest: Manifest, installation: Installation) -> None:
    """Refuse a bundle for which there is not enough room on the disk. Nothing is written.

    Raises:
        StorageError: If there is not; the message says how much is needed.
    """
    needed = needed_bytes(manifest, has_environment=has_environment(installation, manifest))
    with storage_errors("look at the disk of", installation.root):
        place = next(one for one in (installation.root, *installation.root.parents) if one.exists())
        free = shutil.disk_usage(place).free
    if free < needed:
        got = f"got {free / 1e6:.0f} MB"
        message = f"Expected {needed / 1e6:.0f} MB of room for the bundle in {str(place)!r}, {got}."
        hint = "free some space, for example: sudo apt clean; sudo journalctl --vacuum-size=50M"
        raise StorageError(message, hint=hint)


def read_tuning(version: Path) -> Tuning:
    """Return what was found when a version was prepared.

    Args:
        version: Its folder.

    Raises:
        SpecError: If it is damaged.
        StorageError: If it cannot be read.
    """
    path = version / TUNING
    return from_json(Tuning, read_bytes(path, max_bytes=MOST_BYTES), name=str(path))


def _kept(manifest: Manifest) -> tuple[str, ...]:
    """Return the members that stay in a version's folder: all but the wheels."""
    start = f"{manifest.environment.wheels}/"
    return tuple(one.name for one in manifest.members if not one.name.startswith(start))


def _unpack(bundle: "Bundle", folder: Path) -> None:
    make_directory(folder)
    bundle.unpack(folder, _kept(bundle.manifest))
    write_atomically(folder / MANIFEST, bundle.manifest_bytes)


def _link(folder: Path, environment: Path) -> None:
    link = folder / "environment"
    with storage_errors("write", link):
        link.symlink_to(Path("../..") / environment.parent.name / environment.name)
        sync_directory(folder)


@contextmanager
def _readable_for_all() -> Iterator[None]:
    """Whatever the umask of whoever installs, the service's user can read what is written."""
    before = os.umask(0o022)
    try:
        yield
    finally:
        os.umask(before)
