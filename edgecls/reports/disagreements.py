"""The photos to which an artifact gives another answer than the reference: lost, won, both wrong."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Literal, TypeAlias

from edgecls_bench.comparison import Comparison, ComparisonCase

from edgecls.reports.pictures import FindPicture, Picture

__all__ = [
    "Disagreement",
    "Disagreements",
    "Outcome",
    "counted_disagreements",
    "disagreements",
]

Outcome: TypeAlias = Literal["lost", "won", "both wrong", "changed"]
"""``lost``: only the reference is right; ``won``: only the artifact is; ``changed``: nobody knows."""

OUTCOMES: tuple[Outcome, ...] = ("lost", "won", "both wrong", "changed")


@dataclass(frozen=True, kw_only=True, slots=True)
class Disagreement:
    """One photo and both answers.

    Attributes:
        path: Relative to the data's folder.
        picture: To show.
        outcome: Which side is right.
        true: Its label; empty for a photo without a class.
        before: The reference's answer.
        before_score: Its score, 0..1.
        after: The artifact's answer.
        after_score: Its score, 0..1.
    """

    path: str
    picture: Picture
    outcome: Outcome
    true: str
    before: str
    before_score: float
    after: str
    after_score: float


@dataclass(frozen=True, kw_only=True, slots=True)
class Disagreements:
    """All of one artifact.

    Attributes:
        photos: The first of each outcome, the surest answers first.
        counts: Outcome -> number of photos, those that occur.
    """

    photos: tuple[Disagreement, ...]
    counts: Mapping[Outcome, int]

    @property
    def total(self) -> int:
        """Number of photos with different answers."""
        return sum(self.counts.values())


def disagreements(
    comparison: Comparison,
    reference: ComparisonCase,
    case: ComparisonCase,
    *,
    limit: int,
    find: FindPicture,
) -> Disagreements:
    """Return the photos to which both give different answers, at most ``limit`` of them.

    Every outcome that occurs gets its share of the places, so that losses do not hide what was won.
    """
    changed = [i for i, before in enumerate(reference.predicted) if case.predicted[i] != before]
    by_outcome: dict[Outcome, list[int]] = {}
    for photo in changed:
        by_outcome.setdefault(_outcome(comparison, reference, case, photo), []).append(photo)
    for photos in by_outcome.values():
        photos.sort(key=lambda i: (-case.confidence[i], comparison.photos[i]))
    places = _places({key: len(photos) for key, photos in by_outcome.items()}, limit)
    shown = [(o, i) for o in OUTCOMES if o in places for i in by_outcome[o][: places[o]]]
    return Disagreements(
        photos=tuple(
            _disagreement(comparison, reference, case, i, outcome, find) for outcome, i in shown
        ),
        counts={o: len(by_outcome[o]) for o in OUTCOMES if o in by_outcome},
    )


def counted_disagreements(comparison: Comparison, case: ComparisonCase) -> Disagreements:
    """Return how many there are, where the photos are too many to be listed."""
    photos = comparison.photo_count
    changed = photos - round((case.agreement or 0.0) * photos)
    counts: dict[Outcome, int] = {"changed": changed}
    if comparison.has_classes:
        paired = case.paired
        losses, gains = (0, 0) if paired is None else (paired.losses, paired.gains)
        counts = {"lost": losses, "won": gains, "both wrong": changed - losses - gains}
    return Disagreements(photos=(), counts={o: n for o, n in counts.items() if n})


def _outcome(
    comparison: Comparison, reference: ComparisonCase, case: ComparisonCase, photo: int
) -> Outcome:
    if not comparison.class_ids:
        return "changed"
    true = comparison.class_ids[photo]
    if reference.predicted[photo] == true:
        return "lost"
    return "won" if case.predicted[photo] == true else "both wrong"


def _places(counts: Mapping[Outcome, int], limit: int) -> dict[Outcome, int]:
    """Give out places in turn, one each, until there are none or nobody wants more."""
    places = dict.fromkeys(counts, 0)
    while sum(places.values()) < limit and any(places[o] < counts[o] for o in counts):
        for outcome in OUTCOMES:
            wants = outcome in counts and places[outcome] < counts[outcome]
            if wants and sum(places.values()) < limit:
                places[outcome] += 1
    return places


def _disagreement(
    comparison: Comparison,
    reference: ComparisonCase,
    case: ComparisonCase,
    photo: int,
    outcome: Outcome,
    find: FindPicture,
) -> Disagreement:
    labels: Sequence[str] = comparison.labels
    path = comparison.photos[photo]
    return Disagreement(
        path=path,
        picture=find(comparison.data, path),
        outcome=outcome,
        true=labels[comparison.class_ids[photo]] if comparison.class_ids else "",
        before=labels[reference.predicted[photo]],
        before_score=reference.confidence[photo],
        after=labels[case.predicted[photo]],
        after_score=case.confidence[photo],
    )
