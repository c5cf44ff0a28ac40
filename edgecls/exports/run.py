"""Export a run: one Keras model, several files, each finished before the next begins."""

from collections.abc import Callable, Sequence
from pathlib import Path

from edgecls_device.backends.table import choose_backend
from edgecls_device.errors import DataError, ExportError
from edgecls_device.files import storage_errors
from edgecls_device.golden import golden_inputs
from edgecls_device.spec import ModelSpec
from edgecls_export.exported import ExportedArtifact, ExportRun, Images
from edgecls_export.exporting import export
from edgecls_export.frozen import FrozenModel, freeze
from edgecls_export.keras_model import load_keras_model
from edgecls_export.table import choose_exporters, find_exporter

from edgecls.exports.photos import choose_photos, prepare
from edgecls.progress import progress, say
from edgecls.run_directory import RunDirectory

__all__ = ["CALIBRATION_PHOTOS", "LOG_NAME", "destination", "export_run"]

CALIBRATION_PHOTOS = 100
"""More gain nothing: 300 gave the same accuracy on 1000 classes."""

LOG_NAME = "export.log"


def destination(run: RunDirectory, file_format: str, recipe: str) -> Path:
    """Return where a file of a run goes, such as ``exports/pets.int8.tflite``."""
    return run.exports / f"{run.name}.{recipe}.{file_format}"


def export_run(
    run: RunDirectory,
    *,
    formats: Sequence[str] = (),
    recipes: Sequence[str] = (),
    calibration: int = CALIBRATION_PHOTOS,
    data: Path | None = None,
    on_done: Callable[[ExportedArtifact], None] | None = None,
) -> ExportRun:
    """Write the exported files of a run, each checked against Keras before it gets its name.

    Repeating it replaces the files. Stopping it leaves those that are finished.

    Args:
        run: A trained run.
        formats: ``tflite``, ``onnx``; none means all.
        recipes: ``float32``, ``float16``, ``int8``; none means all that a format has.
        calibration: Training photos that int8 takes its value ranges from.
        data: Where the photos of the run are now, if they were moved; photos for a run that has none.
        on_done: Called with each finished file.

    Returns:
        The finished files, and why others could not be made.

    Raises:
        ArtifactError: If ``model.keras`` is damaged.
        DataError: If there is no finished run, or its photos are gone.
        MissingDependencyError: If a package is not installed.
        OptionError: If there is no such format, recipe, or pair of them.
        SpecError: If ``spec.json`` or ``split.json`` is damaged.
        StorageError: If a file cannot be read or written.
    """
    chosen = choose_exporters(formats, recipes)
    entries = [find_exporter(*key) for key in chosen]
    for (file_format, _), entry in zip(chosen, entries, strict=True):
        entry.check_packages()
        choose_backend(file_format)  # a file is not done before a runtime has run it
    spec = run.read_spec()
    needs_calibration = any(entry.needs_calibration for entry in entries)
    images, photos = _images(run, spec, data, calibration if needs_calibration else 0)
    log = run.logs / LOG_NAME
    with storage_errors("replace", log):
        log.unlink(missing_ok=True)
    say("Loading the Keras model")
    frozen = freeze(load_keras_model(run.model, log=log))
    return _export_all(run, spec, frozen, chosen, images, photos, log, on_done)


def _export_all(
    run: RunDirectory,
    spec: ModelSpec,
    frozen: FrozenModel,
    chosen: Sequence[tuple[str, str]],
    calibration: Images,
    photos: Images,
    log: Path,
    on_done: Callable[[ExportedArtifact], None] | None,
) -> ExportRun:
    done: list[ExportedArtifact] = []
    failures: list[str] = []
    with progress(f"Exporting {len(chosen)} files, steps", 2 * len(chosen)) as advance:
        for file_format, recipe in chosen:
            path = destination(run, file_format, recipe)
            try:
                exported = export(
                    frozen,
                    spec,
                    format=file_format,
                    recipe=recipe,
                    destination=path,
                    calibration=calibration,
                    photos=photos,
                    log=log,
                    on_step=lambda step: advance(int(step == "check")),
                )
            except ExportError as error:  # another recipe may still work
                failures.append(f"{path.name}: {error.message} ({error.hint})")
                advance()
                continue
            advance()
            done.append(exported)
            if on_done is not None:
                on_done(exported)
    return ExportRun(artifacts=tuple(done), failures=tuple(failures))


def _images(
    run: RunDirectory, spec: ModelSpec, data: Path | None, calibration: int
) -> tuple[Images, Images]:
    """Return the images to calibrate on and those to check on."""
    paths = choose_photos(run, data=data, calibration=calibration)
    rule = spec.preprocessing
    total = len(paths.calibration) + len(paths.check)
    if not total:
        say(f"No photos to check on; better give some: edgecls export {run.path} --data PHOTOS")
        if calibration:
            say("int8 takes its value ranges from generated pictures, which costs some agreement")
        made = golden_inputs(spec.golden.seed + 1, rule.height, rule.width, count=calibration)
        return made, made[:0]
    with progress(f"Reading {total} photos", total) as advance:
        images = prepare(paths.calibration, rule, on_progress=advance)
        photos = prepare(paths.check, rule, on_progress=advance)
    if calibration and not len(images):
        message = (
            f"Expected photos that can be read in {str(paths.calibration[0].parent)!r}, got none."
        )
        raise DataError(message, hint=f"edgecls data check {data or 'PHOTOS'}")
    return images, photos
