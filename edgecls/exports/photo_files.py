"""Chosen photos: files with their classes, and what was read of them."""

import hashlib
from collections import defaultdict
from collections.abc import Iterable
from dataclasses import dataclass
from functools import partial
from itertools import zip_longest
from pathlib import Path
from typing import TypeAlias

import numpy as np
from edgecls_device.backends.protocol import default_threads
from edgecls_device.errors import ImageError, StorageError
from edgecls_device.images import read_image
from edgecls_device.preprocessing import resize
from edgecls_device.spec import Preprocessing
from edgecls_export.exported import Images

from edgecls.data.parallel import each
from edgecls.progress import Advance

__all__ = ["PhotoFiles", "Pictures", "halves", "in_turn", "prepare"]

_Found: TypeAlias = tuple[str, int, Path]
"""Content hash, class and file of a photo."""


@dataclass(frozen=True, kw_only=True, slots=True)
class PhotoFiles:
    """Photo files, best first.

    Attributes:
        paths: The files.
        class_ids: The class of each; empty for photos without classes.
    """

    paths: tuple[Path, ...] = ()
    class_ids: tuple[int, ...] = ()


@dataclass(frozen=True, kw_only=True, slots=True)
class Pictures:
    """Photos as the model sees them.

    Attributes:
        images: Shape ``(count, height, width, 3)``, uint8, RGB.
        class_ids: The class of each; empty for photos without classes.
    """

    images: Images
    class_ids: tuple[int, ...] = ()

    def __len__(self) -> int:
        return len(self.images)


def prepare(
    files: PhotoFiles, rule: Preprocessing, *, on_progress: Advance | None = None
) -> Pictures:
    """Read photos as the model sees them; those that cannot be decoded any more are left out."""
    read = partial(_read, rule=rule)
    results = [
        image
        for _, image in each(read, files.paths, threads=default_threads(), on_progress=on_progress)
    ]
    class_ids = zip(files.class_ids, results, strict=True) if files.class_ids else ()
    images = [image for image in results if image is not None]
    return Pictures(
        images=np.array(images, np.uint8).reshape(-1, rule.height, rule.width, 3),
        class_ids=tuple(class_id for class_id, image in class_ids if image is not None),
    )


def in_turn(photos: Iterable[_Found], most: int) -> PhotoFiles:
    """Choose one photo of every class in turn, each class in the order of content hashes.

    A turn that is cut short gives photos of some classes only: these are drawn by content, the same ones every
    time, and not the first in the alphabet, whose names and pictures are alike.

    Args:
        photos: Content hash, class and file of each; files that are gone are left out.
        most: Photos at most.

    Returns:
        The photos, turn by turn, by class in each.
    """
    classes: dict[int, list[_Found]] = defaultdict(list)
    for key, class_id, path in sorted(photos):
        classes[class_id].append((key, class_id, path))
    chosen: list[_Found] = []
    for one_of_each in zip_longest(*(classes[class_id] for class_id in sorted(classes))):
        left = most - len(chosen)
        if left <= 0:
            break
        turn = [photo for photo in one_of_each if photo is not None and photo[2].is_file()]
        if len(turn) > left:
            turn = sorted(sorted(turn, key=_lot)[:left], key=lambda photo: photo[1])
        chosen += turn
    return PhotoFiles(
        paths=tuple(path for _, _, path in chosen),
        class_ids=tuple(class_id for _, class_id, _ in chosen),
    )


def halves(pictures: Pictures) -> tuple[Images, Images]:
    """Return two disjoint halves with as many photos of every class in each, give or take one."""
    class_ids = pictures.class_ids or (0,) * len(pictures)
    by_class = sorted(range(len(pictures)), key=lambda i: (class_ids[i], i))
    return pictures.images[by_class[0::2]], pictures.images[by_class[1::2]]


def _lot(photo: _Found) -> str:
    """Return what a photo draws: its hash hashed again, as the least hash of a large class is small."""
    return hashlib.sha256(photo[0].encode()).hexdigest()


def _read(path: Path, *, rule: Preprocessing) -> Images | None:
    try:
        return resize(read_image(path), rule)
    except (ImageError, StorageError):
        return None
