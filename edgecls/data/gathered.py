"""What is kept of many photos while they stream by, so that a million of them fit in memory.

Of each photo that decodes its name, its class and its hash are kept, some 230 bytes, and up to 200,000 photos a
thumbnail of a kilobyte. Beyond it all thumbnails are let go: comparing every photo with every other takes four
times as long for twice as many, and minutes for so many.
"""

from array import array
from collections import Counter
from collections.abc import Iterable, Sequence

import numpy as np
from edgecls_device.likeness import SIDE
from numpy.typing import NDArray

from edgecls.data.check_record import Finding
from edgecls.data.looks import Look, LookedPhoto

__all__ = ["MOST_COMPARED", "NO_CLASS", "TINY_PX", "Gathered", "gather"]

MOST_COMPARED = 200_000
"""Photos whose thumbnails are kept and compared with each other: 205 MB, and minutes."""

NO_CLASS = -1
"""In place of a class id where a photo has no label."""

TINY_PX = 64
"""A short side below it holds under a tenth of the pixels of a 224x224 input; the rest is made up."""


class Gathered:
    """What is known of all photos.

    Those that decode have a place in :attr:`paths`, :attr:`class_ids`, :attr:`hashes` and :attr:`thumbnails`.

    Attributes:
        labels: By class id, in the order in which they came.
        files: Label -> number of photos, whether they decode or not.
        paths: What the photos are called.
        class_ids: The class of each, or ``NO_CLASS``.
        tiny: Place -> size of those that are tiny, as text.
        broken: Findings about those that do not decode.
        unlabelled: What those are called that decode and have no label.
    """

    def __init__(self, labels: Sequence[str]) -> None:
        """Begin with no photo, but with the classes that are known before, which may have none."""
        self.labels = list(labels)
        self.files = Counter[str](dict.fromkeys(labels, 0))
        self.paths: list[str] = []
        self.class_ids = array("i")
        self.tiny: dict[int, str] = {}
        self.broken: list[Finding] = []
        self.unlabelled: list[str] = []
        self._ids = {label: class_id for class_id, label in enumerate(labels)}
        self._hashes = bytearray()
        shape = (MOST_COMPARED, SIDE, SIDE)  # takes memory only as it is filled
        self._thumbnails: NDArray[np.uint8] | None = np.empty(shape, np.uint8)

    def add(self, photo: LookedPhoto) -> None:
        """Keep what is needed of a photo."""
        class_id = self._class_of(photo.label)
        if reason := photo.look.reason:
            detail = photo.look.detail
            self.broken.append(
                Finding(kind=reason, severity="problem", paths=(photo.path,), detail=detail)
            )
            return
        if class_id == NO_CLASS:
            self.unlabelled.append(photo.path)
        place = len(self.paths)
        self.paths.append(photo.path)
        self.class_ids.append(class_id)
        self._hashes += bytes.fromhex(photo.look.content_hash)
        height, width = photo.look.size or (TINY_PX, TINY_PX)
        if min(height, width) < TINY_PX:
            self.tiny[place] = f"{width}x{height} pixels"
        self._keep_thumbnail(place, photo.look)

    @property
    def hashes(self) -> NDArray[np.bytes_]:
        """SHA-256 of each photo, shape ``(photos,)``, 32 bytes each."""
        return np.frombuffer(bytes(self._hashes), "S32")

    @property
    def thumbnails(self) -> NDArray[np.uint8] | None:
        """Of each photo, shape ``(photos, 32, 32)``; None if there are too many to compare."""
        return None if self._thumbnails is None else self._thumbnails[: len(self.paths)]

    def hash_of(self, place: int) -> str:
        """Return the SHA-256 of a photo as hex."""
        return self._hashes[32 * place : 32 * place + 32].hex()

    def _class_of(self, label: str | None) -> int:
        if label is None:
            return NO_CLASS
        self.files[label] += 1
        if label not in self._ids:
            self._ids[label] = len(self.labels)
            self.labels.append(label)
        return self._ids[label]

    def _keep_thumbnail(self, place: int, look: Look) -> None:
        if place >= MOST_COMPARED:
            self._thumbnails = None
        if self._thumbnails is not None and look.thumbnail is not None:
            self._thumbnails[place] = look.thumbnail


def gather(looks: Iterable[LookedPhoto], labels: Sequence[str] = ()) -> Gathered:
    """Return what is known of a stream of photos; see :class:`Gathered`."""
    gathered = Gathered(labels)
    for photo in looks:
        gathered.add(photo)
    return gathered
