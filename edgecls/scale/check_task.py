"""The task behind ``edgecls data check``: decode a photo, and tell what it can be recognized by."""

import platform
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from edgecls_device.opencv import cv2

from edgecls.data.looks import look_at
from edgecls.scale.fingerprints import fingerprint_of
from edgecls.scale.labels import label_text
from edgecls.scale.piece import ShardPhoto
from edgecls.scale.task import Column

__all__ = ["CheckTask"]

_VERSION = 1  # of what a look is: change it when decoding or thumbnails change

_COLUMNS = (
    Column(name="label", type="string"),
    Column(name="content_hash", type="string"),
    Column(name="height", type="int32"),
    Column(name="width", type="int32"),
    Column(name="thumbnail", type="binary"),
    Column(name="reason", type="string"),
    Column(name="detail", type="string"),
)


@dataclass(frozen=True, kw_only=True, slots=True)
class CheckTask:
    """Looks at each photo; one that does not decode is a result, not a failure."""

    @property
    def name(self) -> str:
        """What it is called."""
        return "check"

    @property
    def fingerprint(self) -> str:
        """Hash of what a look depends on."""
        return fingerprint_of(_VERSION, cv2.__version__, platform.machine())

    @property
    def columns(self) -> Sequence[Column]:
        """A look: hash, size in pixels, thumbnail of 32x32 grey pixels, why it cannot be used."""
        return _COLUMNS

    def open(self) -> "CheckLooker":
        """Return what looks; there is nothing to open."""
        return CheckLooker()


class CheckLooker:
    """Looks at one photo after the other."""

    def look(self, photo: ShardPhoto) -> Mapping[str, Any]:
        """Return what a photo turned out to be; see :class:`edgecls.data.looks.Look`."""
        look = look_at(photo.data, name=photo.key)
        height, width = look.size or (None, None)
        return {
            "label": label_text(photo.label),
            "content_hash": look.content_hash or None,
            "height": height,
            "width": width,
            "thumbnail": None if look.thumbnail is None else look.thumbnail.tobytes(),
            "reason": look.reason or None,
            "detail": look.detail or None,
        }

    def close(self) -> None:
        """Nothing is open."""
