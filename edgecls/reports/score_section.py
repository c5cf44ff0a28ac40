"""The report's part on scores: what they mean, and what is shown as unknown."""

from collections.abc import Sequence
from dataclasses import dataclass

from edgecls_bench.comparison import Comparison

from edgecls.reports.calibration import UnknownCost, unknown_cost
from edgecls.reports.examined import MAX_EXAMINED
from edgecls.reports.measured import Measured, short_names
from edgecls.reports.reliability import Reliability, reliability

__all__ = ["ScoreSection", "UnknownRow", "score_section"]


@dataclass(frozen=True, kw_only=True, slots=True)
class UnknownRow:
    """What one artifact shows as unknown.

    Attributes:
        entry: What was measured.
        temperature: Of its spec.
        threshold: Below it an answer is shown as unknown; 0 for off.
        share: Share of the compared photos that are, 0..1; None where scores are not listed.
        out_of_set: Share of the photos of none of the classes, 0..1; None without any.
        cost: What the threshold does to photos with classes; None where it is off, or without classes.
        is_chosen: Whether it is the recommended one.
    """

    entry: Measured
    temperature: float
    threshold: float
    share: float | None
    out_of_set: float | None
    cost: UnknownCost | None
    is_chosen: bool


@dataclass(frozen=True, kw_only=True, slots=True)
class ScoreSection:
    """What scores mean.

    Attributes:
        diagrams: Of the recommended artifact and of those that were examined, at most three.
        unknown: One row per artifact and backend that was compared.
        out_of_set: Folder of photos of none of the classes, empty without one.
        out_of_set_photos: Number of photos in it.
        has_labels: Whether photos have classes; None if nothing was compared.
        is_listed: Whether the scores of each photo are known; there are too many else.
    """

    diagrams: tuple[Reliability, ...] = ()
    unknown: tuple[UnknownRow, ...] = ()
    out_of_set: str = ""
    out_of_set_photos: int = 0
    has_labels: bool | None = None
    is_listed: bool = True


def score_section(
    comparison: Comparison | None,
    measured: Sequence[Measured],
    chosen: Measured | None,
    closely: Sequence[Measured],
) -> ScoreSection:
    """Return what is known about scores.

    Args:
        comparison: The record.
        measured: All artifacts.
        chosen: The recommended one.
        closely: Those to draw diagrams of, after the recommended one.
    """
    if comparison is None or not comparison.photo_count:
        return ScoreSection()
    names = short_names(measured)
    wanted = dict.fromkeys(
        entry.key
        for entry in (*([chosen] if chosen is not None else []), *closely)
        if entry.accuracy is not None
    )
    by_key = {entry.key: entry for entry in measured}
    diagrams = [
        reliability(names[key], case, comparison.class_ids)
        for key in list(wanted)[:MAX_EXAMINED]
        if (case := by_key[key].accuracy) is not None
    ]
    return ScoreSection(
        diagrams=tuple(diagram for diagram in diagrams if diagram is not None),
        unknown=tuple(
            row
            for entry in measured
            if (row := _unknown_row(entry, comparison, chosen)) is not None
        ),
        out_of_set=comparison.out_of_set,
        out_of_set_photos=comparison.out_of_set_photos,
        has_labels=comparison.has_classes,
        is_listed=bool(comparison.photos),
    )


def _unknown_row(
    entry: Measured, comparison: Comparison, chosen: Measured | None
) -> UnknownRow | None:
    case = entry.accuracy
    if case is None:
        return None
    threshold, truth = case.unknown_threshold, comparison.class_ids
    cost = None
    if threshold > 0 and truth:
        is_right = [p == t for p, t in zip(case.predicted, truth, strict=True)]
        cost = unknown_cost(case.confidence, is_right, threshold)
    hidden = sum(score < threshold for score in case.confidence)
    return UnknownRow(
        entry=entry,
        temperature=case.temperature,
        threshold=threshold,
        share=hidden / len(case.confidence) if case.confidence else None,
        out_of_set=case.out_of_set_unknown,
        cost=cost,
        is_chosen=chosen is not None and entry.key == chosen.key,
    )
