"""Making a bundle: one file with a classifier and everything it needs on a device.

The same inputs give the same bytes: the wheels are locked, our own wheel and the container have one possible
form, and the release counts only when something changes (``releases.py``). Inputs are the model files, photos,
options and key, the edgecls that makes it, and the releases that the run remembers.
"""

import hashlib
import json
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, replace
from pathlib import Path

from edgecls_device.bundles.container import write_container
from edgecls_device.bundles.golden_photos import GoldenPhotos
from edgecls_device.bundles.manifest import (
    MANIFEST,
    SIGNATURE,
    BundledArtifact,
    Environment,
    Manifest,
    Member,
    version_name,
)
from edgecls_device.bundles.signing import fingerprint, public_key, sign
from edgecls_device.files import read_bytes, storage_errors
from edgecls_device.records import to_json

from edgecls_export.bundles.locked import INSTALLER, LockedWheel, read_lock, requirements_text
from edgecls_export.bundles.own_wheel import OwnWheel, build_own_wheel
from edgecls_export.bundles.releases import (
    RELEASES,
    Release,
    choose_release,
    read_releases,
    write_release,
)
from edgecls_export.bundles.request import BundlePart, BundleRequest, BundleResult
from edgecls_export.bundles.wheelhouse import fetch_wheels

__all__ = ["SUFFIX", "bundle", "wheels_bytes"]

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
class _Content:
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


def wheels_bytes(request: BundleRequest) -> int:
    """Return how many bytes of wheels a bundle needs: what ``bundle`` counts its progress in."""
    return sum(wheel.size_bytes for wheel in read_lock(request.target.lock(request.python)))


def bundle(
    request: BundleRequest,
    *,
    cache: Path | None = None,
    advance: Callable[[int], None] | None = None,
) -> BundleResult:
    """Make a bundle.

    Args:
        request: What of.
        cache: Where wheels are kept; by default the user's cache.
        advance: Called with the bytes of each wheel that is there now.

    Raises:
        BundleError: If the key cannot sign, or it all gets larger than 2 GB.
        MissingDependencyError: If openssl is missing to sign, or pip to download.
        NetworkError: If a wheel is not kept and cannot be downloaded.
        OptionError: If the release is another bundle's.
        StorageError: If a file cannot be read or written. No half-written bundle stays.
    """
    signer = public_key(request.key) if request.key is not None else b""
    wheels = read_lock(request.target.lock(request.python))
    content = _Content(
        request=request,
        wheels=wheels,
        places=fetch_wheels(
            wheels, target=request.target, python=request.python, cache=cache, advance=advance
        ),
        own=build_own_wheel(request.made_by),
        signer=signer,
    )
    memory = request.folder / RELEASES
    releases = read_releases(memory)
    release = choose_release(
        releases,
        name=request.name,
        target=request.target.name,
        digest=hashlib.sha256(_manifest(content, 1, _members(content, 1)).encode()).hexdigest(),
        wished=request.release,
    )
    members = _members(content, release.release)
    manifest = _manifest(content, release.release, members).encode()
    result = _write(content, release, members, manifest)
    write_release(memory, releases, release)
    return result


def _write(
    content: _Content, release: Release, members: Mapping[str, bytes | Path], manifest: bytes
) -> BundleResult:
    request = content.request
    path = request.out or request.folder / _file_name(request, release.release)
    head: list[tuple[str, bytes | Path]] = [(MANIFEST, manifest)]
    if request.key is not None:
        head.append((SIGNATURE, sign(manifest, request.key)))
    write_container(path, [*head, *members.items()])
    facts = request.target.facts
    return BundleResult(
        path=str(path),
        size_bytes=path.stat().st_size,
        sha256=_file_sha256(path),
        name=request.name,
        release=release.release,
        target=request.target.name,
        python=request.python,
        architecture=facts.architecture,
        apt_packages=facts.apt_packages,
        signed_by=_signed_by(content),
        version_name=version_name(release.release, manifest),
        artifacts=tuple(request.artifacts),
        photos=len(request.golden.photos),
        tolerance=request.golden.tolerance,
        parts=_parts(content, members),
    )


def _members(content: _Content, release: int) -> dict[str, bytes | Path]:
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


def _manifest(content: _Content, release: int, members: Mapping[str, bytes | Path]) -> str:
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
            signed_by=_signed_by(content),
            made_by=request.made_by,
            members=tuple(_member(name, data, known) for name, data in members.items()),
        )
    )


def _member(name: str, data: bytes | Path, known: Mapping[str, LockedWheel]) -> Member:
    if isinstance(data, bytes):
        return Member(name=name, size_bytes=len(data), sha256=hashlib.sha256(data).hexdigest())
    wheel = known[name]  # it was hashed when it was fetched
    return Member(name=name, size_bytes=wheel.size_bytes, sha256=wheel.sha256)


def _environment(content: _Content) -> Environment:
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


def _requirements(content: _Content) -> bytes:
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


def _readme(content: _Content, release: int) -> bytes:
    request = content.request
    signed_by = _signed_by(content)
    words = {
        "@NAME@": request.name,
        "@RELEASE@": str(release),
        "@TITLE@": request.target.facts.title,
        "@PYTHON@": request.python,
        "@VERSION@": request.made_by,
        "@FILE@": _file_name(request, release),
        "@SIGNED@": _SIGNED.format(fingerprint=signed_by) if signed_by else _UNSIGNED,
    }
    text = _template(_README).decode()
    for mark, word in words.items():
        text = text.replace(mark, word)
    return text.encode()


def _file_name(request: BundleRequest, release: int) -> str:
    return f"{request.name}-{release:06d}-{request.target.name}{SUFFIX}"


def _signed_by(content: _Content) -> str:
    return fingerprint(content.signer) if content.signer else ""


def _parts(content: _Content, members: Mapping[str, bytes | Path]) -> tuple[BundlePart, ...]:
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


def _file_sha256(path: Path) -> str:
    digest = hashlib.sha256()
    with storage_errors("read", path), path.open("rb") as file:
        for block in _blocks(file.read):
            digest.update(block)
    return digest.hexdigest()


def _blocks(read: Callable[[int], bytes]) -> Iterable[bytes]:
    return iter(lambda: read(1 << 20), b"")
