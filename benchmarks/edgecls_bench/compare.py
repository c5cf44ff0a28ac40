"""Compare: the accuracy of several artifacts on the same photos, and how far each is from float32."""

from collections.abc import Sequence
from pathlib import Path
from typing import TypeVar

import numpy as np
from edgecls_device.artifact import Artifact
from edgecls_device.errors import DataError, ImageError, OptionError, StorageError
from edgecls_device.stamps import now

from edgecls_bench.answers import Answers, answers_of
from edgecls_bench.cases import Case, plan_cases, spec_of
from edgecls_bench.comparison import Comparison, Gate
from edgecls_bench.evaluation import Advance, LabelledPhoto, Verdict, evaluate, workers_for
from edgecls_bench.gate import check_gate
from edgecls_bench.machine import Machine, describe_machine
from edgecls_bench.summary import summaries
from edgecls_bench.tally import MAX_CONFUSION_LABELS, MOST_LISTED, Tally

__all__ = [
    "MAX_CONFUSION_LABELS",
    "LabelledPhoto",
    "check_askable",
    "check_labels",
    "compare",
    "comparison_of",
    "count_outside",
    "reference_of",
]

_Photo = TypeVar("_Photo")
_REFERENCES = (("tflite", "float32"), ("onnx", "float32"))


def compare(
    artifacts: Sequence[Artifact],
    photos: Sequence[LabelledPhoto],
    *,
    labels: Sequence[str],
    data: Path | str,
    split: str,
    backends: Sequence[str] | None = None,
    threads: int | None = None,
    gate: Gate | None = None,
    out_of_set: Sequence[Path] = (),
    out_of_set_folder: Path | str = "",
    most_listed: int | None = MOST_LISTED,
    advance: Advance | None = None,
) -> Comparison:
    """Look at the same photos with every artifact on every backend.

    Scores are those a user sees: after temperature and groups. The unknown-threshold does not count: a photo
    whose best label is right is right, also where ``run`` would show it as unknown. The reference is the
    float32 TFLite artifact, else the float32 ONNX one, else there is none and nothing agrees with it. There is
    one reference for both formats, so that all drops mean the same; the float32 ONNX file is then judged like
    the others, and disagrees with it on next to no photo.

    Args:
        artifacts: With their specs; all with the same shown labels.
        photos: What to look at, with class ids among ``labels``; or all without, then there is no accuracy.
        labels: The shown labels, in class order.
        data: The folder the photos are in; they are recorded relative to it.
        split: What the photos are: ``test``, or ``all`` for a folder that was given.
        backends: By default every installed one that runs the file.
        threads: Photos looked at at once; by default one per core, while the models fit in memory. The
            result does not depend on it.
        gate: What every artifact but the reference has to keep of it.
        out_of_set: Photos of none of the classes, to see how many are shown as unknown.
        out_of_set_folder: Where they are, for the record.
        most_listed: Photos up to which the record lists them and what was said of each; None for any number.
        advance: Called after each photo, also those of ``out_of_set``.

    Raises:
        DataError: If there is no photo that can be read, or the artifacts have other labels.
        ArtifactError: If an artifact has no spec, or a runtime cannot run it.
        OptionError: If a backend or the number of threads cannot be used, or the gate cannot be asked: of one
            artifact alone, without float32, or of the accuracy without classes.
        MissingDependencyError: If a runtime is not installed.
    """
    cases = plan_cases(artifacts, backends)
    reference = reference_of(cases)
    check_labels(cases, labels)
    _check_photos(photos, labels)
    if gate is not None:
        check_askable(gate, cases, has_classes=photos[0].class_id is not None)
    if threads is not None and threads < 1:
        message = f"Expected at least 1 thread, got {threads}."
        raise OptionError(message, hint="leave it out to use all cores")
    machine = describe_machine(samples_load=False)
    results = evaluate(
        cases,
        [*photos, *(LabelledPhoto(path=path, class_id=None) for path in out_of_set)],
        reference=reference,
        workers=threads
        or workers_for(cases, cores=machine.cores, memory_bytes=machine.memory_bytes),
        advance=advance,
    )
    inside = _readable(photos, results[: len(photos)])
    outside = results[len(photos) :]
    has_classes = photos[0].class_id is not None
    tally = Tally(
        cases, reference, classes=len(labels), has_classes=has_classes, most_listed=most_listed
    )
    _count(tally, inside)
    count_outside(tally, outside)
    names = tuple(_relative(photo.path, Path(data)) for photo, _ in inside)
    return comparison_of(
        tally,
        gate=gate,
        labels=labels,
        data=str(data),
        split=split,
        photos=names,
        skipped=len(photos) - len(inside),
        out_of_set=str(out_of_set_folder) if out_of_set else "",
        machine=machine,
    )


