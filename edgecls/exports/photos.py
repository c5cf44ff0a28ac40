"""The photos an export needs: training photos to calibrate on, validation photos to check on.

The test split stays untouched, for ``compare`` and the report.
"""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from functools import partial
from itertools import islice, zip_longest
from pathlib import Path

import numpy as np
from edgecls_device.backends.protocol import default_threads
from edgecls_device.errors import DataError, ImageError, StorageError
from edgecls_device.images import IMAGE_SUFFIXES, read_image
from edgecls_device.preprocessing import resize
from edgecls_device.spec import Preprocessing
from edgecls_export.exported import Images

from edgecls.data.download import sha256_of
from edgecls.data.parallel import each
from edgecls.data.split import read_split
from edgecls.data.split_record import Split, SplitName, SplitPhoto
from edgecls.progress import Advance
from edgecls.run_directory import RunDirectory

__all__ = ["CHECK_PHOTOS", "ExportPhotos", "choose_photos", "prepare"]

CHECK_PHOTOS = 200
"""Enough to see a broken quantization for certain, few enough to take a second or two for each file."""


@dataclass(frozen=True, kw_only=True, slots=True)
class ExportPhotos:
    """Photo files, best first: those of every class in turn.

    Attributes:
        calibration: To measure value ranges on.
        check: To compare with Keras on; none of them is among ``calibration``.
    """

    calibration: tuple[Path, ...] = ()
    check: tuple[Path, ...] = ()


def choose_photos(
    run: RunDirectory, *, data: Path | None, calibration: int, check: int = CHECK_PHOTOS
) -> ExportPhotos:
    """Choose photos for an export, the same ones every time: stratified, by content hash.

    Args:
        run: The run. One that was not trained on photos needs ``data`` to have any.
        data: Where the photos are now, if not where they were when the run was trained. For a run that was
            not trained on photos any folder of photos.
        calibration: Photos to calibrate on, at most; 0 if none are needed.
        check: Photos to check on, at most.

    Raises:
        DataError: If the photos are gone, or ``data`` has none.
        SpecError: If ``split.json`` is damaged.
        StorageError: If a file or folder cannot be read.
    """
    if not run.split.is_file():
        return ExportPhotos() if data is None else _from_folder(data, calibration, check)
    split = read_split(run.split)
    root = Path(split.root) if data is None else data
    return ExportPhotos(
        calibration=_from_split(split, "train", root, calibration, run),
        check=_from_split(split, "val", root, check, run),
    )


def prepare(
    paths: Sequence[Path], rule: Preprocessing, *, on_progress: Advance | None = None
) -> Images:
    """Read photos as the model sees them; those that cannot be decoded any more are left out.

    Returns:
        Shape ``(count, height, width, 3)``, uint8, RGB.
    """
    read = partial(_read, rule=rule)
    images = [
        image
        for _, image in each(read, paths, threads=default_threads(), on_progress=on_progress)
        if image is not None
    ]
    return np.array(images, np.uint8).reshape(-1, rule.height, rule.width, 3)


def _read(path: Path, *, rule: Preprocessing) -> Images | None:
    try:
        return resize(read_image(path), rule)
    except (ImageError, StorageError):
        return None


def _from_split(
    split: Split, name: SplitName, root: Path, count: int, run: RunDirectory
) -> tuple[Path, ...]:
    photos = split.subset(name)
    there = (root / photo.path for photo in _in_turn(photos) if (root / photo.path).is_file())
    chosen = tuple(islice(there, count))
    if count and photos and not chosen:
        wanted = f"{len(photos)} {name} photos"
        message = (
            f"Expected the photos of the run in {str(root)!r}, got none of its {wanted} there."
        )
        hint = f"if they were moved: edgecls export {run.path} --data FOLDER"
        raise DataError(message, hint=hint)
    return chosen


def _in_turn(photos: Iterable[SplitPhoto]) -> Iterator[SplitPhoto]:
    """Yield the photos of every class in turn, each class in the order of content hashes."""
    classes: dict[int, list[SplitPhoto]] = {}
    for photo in sorted(photos, key=lambda photo: photo.content_hash):
        classes.setdefault(photo.class_id, []).append(photo)
    for one_of_each in zip_longest(*(classes[class_id] for class_id in sorted(classes))):
        yield from (photo for photo in one_of_each if photo is not None)


def _from_folder(folder: Path, calibration: int, check: int) -> ExportPhotos:
    files = [path for path in folder.rglob("*") if path.suffix.lower() in IMAGE_SUFFIXES]
    if not files:
        message = f"Expected a folder with photos in {str(folder)!r}, got none there."
        raise DataError(message, hint="give a folder of about 300 photos like those of the camera")
    by_hash = {sha256_of(path): path for path in sorted(files) if path.is_file()}
    chosen = [by_hash[key] for key in sorted(by_hash)]
    return ExportPhotos(
        calibration=tuple(chosen[:calibration]),
        check=tuple(chosen[calibration : calibration + check]),
    )
