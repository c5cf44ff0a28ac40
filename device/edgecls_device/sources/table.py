"""The sources there are, and which one a user's text means."""

import os
import re
from collections.abc import Mapping
from pathlib import Path
from threading import Thread
from types import MappingProxyType
from typing import cast

from edgecls_device.errors import SourceError
from edgecls_device.images import IMAGE_SUFFIXES, is_picture
from edgecls_device.lazy import load
from edgecls_device.sources.protocol import Source
from edgecls_device.stop import Stop

__all__ = ["SOURCES", "open_source", "open_unless_stopped", "source_kind"]

POLL_S = 0.05

SOURCES: Mapping[str, str] = MappingProxyType(
    {
        "camera": "edgecls_device.sources.camera:open_camera",
        "stream": "edgecls_device.sources.stream:open_stream",
        "folder": "edgecls_device.sources.folder:FolderSource",
        "photo": "edgecls_device.sources.photo:PhotoSource",
        "video": "edgecls_device.sources.video:open_video",
    }
)
"""What opens each kind: called with the user's text, gives a ``Source``."""

_KINDS = "a camera (0 or /dev/video0), a photo, a folder of photos, a video file, or an http(s) or rtsp URL"


def open_source(text: str) -> Source:
    """Open a camera, stream, folder, photo or video.

    Args:
        text: A camera's number or ``/dev/videoN``, a URL, or a path.

    Raises:
        ImageError: If a photo cannot be decoded.
        SourceError: If it does not exist, cannot be opened or gives no frame.
    """
    return cast("Source", load(SOURCES[source_kind(text)], extra="device")(text))


def source_kind(text: str) -> str:
    """Return the kind of source that ``text`` means: a key of ``SOURCES``.

    Raises:
        SourceError: If it is a path where nothing is, or nothing that can be read.
    """
    if re.fullmatch(r"[0-9]{1,3}|/dev/video[0-9]{1,3}", text):
        return "camera"
    if re.match(r"[A-Za-z][A-Za-z0-9+.-]*://", text):
        return "stream"
    path = Path(text)
    try:
        if text and path.is_dir():
            return "folder"
        if path.is_file():
            return "photo" if _is_photo(path) else "video"
        exists = bool(text) and path.exists()
    except (OSError, ValueError):  # such as a name that is too long, or with a zero byte in it
        exists = False
    if exists:
        message = f"Expected {_KINDS}, got {text!r}, which is a device or a pipe."
        raise SourceError(message, hint="give a file, or a camera by its number")
    message = f"Expected a source that exists, got {text!r}."
    raise SourceError(message, hint=_hint(path))


def _is_photo(path: Path) -> bool:
    if not os.access(path, os.R_OK):
        message = f"Expected a file that can be read, got {str(path)!r}: permission denied."
        raise SourceError(message, hint="check the permissions, e.g. with: ls -l")
    if path.suffix.lower() in IMAGE_SUFFIXES:
        return True
    with path.open("rb") as file:
        return is_picture(file.read(16))


def _hint(path: Path) -> str:
    if str(path) in {"webcam", "camera", "cam"}:
        return "name a camera by its number: --source 0"
    if not _is_folder(path.parent):
        return f"there is no folder {str(path.parent)[:200]!r}"
    return f"give {_KINDS}"


def _is_folder(path: Path) -> bool:
    try:
        return path.is_dir()
    except (OSError, ValueError):
        return False


def open_unless_stopped(text: str, stop: Stop) -> Source | None:
    """Open a source, but give up at once when ``stop`` is requested: a silent host blocks for seconds.

    Returns:
        The source, or None if it was given up.

    Raises:
        ImageError: If a photo cannot be decoded.
        SourceError: If it does not exist, cannot be opened or gives no frame.
    """
    if source_kind(text) != "stream":
        return open_source(text)
    opened: list[Source | Exception] = []

    def open_it() -> None:
        try:
            opened.append(open_source(text))
        except Exception as error:
            opened.append(error)

    thread = Thread(target=open_it, name="edgecls-open", daemon=True)
    thread.start()
    while not opened:
        if stop.is_requested:
            return None
        thread.join(POLL_S)
    if isinstance(opened[0], Exception):
        raise opened[0]
    return opened[0]
