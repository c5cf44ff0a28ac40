"""What is in a bundle: its members, the manifest that names them, and how large its parts are."""

import hashlib
import json
from collections.abc import Mapping
from dataclasses import dataclass, replace
from pathlib import Path

from edgecls_device.bundles.golden_photos import GoldenPhotos
from edgecls_device.bundles.manifest import BundledArtifact, Environment, Manifest, Member
from edgecls_device.bundles.signing import fingerprint
from edgecls_device.files import read_bytes
from edgecls_device.records import to_json

from edgecls_export.bundles.locked import INSTALLER, LockedWheel, requirements_text
from edgecls_export.bundles.own_wheel import OwnWheel
from edgecls_export.bundles.request import BundlePart, BundleRequest

__all__ = ["Content", "file_name", "manifest_of", "members_of", "parts_of", "signed_by"]

SUFFIX = ".edgecls"
GOLDEN = "golden/photos.json"
REQUIREMENTS = "wheels/requirements.txt"
SIGNER = "signer.pem"
TEMPLATES = Path(__file__).parent / "templates"
_FROM_TEMPLATES = {
    "__main__.py": "main.py",
    "install.sh": "install.sh",
    "edgecls.service": "edgecls.service",
    "config.toml": "config.toml",
}
_README = "README.txt"
_MAX_TEMPLATE_BYTES = 1_000_000
_SIGNED = "The key that signed it has the fingerprint {fingerprint}."
_UNSIGNED = "It is not signed: whoever can change this file can change what runs on the device."


@dataclass(frozen=True, kw_only=True, slots=True)
class Content:
    """What is the same in every release.

    Attributes:
        request: What was asked.
        wheels: The locked wheels.
        places: File name of a wheel -> where it lies.
        own: Our own wheel.
        signer: The public key as PEM; empty if the bundle is not signed.
    """

    request: BundleRequest
    wheels: tuple[LockedWheel, ...]
    places: Mapping[str, Path]
    own: OwnWheel
    signer: bytes


def members_of(content: Content, release: int) -> dict[str, bytes | Path]:
    """Return every member but the manifest and its signature, sorted by name."""
    request, own = content.request, content.own
    members: dict[str, bytes | Path] = {
        name: _template(file) for name, file in _FROM_TEMPLATES.items()
    }
    members[_README] = _readme(content, release)
    members |= {name: artifact.data for name, artifact in request.artifacts.items()}
    members[GOLDEN] = _golden(request.golden)
    members |= request.photos
    members[REQUIREMENTS] = _requirements(content)
    members |= {f"wheels/{file}": place for file, place in content.places.items()}
    members[f"wheels/{own.file}"] = own.data
    if content.signer:
        members[SIGNER] = content.signer
    return dict(sorted(members.items()))


def manifest_of(content: Content, release: int, members: Mapping[str, bytes | Path]) -> str:
    """Return the text of ``manifest.json``."""
    request = content.request
    known = {f"wheels/{wheel.file}": wheel for wheel in content.wheels}
    facts = replace(request.target.facts, python=request.python)
    return to_json(
        Manifest(
            name=request.name,
            release=release,
            target=facts,
            artifacts=tuple(
                BundledArtifact(
                    member=name,
                    format=artifact.format,
                    recipe=artifact.spec.provenance.recipe if artifact.spec else "",
                    backends=request.target.backends_of(artifact.format),
                )
                for name, artifact in request.artifacts.items()
            ),
            environment=_environment(content),
            golden_photos=GOLDEN,
            signed_by=signed_by(content),
            made_by=request.made_by,
            members=tuple(_member(name, data, known) for name, data in members.items()),
        )
    )


def _member(name: str, data: bytes | Path, known: Mapping[str, LockedWheel]) -> Member:
    if isinstance(data, bytes):
        return Member(name=name, size_bytes=len(data), sha256=hashlib.sha256(data).hexdigest())
    wheel = known[name]  # it was hashed when it was fetched
    return Member(name=name, size_bytes=wheel.size_bytes, sha256=wheel.sha256)


def _environment(content: Content) -> Environment:
    target = content.request.target
    installer = next(wheel for wheel in content.wheels if wheel.name == INSTALLER)
    deciding = {
        "requirements": _requirements(content).decode(),
        "installer": installer.sha256,
        "architecture": target.facts.architecture,
        "python": content.request.python,
        "apt_packages": target.facts.apt_packages,
        "sees_system_packages": target.sees_system_packages,
    }
    return Environment(
        digest=hashlib.sha256(json.dumps(deciding, sort_keys=True).encode()).hexdigest(),
        requirements=REQUIREMENTS,
        wheels="wheels",
        installer=f"wheels/{installer.file}",
        sees_system_packages=target.sees_system_packages,
    )


def _requirements(content: Content) -> bytes:
    own = content.own
    ours = LockedWheel(
        name="edgecls",
        version=own.version,
        file=own.file,
        sha256=own.sha256,
        size_bytes=len(own.data),
    )
    return requirements_text([*content.wheels, ours]).encode()


def _golden(golden: GoldenPhotos) -> bytes:
    return to_json(golden, indent=None).encode()  # 1000 scores a photo are no reading


def _template(file: str) -> bytes:
    return read_bytes(TEMPLATES / file, max_bytes=_MAX_TEMPLATE_BYTES)


def _readme(content: Content, release: int) -> bytes:
    request = content.request
    signer = signed_by(content)
    words = {
        "@NAME@": request.name,
        "@RELEASE@": str(release),
        "@TITLE@": request.target.facts.title,
        "@PYTHON@": request.python,
        "@VERSION@": request.made_by,
        "@FILE@": file_name(request, release),
        "@SIGNED@": _SIGNED.format(fingerprint=signer) if signer else _UNSIGNED,
    }
    text = _template(_README).decode()
    for mark, word in words.items():
        text = text.replace(mark, word)
    return text.encode()


def file_name(request: BundleRequest, release: int) -> str:
    """Return what a bundle's file is called."""
    return f"{request.name}-{release:06d}-{request.target.name}{SUFFIX}"


def signed_by(content: Content) -> str:
    """Return the fingerprint of the key; empty for an unsigned bundle."""
    return fingerprint(content.signer) if content.signer else ""


def parts_of(content: Content, members: Mapping[str, bytes | Path]) -> tuple[BundlePart, ...]:
    """Return what is in a bundle, the largest part first."""
    sizes = {f"wheels/{wheel.file}": wheel.size_bytes for wheel in content.wheels}
    sizes |= {name: len(data) for name, data in members.items() if isinstance(data, bytes)}
    own = f"wheels/{content.own.file}"
    request = content.request
    titles = {
        **{name: f"model {name.rpartition('/')[2]}" for name in request.artifacts},
        **dict.fromkeys([GOLDEN, *request.photos], "golden photos and their scores"),
        **dict.fromkeys((f"wheels/{file}" for file in content.places), "locked wheels"),
        own: "edgecls itself",
    }
    grouped: dict[str, list[str]] = {}
    for name in members:
        grouped.setdefault(titles.get(name, "installer, service and texts"), []).append(name)
    parts = [
        BundlePart(title=title, files=len(names), size_bytes=sum(sizes[name] for name in names))
        for title, names in grouped.items()
    ]
    return tuple(sorted(parts, key=lambda part: (-part.size_bytes, part.title)))
