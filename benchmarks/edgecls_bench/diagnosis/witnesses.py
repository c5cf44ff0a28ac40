"""Which photos a file was calibrated on, told by its ranges.

A min-max calibrator takes each range from single photos: one has the least value, and one the largest. Where
those photos are at hand, and are prepared as they were then, their extremes are the range in the file to the
precision of float32; for other photos that is chance. So a few photos prove how they were prepared.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from edgecls_bench.diagnosis.matching import Pair
from edgecls_bench.diagnosis.network import Activation
from edgecls_bench.diagnosis.significance import binomial_tail

__all__ = [
    "End",
    "Pool",
    "Witnesses",
    "ends_of",
    "find_witnesses",
    "range_groups",
    "without_constant",
]

PRECISION = 3e-5
"""Of a range's width. Kernels of calibrator and runtime add in another order, which changes about 1e-5."""


NEAR_ZERO = 0.1
"""Of a range's width: an end so near to 0 is moved too far by the rounding of the zero point."""

MAJORITY = 0.05
"""For the choice between two preparations, after one of them is proven not to fit by chance."""

SHIFTED = 0.02
"""Of an end. Correcting biases before calibration shifts ranges by up to a percent."""


@dataclass(frozen=True, kw_only=True, slots=True, eq=False)
class Pool:
    """Extremes of photos in one preparation, shape ``(photos, activations, 2)``.

    Attributes:
        all: Of all photos at hand.
        calibration: Of those that an export calibrates on.
    """

    all: NDArray[np.float32]
    calibration: NDArray[np.float32]


@dataclass(frozen=True, kw_only=True, slots=True, eq=False)
class End:
    """One end of a range.

    Attributes:
        entry: An activation that has the range.
        members: Places of all that have it among the informative ones.
        is_high: Whether it is the upper end.
    """

    entry: Activation
    members: tuple[int, ...]
    is_high: bool


@dataclass(frozen=True, kw_only=True, slots=True)
class Witnesses:
    """How many ends of ranges are those of photos.

    Attributes:
        ends: Number of ends that were looked at.
        found: Number of those that photos have.
        single: The most ends in ranges that are exactly those of one single photo.
        photos: Number of photos that were looked at.
        places: Which of the ends were found.
    """

    ends: int
    found: int
    single: int
    photos: int
    places: frozenset[int] = frozenset()

    def leads(self, other: "Witnesses") -> bool:
        """Whether these photos have ends that the other's lack, more than the reverse: a sign test at 5 %.

        Photos in two preparations share many extremes, where something is grey or the layer does not mind. So
        only the ends count that exactly one of both has.
        """
        mine, theirs = len(self.places - other.places), len(other.places - self.places)
        return binomial_tail(mine, mine + theirs, 0.5) < MAJORITY


Groups = list[tuple[Activation, list[int]]]


def range_groups(pairs: Sequence[Pair], informative: Sequence[int]) -> Groups:
    """Return activations by their range, with their places among the informative ones.

    Activations that share one range, such as the operands of a sum, are quantized as one.
    """
    found: dict[tuple[float, float], tuple[Activation, list[int]]] = {}
    for place, index in enumerate(informative):
        entry = pairs[index][0]
        found.setdefault((entry.low, entry.high), (entry, []))[1].append(place)
    return list(found.values())


def ends_of(groups: Groups) -> list[End]:
    """Return the ends of ranges that are far enough from 0 to be compared."""
    found = []
    for entry, members in groups:
        least = NEAR_ZERO * (entry.high - entry.low)
        found += [
            End(entry=entry, members=tuple(members), is_high=is_high)
            for is_high, end in ((False, -entry.low), (True, entry.high))
            if end > least
        ]
    return found


def without_constant(ends: Sequence[End], pools: Mapping[str, Pool]) -> list[End]:
    """Return the ends that tell preparations apart: not those that half of all preparations have.

    Such are the normalization's, which depend on the values 0 and 255 alone.
    """
    found = [sum(find_witnesses([end], pool).found for pool in pools.values()) for end in ends]
    return [end for end, count in zip(ends, found, strict=True) if 2 * count < len(pools)]


def find_witnesses(ends: Sequence[End], pool: Pool) -> Witnesses:
    """Look for photos that have the ranges in the file: two of all exactly, or the calibration photos together.

    Args:
        ends: Ends of the ranges.
        pool: Extremes of photos in one preparation.
    """
    places, both_ends = set(), np.zeros(len(pool.all), np.int64)
    for place, end in enumerate(ends):
        exact = _exact(end, pool.all)
        if exact.any() or _is_whole(end, pool.calibration):
            places.add(place)
        both_ends += np.diagonal(exact)
    single = int(both_ends.max()) if len(both_ends) else 0
    return Witnesses(
        ends=len(ends),
        found=len(places),
        single=single,
        photos=len(pool.all),
        places=frozenset(places),
    )


def _exact(end: End, rows: NDArray[np.float32]) -> NDArray[np.bool_]:
    """Return which photos (of the least value, of the largest) have exactly this range."""
    entry = end.entry
    found = np.zeros((len(rows), len(rows)), bool)
    width = entry.high - entry.low
    for place in end.members:
        low = np.minimum(rows[:, place, 0].astype(np.float64), 0.0)
        high = np.maximum(rows[:, place, 1].astype(np.float64), 0.0)
        # The zero point is rounded, which moves both ends by up to half a step, but not their distance.
        lows = np.abs(low - entry.low) <= 0.6 * entry.step
        highs = np.abs(high - entry.high) <= 0.6 * entry.step
        gaps = np.abs(high[np.newaxis] - low[:, np.newaxis] - width) <= PRECISION * width
        found |= gaps & lows[:, np.newaxis] & highs[np.newaxis]
    return found


def _is_whole(end: End, rows: NDArray[np.float32]) -> bool:
    if not len(rows):
        return False
    members = list(end.members)
    wanted = end.entry.high if end.is_high else -end.entry.low
    seen = rows[:, members, 1].max() if end.is_high else -rows[:, members, 0].min()
    return abs(float(seen) - wanted) <= SHIFTED * wanted + 0.6 * end.entry.step
