"""What ``compare.json`` holds: the accuracy of each artifact on the same photos."""

from dataclasses import dataclass
from typing import ClassVar

from edgecls_bench.machine import Machine

__all__ = ["Comparison", "ComparisonCase"]


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
        top1: Share of photos whose best label is right, 0..1, also where it would be shown as unknown.
        top5: The same for the five best; None where there are 5 labels or fewer.
        per_class: Accuracy per label, in label order; None where a label has no photo.
        confusion: Rows are true labels, columns are predicted ones, counts; empty above 100 labels.
        agreement: Share of photos with the same best label as the reference; None for a comparison without one.
        mean_score_error: Mean over photos of the largest score difference to the reference.
        worst_score_error: Largest score difference to the reference.
        predicted: Best class id per photo.
        confidence: Its score per photo.
        true_score: Score of the true class per photo.
    """

    artifact: str
    sha256: str
    format: str
    recipe: str
    backend: str
    size_bytes: int
    top1: float
    top5: float | None
    per_class: tuple[float | None, ...]
    confusion: tuple[tuple[int, ...], ...]
    agreement: float | None
    mean_score_error: float | None
    worst_score_error: float | None
    predicted: tuple[int, ...]
    confidence: tuple[float, ...]
    true_score: tuple[float, ...]


@dataclass(frozen=True, kw_only=True, slots=True)
class Comparison:
    """Several artifacts on the same photos.

    Attributes:
        created: ISO 8601, UTC.
        data: The folder the photos come from.
        split: Which part of it: ``test``, or ``all`` for a folder that was given.
        labels: Shown labels, in class order.
        reference: File name of the artifact that agreement is measured against, empty if there is none.
        photos: Path of each photo, relative to ``data``.
        class_ids: True class of each photo.
        skipped: Number of photos that did not decode.
        machine: What it was measured on.
        cases: One per artifact and backend.
    """

    kind: ClassVar[str] = "edgecls.comparison"
    version: ClassVar[int] = 1

    created: str
    data: str
    split: str
    labels: tuple[str, ...]
    reference: str
    photos: tuple[str, ...]
    class_ids: tuple[int, ...]
    skipped: int = 0
    machine: Machine
    cases: tuple[ComparisonCase, ...]
