"""A folder of photos to calibrate on: which are taken, and whether they can show value ranges at all.

Calibration needs photos as the device will see them and no classes, so that any folders in it will do. Only
where it is a set of class folders must they be the model's: photos of other things would be the wrong set.
"""

import unicodedata
from collections import Counter
from collections.abc import Sequence
from pathlib import Path

import numpy as np
from edgecls_device.errors import DataError, StorageError
from edgecls_export.exported import Images

from edgecls.data.download import sha256_of
from edgecls.data.folders import SPLIT_FOLDERS, photos_below
from edgecls.data.parallel import cores, each
from edgecls.data.split_record import Split
from edgecls.exports.photo_files import PhotoFiles, in_turn
from edgecls.progress import Advance, say

__all__ = ["MIN_CALIBRATION", "MOST_CALIBRATION", "check_pictures", "photos_to_calibrate"]

MIN_CALIBRATION = 10
"""Fewest different photos in a folder: the ranges of fewer are those of these photos only."""

MOST_CALIBRATION = 300
"""Of a larger folder as many are taken: 300 gained nothing over 100 on 1000 classes."""

PLAIN_LEVELS = 3.0
"""A photo whose channels all deviate less, of 255, shows one colour and the camera's noise."""

SAME_LEVELS = 1.0
"""Photos that deviate less from their mean picture are one picture, saved several times."""


def photos_to_calibrate(
    folder: Path,
    *,
    split: Split | None,
    most: int = MOST_CALIBRATION,
    on_progress: Advance | None = None,
) -> PhotoFiles:
    """Choose photos of a folder, the same ones every time: its subfolders in turn, each by content hash.

    Copies are taken once. Photos of the run's validation and test splits are not taken, so that what is checked
    and compared on was not calibrated on.

    Args:
        folder: Photos at any depth, with or without class folders.
        split: Of the run, if it was trained on photos; then class folders must be its classes.
        most: Photos at most.
        on_progress: Called with the number of files just hashed.

    Returns:
        With the number of its subfolder for each photo, in place of a class.

    Raises:
        DataError: If there is no such folder, it has fewer than 10 different photos, or class folders of
            another model.
        StorageError: If a folder may not be read.
    """
    hint = "give 10 photos or more like those of the camera: --calibration FOLDER"
    paths = [path for path in photos_below(folder, hint=hint) if path.is_file()]
    if not paths:
        message = f"Expected photos to calibrate on in {str(folder)!r}, got none."
        raise DataError(message, hint=hint)
    names = _class_names(folder.expanduser().resolve(), paths)
    if split is not None:
        _check_classes(folder, names, split.labels)
    groups = {name: number for number, name in enumerate(sorted(set(names)))}
    hashes = [key for _, key in each(_hash, paths, threads=cores(), on_progress=on_progress)]
    kept_out = _checked_on(split)
    found: dict[str, tuple[Path, int]] = {}
    for path, name, key in zip(paths, names, hashes, strict=True):
        if key and key not in kept_out:
            found.setdefault(key, (path, groups[name]))
    if len(found) < MIN_CALIBRATION:
        counted = Counter(_reason(key, kept_out) for key in dict.fromkeys(hashes))
        counted["copies"] = len(hashes) - len(set(hashes))
        raise _too_few(folder, len(found), len(paths), counted)
    return in_turn([(key, group, path) for key, (path, group) in found.items()], most)


def check_pictures(images: Images, folder: Path, *, chosen: int) -> None:
    """Refuse photos whose pixels cannot show a quantizer which values to expect.

    Args:
        images: The photos that could be read, shape ``(count, height, width, 3)``, uint8, RGB.
        folder: Where they are from.
        chosen: How many were to be read.

    Raises:
        DataError: If fewer than 10 can be read, differ and show more than one colour, or all are nearly the
            same picture.
    """
    different = {image.tobytes() for image in images}
    plain = sum(_is_plain(np.frombuffer(data, np.uint8)) for data in different)
    usable = len(different) - plain
    if usable < min(MIN_CALIBRATION, chosen):
        counted = Counter(
            {
                "that cannot be read": chosen - len(images),
                "with the same pixels as others": len(images) - len(different),
                "of one plain colour": plain,
            }
        )
        raise _too_few(folder, usable, chosen, counted)
    if len(images) > 1 and _deviation(images) < SAME_LEVELS:
        message = (
            f"Expected photos that differ, to calibrate on, got {len(images)} in {str(folder)!r} that are "
            "nearly the same picture."
        )
        raise DataError(message, hint="take photos of what the camera will see, in every light")


def _is_plain(pixels: Images) -> bool:
    return bool(pixels.reshape(-1, 3).std(axis=0).max() < PLAIN_LEVELS)


def _deviation(images: Images) -> float:
    """Return the mean deviation of a pixel from the mean picture, in levels of 255."""
    mean = images.mean(axis=0, dtype=np.float32)
    return float(np.mean([np.abs(image - mean).mean() for image in images]))


def _hash(path: Path) -> str:
    try:
        return sha256_of(path)
    except StorageError:
        return ""  # counted as one that cannot be read


def _checked_on(split: Split | None) -> set[str]:
    photos = () if split is None else split.photos
    return {photo.content_hash for photo in photos if photo.split != "train"}


def _reason(key: str, kept_out: set[str]) -> str:
    if not key:
        return "that cannot be read"
    return "of the validation or test split of the run" if key in kept_out else ""


def _too_few(folder: Path, usable: int, files: int, counted: Counter[str]) -> DataError:
    left_out = [f"{number} {why}" for why, number in counted.items() if number and why]
    why = f" ({', '.join(left_out)})" if left_out else ""
    message = (
        f"Expected at least {MIN_CALIBRATION} different photos to calibrate on in {str(folder)!r}, got "
        f"{usable} usable of {files}{why}."
    )
    return DataError(message, hint="give about 100 photos like those of the camera")


def _class_names(folder: Path, paths: Sequence[Path]) -> list[str]:
    """Return the subfolder of each photo, below ``train`` and the like; empty for one in no subfolder."""
    parts = [path.relative_to(folder).parts[:-1] for path in paths]
    is_split = all(part and part[0].lower() in SPLIT_FOLDERS for part in parts)
    names = [part[int(is_split) :][:1] for part in parts]
    return [unicodedata.normalize("NFC", name[0]) if name else "" for name in names]


def _check_classes(folder: Path, names: Sequence[str], labels: Sequence[str]) -> None:
    """Refuse class folders of another model, and say what is missing of this one's.

    Two folders or more with all photos in them look like classes. One folder, or photos beside folders, do not.
    """
    found = sorted(set(names))
    if "" in found or len(found) < 2:
        return
    others = [name for name in found if name not in labels]
    if others:
        shown = ", ".join(map(repr, others[:5]))
        message = (
            f"Expected class folders of the model in {str(folder)!r}, got {shown}; its labels are "
            f"{_shown(labels)}."
        )
        hint = "if they are no classes, put the photos into one folder; else leave these out"
        raise DataError(message, hint=hint)
    missing = [label for label in labels if label not in found]
    if missing:
        say(f"note: no photo to calibrate on of {_shown(missing)}; its values may pass the ranges")


def _shown(labels: Sequence[str]) -> str:
    more = f" and {len(labels) - 5} more" if len(labels) > 5 else ""
    return ", ".join(labels[:5]) + more
