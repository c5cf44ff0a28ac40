"""Release numbers that count by themselves, and stay the same as long as nothing changes.

Beside its bundles a run keeps ``releases.json``: for each name and target the releases so far, each with a
digest over everything the bundle holds but the release itself. If the digest of the newest release is that
of the bundle to be made, it is made again, byte for byte; else it gets the next number. So going back to an
earlier model is a new release too, since a device takes no lower number than it had. A number that is given
(``--release``) is remembered likewise; one that was given to other content before is refused, as a device
would refuse it.

Who deletes the file begins at 1 again, and must give a release above those that devices have.
"""

import fcntl
import os
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from typing import ClassVar

from edgecls_device.bundles.manifest import LARGEST_RELEASE
from edgecls_device.errors import OptionError
from edgecls_device.files import make_directory, read_bytes, storage_errors, write_atomically
from edgecls_device.records import from_json, to_json

__all__ = [
    "RELEASES",
    "Release",
    "Releases",
    "choose_release",
    "one_at_a_time",
    "read_releases",
    "write_release",
]

RELEASES = "releases.json"
MAX_BYTES = 10_000_000


@dataclass(frozen=True, kw_only=True, slots=True)
class Release:
    """One release.

    Attributes:
        name: What is installed.
        target: The system it is for.
        release: Its number.
        digest: SHA-256 over what it holds, as hex.
    """

    name: str
    target: str
    release: int
    digest: str


@dataclass(frozen=True, kw_only=True, slots=True)
class Releases:
    """All releases of a run, in the order in which they were made."""

    kind: ClassVar[str] = "edgecls.releases"
    version: ClassVar[int] = 1

    releases: tuple[Release, ...] = ()

    def of(self, name: str, target: str) -> tuple[Release, ...]:
        """Return the releases of one name for one target, by number."""
        found = [one for one in self.releases if (one.name, one.target) == (name, target)]
        return tuple(sorted(found, key=lambda one: one.release))


@contextmanager
def one_at_a_time(folder: Path) -> Iterator[None]:
    """Let nobody else count releases in a folder: bundles of several targets may be made at once.

    It waits for the other. The lock is one of the kernel on the folder itself, so none is ever left behind.

    Raises:
        StorageError: If the folder cannot be made or locked.
    """
    make_directory(folder)
    with storage_errors("lock", folder):
        descriptor = os.open(folder, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    try:
        with storage_errors("lock", folder):
            fcntl.flock(descriptor, fcntl.LOCK_EX)
        yield
    finally:
        os.close(descriptor)


def read_releases(path: Path) -> Releases:
    """Read ``releases.json``; without one there were no releases.

    Raises:
        SpecError: If it is damaged.
        StorageError: If it cannot be read.
    """
    if not path.exists():
        return Releases()
    return from_json(Releases, read_bytes(path, max_bytes=MAX_BYTES), name=str(path))


def choose_release(
    releases: Releases, *, name: str, target: str, digest: str, wished: int | None = None
) -> Release:
    """Return the release of a bundle.

    Args:
        releases: Those so far.
        name: What is installed.
        target: The system it is for.
        digest: SHA-256 over what the bundle holds.
        wished: A number that was asked for.

    Raises:
        OptionError: If that number is already another bundle's, or out of range.
    """
    earlier = releases.of(name, target)
    newest = earlier[-1].release if earlier else 0
    chosen = Release(name=name, target=target, release=newest + 1, digest=digest)
    if wished is not None:
        if not 1 <= wished <= LARGEST_RELEASE:
            message = f"Expected a release from 1 to {LARGEST_RELEASE}, got {wished}."
            raise OptionError(message, hint="leave --release out: it counts by itself")
        if any(one.release == wished and one.digest != digest for one in earlier):
            message = f"Expected a release that no other bundle of {name!r} for {target} has, got {wished}."
            hint = f"a device takes a number once; leave --release out, or give {newest + 1}"
            raise OptionError(message, hint=hint)
        return replace(chosen, release=wished)
    if earlier and earlier[-1].digest == digest:
        return earlier[-1]
    return chosen


def write_release(path: Path, releases: Releases, release: Release) -> None:
    """Add a release to ``releases.json``, unless it is there.

    Raises:
        StorageError: If it cannot be written.
    """
    if release not in releases.releases:
        write_atomically(path, to_json(Releases(releases=(*releases.releases, release))))
