"""The table of targets as a record, for showing and for programs."""

from dataclasses import dataclass
from typing import ClassVar

from edgecls_export.bundles.locked import read_lock
from edgecls_export.bundles.targets import TARGETS, Target

__all__ = ["ListedTarget", "ListedTargets", "listed_targets"]


@dataclass(frozen=True, kw_only=True, slots=True)
class ListedTarget:
    """A target.

    Attributes:
        name: What ``--target`` is given.
        title: Its name for people.
        architecture: What ``dpkg --print-architecture`` says there.
        pythons: The versions of Python it may have, the default first.
        glibc: The oldest C library that its wheels run with.
        codename: Debian's name of its release; empty if any will do.
        backends: The runtimes that exist there.
        apt_packages: Debian packages that must be installed before.
        artifacts: The model files that are bundled by default.
        camera: The camera stack, in words.
        sees_system_packages: Whether apt's Python packages are seen.
        wheels_bytes: Size of its wheels, for the default Python.
        note: What else to know.
    """

    name: str
    title: str
    architecture: str
    pythons: tuple[str, ...]
    glibc: str
    codename: str
    backends: tuple[str, ...]
    apt_packages: tuple[str, ...]
    artifacts: tuple[str, ...]
    camera: str
    sees_system_packages: bool
    wheels_bytes: int
    note: str


@dataclass(frozen=True, kw_only=True, slots=True)
class ListedTargets:
    """All targets."""

    kind: ClassVar[str] = "edgecls.bundle-targets"
    version: ClassVar[int] = 1

    targets: tuple[ListedTarget, ...]


def listed_targets() -> ListedTargets:
    """Return every target, in the order of the table.

    Raises:
        SpecError: If a lock is damaged.
        StorageError: If one is missing.
    """
    return ListedTargets(targets=tuple(map(_listed, TARGETS.values())))


def _listed(target: Target) -> ListedTarget:
    facts = target.facts
    return ListedTarget(
        name=facts.name,
        title=facts.title,
        architecture=facts.architecture,
        pythons=target.pythons,
        glibc=facts.glibc,
        codename=facts.codename,
        backends=facts.backends,
        apt_packages=facts.apt_packages,
        artifacts=tuple(f"{recipe}.{kind}" for kind, recipe in target.default_artifacts),
        camera=target.camera,
        sees_system_packages=target.sees_system_packages,
        wheels_bytes=sum(wheel.size_bytes for wheel in read_lock(target.lock(target.pythons[0]))),
        note=target.note,
    )
