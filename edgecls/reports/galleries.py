"""Which photos to show: the worst mistakes, close calls, what the shrinking changed, a fair sample."""

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass

from edgecls_bench.comparison import Comparison, ComparisonCase

from edgecls.data.split_record import Split

__all__ = [
    "ShownPhoto",
    "close_calls",
    "sample_photos",
    "unpredicted_photos",
    "worst_mistakes",
]


@dataclass(frozen=True, kw_only=True, slots=True)
class ShownPhoto:
    """One photo and what is said about it.

    Attributes:
        path: Relative to the data's folder.
        true: Its label; empty for a photo without a class.
        predicted: The best label; empty if nothing was predicted.
        score: Its score, 0..1.
        true_score: Score of the true label, 0..1.
    """

    path: str
    true: str
    predicted: str = ""
    score: float = 0.0
    true_score: float = 0.0

    @property
    def is_right(self) -> bool:
        """Whether the best label is right; only for a photo with a class."""
        return self.predicted == self.true


def sample_photos(
    comparison: Comparison, case: ComparisonCase, *, limit: int
) -> tuple[ShownPhoto, ...]:
    """Return photos of every class in turn, right or wrong, drawn by the hash of their path.

    The draw looks neither at the answer nor at a clock, so it flatters nobody and repeats. Only photos without
    classes are taken in turn by what was answered.
    """
    classes = comparison.class_ids or case.predicted
    drawn = _in_turn(classes, [_draw(path) for path in comparison.photos], limit)
    return tuple(_shown(comparison, case, photo) for photo in drawn)


def unpredicted_photos(split: Split, *, limit: int) -> tuple[ShownPhoto, ...]:
    """Return test photos of every class in turn, for a run that was not compared yet."""
    photos = split.subset("test")
    drawn = _in_turn([p.class_id for p in photos], [_draw(p.path) for p in photos], limit)
    return tuple(
        ShownPhoto(path=photos[i].path, true=split.labels[photos[i].class_id]) for i in drawn
    )


def worst_mistakes(
    comparison: Comparison, case: ComparisonCase, *, limit: int
) -> tuple[ShownPhoto, ...]:
    """Return the wrong answers, most confident first."""
    wrong = [i for i, true in enumerate(comparison.class_ids) if case.predicted[i] != true]
    wrong.sort(key=lambda i: (-case.confidence[i], comparison.photos[i]))
    return tuple(_shown(comparison, case, i) for i in wrong[:limit])


def close_calls(
    comparison: Comparison, case: ComparisonCase, *, limit: int
) -> tuple[ShownPhoto, ...]:
    """Return the right answers with the lowest scores, lowest first."""
    right = [i for i, true in enumerate(comparison.class_ids) if case.predicted[i] == true]
    right.sort(key=lambda i: (case.confidence[i], comparison.photos[i]))
    return tuple(_shown(comparison, case, i) for i in right[:limit])


def _shown(comparison: Comparison, case: ComparisonCase, photo: int) -> ShownPhoto:
    return ShownPhoto(
        path=comparison.photos[photo],
        true=comparison.labels[comparison.class_ids[photo]] if comparison.class_ids else "",
        predicted=comparison.labels[case.predicted[photo]],
        score=case.confidence[photo],
        true_score=case.true_score[photo] if case.true_score else 0.0,
    )


def _draw(path: str) -> bytes:
    return hashlib.sha256(path.encode("utf-8", "surrogatepass")).digest()


def _in_turn(class_ids: Sequence[int], order: Sequence[bytes], limit: int) -> list[int]:
    """Return places of photos: the first of every class, then the second, ... at most ``limit``."""
    seen: dict[int, int] = {}
    ranked = []
    for photo in sorted(range(len(class_ids)), key=lambda i: order[i]):
        rank = seen.get(class_ids[photo], 0)
        seen[class_ids[photo]] = rank + 1
        ranked.append((rank, order[photo], photo))
    drawn = [photo for _, _, photo in sorted(ranked)[:limit]]
    return sorted(drawn, key=lambda i: (class_ids[i], order[i]))
