"""What each class loses against the reference, photo by photo, with 95 % intervals."""

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass

from edgecls_bench.comparison import Comparison, ComparisonCase, PairedDifference
from edgecls_bench.paired import paired_counts

from edgecls.reports.number_text import count_text
from edgecls.reports.whisker_plot import WhiskerPlot, WhiskerValue, whisker_plot

__all__ = ["ClassChange", "ClassChanges", "class_changes"]

MAX_SHOWN = 20
CHANCE = 0.05
"""Of the exact test, two-sided. Where it proves a loss, a gate of no drop at all fails as well; a score
interval alone would call four lost photos of a class proven, which chance brings about one time in eight."""


@dataclass(frozen=True, kw_only=True, slots=True)
class ClassChange:
    """One class.

    Attributes:
        label: Its name.
        photos: Photos that show it.
        difference: Against the reference, on these photos.
    """

    label: str
    photos: int
    difference: PairedDifference

    @property
    def is_proven(self) -> bool:
        """Whether it is a loss that the exact test does not put down to chance."""
        return self.difference.drop > 0 and self.difference.p_value < CHANCE


@dataclass(frozen=True, kw_only=True, slots=True)
class ClassChanges:
    """All classes of one artifact.

    Attributes:
        plot: The classes with the surest losses, worst first; None where no class changed.
        shown: The same as figures.
        tested: Number of classes with photos.
        worse: Those that lost more photos than they gained.
        better: Those that gained more.
        proven: Those of all whose loss is proven, see :attr:`ClassChange.is_proven`.
    """

    plot: WhiskerPlot | None
    shown: tuple[ClassChange, ...]
    tested: int
    worse: int
    better: int
    proven: int

    @property
    def same(self) -> int:
        """Number of classes with photos and as many right answers as before."""
        return self.tested - self.worse - self.better


def class_changes(
    comparison: Comparison, reference: ComparisonCase, case: ComparisonCase
) -> ClassChanges:
    """Return the change of every class, those with the surest loss first, at most :data:`MAX_SHOWN` of them.

    With few classes all of them are shown; with many, those that changed.
    """
    photos = Counter(comparison.class_ids)
    losses: Counter[int] = Counter()
    gains: Counter[int] = Counter()
    for true, before, after in zip(
        comparison.class_ids, reference.predicted, case.predicted, strict=True
    ):
        losses[true] += before == true != after
        gains[true] += before != true == after
    tested = sorted(photos)
    looked_at = (
        tested
        if len(tested) <= MAX_SHOWN
        else [class_id for class_id in tested if losses[class_id] or gains[class_id]]
    )
    changes = [
        ClassChange(
            label=comparison.labels[i],
            photos=photos[i],
            difference=paired_counts(losses[i], gains[i], photos[i]),
        )
        for i in looked_at
    ]
    changes.sort(key=lambda c: (not c.is_proven, -c.difference.low, -c.difference.drop, c.label))
    shown = tuple(changes[:MAX_SHOWN])
    has_changed = any(losses.values()) or any(gains.values())
    return ClassChanges(
        plot=_plot(shown) if has_changed else None,
        shown=shown,
        tested=len(tested),
        worse=sum(losses[i] > gains[i] for i in tested),
        better=sum(gains[i] > losses[i] for i in tested),
        proven=sum(change.is_proven for change in changes),
    )


def _plot(changes: Sequence[ClassChange]) -> WhiskerPlot:
    return whisker_plot(
        [
            WhiskerValue(
                name=change.label,
                note=f"{count_text(change.photos)}",
                value=-100 * change.difference.drop,
                low=-100 * change.difference.high,
                high=-100 * change.difference.low,
                tooltip=_tooltip(change),
                is_bad=change.is_proven,
            )
            for change in changes
        ],
        x_title="change of accuracy against the reference, points",
        note_title="photos",
    )


def _tooltip(change: ClassChange) -> str:
    d = change.difference
    return (
        f"{change.label}: {-100 * d.drop:+.1f} points ({-100 * d.high:+.1f} to {-100 * d.low:+.1f}), "
        f"{d.losses} of {change.photos} photos lost, {d.gains} won"
    )