def comparison_of(
    tally: Tally,
    *,
    gate: Gate | None,
    labels: Sequence[str],
    data: str,
    split: str,
    photos: Sequence[str],
    skipped: int,
    out_of_set: str,
    machine: Machine,
    results: str = "",
) -> Comparison:
    """Return the record of what was counted.

    Args:
        tally: All photos.
        gate: What every case but the reference has to keep of it.
        labels: The shown labels.
        data: Where the photos are.
        split: Which of them: ``test``, ``all`` or ``shards``.
        photos: What each is called; left out where the tally lists nothing of each photo.
        skipped: Photos that could not be read.
        out_of_set: Folder of photos of none of the classes.
        machine: What it was measured on.
        results: Folder of Parquet files with what was said of each photo.

    Raises:
        ValueError: If no photo was counted.
    """
    is_listed = tally.is_listed
    return Comparison(
        created=now(),
        data=data,
        split=split,
        labels=tuple(labels),
        reference=""
        if tally.reference is None
        else tally.cases[tally.reference].case.artifact.path.name,
        photos=tuple(photos) if is_listed else (),
        class_ids=tally.class_ids,
        skipped=skipped,
        out_of_set=out_of_set,
        out_of_set_photos=tally.outside,
        gate=gate,
        machine=machine,
        cases=summaries(tally, gate),
        photos_seen=tally.photos,
        photos_per_class=() if is_listed else tuple(tally.class_photos.tolist()),
        results=results,
    )


def _count(tally: Tally, seen: Sequence[tuple[LabelledPhoto, tuple[Verdict, ...]]]) -> None:
    class_ids = [photo.class_id for photo, _ in seen if photo.class_id is not None]
    tally.add(
        _by_case([verdicts for _, verdicts in seen]),
        np.array(class_ids, np.int64) if tally.has_classes else None,
    )


def count_outside(
    tally: Tally, results: Sequence[tuple[Verdict, ...] | ImageError | StorageError]
) -> None:
    """Count photos of none of the classes; there may be none.

    Raises:
        DataError: If none of them can be read.
    """
    if results:
        tally.add_outside(_by_case([seen for _, seen in _readable(results, results)]))


def _by_case(verdicts: Sequence[tuple[Verdict, ...]]) -> list[Answers]:
    """Return what each case said, from what was said of each photo."""
    return [answers_of(column) for column in zip(*verdicts, strict=True)]


def _readable(
    photos: Sequence[_Photo], results: Sequence[tuple[Verdict, ...] | ImageError | StorageError]
) -> list[tuple[_Photo, tuple[Verdict, ...]]]:
    """Return the photos that could be read, each with its verdicts.

    Raises:
        DataError: If there is none.
    """
    seen, errors = [], []
    for photo, result in zip(photos, results, strict=True):
        if isinstance(result, tuple):
            seen.append((photo, result))
        else:
            errors.append(result)
    if not seen:
        message = (
            f"Expected photos that can be read, got none of {len(photos)}: {errors[0].message}"
        )
        raise DataError(message, hint=errors[0].hint)
    return seen


def reference_of(cases: Sequence[Case]) -> int | None:
    """Return the index of the case the others are held against; None without a float32 artifact."""
    for wanted in _REFERENCES:
        for index, case in enumerate(cases):
            if (case.artifact.format, spec_of(case.artifact).provenance.recipe) == wanted:
                return index
    return None


def check_askable(gate: Gate, cases: Sequence[Case], *, has_classes: bool) -> None:
    """Refuse a gate that has nothing to say of these cases.

    Args:
        gate: The limits.
        cases: What would be judged, with the reference.
        has_classes: Whether the photos have classes.

    Raises:
        OptionError: If there is no float32 artifact, or no other, or the drop is limited without classes; or a
            limit is no share.
    """
    check_gate(gate)
    if reference_of(cases) is None:
        found = ", ".join(dict.fromkeys(case.artifact.path.name for case in cases))
        message = f"Expected a float32 artifact to hold the others against, got {found}."
        raise OptionError(
            message, hint="edgecls export RUN --recipe float32, or give that file too"
        )
    if len(cases) == 1:
        message = (
            f"Expected artifacts beside the reference, got {cases[0].artifact.path.name} alone."
        )
        raise OptionError(message, hint="edgecls export RUN, or give the files to be judged too")
    if gate.max_drop is not None and not has_classes:
        message = "Expected photos with classes for a limit on the drop of accuracy, got none."
        raise OptionError(message, hint="ask for the agreement alone: --min-agreement 99")


def check_labels(cases: Sequence[Case], labels: Sequence[str]) -> None:
    """Refuse artifacts that do not show the same labels.

    Raises:
        DataError: If one shows others than ``labels``.
    """
    for case in cases:
        got = spec_of(case.artifact).output_labels
        if got != tuple(labels):
            name = case.artifact.path.name
            message = f"Expected the same labels in every artifact, got others in {name!r}: {_shown(got)}."
            raise DataError(
                message, hint=f"compare artifacts of one run; these are of {_shown(labels)}"
            )


def _check_photos(photos: Sequence[LabelledPhoto], labels: Sequence[str]) -> None:
    if not photos:
        message = "Expected photos to compare on, got none."
        raise DataError(message, hint="give a folder with one folder of photos per label")
    without = sum(photo.class_id is None for photo in photos)
    if without not in {0, len(photos)}:
        message = (
            f"Expected a class for every photo or for none, got {without} of {len(photos)} without."
        )
        raise DataError(message, hint="compare those with and those without a class one by one")
    for photo in photos:
        if photo.class_id is not None and not 0 <= photo.class_id < len(labels):
            message = f"Expected a class id below {len(labels)}, got {photo.class_id} for {str(photo.path)!r}."
            raise DataError(message, hint="class ids count the shown labels from 0")


def _shown(labels: Sequence[str]) -> str:
    more = f" and {len(labels) - 5} more" if len(labels) > 5 else ""
    return ", ".join(labels[:5]) + more


def _relative(path: Path, root: Path) -> str:
    name = path.relative_to(root) if path.is_relative_to(root) else path
    return name.as_posix().encode("utf-8", "backslashreplace").decode()
