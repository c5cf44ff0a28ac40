"""The split: decided by what a photo is, not by where it lies or when it came.

The first 8 bytes of a photo's SHA-256, as a number ``u`` in 0..1, put it into train (``u < 0.8``), validation
(``u < 0.9``) or test. So copies of a photo are never on both sides, the same photo is on the same side in
every data set, and adding photos moves none.
"""

from collections import defaultdict
from collections.abc import Iterable
from dataclasses import replace
from pathlib import Path

from edgecls_device.errors import DataError, SpecError
from edgecls_device.files import read_bytes, write_atomically
from edgecls_device.records import from_json, to_json

from edgecls.data.load import PhotoSet
from edgecls.data.split_record import Split, SplitName, SplitPhoto
from edgecls.run_directory import MAX_RECORD_BYTES, RunDirectory

__all__ = ["position", "read_split", "split_of", "split_photos", "write_split"]

BOUNDS: dict[SplitName, tuple[float, float]] = {
    "train": (0.0, 0.8),
    "val": (0.8, 0.9),
    "test": (0.9, 1.0),
}


def split_photos(photo_set: PhotoSet, *, previous: Split | None = None) -> Split:
    """Put every photo into train, validation or test.

    In a small class a split can stay empty by chance. It then takes from the class's largest split the photo
    whose ``u`` is nearest to its own range; only in such a class can photos added later move another, and
    not even there when the split before is given.

    Args:
        photo_set: The photos; every class has at least 5.
        previous: The split of the same run before: its photos stay where they are.
    """
    kept = {photo.content_hash: photo.split for photo in previous.photos} if previous else {}
    by_class: dict[int, list[SplitPhoto]] = defaultdict(list)
    for photo in photo_set.photos:
        by_class[photo.class_id].append(
            SplitPhoto(
                path=photo_set.relative(photo.path),
                class_id=photo.class_id,
                content_hash=photo.content_hash,
                split=kept.get(photo.content_hash) or split_of(photo.content_hash),
            )
        )
    return Split(
        root=str(photo_set.root),
        labels=photo_set.labels,
        photos=tuple(
            photo for class_id in sorted(by_class) for photo in _filled(by_class[class_id])
        ),
        skipped=photo_set.skipped,
    )


def read_split(path: Path) -> Split:
    """Read a ``split.json``.

    Raises:
        DataError: If there is none.
        SpecError: If it is damaged or from another version.
        StorageError: If it cannot be read.
    """
    if not path.is_file():
        message = f"Expected the split of a training at {str(path)!r}, got no such file."
        raise DataError(message, hint=f"edgecls train PHOTOS --out {path.parent}")
    split = from_json(Split, read_bytes(path, max_bytes=MAX_RECORD_BYTES), name=str(path))
    for photo in split.photos:
        if not 0 <= photo.class_id < len(split.labels):
            message = f"Expected class ids below {len(split.labels)} in {str(path)!r}, got {photo.class_id}."
            raise SpecError(message, hint=f"train again: edgecls train PHOTOS --out {path.parent}")
    return split


def write_split(split: Split, run: RunDirectory) -> None:
    """Write ``split.json`` into a run directory.

    Raises:
        StorageError: If it cannot be written.
    """
    write_atomically(run.split, to_json(split))


def position(content_hash: str) -> float:
    """Return ``u``, the place of a content hash in 0..1."""
    return int(content_hash[:16], 16) / 2**64


def split_of(content_hash: str) -> SplitName:
    """Return the split of a content hash, before small classes are filled up."""
    u = position(content_hash)
    return next((name for name, (_, end) in BOUNDS.items() if u < end), "test")


def _filled(photos: Iterable[SplitPhoto]) -> list[SplitPhoto]:
    """Return the photos of one class with at least one in every split."""
    filled = list(photos)
    for name, (start, end) in BOUNDS.items():
        sizes = {other: sum(photo.split == other for photo in filled) for other in BOUNDS}
        if sizes[name] > 0:
            continue
        largest = max(sizes, key=lambda other: sizes[other])
        places = [i for i, photo in enumerate(filled) if photo.split == largest]

        def distance(i: int, start: float = start, end: float = end) -> tuple[float, str]:
            u = position(filled[i].content_hash)
            return max(start - u, u - end), filled[i].content_hash

        nearest = min(places, key=distance)
        filled[nearest] = replace(filled[nearest], split=name)
    return filled
