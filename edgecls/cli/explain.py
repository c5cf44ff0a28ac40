"""``edgecls compare --explain``: what is wrong with one exported file, in words."""

import os
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from edgecls_bench.cases import spec_of
from edgecls_bench.diagnosis.collecting import steps_of
from edgecls_bench.diagnosis.diagnose import diagnose
from edgecls_bench.diagnosis.growth import worst_layers
from edgecls_bench.diagnosis.record import Diagnosis, Finding, LayerError
from edgecls_device.artifact import Artifact, read_artifact
from edgecls_device.errors import (
    ArtifactError,
    DataError,
    OptionError,
    SpecError,
    StorageError,
)

from edgecls.cli.output import print_line, print_record, print_table
from edgecls.comparison_photos import (
    ComparisonPhotos,
    photos_in_folder,
    photos_of_run,
    photos_without_classes,
)
from edgecls.data.folders import find_photos, photos_below
from edgecls.exports.photos import choose_photos
from edgecls.exports.pictures import CALIBRATION_PHOTOS
from edgecls.progress import progress, say
from edgecls.run_directory import RunDirectory

__all__ = ["PHOTOS", "explain"]

PHOTOS = 100
"""Photos looked at where no limit is given: what spoils a file shows on far fewer."""

TRAINING_PHOTOS = 500
"""Photos beside those of an export that are tried: who calibrates by hand takes others of the training."""

