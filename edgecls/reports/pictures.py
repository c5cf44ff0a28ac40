"""Photos as small JPEG data URIs; one that cannot be shown becomes a note, never a failure."""

import base64
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path, PurePosixPath
from typing import TypeAlias

import numpy as np
from edgecls_device.arrays import Frame
from edgecls_device.errors import EdgeclsError, MissingDependencyError

__all__ = ["FindPicture", "Picture", "picture", "picture_of_shard"]

LONG_SIDE_PX = 256  # sharp at the 170 px they are shown at, about 10 kB each
JPEG_QUALITY = 72


@dataclass(frozen=True, kw_only=True, slots=True)
class Picture:
    """A photo to show.

    Attributes:
        uri: ``data:image/jpeg;base64,...``; empty if there is none.
        note: Why there is none.
    """

    uri: str = ""
    note: str = ""


FindPicture: TypeAlias = Callable[[str, str], Picture]
"""Gives the picture of a photo, from folder and path."""


def picture(root: str, path: str) -> Picture:
    """Return the photo at ``path`` below the folder ``root``, its long side 256 px at most."""
    relative = PurePosixPath(path)
    if not root or relative.is_absolute() or ".." in relative.parts or "\0" in f"{root}{path}":
        return Picture(note="not inside the data folder")
    where = Path(root) / relative
    try:
        if not where.is_file():
            return Picture(note="no longer on disk")
        return Picture(uri=f"data:image/jpeg;base64,{base64.b64encode(_thumbnail(where)).decode()}")
    except MissingDependencyError:
        return Picture(note="OpenCV is not installed")
    except (EdgeclsError, OSError, ValueError):
        return Picture(note="cannot be read")


def picture_of_shard(root: str, path: str) -> Picture:
    """Say of a photo in a shard that it is not shown: finding it would mean to read the shard."""
    del root, path
    return Picture(note="in a shard")


def _thumbnail(path: Path) -> bytes:
    from edgecls_device.images import read_image
    from edgecls_device.opencv import cv2

    frame: Frame = read_image(path)
    height, width = frame.shape[:2]
    scale = LONG_SIDE_PX / max(height, width)
    if scale < 1:
        size = (max(1, round(width * scale)), max(1, round(height * scale)))
        frame = np.asarray(cv2.resize(frame, size, interpolation=cv2.INTER_AREA), np.uint8)
    is_encoded, data = cv2.imencode(".jpg", frame, [cv2.IMWRITE_JPEG_QUALITY, JPEG_QUALITY])
    if not is_encoded:
        message = f"OpenCV cannot write {path.name!r} as JPEG"
        raise ValueError(message)
    return bytes(data)
