"""Which photos an export needs: training photos to calibrate on, validation photos to check on.

The test split stays untouched, for ``compare`` and the report.
"""

from dataclasses import dataclass, field, replace
from pathlib import Path

from edgecls_device.errors import DataError

from edgecls.data.download import sha256_of
from edgecls.data.folders import photos_below
from edgecls.data.split import read_split
from edgecls.data.split_record import Split, SplitName
from edgecls.exports.calibration import photos_to_calibrate
from edgecls.exports.photo_files import PhotoFiles, in_turn
from edgecls.run_directory import RunDirectory

__all__ = ["CHECK_PHOTOS", "ExportPhotos", "choose_photos", "choose_validation"]

CHECK_PHOTOS = 500
"""The whole validation split of a run of up to 5000 photos. More would hardly fit confidence better, and every
file takes time for each."""


@dataclass(frozen=True, kw_only=True, slots=True)
class ExportPhotos:
    """Photo files of an export.

    Attributes:
        calibration: To measure value ranges on.
        check: To compare with Keras on and to fit confidence to; none of them is among ``calibration``.
        training: To tune on.
    """

    calibration: PhotoFiles = field(default_factory=PhotoFiles)
    check: PhotoFiles = field(default_factory=PhotoFiles)
    training: PhotoFiles = field(default_factory=PhotoFiles)


def choose_photos(
    run: RunDirectory,
    *,
    data: Path | None,
    calibration: int | Path,
    check: int = CHECK_PHOTOS,
    training: int = 0,
) -> ExportPhotos:
    """Choose photos for an export, the same ones every time: stratified, by content hash.

    With more classes than photos the classes are drawn; those drawn for more photos are others.

    Args:
        run: The run. One that was not trained on photos needs ``data`` to have any.
        data: Where the photos are now, if not where they were when the run was trained. For a run that was
            not trained on photos any folder of photos.
        calibration: Photos to calibrate on, at most, 0 if none are needed; or a folder of them.
        check: Photos to check on, at most.
        training: Photos to tune on, at most.

    Raises:
        DataError: If the photos are gone, ``data`` has none, or the folder to calibrate on is of no use.
        SpecError: If ``split.json`` is damaged.
        StorageError: If a file or folder cannot be read.
    """
    count = 0 if isinstance(calibration, Path) else calibration
    if run.split.is_file():
        split = read_split(run.split)
        root = Path(split.root) if data is None else data
        chosen = ExportPhotos(
            calibration=_from_split(split, "train", root, count, run),
            check=_from_split(split, "val", root, check, run),
            training=_from_split(split, "train", root, training, run),
        )
    else:
        split = None
        chosen = ExportPhotos() if data is None else _from_folder(data, count, check, training)
    if isinstance(calibration, Path):
        own = photos_to_calibrate(calibration, split=split)
        chosen = replace(chosen, calibration=own)
    return chosen


def choose_validation(run: RunDirectory, *, data: Path | None) -> tuple[Path, PhotoFiles]:
    """Return the whole validation split of a run, and the folder it is in.

    Raises:
        DataError: If it was not trained on photos, or they are gone.
        SpecError: If ``split.json`` is damaged.
        StorageError: If it cannot be read.
    """
    split = read_split(run.split)
    root = Path(split.root) if data is None else data
    return root, _from_split(split, "val", root, len(split.photos), run)


def _from_split(
    split: Split, name: SplitName, root: Path, count: int, run: RunDirectory
) -> PhotoFiles:
    photos = split.subset(name)
    chosen = in_turn([(p.content_hash, p.class_id, root / p.path) for p in photos], count)
    if count and photos and not chosen.paths:
        wanted = f"{len(photos)} {name} photos"
        message = (
            f"Expected the photos of the run in {str(root)!r}, got none of its {wanted} there."
        )
        hint = f"if they were moved: edgecls export {run.path} --data FOLDER"
        raise DataError(message, hint=hint)
    return chosen


def _from_folder(folder: Path, calibration: int, check: int, training: int) -> ExportPhotos:
    hint = "give a folder of about 300 photos like those of the camera"
    files = photos_below(folder, hint=hint)
    if not files:
        message = f"Expected a folder with photos in {str(folder)!r}, got none there."
        raise DataError(message, hint=hint)
    by_hash = {sha256_of(path): path for path in sorted(files) if path.is_file()}
    chosen = tuple(by_hash[key] for key in sorted(by_hash))
    end = calibration + check
    return ExportPhotos(
        calibration=PhotoFiles(paths=chosen[:calibration]),
        check=PhotoFiles(paths=chosen[calibration:end]),
        training=PhotoFiles(paths=(chosen[:calibration] + chosen[end:])[:training]),
    )