WORST_LAYERS = 8
BAR = 24
FULL_BAR_DB = 40.0
"""A bar is full where no signal is left, and empty from here on: what int8 reaches in a first layer."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Question:
    """What is asked.

    Attributes:
        artifact: The file to explain.
        targets: A run directory, if one was named.
        reference: The float32 file to hold it against, if one was named.
        data: Photos, if not the test split of the run.
        has_classes: Whether the photos have classes.
        limit: Photos at most; None for the default.
        threads: For one inference; None for one per core.
    """

    artifact: Path
    targets: tuple[Path, ...] = ()
    reference: Path | None = None
    data: Path | None = None
    has_classes: bool = True
    limit: int | None = None
    threads: int | None = None


def explain(question: Question, *, as_json: bool) -> None:
    """Diagnose one file and print what was found.

    Raises:
        EdgeclsError: If a file, the photos or the reference cannot be used.
    """
    artifact = read_artifact(question.artifact)
    run = _run_of(question)
    reference = _reference_of(question, artifact, run)
    labels = spec_of(reference).output_labels
    photos = _photos(question, run, labels).limited(question.limit or PHOTOS)
    calibration, training = _calibration(run, question.data)
    class_ids = [photo.class_id for photo in photos.photos if photo.class_id is not None]
    total = steps_of(len(photos.photos), len(calibration), len(training))
    with progress(f"Explaining {artifact.path.name}, steps", total) as advance:
        diagnosis = diagnose(
            artifact,
            reference,
            [photo.path for photo in photos.photos],
            class_ids=class_ids if len(class_ids) == len(photos.photos) else (),
            calibration=calibration,
            training=training,
            threads=question.threads or len(os.sched_getaffinity(0)),
            advance=advance,
        )
    skipped = len(photos.photos) - diagnosis.photos
    if skipped:
        say(f"left out {skipped} photos that cannot be read; see: edgecls data check {photos.data}")
    if as_json:
        print_record(diagnosis)
    else:
        _print(diagnosis, run)


def _run_of(question: Question) -> RunDirectory | None:
    """Return the run a file belongs to: the one that is named, or the one whose ``exports`` it lies in."""
    if len(question.targets) > 1 or any(not path.is_dir() for path in question.targets):
        message = f"Expected at most one run beside --explain, got {' '.join(map(str, question.targets))}."
        raise OptionError(message, hint="edgecls compare --explain ARTIFACT [RUN]")
    if question.targets:
        return RunDirectory(question.targets[0])
    parent = question.artifact.resolve().parent
    run = RunDirectory(parent.parent)
    return run if parent == run.exports and run.spec.is_file() else None


def _reference_of(question: Question, artifact: Artifact, run: RunDirectory | None) -> Artifact:
    """Return the named reference, else a float32 file of the run, if possible of the same format."""
    if question.reference is not None:
        return read_artifact(question.reference)
    paths = run.artifacts() if run is not None else ()
    found = _readable([path for path in paths if not _is_same(path, question.artifact)])
    floats = [
        entry
        for entry in found
        if entry.spec is not None and entry.spec.provenance.recipe == "float32"
    ]
    floats.sort(key=lambda entry: entry.format != artifact.format)
    if floats:
        return floats[0]
    where = f"in {str(run.exports)!r}" if run is not None else "since the file lies in no run"
    message = f"Expected a float32 file to hold {artifact.path.name!r} against, got none {where}."
    hint = "edgecls export RUN --recipe float32, or name one: --reference FILE"
    raise ArtifactError(message, hint=hint)


def _readable(paths: Sequence[Path]) -> list[Artifact]:
    """Return the files that can be read, and say which cannot: a damaged one is no reference of a good one."""
    found = []
    for path in paths:
        try:
            found.append(read_artifact(path))
        except (ArtifactError, SpecError, StorageError) as error:
            say(f"left out {path.name}: {error.message}")
    return found


def _is_same(path: Path, other: Path) -> bool:
    return path.resolve() == other.resolve()


def _photos(
    question: Question, run: RunDirectory | None, labels: Sequence[str]
) -> ComparisonPhotos:
    if question.data is None:
        if run is None:
            message = "Expected photos to explain a file on, got no --data and no run."
            raise OptionError(message, hint="add --data PHOTOS, with --no-labels if they have none")
        return photos_of_run(run, labels, with_classes=question.has_classes)
    if question.has_classes:
        found = find_photos(question.data, fewest_classes=1)
        with progress("Reading photos", len(found.photos)) as advance:
            return photos_in_folder(question.data, labels, run=run, on_progress=advance)
    with progress("Reading photos", len(photos_below(question.data))) as advance:
        return photos_without_classes(question.data, run=run, on_progress=advance)


def _calibration(
    run: RunDirectory | None, data: Path | None
) -> tuple[tuple[Path, ...], tuple[Path, ...]]:
    """Return photos that an export of the run calibrates on, and others of its training; none without a run."""
    if run is None:
        return (), ()
    folder = None if run.split.is_file() else data
    try:
        chosen = choose_photos(
            run,
            data=folder,
            calibration=CALIBRATION_PHOTOS,
            check=0,
            training=CALIBRATION_PHOTOS + TRAINING_PHOTOS,
        )
    except DataError as error:
        say(f"calibration photos are not looked at: {error.message}")
        return (), ()
    calibration = chosen.calibration.paths
    others = [path for path in chosen.training.paths if path not in set(calibration)]
    return calibration, tuple(others[:TRAINING_PHOTOS])


def _print(diagnosis: Diagnosis, run: RunDirectory | None) -> None:
    worst = worst_layers(diagnosis.layers, WORST_LAYERS)
    if worst:
        title = f"{diagnosis.artifact}: the layers where the error grows most, of {len(diagnosis.layers)}"
        columns = [
            "layer",
            "operation",
            "error",
            "SQNR dB",
            "lost dB",
            "range",
            "seen",
            "photos beyond",
        ]
        print_table(title, columns, [_row(layer) for layer in worst], is_tight=True)
        print_line(
            "SQNR: signal against error, 6 dB are one bit; lost: against what its inputs bring; photos "
            "beyond: share with a value outside of the range"
        )
    low, high = diagnosis.agreement_interval
    print_line(
        f"agreement with {diagnosis.reference}: {100 * diagnosis.agreement:.1f} % of {diagnosis.photos} photos "
        f"({100 * low:.1f}-{100 * high:.1f} %), mean score error {diagnosis.mean_score_error:.4f}"
    )
    print_line(
        f"operations: {diagnosis.integer_operations} on integers, {diagnosis.float_operations} on floats, "
        f"{diagnosis.conversions} conversions"
    )
    for finding in diagnosis.findings:
        _print_finding(finding, run)
    if diagnosis.is_healthy:
        print_line(f"{diagnosis.artifact} is {diagnosis.cause}", style="green")


def _print_finding(finding: Finding, run: RunDirectory | None) -> None:
    word, style = ("fault", "red") if finding.is_fault else ("note", "yellow")
    print_line(f"{word}, {finding.kind}: {finding.sentence}", style=style)
    remedy = finding.remedy if run is None else finding.remedy.replace("RUN", str(run.path))
    print_line(f"  what to do: {remedy}")


def _row(layer: LayerError) -> tuple[str, ...]:
    sqnr = layer.sqnr_db if layer.sqnr_db is not None else FULL_BAR_DB
    filled = round(BAR * min(max(1 - sqnr / FULL_BAR_DB, 0.0), 1.0))
    is_float = layer.low is None or layer.high is None
    return (
        _short(layer.name),
        layer.operation,
        "#" * filled + "." * (BAR - filled),
        f"{sqnr:.1f}",
        "" if layer.lost_db is None else f"{layer.lost_db:+.1f}",
        "float" if is_float else f"{layer.low:.3g}..{layer.high:.3g}",
        f"{layer.seen_low:.3g}..{layer.seen_high:.3g}",
        f"{100 * layer.clipped_photos:.0f} %",
    )


def _short(name: str) -> str:
    """Return the Keras layer in a tensor's name.

    Of several joined with semicolons the first is what comes out of the fused operation; the last part is
    the operation inside of the layer, which a batch norm has in a scope of its own.
    """
    parts = name.partition(";")[0].split("/")
    if "batchnorm" in parts[1:]:
        del parts[parts.index("batchnorm") :]
    elif len(parts) > 1:
        del parts[-1]
    shown = parts[-1]
    return shown if len(shown) <= 40 else "…" + shown[-39:]
