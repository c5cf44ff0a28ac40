"""What is asked of ``bundle``, and what came of it."""

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import ClassVar

from edgecls_device.artifact import Artifact
from edgecls_device.bundles.golden_photos import GoldenPhotos

from edgecls_export.bundles.targets import Target

__all__ = ["BundlePart", "BundleRequest", "BundleResult"]


@dataclass(frozen=True, kw_only=True, slots=True)
class BundleRequest:
    """Everything that a bundle is made of.

    Attributes:
        name: What is installed, such as ``pets``.
        target: The system it is for.
        python: The target's version of Python.
        artifacts: Member -> model file.
        golden: The photos and their scores.
        photos: Member -> content of the photos in ``golden``.
        folder: Where it is written, and where releases are remembered.
        made_by: The version of edgecls, which makes its own wheel.
        release: A release number; None to count by itself.
        key: File of the private key to sign with; None for an unsigned bundle.
        out: The file to write; None for one in ``folder``.
    """

    name: str
    target: Target
    python: str
    artifacts: Mapping[str, Artifact]
    golden: GoldenPhotos
    photos: Mapping[str, bytes]
    folder: Path
    made_by: str
    release: int | None = None
    key: Path | None = None
    out: Path | None = None


@dataclass(frozen=True, kw_only=True, slots=True)
class BundlePart:
    """A part of a bundle, for showing.

    Attributes:
        title: What it is.
        files: How many members it has.
        size_bytes: Their size.
    """

    title: str
    files: int
    size_bytes: int


@dataclass(frozen=True, kw_only=True, slots=True)
class BundleResult:
    """A bundle that was written.

    Attributes:
        path: Where it is.
        size_bytes: Its size.
        sha256: Of the whole file, as hex.
        name: What is installed.
        release: Its number.
        target: The system it is for.
        python: The target's version of Python.
        architecture: What ``dpkg --print-architecture`` says there.
        apt_packages: Debian packages that must be on the device.
        signed_by: Fingerprint of the key; empty for an unsigned bundle.
        version_name: The folder's name on the device.
        artifacts: The model files' members.
        photos: How many golden photos there are.
        tolerance: How far a photo's score may be off on the device.
        parts: What is in it, the largest first.
    """

    kind: ClassVar[str] = "edgecls.bundle-result"
    version: ClassVar[int] = 1

    path: str
    size_bytes: int
    sha256: str
    name: str
    release: int
    target: str
    python: str
    architecture: str
    apt_packages: tuple[str, ...]
    signed_by: str
    version_name: str
    artifacts: tuple[str, ...]
    photos: int
    tolerance: float
    parts: tuple[BundlePart, ...]
