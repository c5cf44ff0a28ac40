"""The report's part on answers: classes, confusions, photos and what scores mean."""

from collections.abc import Sequence
from dataclasses import dataclass

from edgecls_bench.comparison import Comparison, ComparisonCase

from edgecls.reports.classes import (
    ClassResult,
    ConfusedPair,
    Matrix,
    answered,
    class_results,
    confused_pairs,
    matrices,
)
from edgecls.reports.galleries import (
    ShownPhoto,
    close_calls,
    sample_photos,
    unpredicted_photos,
    worst_mistakes,
)
from edgecls.reports.measured import Measured, short_names
from edgecls.reports.pictures import FindPicture, Picture, picture
from edgecls.reports.run_records import RunRecords

__all__ = ["AnswerSection", "Gallery", "answer_section", "unanswered_section"]

MAX_LISTED_CLASSES = 40
MAX_WORST_CLASSES = 20
MAX_MATRIX_CLASSES = 30
SMALL_MATRIX_CLASSES = 12
MAX_PAIRS = 20
MAX_PAIRS_BESIDE_MATRIX = 8
MAX_SAMPLES = 15
MAX_MISTAKES = 15
MAX_CLOSE = 5

ShownPicture = tuple[ShownPhoto, Picture]


@dataclass(frozen=True, kw_only=True, slots=True)
class Gallery:
    """Photos with predictions.

    Attributes:
        photos: The photos and their pictures.
        total: How many there are, of which these are the first.
    """

    photos: tuple[ShownPicture, ...]
    total: int


@dataclass(frozen=True, kw_only=True, slots=True)
class AnswerSection:
    """What the recommended artifact answers.

    Attributes:
        name: Its file name; empty if nothing was compared.
        backend: Its runtime.
        threshold: Scores below it are shown as unknown, 0 for off.
        classes: Results of all classes.
        shown_classes: Those to list: all, or the worst.
        pairs: The most frequent confusions.
        matrices: Confusion matrices, those of the recommended artifact first; empty for many classes.
        are_matrices_small: Whether all are shown side by side, else the later ones folded.
        samples: A fair sample of the photos.
        mistakes: The most confident wrong answers.
        close: The right answers with the lowest scores.
        is_listed: Whether it is known what was said of each photo; there are too many else.
        results: Folder of Parquet files that hold it, if they were kept.
    """

    name: str = ""
    backend: str = ""
    threshold: float = 0.0
    classes: tuple[ClassResult, ...] = ()
    shown_classes: tuple[ClassResult, ...] = ()
    pairs: tuple[ConfusedPair, ...] = ()
    matrices: tuple[Matrix, ...] = ()
    are_matrices_small: bool = True
    samples: Gallery
    mistakes: Gallery
    close: Gallery
    is_listed: bool = True
    results: str = ""

    @property
    def flawless(self) -> int:
        """Number of classes with photos and without a mistake."""
        return sum(c.right == c.photos > 0 for c in self.classes)

    @property
    def hopeless(self) -> int:
        """Number of classes with photos and without a right answer."""
        return sum(c.right == 0 < c.photos for c in self.classes)

    @property
    def untested(self) -> int:
        """Number of classes without photos."""
        return sum(c.photos == 0 for c in self.classes)


_NOTHING = Gallery(photos=(), total=0)


def unanswered_section(records: RunRecords, find: FindPicture = picture) -> AnswerSection:
    """Return a section for a run that was not compared: test photos without predictions."""
    split = records.split
    samples = _NOTHING
    if split is not None:
        photos = unpredicted_photos(split, limit=MAX_SAMPLES)
        samples = Gallery(
            photos=tuple((photo, find(split.root, photo.path)) for photo in photos),
            total=len(split.subset("test")),
        )
    return AnswerSection(samples=samples, mistakes=_NOTHING, close=_NOTHING)


def answer_section(
    comparison: Comparison,
    measured: Sequence[Measured],
    choice: Measured,
    *,
    find: FindPicture = picture,
) -> AnswerSection:
    """Return what ``choice`` answers.

    Args:
        comparison: The record.
        measured: All artifacts, for the confusion matrices.
        choice: The recommended one; it was compared.
        find: Gives the picture of a photo, from folder and path.
    """
    case = choice.accuracy
    if case is None:
        message = f"Expected an artifact that was compared, got {choice.artifact!r}."
        raise ValueError(message)
    if not comparison.has_classes:
        return AnswerSection(
            name=case.artifact,
            backend=case.backend,
            threshold=case.unknown_threshold,
            samples=_samples(comparison, case, find),
            mistakes=_NOTHING,
            close=_NOTHING,
            is_listed=bool(comparison.photos),
            results=comparison.results,
        )
    said = answered(comparison, case)
    classes = class_results(comparison.labels, said)
    few = len(comparison.labels) <= MAX_MATRIX_CLASSES
    return AnswerSection(
        name=case.artifact,
        backend=case.backend,
        threshold=case.unknown_threshold,
        classes=classes,
        shown_classes=_shown_classes(classes),
        pairs=confused_pairs(
            comparison.labels,
            said,
            limit=MAX_PAIRS_BESIDE_MATRIX if few else MAX_PAIRS,
        ),
        matrices=_matrices(measured, choice) if few else (),
        are_matrices_small=len(comparison.labels) <= SMALL_MATRIX_CLASSES,
        samples=_samples(comparison, case, find),
        mistakes=_mistakes(comparison, case, find),
        close=_close(comparison, case, find),
        is_listed=bool(comparison.photos),
        results=comparison.results,
    )


def _shown_classes(classes: tuple[ClassResult, ...]) -> tuple[ClassResult, ...]:
    if len(classes) <= MAX_LISTED_CLASSES:
        return classes
    tested = [c for c in classes if c.photos]
    worst = sorted(tested, key=lambda c: (c.accuracy or 0.0, -c.photos, c.label))
    return tuple(worst[:MAX_WORST_CLASSES])


def _matrices(measured: Sequence[Measured], choice: Measured) -> tuple[Matrix, ...]:
    names = short_names(measured)
    ordered = sorted(measured, key=lambda entry: entry.key != choice.key)
    return matrices(
        [(names[entry.key], entry.accuracy) for entry in ordered if entry.accuracy is not None]
    )


def _gallery(
    comparison: Comparison, photos: Sequence[ShownPhoto], total: int, find: FindPicture
) -> Gallery:
    return Gallery(
        photos=tuple((photo, find(comparison.data, photo.path)) for photo in photos), total=total
    )


def _samples(comparison: Comparison, case: ComparisonCase, find: FindPicture) -> Gallery:
    photos = sample_photos(comparison, case, limit=MAX_SAMPLES)
    return _gallery(comparison, photos, len(comparison.photos), find)


def _mistakes(comparison: Comparison, case: ComparisonCase, find: FindPicture) -> Gallery:
    photos = worst_mistakes(comparison, case, limit=MAX_MISTAKES)
    wrong = sum(p != t for p, t in zip(case.predicted, comparison.class_ids, strict=True))
    return _gallery(comparison, photos, wrong, find)


def _close(comparison: Comparison, case: ComparisonCase, find: FindPicture) -> Gallery:
    photos = close_calls(comparison, case, limit=MAX_CLOSE)
    right = sum(p == t for p, t in zip(case.predicted, comparison.class_ids, strict=True))
    return _gallery(comparison, photos, right, find)
