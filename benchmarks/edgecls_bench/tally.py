"""The figures of a comparison, counted photo by photo: memory does not grow with the number of photos.

Sums of floats are made one photo after the other, in the order of the photos, so that the figures are the same
to the last bit however many photos are added at once.
"""

from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from edgecls_bench.answers import Answers
from edgecls_bench.cases import Case, spec_of
from edgecls_bench.metrics import CALIBRATION_BINS, calibration_bins

__all__ = ["MAX_CONFUSION_LABELS", "MOST_LISTED", "CaseTally", "Lists", "Tally"]

MAX_CONFUSION_LABELS = 100
"""With more labels the matrix would be mostly zeros and megabytes large; the predictions hold the same."""

MOST_LISTED = 100_000
"""Photos up to which a comparison lists what was said of each of them; more would fill memory and the file."""


class Lists:
    """What was said of each photo, while there are not too many of them.

    Args:
        most: Photos up to which they are kept; None for any number.
    """

    def __init__(self, most: int | None) -> None:
        self._most = most
        self._seen = 0
        self._columns: dict[str, list[NDArray[Any]]] = {}

    @property
    def is_whole(self) -> bool:
        """Whether every photo is in it; else none is."""
        return self._most is None or self._seen <= self._most

    def add(self, photos: int, **columns: NDArray[np.int64] | NDArray[np.float64]) -> None:
        """Add one entry per photo to each column; integers are kept as 32 bits, and so are scores."""
        self._seen += photos
        if not self.is_whole:
            self._columns.clear()
            return
        for name, values in columns.items():
            kept = values.astype(np.int32 if values.dtype.kind == "i" else np.float32)
            self._columns.setdefault(name, []).append(kept)

    def integers(self, name: str) -> tuple[int, ...]:
        """Return a column of integers; empty if the lists are not whole."""
        return tuple(value for chunk in self._columns.get(name, ()) for value in chunk.tolist())

    def scores(self, name: str) -> tuple[float, ...]:
        """Return a column of scores, rounded to 6 places; empty if the lists are not whole."""
        chunks = self._columns.get(name, ())
        return tuple(round(value, 6) for chunk in chunks for value in chunk.tolist())


class CaseTally:
    """What one case said so far, as counts.

    Attributes:
        case: The case.
        right: Photos whose best label is the true one.
        in_top5: Photos whose true label is among the five best.
        agreeing: Photos with the same best label as the reference.
        losses: Photos that the reference gets right and this case wrong.
        gains: Photos that it gets right and the reference wrong.
        error_sum: Of the largest score difference to the reference.
        worst_error: The largest of all.
        gaps: Confidence less rightness, summed per bin of confidence; shape ``(CALIBRATION_BINS,)``, float64.
        class_right: Right photos per label; shape ``(classes,)``, int64.
        confusion: Photos per true (row) and predicted label; None above 100 labels.
        hidden_outside: Photos of none of the classes that are shown as unknown.
        lists: What it said of each photo.
    """

    def __init__(self, case: Case, *, classes: int, most_listed: int | None) -> None:
        self.case = case
        self.right = self.in_top5 = self.agreeing = self.losses = self.gains = 0
        self.error_sum = self.worst_error = 0.0
        self.gaps = np.zeros(CALIBRATION_BINS)
        self.class_right = np.zeros(classes, np.int64)
        self.confusion = (
            np.zeros((classes, classes), np.int64) if classes <= MAX_CONFUSION_LABELS else None
        )
        self.hidden_outside = 0
        self.lists = Lists(most_listed)
        self._threshold = spec_of(case.artifact).unknown_threshold

    def add(self, answers: Answers) -> None:
        """Count what does not need to know what photos show."""
        self.agreeing += int(answers.is_agreeing.sum())
        self.error_sum = _sum_in_order(self.error_sum, answers.score_error)
        self.worst_error = max(self.worst_error, float(answers.score_error.max(initial=0.0)))
        self.lists.add(
            len(answers),
            predicted=answers.predicted,
            confidence=answers.confidence,
            keras_confidence=answers.keras_confidence,
            true_score=answers.true_score,
        )

    def add_truth(
        self,
        answers: Answers,
        class_ids: NDArray[np.int64],
        reference_right: NDArray[np.bool_] | None,
    ) -> None:
        """Count what is right.

        Args:
            answers: Of the photos that were added last.
            class_ids: What they show.
            reference_right: Whether the reference is right, if there is one.
        """
        is_right = answers.predicted == class_ids
        self.right += int(is_right.sum())
        self.in_top5 += int(answers.is_in_top5.sum())
        np.add.at(self.class_right, class_ids[is_right], 1)
        np.add.at(self.gaps, calibration_bins(answers.confidence), answers.confidence - is_right)
        if self.confusion is not None:
            np.add.at(self.confusion, (class_ids, answers.predicted), 1)
        if reference_right is not None:
            self.losses += int((reference_right & ~is_right).sum())
            self.gains += int((is_right & ~reference_right).sum())

    def add_outside(self, answers: Answers) -> None:
        """Count photos of none of the classes."""
        self.hidden_outside += int((answers.confidence < self._threshold).sum())


