"""From verdicts, photo by photo, to the figures of one case."""

from collections.abc import Sequence
from dataclasses import dataclass

from edgecls_bench.cases import Case, spec_of
from edgecls_bench.comparison import ComparisonCase, Gate, Judgement, PairedDifference
from edgecls_bench.evaluation import Verdict, keras_spec
from edgecls_bench.gate import judge
from edgecls_bench.metrics import (
    TOP_K,
    accuracy,
    calibration_error,
    confusion_matrix,
    per_class_accuracy,
    wilson_interval,
)
from edgecls_bench.paired import paired_difference

__all__ = ["MAX_CONFUSION_LABELS", "Seen", "summary"]

MAX_CONFUSION_LABELS = 100
"""With more labels the matrix would be mostly zeros and megabytes large; the predictions hold the same."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Seen:
    """What one case said of all photos.

    Attributes:
        case: The case.
        verdicts: One per photo.
        class_ids: True classes; empty for photos without classes.
        outside: One verdict per photo of none of the classes.
    """

    case: Case
    verdicts: Sequence[Verdict]
    class_ids: Sequence[int]
    outside: Sequence[Verdict]

    @property
    def predicted(self) -> list[int]:
        """Best class per photo."""
        return [verdict.predicted for verdict in self.verdicts]

    @property
    def is_right(self) -> list[bool]:
        """Whether it is the true one; empty without classes."""
        return [
            verdict.predicted == class_id
            for verdict, class_id in zip(self.verdicts, self.class_ids, strict=False)
        ]


def summary(
    seen: Seen, reference: Seen | None, *, classes: int, gate: Gate | None
) -> ComparisonCase:
    """Return the figures of one case.

    Args:
        seen: What it said.
        reference: What the reference said; ``seen`` itself for the reference, None without one.
        classes: Number of shown labels.
        gate: What is asked of it.
    """
    artifact = seen.case.artifact
    spec = spec_of(artifact)
    predicted, class_ids = seen.predicted, seen.class_ids
    confidence = [verdict.confidence for verdict in seen.verdicts]
    errors = [verdict.score_error for verdict in seen.verdicts]
    has_classes, has_reference = bool(class_ids), reference is not None
    paired = _paired(seen, reference)
    return ComparisonCase(
        artifact=artifact.path.name,
        sha256=artifact.sha256,
        format=artifact.format,
        recipe=spec.provenance.recipe,
        backend=seen.case.backend,
        size_bytes=len(artifact.data),
        temperature=spec.temperature,
        unknown_threshold=spec.unknown_threshold,
        top1=accuracy(class_ids, predicted) if has_classes else None,
        top5=_share([v.is_in_top5 for v in seen.verdicts])
        if has_classes and classes > TOP_K
        else None,
        per_class=per_class_accuracy(class_ids, predicted, classes) if has_classes else (),
        confusion=confusion_matrix(class_ids, predicted, classes)
        if has_classes and classes <= MAX_CONFUSION_LABELS
        else (),
        calibration_error=calibration_error(confidence, seen.is_right) if has_classes else None,
        paired=paired,
        agreement=_share([v.is_agreeing for v in seen.verdicts]) if has_reference else None,
        agreement_interval=wilson_interval(_agreeing(seen), len(predicted))
        if has_reference and reference is not seen
        else None,
        mean_score_error=sum(errors) / len(errors) if has_reference else None,
        worst_score_error=max(errors) if has_reference else None,
        predicted=tuple(predicted),
        confidence=_rounded(confidence),
        true_score=_rounded([v.true_score for v in seen.verdicts]) if has_classes else (),
        keras_confidence=_rounded([v.keras_confidence for v in seen.verdicts])
        if keras_spec(spec)
        else (),
        out_of_set_unknown=_share([v.confidence < spec.unknown_threshold for v in seen.outside])
        if seen.outside
        else None,
        judgement=_judgement(seen, reference, paired, gate),
    )


def _paired(seen: Seen, reference: Seen | None) -> PairedDifference | None:
    if reference is None or reference is seen or not seen.class_ids:
        return None
    return paired_difference(reference.is_right, seen.is_right)


def _judgement(
    seen: Seen, reference: Seen | None, paired: PairedDifference | None, gate: Gate | None
) -> Judgement | None:
    if gate is None or reference is None or reference is seen:
        return None
    return judge(gate, paired, _agreeing(seen), len(seen.verdicts))


def _agreeing(seen: Seen) -> int:
    return sum(verdict.is_agreeing for verdict in seen.verdicts)


def _share(flags: Sequence[bool]) -> float:
    return sum(flags) / len(flags)


def _rounded(scores: Sequence[float]) -> tuple[float, ...]:
    return tuple(round(score, 6) for score in scores)
