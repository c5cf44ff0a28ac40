"""Chosen photos: files with their classes, and what was read of them."""

from collections import defaultdict
from collections.abc import Iterable
from dataclasses import dataclass
from functools import partial
from itertools import zip_longest
from pathlib import Path

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


def in_turn(photos: Iterable[tuple[str, int, Path]]) -> list[tuple[Path, int]]:
    """Return photos of every class in turn, each class in the order of content hashes.

    Args:
        photos: Content hash, class and file of each.

    Returns:
        File and class of each.
    """
    classes: dict[int, list[tuple[Path, int]]] = defaultdict(list)
    for _, class_id, path in sorted(photos):
        classes[class_id].append((path, class_id))
    turns = zip_longest(*(classes[class_id] for class_id in sorted(classes)))
    return [photo for one_of_each in turns for photo in one_of_each if photo is not None]


def halves(pictures: Pictures) -> tuple[Images, Images]:
    """Return two disjoint halves with as many photos of every class in each, give or take one."""
    class_ids = pictures.class_ids or (0,) * len(pictures)
    by_class = sorted(range(len(pictures)), key=lambda i: (class_ids[i], i))
    return pictures.images[by_class[0::2]], pictures.images[by_class[1::2]]


def _read(path: Path, *, rule: Preprocessing) -> Images | None:
    try:
        return resize(read_image(path), rule)
    except (ImageError, StorageError):
        return None