class Tally:
    """All cases of a comparison on the same photos.

    Args:
        cases: Their specs share the shown labels.
        reference: Index of the case that the others are held against, if any.
        classes: Number of shown labels.
        has_classes: Whether it is known what the photos show.
        most_listed: Photos up to which it is kept what was said of each; None for any number.

    Attributes:
        cases: One per case.
        reference: Index of the reference, or None.
        classes: Number of shown labels.
        has_classes: Whether it is known what the photos show.
        photos: How many were added.
        outside: How many of none of the classes.
        class_photos: Photos per label; shape ``(classes,)``, int64.
    """

    def __init__(
        self,
        cases: Sequence[Case],
        reference: int | None,
        *,
        classes: int,
        has_classes: bool,
        most_listed: int | None = MOST_LISTED,
    ) -> None:
        self.cases = tuple(
            CaseTally(case, classes=classes, most_listed=most_listed) for case in cases
        )
        self.reference = reference
        self.classes = classes
        self.has_classes = has_classes
        self.photos = self.outside = 0
        self.class_photos = np.zeros(classes, np.int64)
        self._class_ids = Lists(most_listed)

    @property
    def is_listed(self) -> bool:
        """Whether it is still known what was said of each photo."""
        return self._class_ids.is_whole

    @property
    def class_ids(self) -> tuple[int, ...]:
        """What each photo shows; empty without classes, or if that is no longer known of each."""
        return self._class_ids.integers("class_id")

    def add(self, answers: Sequence[Answers], class_ids: NDArray[np.int64] | None) -> None:
        """Add some photos.

        Args:
            answers: One per case, in their order, each of the same photos.
            class_ids: What the photos show, 0..classes; None without classes.

        Raises:
            ValueError: If the lengths differ, or class ids are there without classes or the other way round.
        """
        lengths = {len(one) for one in answers} | (set() if class_ids is None else {len(class_ids)})
        if len(lengths) > 1 or (class_ids is None) == self.has_classes:
            message = f"Expected answers of the same photos and what they show, got {lengths}."
            raise ValueError(message)
        photos = lengths.pop()
        self.photos += photos
        for tally, one in zip(self.cases, answers, strict=True):
            tally.add(one)
        if class_ids is None:
            self._class_ids.add(photos)
            return
        self._class_ids.add(photos, class_id=class_ids)
        np.add.at(self.class_photos, class_ids, 1)
        right = None
        if self.reference is not None:
            right = answers[self.reference].predicted == class_ids
        for tally, one in zip(self.cases, answers, strict=True):
            tally.add_truth(one, class_ids, right)

    def add_outside(self, answers: Sequence[Answers]) -> None:
        """Add photos of none of the classes; ``answers`` as in :meth:`add`."""
        self.outside += len(answers[0])
        for tally, one in zip(self.cases, answers, strict=True):
            tally.add_outside(one)


def _sum_in_order(start: float, values: NDArray[np.float64]) -> float:
    """Add one value after the other, as a loop would; what NumPy's sum gives depends on the length."""
    return float(np.cumsum(np.concatenate(([start], values)))[-1])
