"""What ``compare.json`` holds: the accuracy of each artifact on the same photos, and the gate's verdicts."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import ClassVar, Literal, TypeAlias

from edgecls_bench.machine import Machine

__all__ = [
    "Comparison",
    "ComparisonCase",
    "Gate",
    "GateVerdict",
    "Judgement",
    "PairedDifference",
    "worst_verdict",
]

GateVerdict: TypeAlias = Literal["holds", "fails", "too few photos"]
_WORST_FIRST: tuple[GateVerdict, ...] = ("fails", "too few photos", "holds")


def worst_verdict(verdicts: Sequence[GateVerdict]) -> GateVerdict:
    """Return the verdict of several together: all have to hold, one is enough to fail.

    Raises:
        ValueError: If there is none.
    """
    return min(verdicts, key=_WORST_FIRST.index)


@dataclass(frozen=True, kw_only=True, slots=True)
class Gate:
    """What an artifact must keep of its reference.

    Attributes:
        max_drop: Largest loss of accuracy, as a share (0.005 is half a point); None where it does not matter.
        min_agreement: Least share of photos with the same best label; None where it does not matter.
    """

    max_drop: float | None = None
    min_agreement: float | None = None


@dataclass(frozen=True, kw_only=True, slots=True)
class Judgement:
    """What a gate says of one artifact.

    Attributes:
        verdict: ``holds`` and ``fails`` are proven at 95 %; else there are too few photos to tell.
        reason: The figures that decided, as a sentence.
        photos_needed: Photos that would decide if they went as these did; None where decided, or where no
            number would do.
    """

    verdict: GateVerdict
    reason: str
    photos_needed: int | None = None


@dataclass(frozen=True, kw_only=True, slots=True)
class PairedDifference:
    """Accuracy against the reference, photo by photo.

    Attributes:
        losses: Photos that the reference gets right and this artifact wrong.
        gains: Photos that it gets right and the reference wrong.
        drop: Accuracy lost, ``(losses - gains) / photos``; negative where it is better.
        low: Lower end of the drop's 95 % interval.
        high: Upper end.
        p_value: Exact McNemar test of no difference, two-sided.
    """

    losses: int
    gains: int
    drop: float
    low: float
    high: float
    p_value: float


@dataclass(frozen=True, kw_only=True, slots=True)
class ComparisonCase:
    """One artifact on one backend.

    Attributes:
        artifact: File name.
        sha256: Of the file, as hex.
        format: ``tflite`` or ``onnx``.
        recipe: As its spec says, empty for other models than ours.
        backend: The runtime.
        size_bytes: Size of the file.
        temperature: Of its spec.
        unknown_threshold: Of its spec.
        top1: Share of photos whose best label is right, 0..1, also where it would be shown as unknown; None
            for photos without classes.
        top5: The same for the five best; None also where there are 5 labels or fewer.
        per_class: Accuracy per label, in label order; None where a label has no photo; empty without classes.
        confusion: Rows are true labels, columns are predicted ones, counts; empty above 100 labels.
        calibration_error: Mean gap between confidence and accuracy over bins of confidence; None without
            classes.
        paired: Accuracy against the reference; None for itself, without one, and without classes.
        agreement: Share of photos with the same best label as the reference; None for a comparison without one.
        agreement_interval: Its 95 % interval (Wilson); None for the reference itself, too.
        mean_score_error: Mean over photos of the largest score difference to the reference.
        worst_score_error: Largest score difference to the reference.
        predicted: Best class id per photo; this and the scores are empty for so many that they are not listed.
        confidence: Its score per photo.
        true_score: Score of the true class per photo; empty without classes.
        keras_confidence: ``confidence`` with the temperature of the Keras model instead of the artifact's own;
            empty where both are the same.
        out_of_set_unknown: Share of photos of none of the classes that are shown as unknown; None without any.
        judgement: What the gate says; None without one, and for the reference.
    """

    artifact: str
    sha256: str
    format: str
    recipe: str
    backend: str
    size_bytes: int
    temperature: float
    unknown_threshold: float
    top1: float | None
    top5: float | None
    per_class: tuple[float | None, ...]
    confusion: tuple[tuple[int, ...], ...]
    calibration_error: float | None
    paired: PairedDifference | None
    agreement: float | None
    agreement_interval: tuple[float, float] | None
    mean_score_error: float | None
    worst_score_error: float | None
    predicted: tuple[int, ...]
    confidence: tuple[float, ...]
    true_score: tuple[float, ...]
    keras_confidence: tuple[float, ...]
    out_of_set_unknown: float | None = None
    judgement: Judgement | None = None

    @property
    def labels_without_photos(self) -> int:
        """How many labels no photo is of; 0 for photos without classes."""
        return sum(share is None for share in self.per_class)


@dataclass(frozen=True, kw_only=True, slots=True)
class Comparison:
    """Several artifacts on the same photos.

    Attributes:
        created: ISO 8601, UTC.
        data: The folder the photos come from, or the place of shards.
        split: Which part of it: ``test``, or ``all`` for a folder that was given, or ``shards``.
        labels: Shown labels, in class order.
        reference: File name of the artifact that agreement is measured against, empty if there is none.
        photos: Path of each photo, relative to ``data``; empty for so many that they are not listed.
        class_ids: True class of each photo; empty for photos without classes, or not listed.
        skipped: Number of photos that did not decode.
        out_of_set: Folder of photos of none of the classes, empty without one.
        out_of_set_photos: Number of photos in it.
        gate: What was asked of the artifacts, if anything.
        machine: What it was measured on; its load is not looked at, since nothing is timed.
        cases: One per artifact and backend; without ``predicted`` and scores where photos are not listed.
        photos_seen: Number of photos that were looked at; 0 in older records, which list all of them.
        photos_per_class: Photos per label, where they have classes and are not listed; else empty.
        results: Folder of the Parquet files that hold what was said of each photo; empty if none was kept.
    """

    kind: ClassVar[str] = "edgecls.comparison"
    version: ClassVar[int] = 2

    created: str
    data: str
    split: str
    labels: tuple[str, ...]
    reference: str
    photos: tuple[str, ...]
    class_ids: tuple[int, ...]
    skipped: int = 0
    out_of_set: str = ""
    out_of_set_photos: int = 0
    gate: Gate | None = None
    machine: Machine
    cases: tuple[ComparisonCase, ...]
    photos_seen: int = 0
    photos_per_class: tuple[int, ...] = ()
    results: str = ""

    @property
    def photo_count(self) -> int:
        """Number of photos that were looked at, whether they are listed or not."""
        return self.photos_seen or len(self.photos)

    @property
    def has_classes(self) -> bool:
        """Whether it was known what the photos show."""
        return bool(self.class_ids) or any(self.photos_per_class)

    @property
    def verdict(self) -> GateVerdict | None:
        """The worst verdict of any artifact; None without a gate."""
        found = [case.judgement.verdict for case in self.cases if case.judgement is not None]
        return worst_verdict(found) if found else None
