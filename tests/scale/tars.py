"""Tars as users have them and as nobody should: put together member by member."""

import io
import tarfile
from pathlib import Path

# A stand-in for a photo: nothing here decodes one.
JPEG = b"\xff\xd8 a photo \xff\xd9"


def write_tar(path: Path, members, **options) -> Path:
    """Write (name, content) of each member; a TarInfo instead of a name is taken as it is."""
    path.parent.mkdir(parents=True, exist_ok=True)
    with tarfile.open(path, "w", **options) as tar:
        for name, data in members:
            info = name if isinstance(name, tarfile.TarInfo) else tarfile.TarInfo(name)
            info.size = len(data)
            tar.addfile(info, io.BytesIO(data))
    return path


def special(name: str, kind: bytes, target: str = "") -> tarfile.TarInfo:
    """Make a link, device or pipe."""
    info = tarfile.TarInfo(name)
    info.type, info.linkname = kind, target
    return info
