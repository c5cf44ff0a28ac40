"""What one photo turns out to be when it is looked at: whether it decodes, its size, what it resembles."""

import hashlib
from dataclasses import dataclass
from pathlib import Path
from typing import Literal, TypeAlias

import numpy as np
from edgecls_device.errors import EdgeclsError, StorageError
from edgecls_device.files import read_bytes
from edgecls_device.images import MAX_IMAGE_BYTES, decode_image
from edgecls_device.likeness import thumbnail
from numpy.typing import NDArray

__all__ = ["Look", "LookedPhoto", "Reason", "look_at", "look_at_file", "no_look", "read_photo"]

Reason: TypeAlias = Literal["", "undecodable", "unreadable"]


@dataclass(frozen=True, kw_only=True, slots=True)
class Look:
    """What one photo turned out to be.

    Attributes:
        content_hash: SHA-256 as hex; empty if it cannot be used.
        size: (height, width) in pixels; None if it does not decode.
        thumbnail: Shape ``(32, 32)``, uint8, see :func:`edgecls_device.likeness.thumbnail`; None if it does not
            decode.
        reason: Why it cannot be used: ``undecodable`` or ``unreadable``; empty if it can.
        detail: What exactly was found.
    """

    content_hash: str = ""
    size: tuple[int, int] | None = None
    thumbnail: NDArray[np.uint8] | None = None
    reason: Reason = ""
    detail: str = ""


@dataclass(frozen=True, kw_only=True, slots=True)
class LookedPhoto:
    """A photo that was looked at.

    Attributes:
        path: What it is called: its path below the folder, or its key in a shard.
        label: Its class; None where nobody said.
        look: What it turned out to be.
    """

    path: str
    label: str | None
    look: Look


def look_at(data: bytes, *, name: str) -> Look:
    """Look at the content of a photo file.

    Args:
        data: JPEG, PNG, WebP or BMP.
        name: What to call it in messages.
    """
    try:
        frame = decode_image(data, name=name)
    except EdgeclsError as error:
        detail = error.message.partition(", got ")[2] or error.message
        return Look(reason="undecodable", detail=detail.removeprefix(": "))
    return Look(
        content_hash=hashlib.sha256(data).hexdigest(),
        size=(frame.shape[0], frame.shape[1]),
        thumbnail=thumbnail(frame),
    )


def look_at_file(path: Path) -> Look:
    """Look at a photo file."""
    data, error = read_photo(path)
    return no_look(error) if error else look_at(data, name=path.name)


def read_photo(path: Path) -> tuple[bytes, str]:
    """Return the content of a photo file, and why there is none; one of them is empty but for an empty file."""
    try:
        str(path).encode()
        if not path.is_file():  # a pipe would block for ever
            return b"", "not a file, or a link to nothing"
        if path.stat().st_size > MAX_IMAGE_BYTES:
            return b"", f"larger than {MAX_IMAGE_BYTES / 1e6:.0f} MB"
        return read_bytes(path, max_bytes=MAX_IMAGE_BYTES), ""
    except UnicodeEncodeError:
        return b"", "its name is not Unicode (UTF-8)"
    except (OSError, StorageError) as error:
        cause = error.__cause__ if isinstance(error, StorageError) else error
        return b"", getattr(cause, "strerror", None) or str(error)


def no_look(reason: str) -> Look:
    """Return what is known of a photo whose bytes cannot be read."""
    return Look(reason="unreadable", detail=reason)
