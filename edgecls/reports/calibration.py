"""Whether scores mean what they say: 0.9 should be right nine times in ten."""

from collections.abc import Sequence
from dataclasses import dataclass

__all__ = ["BINS", "ScoreBin", "UnknownCost", "score_bins", "unknown_cost"]

BINS = 15
"""As in :func:`edgecls_bench.metrics.calibration_error`, so that the diagram shows what the error sums up."""


@dataclass(frozen=True, kw_only=True, slots=True)
class ScoreBin:
    """The photos whose best score is in one interval.

    Attributes:
        photos: How many.
        confidence: Their mean best score, 0..1.
        accuracy: Share of right ones, 0..1.
    """

    photos: int
    confidence: float
    accuracy: float


@dataclass(frozen=True, kw_only=True, slots=True)
class UnknownCost:
    """What the unknown threshold does to photos that do show one of the classes.

    Attributes:
        unknown: Photos shown as unknown.
        wrong_avoided: Those of them whose best label was wrong.
        shown: Photos shown with a label.
        shown_right: Those of them that are right.
    """

    unknown: int
    wrong_avoided: int
    shown: int
    shown_right: int


def score_bins(confidence: Sequence[float], is_right: Sequence[bool]) -> tuple[ScoreBin, ...]:
    """Return the bins that hold photos: :data:`BINS` of equal width, by rising score."""
    members: dict[int, list[int]] = {}
    for photo, score in enumerate(confidence):
        members.setdefault(min(int(score * BINS), BINS - 1), []).append(photo)
    return tuple(
        ScoreBin(
            photos=len(photos),
            confidence=sum(confidence[photo] for photo in photos) / len(photos),
            accuracy=sum(is_right[photo] for photo in photos) / len(photos),
        )
        for _, photos in sorted(members.items())
    )


def unknown_cost(
    confidence: Sequence[float], is_right: Sequence[bool], threshold: float
) -> UnknownCost:
    """Count what is shown as unknown at a threshold, 0..1."""
    shown = [right for score, right in zip(confidence, is_right, strict=True) if score >= threshold]
    hidden = len(is_right) - len(shown)
    return UnknownCost(
        unknown=hidden,
        wrong_avoided=hidden - (sum(is_right) - sum(shown)),
        shown=len(shown),
        shown_right=sum(shown),
    )
