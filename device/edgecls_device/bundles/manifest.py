"""What a bundle says of itself: ``manifest.json``, its first member, which the signature covers.

Every other member stands here with its size and SHA-256, so whoever trusts the manifest can trust the file.
"""

import hashlib
import re
from dataclasses import dataclass
from typing import ClassVar, Literal

from edgecls_device.bundles.names import check_member_names
from edgecls_device.errors import SpecError

__all__ = [
    "MANIFEST",
    "SIGNATURE",
    "BundledArtifact",
    "Environment",
    "Manifest",
    "Member",
    "TargetFacts",
    "release_of",
    "version_name",
]

MANIFEST = "manifest.json"
SIGNATURE = "manifest.sig"
MAX_MEMBER_BYTES = 2_000_000_000
LARGEST_RELEASE = 999_999

_NAME = re.compile(r"[a-z0-9][a-z0-9-]{0,31}")
_SHA256 = re.compile(r"[0-9a-f]{64}")


@dataclass(frozen=True, kw_only=True, slots=True)
class Member:
    """One file of a bundle.

    Attributes:
        name: Its path in the bundle, in the grammar of ``names.py``.
        size_bytes: Its size.
        sha256: SHA-256 of its content, as hex.
    """

    name: str
    size_bytes: int
    sha256: str

    def __post_init__(self) -> None:
        _expect(0 <= self.size_bytes <= MAX_MEMBER_BYTES, f"a size of {self.name!r} up to 2 GB")
        _expect(bool(_SHA256.fullmatch(self.sha256)), f"a SHA-256 of {self.name!r}")


@dataclass(frozen=True, kw_only=True, slots=True)
class BundledArtifact:
    """A model file in a bundle.

    Attributes:
        member: Its name in the bundle.
        format: ``tflite`` or ``onnx``.
        recipe: How it was quantized, such as ``int8``.
        backends: The runtimes of the target that run it, the preferred one first.
    """

    member: str
    format: Literal["tflite", "onnx"]
    recipe: str
    backends: tuple[str, ...]


@dataclass(frozen=True, kw_only=True, slots=True)
class TargetFacts:
    """The system that a bundle is for.

    Attributes:
        name: Its name in the table of targets, such as ``bookworm64``.
        title: Its name for people.
        architecture: What ``dpkg --print-architecture`` says there: ``arm64``, ``armhf`` or ``amd64``.
        python: Version of the system's Python, such as ``3.11``.
        glibc: The oldest C library that its wheels run with, such as ``2.28``.
        codename: ``VERSION_CODENAME`` of its ``/etc/os-release``; empty if any will do.
        backends: The runtimes that exist there.
        apt_packages: Debian packages that must be installed before; empty if none.
    """

    name: str
    title: str
    architecture: Literal["arm64", "armhf", "amd64"]
    python: str
    glibc: str
    codename: str
    backends: tuple[str, ...]
    apt_packages: tuple[str, ...]


@dataclass(frozen=True, kw_only=True, slots=True)
class Environment:
    """What the Python environment on the device is made from. Bundles with the same digest share one.

    Attributes:
        digest: SHA-256 over everything that decides what the environment holds, as hex.
        requirements: Member with the locked requirements, each with its hash.
        wheels: Folder of the wheels in the bundle.
        installer: Member with pip's own wheel, so that the device needs no ``python3-venv``.
        sees_system_packages: Whether the system's packages (apt's NumPy, OpenCV, picamera2) are seen.
    """

    digest: str
    requirements: str
    wheels: str
    installer: str
    sees_system_packages: bool


@dataclass(frozen=True, kw_only=True, slots=True)
class Manifest:
    """The contents of a bundle.

    Attributes:
        name: What is installed, such as ``pets``: the name of its service and its directory.
        release: Counts up; a device never goes back by itself.
        target: The system it is for.
        artifacts: The model files.
        environment: The Python environment.
        golden_photos: Member with the photos' expected scores (``golden_photos.py``).
        signed_by: Fingerprint of the key (``signing.py``); empty for an unsigned bundle.
        made_by: Version of edgecls that wrote it.
        members: Every file but ``manifest.json`` and ``manifest.sig``, sorted by name.
    """

    kind: ClassVar[str] = "edgecls.bundle"
    version: ClassVar[int] = 1

    name: str
    release: int
    target: TargetFacts
    artifacts: tuple[BundledArtifact, ...]
    environment: Environment
    golden_photos: str
    signed_by: str
    made_by: str
    members: tuple[Member, ...]

    def __post_init__(self) -> None:
        _expect(bool(_NAME.fullmatch(self.name)), "a name of a-z, 0-9 and '-', at most 32 long")
        _expect(1 <= self.release <= LARGEST_RELEASE, f"a release from 1 to {LARGEST_RELEASE}")
        _expect(bool(self.artifacts), "at least one model file")
        _expect(bool(_SHA256.fullmatch(self.environment.digest)), "a digest of the environment")
        is_signer = not self.signed_by or _SHA256.fullmatch(self.signed_by)
        _expect(bool(is_signer), "the fingerprint of a key")
        names = [member.name for member in self.members]
        check_member_names([MANIFEST, SIGNATURE, *names])
        _expect(names == sorted(names), "members sorted by name")
        named = {artifact.member for artifact in self.artifacts}
        named |= {self.environment.requirements, self.environment.installer, self.golden_photos}
        missing = sorted(named - set(names))
        _expect(not missing, f"a member {missing[0]!r}" if missing else "")

    def member(self, name: str) -> Member:
        """Return a member by its name.

        Raises:
            SpecError: If there is none.
        """
        for member in self.members:
            if member.name == name:
                return member
        message = f"Expected a member {name!r} in the bundle, got none."
        raise SpecError(message, hint="make the bundle again")


def version_name(release: int, manifest: bytes) -> str:
    """Return the folder's name of an installed version: sorted by release, told apart by content.

    Args:
        release: The bundle's release.
        manifest: The bytes of its ``manifest.json``.
    """
    return f"{release:06d}-{hashlib.sha256(manifest).hexdigest()[:12]}"


def release_of(version: str) -> int:
    """Return the release of an installed version by its folder's name.

    Raises:
        SpecError: If it is no name that ``version_name`` gives.
    """
    release = version.partition("-")[0]
    _expect(release.isascii() and release.isdigit(), f"a release in the name {version!r}")
    return int(release)


def _expect(condition: bool, wanted: str) -> None:
    if not condition:
        message = f"Expected {wanted} in the bundle's manifest, got something else."
        raise SpecError(message, hint="the bundle is damaged or was not made by edgecls bundle")
