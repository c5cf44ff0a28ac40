"""Near duplicates among many photos: every pair of them, in matrix products.

How two photos are compared is told in :mod:`edgecls_device.likeness`, which devices use too.
"""

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
from edgecls_device.likeness import (
    FINE,
    MIN_COSINE,
    MIN_TEXTURE,
    SAME_DIFFERENCE,
    gradients,
    largest_difference,
)
from numpy.typing import NDArray

__all__ = ["Pair", "groups", "similar_pairs"]

_COARSE = 8  # this grid finds candidates at a quarter of the cost
_TILE = 4096
_MOST_PAIRS_OF_TILE = 50_000
_CONFIRMED_AT_ONCE = 4096  # 50,000 would take a gigabyte


@dataclass(frozen=True, kw_only=True, slots=True)
class Pair:
    """Two similar photos.

    Attributes:
        first: Index of one.
        second: Index of the other, larger.
        cosine: Between their gradients, at least ``MIN_COSINE``.
        difference: Root mean square difference, in units of the contrast and after brightness and contrast are
            evened out, in the one of 8x8 places where it is largest.
    """

    first: int
    second: int
    cosine: float
    difference: float

    @property
    def is_same_picture(self) -> bool:
        """Whether nothing in the scene differs either."""
        return self.difference <= SAME_DIFFERENCE


def similar_pairs(thumbnails: NDArray[np.uint8]) -> Iterator[Pair]:
    """Yield the pairs of similar photos.

    Every photo is compared with every other, in matrix products of 4096 by 4096; 100,000 photos took a
    minute and 450 MB on two cores. Where a tile has more than 50,000 pairs (a camera that stood still), only
    the best partner of each photo in it is kept, which leaves the groups as they are but for rare cases.

    Args:
        thumbnails: Shape ``(count, 32, 32)``, uint8, see :func:`edgecls_device.likeness.thumbnail`.
    """
    if len(thumbnails) < 2:
        return
    coarse, texture = gradients(thumbnails, _COARSE)
    usable = np.flatnonzero(texture >= MIN_TEXTURE)
    coarse = coarse[usable]
    for row in range(0, len(usable), _TILE):
        for column in range(row, len(usable), _TILE):
            first, second = _candidates(coarse, row, column)
            yield from _confirmed(thumbnails, usable[first], usable[second])


def groups(pairs: Iterator[Pair] | list[Pair]) -> list[tuple[int, ...]]:
    """Return the sets of photos that pairs connect, each sorted, in order of their first photo."""
    parent: dict[int, int] = {}

    def root(i: int) -> int:
        while parent.setdefault(i, i) != i:
            parent[i] = parent[parent[i]]
            i = parent[i]
        return i

    for pair in pairs:
        a, b = root(pair.first), root(pair.second)
        parent[max(a, b)] = min(a, b)
    members: dict[int, list[int]] = {}
    for i in sorted(parent):
        members.setdefault(root(i), []).append(i)
    return [tuple(group) for group in members.values()]


def _candidates(
    coarse: NDArray[np.float32], row: int, column: int
) -> tuple[NDArray[np.intp], NDArray[np.intp]]:
    cosines = coarse[row : row + _TILE] @ coarse[column : column + _TILE].T
    if row == column:
        cosines[np.tril_indices(len(cosines))] = -1
    is_candidate = cosines >= MIN_COSINE
    if np.count_nonzero(is_candidate) > _MOST_PAIRS_OF_TILE:
        best = cosines.argmax(axis=0)
        seconds = np.flatnonzero(cosines[best, np.arange(len(best))] >= MIN_COSINE)
        return best[seconds] + row, seconds + column
    firsts, seconds = np.nonzero(is_candidate)
    return firsts + row, seconds + column


def _confirmed(
    thumbnails: NDArray[np.uint8], firsts: NDArray[np.intp], seconds: NDArray[np.intp]
) -> Iterator[Pair]:
    for start in range(0, len(firsts), _CONFIRMED_AT_ONCE):
        first = firsts[start : start + _CONFIRMED_AT_ONCE]
        second = seconds[start : start + _CONFIRMED_AT_ONCE]
        one, _ = gradients(thumbnails[first], FINE)
        other, _ = gradients(thumbnails[second], FINE)
        cosines = (one * other).sum(1)
        differences = largest_difference(thumbnails[first], thumbnails[second])
        for a, b, cosine, difference in zip(first, second, cosines, differences, strict=True):
            if cosine >= MIN_COSINE:
                yield Pair(
                    first=int(a), second=int(b), cosine=float(cosine), difference=float(difference)
                )
