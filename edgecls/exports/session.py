"""One export at work: the model loaded once, the photos read once, then any number of files."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TypeAlias

from edgecls_device.backends.table import choose_backend
from edgecls_device.errors import OptionError
from edgecls_device.files import storage_errors
from edgecls_device.spec import ModelSpec
from edgecls_export.exported import ExportedArtifact
from edgecls_export.exporting import export
from edgecls_export.frozen import FrozenModel, freeze
from edgecls_export.keras_model import load_keras_model
from edgecls_export.rehearsal import rehearse
from edgecls_export.requirements import check_model
from edgecls_export.table import find_exporter

from edgecls.exports.photo_files import Pictures
from edgecls.exports.pictures import (
    CALIBRATION_PHOTOS,
    ExportPictures,
    PhotoSource,
    read_pictures,
    read_training,
)
from edgecls.progress import say
from edgecls.run_directory import RunDirectory

__all__ = [
    "LOG_NAME",
    "ExportSession",
    "Key",
    "check_packages",
    "destination",
    "is_calibrated",
    "open_session",
]

LOG_NAME = "export.log"

Key: TypeAlias = tuple[str, str]
"""Format and recipe, as in the table of exporters."""


def destination(run: RunDirectory, key: Key) -> Path:
    """Return where a file of a run goes, such as ``exports/pets.int8.tflite``."""
    return run.exports / f"{run.name}.{key[1]}.{key[0]}"


def is_calibrated(key: Key) -> bool:
    """Whether a recipe measures value ranges on calibration photos; one that is tuned takes training photos."""
    entry = find_exporter(*key)
    return entry.needs_calibration and not entry.training_photos


def check_packages(key: Key) -> None:
    """Check that a file can be made and run here.

    Raises:
        MissingDependencyError: If a package is not installed.
    """
    find_exporter(*key).check_packages()
    choose_backend(key[0])  # a file is not done before a runtime has run it


@dataclass(frozen=True, kw_only=True, slots=True)
class ExportSession:
    """What all files of one export share.

    Attributes:
        run: The run.
        spec: Of its model.
        frozen: Its model.
        source: Where its photos come from.
        pictures: Its photos.
        training: Photos to tune on, once they were needed.
        log: Where the converters' output goes.
    """

    run: RunDirectory
    spec: ModelSpec
    frozen: FrozenModel
    source: PhotoSource
    pictures: ExportPictures
    training: Pictures | None = None
    log: Path

    def export(
        self, key: Key, path: Path, on_step: Callable[[str], None] | None = None
    ) -> ExportedArtifact:
        """Write one file; see :func:`edgecls_export.export` for what is raised."""
        tuned_on = find_exporter(*key).training_photos
        pictures = self.pictures
        images = pictures.calibration.images
        if tuned_on and self.training is not None:
            images = self.training.images[:tuned_on]
        return export(
            self.frozen,
            self.spec,
            format=key[0],
            recipe=key[1],
            destination=path,
            calibration=images,
            photos=pictures.check.images,
            class_ids=pictures.check.class_ids or None,
            log=self.log,
            on_step=on_step,
        )

    def with_training(self, count: int) -> "ExportSession":
        """Return the session with photos to tune on; see :func:`read_training` for what is raised."""
        if not count or self.training is not None:
            return self
        return replace(self, training=read_training(self.run, self.spec, self.source, count))


def open_session(
    run: RunDirectory, keys: Sequence[Key], *, calibration: int | Path | None, data: Path | None
) -> ExportSession:
    """Find, read and check everything that these files need; the model comes last, as it takes longest.

    Args:
        run: A trained run.
        keys: The files to be made.
        calibration: Number of training photos to calibrate on, or a folder of photos; None for 100.
        data: Where the photos of the run are now, if they were moved; photos for a run that has none.

    Raises:
        ArtifactError: If ``model.keras`` is damaged.
        DataError: If there is no finished run, or its photos are gone or of no use.
        ExportError: If the packages here cannot make a recipe, or the model is not one to export.
        OptionError: If an option does not fit the files.
        SpecError: If ``spec.json`` or ``split.json`` is damaged.
        StorageError: If a file cannot be read or written.
    """
    calibrates = any(is_calibrated(key) for key in keys)
    if calibration is not None and not calibrates:
        recipes = ", ".join(dict.fromkeys(recipe for _, recipe in keys))
        message = (
            f"Expected a recipe that is calibrated on photos, got --calibration with {recipes}."
        )
        raise OptionError(message, hint="leave --calibration out, or add --recipe int8")
    spec = run.read_spec()
    log = run.logs / LOG_NAME
    with storage_errors("replace", log):
        log.unlink(missing_ok=True)
    for key in keys:
        rehearse(*key, log=log)
    wanted = CALIBRATION_PHOTOS if calibration is None else calibration
    source = PhotoSource(calibration=wanted if calibrates else 0, data=data)
    pictures = read_pictures(run, spec, source)
    tuned_on = max(find_exporter(*key).training_photos for key in keys)
    training = read_training(run, spec, source, tuned_on) if tuned_on else None
    say("Loading the Keras model")
    frozen = freeze(load_keras_model(run.model, log=log))
    check_model(frozen, spec)
    return ExportSession(
        run=run,
        spec=spec,
        frozen=frozen,
        source=source,
        pictures=pictures,
        training=training,
        log=log,
    )
