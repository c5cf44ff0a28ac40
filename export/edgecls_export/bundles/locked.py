"""The locked wheels of a target: exactly one file for each package, with its hash.

A line of ``locks/TARGET.txt``, which ``scripts/lock`` writes and pip reads, is::

    numpy==1.26.4 --hash=sha256:...  # numpy-1.26.4-cp311-cp311-manylinux2014_aarch64.whl 14222994
"""

import re
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

from edgecls_device.errors import SpecError, StorageError
from edgecls_device.files import read_bytes

from edgecls_export.bundles.targets import RUNTIME_PACKAGES, Target

__all__ = [
    "INSTALLER",
    "LockedWheel",
    "read_lock",
    "requirements_text",
    "to_lock_line",
    "to_requirement",
    "wheels_of",
]

INSTALLER = "pip"
"""The package that installs the others; it is no requirement itself."""

MAX_LOCK_BYTES = 1_000_000
_LINE = re.compile(
    r"(?P<name>[a-z0-9][a-z0-9-]*)==(?P<version>[A-Za-z0-9.+!]+)"
    r" --hash=sha256:(?P<sha256>[0-9a-f]{64})  # (?P<file>\S+\.whl) (?P<size>\d+)"
)


@dataclass(frozen=True, kw_only=True, slots=True)
class LockedWheel:
    """One file on the package index.

    Attributes:
        name: The package, in its normal form (PEP 503).
        version: Its version.
        file: The wheel's file name.
        sha256: Of its content, as hex.
        size_bytes: Its size.
    """

    name: str
    version: str
    file: str
    sha256: str
    size_bytes: int


def read_lock(path: Path) -> tuple[LockedWheel, ...]:
    """Read the wheels of a lock, sorted by package.

    Raises:
        SpecError: If a line is no locked wheel.
        StorageError: If there is no such lock, or it cannot be read.
    """
    if not path.is_file():
        message = f"Expected the locked wheels in {str(path)!r}, got no such file."
        raise StorageError(message, hint="install edgecls again; from a checkout: scripts/lock")
    wheels: list[LockedWheel] = []
    for line in read_bytes(path, max_bytes=MAX_LOCK_BYTES).decode().splitlines():
        if not line.strip() or line.startswith("#"):
            continue
        match = _LINE.fullmatch(line)
        if match is None:
            message = f"Expected a locked wheel on each line of {str(path)!r}, got {line[:80]!r}."
            raise SpecError(message, hint="write it again: scripts/lock")
        fields = match.groupdict()
        size = int(fields.pop("size"))
        wheels.append(LockedWheel(size_bytes=size, **fields))
    return tuple(sorted(wheels, key=lambda wheel: wheel.name))


def wheels_of(target: Target, python: str) -> tuple[LockedWheel, ...]:
    """Return the locked wheels of a target, without the runtimes that it was narrowed from.

    Raises:
        SpecError: If the lock is damaged.
        StorageError: If there is none.
    """
    unused = {
        package for name, package in RUNTIME_PACKAGES.items() if name not in target.facts.backends
    }
    return tuple(wheel for wheel in read_lock(target.lock(python)) if wheel.name not in unused)


def to_lock_line(wheel: LockedWheel) -> str:
    """Return the line of a wheel, as :func:`read_lock` reads it."""
    return f"{to_requirement(wheel)}  # {wheel.file} {wheel.size_bytes}"


def requirements_text(wheels: Iterable[LockedWheel]) -> str:
    """Return what pip on the device is given: each wheel by version and hash, without the installer."""
    lines = [to_requirement(wheel) for wheel in wheels if wheel.name != INSTALLER]
    return "".join(f"{line}\n" for line in sorted(lines))


def to_requirement(wheel: LockedWheel) -> str:
    """Return what pip is given: the version and the hash."""
    return f"{wheel.name}=={wheel.version} --hash=sha256:{wheel.sha256}"
