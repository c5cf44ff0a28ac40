"""The photos of an export, read as a device will see them, by the same code."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from edgecls_device.errors import DataError, OptionError
from edgecls_device.golden import golden_inputs
from edgecls_device.spec import ModelSpec, Preprocessing

from edgecls.exports.calibration import MIN_CALIBRATION, check_pictures
from edgecls.exports.photo_files import PhotoFiles, Pictures, prepare
from edgecls.exports.photos import choose_photos
from edgecls.progress import progress, say
from edgecls.run_directory import RunDirectory

__all__ = [
    "CALIBRATION_PHOTOS",
    "ExportPictures",
    "PhotoSource",
    "read_pictures",
    "read_training",
]

CALIBRATION_PHOTOS = 100
"""More gain nothing: 300 gave the same accuracy on 1000 classes."""


@dataclass(frozen=True, kw_only=True, slots=True)
class PhotoSource:
    """Where photos come from.

    Attributes:
        calibration: Number of training photos to calibrate on, 0 if none are needed; or a folder of photos.
        data: Where the photos of the run are now, if they were moved; photos for a run that has none.
    """

    calibration: int | Path
    data: Path | None


@dataclass(frozen=True, kw_only=True, slots=True)
class ExportPictures:
    """What all files of one export are made and checked with.

    Attributes:
        calibration: To measure value ranges on.
        check: To compare with Keras on, with class ids if they have any.
        is_generated: Whether those to calibrate on are no photos.
    """

    calibration: Pictures
    check: Pictures
    is_generated: bool = False


def read_pictures(run: RunDirectory, spec: ModelSpec, source: PhotoSource) -> ExportPictures:
    """Choose and read the photos that every export needs.

    Args:
        run: The run.
        spec: Of its model.
        source: Where from.

    Raises:
        DataError: If the photos are gone, or of no use.
        SpecError: If ``split.json`` is damaged.
        StorageError: If a file or folder cannot be read.
    """
    calibration, data = source.calibration, source.data
    files = choose_photos(run, data=data, calibration=calibration)
    if not files.check.paths:
        say(f"No photos to check on; better give some: edgecls export {run.path} --data PHOTOS")
    ranges, check = _read([files.calibration, files.check], spec.preprocessing)
    folder = data if isinstance(calibration, int) and not run.split.is_file() else calibration
    if isinstance(folder, Path) and files.calibration.paths:
        check_pictures(ranges.images, folder, chosen=len(files.calibration.paths))
    if 0 < len(ranges) < MIN_CALIBRATION:
        say(
            f"note: {len(ranges)} photos are few to calibrate on; others may pass their value ranges"
        )
    if isinstance(calibration, int) and calibration and not files.calibration.paths:
        say("int8 takes its value ranges from generated pictures, which costs some agreement")
        return ExportPictures(
            calibration=_generated(spec, calibration), check=check, is_generated=True
        )
    return ExportPictures(calibration=ranges, check=check)


def read_training(run: RunDirectory, spec: ModelSpec, source: PhotoSource, count: int) -> Pictures:
    """Choose and read photos to tune on; none of them is checked on.

    Args:
        run: The run.
        spec: Of its model.
        source: Where from.
        count: Photos at most.

    Raises:
        DataError: If the photos are gone.
        OptionError: If there are fewer than 10.
        SpecError: If ``split.json`` is damaged.
        StorageError: If a file or folder cannot be read.
    """
    own = source.calibration if isinstance(source.calibration, int) else 0
    files = choose_photos(run, data=source.data, calibration=own, training=count)
    found = len(files.training.paths)
    if found < MIN_CALIBRATION:
        message = f"Expected at least {MIN_CALIBRATION} photos to tune on, got {found} in {str(run.path)!r}."
        hint = f"edgecls export {run.path} --data PHOTOS, or another recipe such as int8"
        raise OptionError(message, hint=hint)
    return _read([files.training], spec.preprocessing)[0]


def _read(sets: Sequence[PhotoFiles], rule: Preprocessing) -> list[Pictures]:
    total = sum(len(chosen.paths) for chosen in sets)
    if not total:
        return [prepare(chosen, rule) for chosen in sets]
    with progress(f"Reading {total} photos", total) as advance:
        found = [prepare(chosen, rule, on_progress=advance) for chosen in sets]
    for chosen, pictures in zip(sets, found, strict=True):
        if chosen.paths and not len(pictures):
            where = str(chosen.paths[0].parent)
            message = f"Expected photos that can be read in {where!r}, got none."
            raise DataError(message, hint="see: edgecls data check PHOTOS")
    return found


def _generated(spec: ModelSpec, count: int) -> Pictures:
    size = spec.preprocessing
    images = golden_inputs(spec.golden.seed + 1, size.height, size.width, count=count)
    return Pictures(images=images)
