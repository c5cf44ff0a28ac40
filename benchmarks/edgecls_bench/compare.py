"""Compare: the accuracy of several artifacts on the same photos, and how far each is from float32."""

from collections.abc import Sequence
from pathlib import Path

from edgecls_device.artifact import Artifact
from edgecls_device.errors import DataError, OptionError
from edgecls_device.stamps import now

from edgecls_bench.cases import Case, plan_cases, spec_of
from edgecls_bench.comparison import Comparison, ComparisonCase
from edgecls_bench.evaluation import Advance, LabelledPhoto, Verdict, evaluate, workers_for
from edgecls_bench.machine import describe_machine
from edgecls_bench.metrics import TOP_K, accuracy, confusion_matrix, per_class_accuracy

__all__ = ["MAX_CONFUSION_LABELS", "LabelledPhoto", "compare", "reference_of"]

MAX_CONFUSION_LABELS = 100
"""With more labels the matrix would be mostly zeros and megabytes large; the predictions hold the same."""

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
    advance: Advance | None = None,
) -> Comparison:
    """Look at the same photos with every artifact on every backend.

    Scores are those a user sees: after temperature and groups. The unknown-threshold does not count: a photo
    whose best label is right is right, also where ``run`` would show it as unknown. The reference is the
    float32 TFLite artifact, else the float32 ONNX one, else there is none and nothing agrees with it.

    Args:
        artifacts: With their specs; all with the same shown labels.
        photos: What to look at, with class ids among ``labels``.
        labels: The shown labels, in class order.
        data: The folder the photos are in; they are recorded relative to it.
        split: What the photos are: ``test``, or ``all`` for a folder that was given.
        backends: By default every installed one that runs the file.
        threads: Photos looked at at once; by default one per core, while the models fit in memory. The
            result does not depend on it.
        advance: Called after each photo.

    Raises:
        DataError: If there is no photo that can be read, or the artifacts have other labels.
        ArtifactError: If an artifact has no spec, or a runtime cannot run it.
        OptionError: If a backend or the number of threads cannot be used.
        MissingDependencyError: If a runtime is not installed.
    """
    cases = plan_cases(artifacts, backends)
    _check_labels(cases, labels)
    _check_photos(photos, labels)
    if threads is not None and threads < 1:
        message = f"Expected at least 1 thread, got {threads}."
        raise OptionError(message, hint="leave it out to use all cores")
    machine = describe_machine()
    reference = reference_of(cases)
    results = evaluate(
        cases,
        photos,
        reference=reference,
        workers=threads
        or workers_for(cases, cores=machine.cores, memory_bytes=machine.memory_bytes),
        advance=advance,
    )
    seen = [
        (photo, result)
        for photo, result in zip(photos, results, strict=True)
        if isinstance(result, tuple)
    ]
    if not seen:
        first = next(result for result in results if not isinstance(result, tuple))
        message = f"Expected photos that can be read, got none of {len(photos)}: {first.message}"
        raise DataError(message, hint=first.hint)
    class_ids = [photo.class_id for photo, _ in seen]
    return Comparison(
        created=now(),
        data=str(data),
        split=split,
        labels=tuple(labels),
        reference="" if reference is None else cases[reference].artifact.path.name,
        photos=tuple(_relative(photo.path, Path(data)) for photo, _ in seen),
        class_ids=tuple(class_ids),
        skipped=len(photos) - len(seen),
        machine=machine,
        cases=tuple(
            _summary(
                case,
                [verdicts[i] for _, verdicts in seen],
                class_ids,
                len(labels),
                has_reference=reference is not None,
            )
            for i, case in enumerate(cases)
        ),
    )


def _summary(
    case: Case,
    verdicts: Sequence[Verdict],
    class_ids: Sequence[int],
    classes: int,
    *,
    has_reference: bool,
) -> ComparisonCase:
    predicted = [verdict.predicted for verdict in verdicts]
    errors = [verdict.score_error for verdict in verdicts]
    is_small = classes <= MAX_CONFUSION_LABELS
    return ComparisonCase(
        artifact=case.artifact.path.name,
        sha256=case.artifact.sha256,
        format=case.artifact.format,
        recipe=spec_of(case.artifact).provenance.recipe,
        backend=case.backend,
        size_bytes=len(case.artifact.data),
        temperature=spec_of(case.artifact).temperature,
        unknown_threshold=spec_of(case.artifact).unknown_threshold,
        top1=accuracy(class_ids, predicted),
        top5=_share([v.is_in_top5 for v in verdicts]) if classes > TOP_K else None,
        per_class=per_class_accuracy(class_ids, predicted, classes),
        confusion=confusion_matrix(class_ids, predicted, classes) if is_small else (),
        calibration_error=None,
        paired=None,
        agreement_interval=None,
        agreement=_share([v.is_agreeing for v in verdicts]) if has_reference else None,
        mean_score_error=sum(errors) / len(errors) if has_reference else None,
        worst_score_error=max(errors) if has_reference else None,
        predicted=tuple(predicted),
        confidence=tuple(round(verdict.confidence, 6) for verdict in verdicts),
        true_score=tuple(round(verdict.true_score, 6) for verdict in verdicts),
        keras_confidence=(),
    )


def _share(flags: Sequence[bool]) -> float:
    return sum(flags) / len(flags)


def reference_of(cases: Sequence[Case]) -> int | None:
    """Return the index of the case that agreement is measured against; None without a float32 artifact."""
    for wanted in _REFERENCES:
        for index, case in enumerate(cases):
            if (case.artifact.format, spec_of(case.artifact).provenance.recipe) == wanted:
                return index
    return None


def _check_labels(cases: Sequence[Case], labels: Sequence[str]) -> None:
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
    for photo in photos:
        if not 0 <= photo.class_id < len(labels):
            message = f"Expected a class id below {len(labels)}, got {photo.class_id} for {str(photo.path)!r}."
            raise DataError(message, hint="class ids count the shown labels from 0")


def _shown(labels: Sequence[str]) -> str:
    more = f" and {len(labels) - 5} more" if len(labels) > 5 else ""
    return ", ".join(labels[:5]) + more


def _relative(path: Path, root: Path) -> str:
    name = path.relative_to(root) if path.is_relative_to(root) else path
    return name.as_posix().encode("utf-8", "backslashreplace").decode()
