"""Export a run: one Keras model, several files, each finished before the next begins."""

from collections.abc import Callable, Sequence
from pathlib import Path

from edgecls_device.errors import ExportError
from edgecls_export.exported import CalibrationStability, ExportedArtifact, ExportRun
from edgecls_export.table import choose_exporters, find_exporter
from edgecls_export.tuned_exporters import TUNING

from edgecls.exports.session import (
    ExportSession,
    Key,
    check_packages,
    destination,
    is_calibrated,
    open_session,
)
from edgecls.exports.stability import check_stability
from edgecls.progress import progress, say
from edgecls.run_directory import RunDirectory

__all__ = ["export_run", "stability_of"]


def export_run(
    run: RunDirectory,
    *,
    formats: Sequence[str] = (),
    recipes: Sequence[str] = (),
    calibration: int | Path | None = None,
    data: Path | None = None,
    stability: bool = True,
    on_done: Callable[[ExportedArtifact], None] | None = None,
) -> ExportRun:
    """Write the exported files of a run, each checked against Keras before it gets its name.

    Repeating it replaces the files. Stopping it leaves those that are finished.

    Args:
        run: A trained run.
        formats: ``tflite``, ``onnx``; none means all.
        recipes: As in the table of exporters; none means the default ones of the formats.
        calibration: Number of training photos that int8 takes its value ranges from, or a folder of photos;
            None for 100.
        data: Where the photos of the run are now, if they were moved; photos for a run that has none.
        stability: Whether to try two halves of the calibration photos as well.
        on_done: Called with each finished file.

    Returns:
        The finished files, and why others could not be made.

    Raises:
        ArtifactError: If ``model.keras`` is damaged.
        DataError: If there is no finished run, or its photos are gone or of no use.
        MissingDependencyError: If a package is not installed.
        OptionError: If there is no such format, recipe, or pair of them, or an option does not fit them.
        SpecError: If ``spec.json`` or ``split.json`` is damaged.
        StorageError: If a file cannot be read or written.
    """
    chosen = choose_exporters(formats, recipes)
    for key in chosen:
        check_packages(key)
    session = open_session(run, chosen, calibration=calibration, data=data)
    done: list[ExportedArtifact] = []
    failures: list[str] = []
    total = 2 * len(chosen)
    if any(find_exporter(*key).training_photos for key in chosen):
        say("Tuning takes minutes; what it yields is written to the log")
        total += TUNING.steps
    with progress(f"Exporting {len(chosen)} files, steps", total) as advance:
        session.frozen.on_tuning_step = advance
        for key in chosen:
            path = destination(run, key)
            try:
                exported = session.export(key, path, lambda step: advance(int(step == "check")))
            except ExportError as error:  # another recipe may still work
                failures.append(f"{path.name}: {error.message} ({error.hint})")
                advance()
                continue
            advance()
            done.append(exported)
            if on_done is not None:
                on_done(exported)
    made = [(artifact.format, artifact.recipe) for artifact in done]
    return ExportRun(
        artifacts=tuple(done),
        failures=tuple(failures),
        stability=stability_of(session, made) if stability else None,
    )


def stability_of(session: ExportSession, made: Sequence[Key]) -> CalibrationStability | None:
    """Try two halves of the calibration photos with the first int8 recipe that was made, and say the result.

    One recipe is enough: it is the photos that are tested, and conversions take most of an export's time.
    """
    able = [key for key in made if is_calibrated(key) and key[1].startswith("int8")]
    if not able:
        return None
    with progress(f"Calibrating {' '.join(able[0])} on two halves of the photos", 1) as advance:
        try:
            found = check_stability(session, able[0])
        except ExportError as error:
            say(f"half of the photos are not enough to calibrate on: {error.message}")
            return None
        advance()
    if found is not None:
        say(_sentence(found))
    return found


def _sentence(found: CalibrationStability) -> str:
    first, second, mutual = (
        f"{100 * share:.1f}" for share in (*found.agreements, found.mutual_agreement)
    )
    seen = (
        f"calibrated on either half of the photos, {found.format} {found.recipe} agrees with Keras on "
        f"{first} and {second} % of {found.check_photos} photos, and with itself on {mutual} %"
    )
    if found.is_stable:
        return f"{seen}: which photos they are does not matter"
    remedy = "use more of them (--calibration 300), or a folder of photos like those of the camera"
    return f"warning: {seen}: the result depends on which photos they are; {remedy}"
