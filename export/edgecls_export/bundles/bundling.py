"""Making a bundle: one file with a classifier and everything it needs on a device.

The same inputs give the same bytes: the wheels are locked, our own wheel and the container have one possible
form, and the release counts only when something changes (``releases.py``). Inputs are the model files, photos,
options and key, the edgecls that makes it, and the releases that the run remembers.
"""

import hashlib
from collections.abc import Callable, Iterable, Mapping
from pathlib import Path

from edgecls_device.bundles.container import write_container
from edgecls_device.bundles.manifest import MANIFEST, SIGNATURE, version_name
from edgecls_device.bundles.reading import Trust, open_bundle
from edgecls_device.bundles.signing import public_key, sign
from edgecls_device.errors import EdgeclsError
from edgecls_device.files import storage_errors

from edgecls_export.bundles.contents import (
    Content,
    file_name,
    manifest_of,
    members_of,
    parts_of,
    signed_by,
)
from edgecls_export.bundles.locked import wheels_of
from edgecls_export.bundles.own_wheel import build_own_wheel
from edgecls_export.bundles.releases import (
    RELEASES,
    Release,
    choose_release,
    one_at_a_time,
    read_releases,
    write_release,
)
from edgecls_export.bundles.request import BundleRequest, BundleResult
from edgecls_export.bundles.wheelhouse import fetch_wheels

__all__ = ["bundle", "wheels_bytes"]


def wheels_bytes(request: BundleRequest) -> int:
    """Return how many bytes of wheels a bundle needs: what ``bundle`` counts its progress in."""
    return sum(wheel.size_bytes for wheel in wheels_of(request.target, request.python))


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
    wheels = wheels_of(request.target, request.python)
    content = Content(
        request=request,
        wheels=wheels,
        places=fetch_wheels(
            wheels, target=request.target, python=request.python, cache=cache, advance=advance
        ),
        own=build_own_wheel(request.made_by),
        signer=signer,
    )
    memory = request.folder / RELEASES
    digest = hashlib.sha256(manifest_of(content, 1, members_of(content, 1)).encode()).hexdigest()
    with one_at_a_time(request.folder):
        releases = read_releases(memory)
        release = choose_release(
            releases,
            name=request.name,
            target=request.target.name,
            digest=digest,
            wished=request.release,
        )
        members = members_of(content, release.release)
        manifest = manifest_of(content, release.release, members).encode()
        result = _write(content, release, members, manifest)
        write_release(memory, releases, release)
    return result


def _write(
    content: Content, release: Release, members: Mapping[str, bytes | Path], manifest: bytes
) -> BundleResult:
    request = content.request
    path = request.out or request.folder / file_name(request, release.release)
    head: list[tuple[str, bytes | Path]] = [(MANIFEST, manifest)]
    if request.key is not None:
        head.append((SIGNATURE, sign(manifest, request.key)))
    write_container(path, [*head, *members.items()])
    _read_back(path, content.signer)
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
        signed_by=signed_by(content),
        version_name=version_name(release.release, manifest),
        artifacts=tuple(request.artifacts),
        photos=len(request.golden.photos),
        tolerance=request.golden.tolerance,
        parts=parts_of(content, members),
    )


def _read_back(path: Path, signer: bytes) -> None:
    """Check the file as a device will: a disk may have lost something, a kept wheel have changed meanwhile."""
    trust = Trust(keys=(signer,) if signer else (), must_be_signed=bool(signer))
    try:
        with open_bundle(path, trust=trust) as written:
            written.check()
    except EdgeclsError:
        path.unlink(missing_ok=True)
        raise


def _file_sha256(path: Path) -> str:
    digest = hashlib.sha256()
    with storage_errors("read", path), path.open("rb") as file:
        for block in _blocks(file.read):
            digest.update(block)
    return digest.hexdigest()


def _blocks(read: Callable[[int], bytes]) -> Iterable[bytes]:
    return iter(lambda: read(1 << 20), b"")
