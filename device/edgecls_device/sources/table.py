"""The sources there are, which one a user's text means, and which options each of them honours."""

import os
import re
import stat
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from types import MappingProxyType
from typing import cast

from edgecls_device.errors import OptionError, SourceError
from edgecls_device.images import IMAGE_SUFFIXES, is_picture
from edgecls_device.lazy import load
from edgecls_device.sources.options import NO_OPTIONS, SourceOptions
from edgecls_device.sources.prefetch import PrefetchedSource
from edgecls_device.sources.protocol import Source
from edgecls_device.stop import Stop

__all__ = [
    "SOURCES",
    "SourceEntry",
    "check_options",
    "open_source",
    "source_kind",
]

VIDEO_MAJOR = 81  # https://www.kernel.org/doc/Documentation/admin-guide/devices.txt

_LIVE = frozenset({"wait_for_source", "give_up_after_s", "frozen_after_s"})
_CAMERA = _LIVE | {"camera_size", "camera_fps", "camera_format"}


@dataclass(frozen=True, kw_only=True, slots=True)
class SourceEntry:
    """One kind of source.

    Attributes:
        target: ``module:function`` that opens it: called as ``(text, options, stop=stop)``, gives a ``Source``.
        noun: What it is, for messages.
        honours: Names of the options that it honours; others are refused.
        pattern: A regular expression of the user's text, of kinds that are known by that; others are paths.
    """

    target: str
    noun: str
    honours: frozenset[str]
    pattern: str = ""


SOURCES: Mapping[str, SourceEntry] = MappingProxyType(
    {
        "camera": SourceEntry(
            target="edgecls_device.sources.camera:open_camera",
            noun="a camera",
            honours=_CAMERA,
            pattern=r"[0-9]{1,3}|/dev/video[0-9]{1,3}|/dev/v4l/.+",
        ),
        "picamera": SourceEntry(
            target="edgecls_device.sources.picamera:open_picamera",
            noun="a Raspberry Pi camera",
            honours=_CAMERA - {"camera_format"},
            pattern=r"picamera(:.*)?",
        ),
        "gstreamer": SourceEntry(
            target="edgecls_device.sources.gstreamer:open_gstreamer",
            noun="a GStreamer pipeline",
            honours=_LIVE,
            pattern=r"gstreamer:.*",
        ),
        "test": SourceEntry(
            target="edgecls_device.sources.test_pattern:open_pattern",
            noun="a test picture",
            honours=_LIVE,
            pattern=r"test:.*",
        ),
        "loop": SourceEntry(
            target="edgecls_device.sources.realtime:open_loop",
            noun="a looped video",
            honours=_LIVE,
            pattern=r"loop:.*",
        ),
        "stream": SourceEntry(
            target="edgecls_device.sources.stream:open_stream",
            noun="a URL",
            honours=_LIVE,
            pattern=r"[A-Za-z][A-Za-z0-9+.-]*://.*",
        ),
        "folder": SourceEntry(
            target="edgecls_device.sources.folder:open_folder",
            noun="a folder",
            honours=frozenset({"watch"}),
        ),
        "photo": SourceEntry(
            target="edgecls_device.sources.photo:open_photo", noun="a photo", honours=frozenset()
        ),
        "video": SourceEntry(
            target="edgecls_device.sources.video:open_video",
            noun="a video file",
            honours=frozenset({"realtime"}),
        ),
    }
)
"""What opens each kind; of patterns the first that matches counts."""

_KINDS = (
    "a camera (0, /dev/video0 or picamera), a photo, a folder of photos, a video file, "
    "an http(s) or rtsp URL, or test:"
)

_OPTION_NAMES: Mapping[str, str] = MappingProxyType(
    {
        "realtime": "--realtime",
        "watch": "--watch",
        "camera_size": "--camera-size",
        "camera_fps": "--camera-fps",
        "camera_format": "--camera-format",
        "wait_for_source": "--wait-for-source",
        "give_up_after_s": "--give-up-after",
    }
)
"""Options that are refused where they mean nothing. ``frozen_after_s`` has a default for all."""


def open_source(
    text: str, options: SourceOptions = NO_OPTIONS, *, stop: Stop | None = None
) -> Source:
    """Open a camera, stream, folder, photo or video.

    Args:
        text: A camera's number or ``/dev/videoN``, a URL, a path, or what a pattern of ``SOURCES`` says.
        options: What was wished besides.
        stop: Ends the opening of a live source at once; the source then gives no frame.

    Raises:
        ImageError: If a photo cannot be decoded.
        MissingDependencyError: If a package or a build of OpenCV is needed that is not there.
        OptionError: If this kind of source cannot honour an option.
        SourceError: If it does not exist, cannot be opened or gives no frame.
    """
    kind = source_kind(text)
    check_options(kind, text, options)
    source = cast("Source", load(SOURCES[kind].target, extra="device")(text, options, stop=stop))
    has_many = kind == "folder" or source.frame_rate > 0
    return source if source.is_live or not has_many else PrefetchedSource(source)


def check_options(kind: str, text: str, options: SourceOptions) -> None:
    """Refuse options that a kind of source does not honour.

    Raises:
        OptionError: Naming the option and the kinds that do.
    """
    honours = SOURCES[kind].honours
    if options.realtime and "realtime" in honours:
        honours |= _LIVE
    for field, name in _OPTION_NAMES.items():
        if getattr(options, field) == getattr(NO_OPTIONS, field) or field in honours:
            continue
        nouns = [entry.noun for entry in SOURCES.values() if field in entry.honours]
        message = f"Expected {name} with {' or '.join(nouns)}, got it with {SOURCES[kind].noun}, {text!r}."
        hint = "leave it out"
        if field in _LIVE and kind == "video":
            hint = "a file does not get lost; add --realtime to have it like a camera"
        raise OptionError(message, hint=hint)


def source_kind(text: str) -> str:
    """Return the kind of source that ``text`` means: a key of ``SOURCES``.

    Raises:
        SourceError: If it is a path where nothing is, or nothing that can be read.
    """
    for kind, entry in SOURCES.items():
        if entry.pattern and re.fullmatch(entry.pattern, text, re.DOTALL):
            return kind
    path = Path(text)
    try:
        if text and path.is_dir():
            return "folder"
        if path.is_file():
            return "photo" if _is_photo(path) else "video"
        exists = bool(text) and path.exists()
        if exists and _is_video_device(path):
            return "camera"
    except (OSError, ValueError):  # such as a name that is too long, or with a zero byte in it
        exists = False
    if exists:
        message = f"Expected {_KINDS}, got {text!r}, which is a device or a pipe."
        raise SourceError(message, hint="give a file, or a camera by its number")
    message = f"Expected a source that exists, got {text!r}."
    raise SourceError(message, hint=_hint(path))


def _is_video_device(path: Path) -> bool:
    """Return whether it is a video device under a name of its own, as udev's rules make them."""
    status = path.stat()
    return stat.S_ISCHR(status.st_mode) and os.major(status.st_rdev) == VIDEO_MAJOR


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
