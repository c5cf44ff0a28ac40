"""Per class: how many photos, how many right, and what is taken for what."""

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass

from edgecls_bench.comparison import Comparison, ComparisonCase

from edgecls.reports.intervals import wilson_interval

__all__ = [
    "Answered",
    "ClassResult",
    "ConfusedPair",
    "Matrix",
    "MatrixCell",
    "answered",
    "class_results",
    "confused_pairs",
    "matrices",
]


@dataclass(frozen=True, kw_only=True, slots=True)
class ClassResult:
    """One class under one artifact.

    Attributes:
        label: The class.
        photos: Photos that show it.
        right: Those whose best label is right.
        low: Lower end of the 95 % interval of the accuracy, 0..1.
        high: Upper end of it.
        often: The label it is most often taken for, empty if it never is taken for another.
        often_count: How often.
    """

    label: str
    photos: int
    right: int
    low: float
    high: float
    often: str
    often_count: int

    @property
    def accuracy(self) -> float | None:
        """Share of right ones, 0..1; None without photos."""
        return self.right / self.photos if self.photos else None


@dataclass(frozen=True, kw_only=True, slots=True)
class ConfusedPair:
    """Photos of one class that were taken for another.

    Attributes:
        true: What they show.
        predicted: What was said.
        count: Number of photos.
        share: Of all photos that show ``true``, 0..1.
    """

    true: str
    predicted: str
    count: int
    share: float


@dataclass(frozen=True, kw_only=True, slots=True)
class MatrixCell:
    """One cell of a confusion matrix.

    Attributes:
        count: Number of photos.
        share: Of its row, 0..1.
        is_right: Whether it is on the diagonal.
    """

    count: int
    share: float
    is_right: bool


@dataclass(frozen=True, kw_only=True, slots=True)
class Matrix:
    """One confusion matrix.

    Attributes:
        names: The artifacts that all have exactly this one.
        wrong: Number of wrong photos.
        rows: One per true class, one cell per predicted class.
    """

    names: tuple[str, ...]
    wrong: int
    rows: tuple[tuple[MatrixCell, ...], ...]


@dataclass(frozen=True, kw_only=True, slots=True)
class Answered:
    """How often what was said of what.

    Attributes:
        photos: True class -> photos that show it.
        pairs: (true class, predicted class) -> photos; of many photos and labels, right answers only.
    """

    photos: Counter[int]
    pairs: Counter[tuple[int, int]]

    @classmethod
    def of_each(cls, class_ids: Sequence[int], predicted: Sequence[int]) -> "Answered":
        """Count true and predicted class of each photo."""
        return cls(photos=Counter(class_ids), pairs=Counter(zip(class_ids, predicted, strict=True)))


def answered(comparison: Comparison, case: ComparisonCase) -> Answered:
    """Return how often what was said, also where the photos are too many to be listed."""
    if comparison.class_ids:
        return Answered.of_each(comparison.class_ids, case.predicted)
    photos = Counter(dict(enumerate(comparison.photos_per_class)))
    if case.confusion:
        rows = enumerate(case.confusion)
        pairs = {(true, other): n for true, row in rows for other, n in enumerate(row)}
    else:
        shares = enumerate(case.per_class)
        pairs = {(i, i): round(share * photos[i]) for i, share in shares if share is not None}
    return Answered(photos=photos, pairs=Counter(pairs))


def class_results(labels: Sequence[str], said: Answered) -> tuple[ClassResult, ...]:
    """Return one result per label, in label order.

    Args:
        labels: Shown labels.
        said: How often what was said of what.
    """
    photos, pairs = said.photos, said.pairs
    wrong: dict[int, tuple[int, int]] = {}  # true class -> (count, predicted class) of the worst
    for (true, other), count in sorted(pairs.items()):
        if true != other and count > wrong.get(true, (0, 0))[0]:
            wrong[true] = count, other
    results = []
    for class_id, label in enumerate(labels):
        right = pairs[class_id, class_id]
        low, high = wilson_interval(right, photos[class_id])
        often_count, often = wrong.get(class_id, (0, 0))
        results.append(
            ClassResult(
                label=label,
                photos=photos[class_id],
                right=right,
                low=low,
                high=high,
                often=labels[often] if often_count else "",
                often_count=often_count,
            )
        )
    return tuple(results)


def confused_pairs(
    labels: Sequence[str], said: Answered, *, limit: int
) -> tuple[ConfusedPair, ...]:
    """Return the most frequent confusions, most frequent first, at most ``limit``."""
    photos = said.photos
    pairs = {(true, other): n for (true, other), n in said.pairs.items() if n and true != other}
    ordered = sorted(
        pairs.items(), key=lambda item: (-item[1], -item[1] / photos[item[0][0]], item[0])
    )
    return tuple(
        ConfusedPair(
            true=labels[true], predicted=labels[other], count=count, share=count / photos[true]
        )
        for (true, other), count in ordered[:limit]
    )


def matrices(cases: Sequence[tuple[str, ComparisonCase]]) -> tuple[Matrix, ...]:
    """Return the different confusion matrices; artifacts with the same one share it.

    Args:
        cases: Name and result of each artifact.
    """
    by_confusion: dict[tuple[tuple[int, ...], ...], list[str]] = {}
    for name, case in cases:
        by_confusion.setdefault(case.confusion, []).append(name)
    return tuple(_matrix(tuple(names), confusion) for confusion, names in by_confusion.items())


def _matrix(names: tuple[str, ...], confusion: tuple[tuple[int, ...], ...]) -> Matrix:
    rows = []
    for true, counts in enumerate(confusion):
        total = sum(counts) or 1
        rows.append(
            tuple(
                MatrixCell(count=count, share=count / total, is_right=true == other)
                for other, count in enumerate(counts)
            )
        )
    right = sum(counts[true] for true, counts in enumerate(confusion))
    return Matrix(names=names, wrong=sum(map(sum, confusion)) - right, rows=tuple(rows))
