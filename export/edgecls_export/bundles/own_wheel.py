"""A wheel of edgecls itself, made of the packages that are imported here: of a checkout or an installed wheel.

Its bytes depend on the packages' files and nothing else: names are sorted, times and modes fixed, and nothing
is compressed, because another zlib (another Python, another distribution) makes other bytes of the same data.
So it needs no build tool either. Its METADATA names no requirements: what stands beside it is decided by the
bundle's lock, or by apt.

Layout after the binary distribution format,
https://packaging.python.org/en/latest/specifications/binary-distribution-format/.
"""

import base64
import hashlib
import io
import stat
import zipfile
from dataclasses import dataclass
from importlib.metadata import PackageNotFoundError, files
from importlib.util import find_spec
from pathlib import Path

from edgecls_device.errors import StorageError
from edgecls_device.files import read_bytes

__all__ = ["OwnWheel", "build_own_wheel"]

PACKAGES = ("edgecls", "edgecls_bench", "edgecls_device", "edgecls_export")
MAX_FILE_BYTES = 50_000_000
_EARLIEST = (1980, 1, 1, 0, 0, 0)
_METADATA = """\
Metadata-Version: 2.4
Name: edgecls
Version: {version}
Summary: From a folder of photos to an image classifier running on a Raspberry Pi.
License-Expression: Apache-2.0
License-File: LICENSE
Requires-Python: >=3.10
"""
_WHEEL = """\
Wheel-Version: 1.0
Generator: edgecls {version}
Root-Is-Purelib: true
Tag: py3-none-any
"""
_ENTRY_POINTS = "[console_scripts]\nedgecls = edgecls.cli:main\n"


@dataclass(frozen=True, kw_only=True, slots=True)
class OwnWheel:
    """A wheel of edgecls, in memory.

    Attributes:
        version: The version of edgecls.
        data: Its content.
    """

    version: str
    data: bytes

    @property
    def file(self) -> str:
        """Its file name."""
        return f"edgecls-{self.version}-py3-none-any.whl"

    @property
    def sha256(self) -> str:
        """SHA-256 of the content, as hex."""
        return hashlib.sha256(self.data).hexdigest()


def build_own_wheel(version: str) -> OwnWheel:
    """Return the wheel of the edgecls that is running.

    Args:
        version: ``edgecls.__version__``.

    Raises:
        StorageError: If a file of it, or its licence, is not there or cannot be read.
    """
    contents = {name: data for package in PACKAGES for name, data in _package_files(package)}
    info = f"edgecls-{version}.dist-info"
    contents[f"{info}/METADATA"] = _METADATA.format(version=version).encode()
    contents[f"{info}/WHEEL"] = _WHEEL.format(version=version).encode()
    contents[f"{info}/entry_points.txt"] = _ENTRY_POINTS.encode()
    contents[f"{info}/licenses/LICENSE"] = read_bytes(_licence(), max_bytes=MAX_FILE_BYTES)
    record = f"{info}/RECORD"  # the last one in the archive, as the format recommends
    return OwnWheel(
        version=version, data=_zip({**_sorted(contents), record: _record(contents, record)})
    )


def _package_files(package: str) -> list[tuple[str, bytes]]:
    root = _folder(package)
    found = []
    for path in root.rglob("*"):
        relative = path.relative_to(root)
        is_hidden = any(part.startswith(".") or part == "__pycache__" for part in relative.parts)
        if path.is_file() and not is_hidden:
            name = f"{package}/{relative.as_posix()}"
            found.append((name, read_bytes(path, max_bytes=MAX_FILE_BYTES)))
    return found


def _folder(package: str) -> Path:
    spec = find_spec(package)
    folders = list(spec.submodule_search_locations or ()) if spec else []
    if not folders or not Path(folders[0]).is_dir():
        message = f"Expected the files of {package} in a folder, got none."
        raise StorageError(message, hint="install edgecls with pip, not from a zip file")
    return Path(folders[0])


def _licence() -> Path:
    """Return the licence: that of the installed distribution, else the checkout's."""
    try:
        listed = [str(path.locate()) for path in files("edgecls") or () if path.name == "LICENSE"]
    except PackageNotFoundError:
        listed = []
    places = [*map(Path, listed), _folder("edgecls").parent / "LICENSE"]
    for place in places:
        if place.is_file():
            return place
    message = f"Expected the licence of edgecls at {str(places[-1])!r}, got no such file."
    raise StorageError(message, hint="install edgecls again")


def _sorted(contents: dict[str, bytes]) -> dict[str, bytes]:
    """Return the packages by name, then what describes them."""
    return dict(sorted(contents.items(), key=lambda item: (".dist-info/" in item[0], item[0])))


def _record(contents: dict[str, bytes], own_name: str) -> bytes:
    lines = []
    for name, data in _sorted(contents).items():
        digest = base64.urlsafe_b64encode(hashlib.sha256(data).digest()).rstrip(b"=").decode()
        lines.append(f"{name},sha256={digest},{len(data)}\n")
    return "".join([*lines, f"{own_name},,\n"]).encode()


def _zip(contents: dict[str, bytes]) -> bytes:
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w", zipfile.ZIP_STORED) as archive:
        for name, data in contents.items():
            entry = zipfile.ZipInfo(name, _EARLIEST)
            entry.create_system = 3  # Unix
            entry.external_attr = (stat.S_IFREG | 0o644) << 16
            archive.writestr(entry, data)
    return buffer.getvalue()
