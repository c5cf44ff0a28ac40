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

__all__ = ["Pool", "Witnesses", "find_witnesses", "range_groups", "without_constant"]

PRECISION = 1e-4
"""Of a range's width. Kernels of calibrator and runtime add in another order, which changes about 1e-5."""


SHIFTED = 0.02
"""Of a range's width. Correcting biases before calibration shifts ranges by up to a percent."""


@dataclass(frozen=True, kw_only=True, slots=True, eq=False)
class Pool:
    """Extremes of photos in one preparation, shape ``(photos, activations, 2)``.

    Attributes:
        all: Of all photos at hand.
        calibration: Of those that an export calibrates on.
    """

    all: NDArray[np.float32]
    calibration: NDArray[np.float32]


@dataclass(frozen=True, kw_only=True, slots=True)
class Witnesses:
    """How many ranges are those of photos.

    Attributes:
        ranges: Number of ranges that were looked at.
        found: Number of those that photos have.
        single: The most ranges of which one single photo has exactly both ends.
    """

    ranges: int
    found: int
    single: int


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


def without_constant(groups: Groups, pools: Mapping[str, Pool]) -> Groups:
    """Return the groups that tell preparations apart: not those that half of all preparations have.

    Such are the normalization's, which depend on the values 0 and 255 alone.
    """
    found = [
        sum(find_witnesses([group], pool).found for pool in pools.values()) for group in groups
    ]
    return [group for group, count in zip(groups, found, strict=True) if 2 * count < len(pools)]


def find_witnesses(groups: Groups, pool: Pool) -> Witnesses:
    """Look for photos that have the ranges in the file: two of all exactly, or the calibration photos together.

    Args:
        groups: Activations that share one range, and their places in the pool's extremes.
        pool: Extremes of photos in one preparation.
    """
    found, both_ends = 0, np.zeros(len(pool.all), np.int64)
    for entry, members in groups:
        exact = _exact(entry, members, pool.all)
        found += bool(exact.any()) or _is_whole(entry, members, pool.calibration)
        both_ends += np.diagonal(exact)
    single = int(both_ends.max()) if len(both_ends) else 0
    return Witnesses(ranges=len(groups), found=found, single=single)


def _exact(entry: Activation, members: list[int], rows: NDArray[np.float32]) -> NDArray[np.bool_]:
    """Return which photos (of the least value, of the largest) have exactly this range."""
    found = np.zeros((len(rows), len(rows)), bool)
    width = entry.high - entry.low
    for place in members:
        low = np.minimum(rows[:, place, 0].astype(np.float64), 0.0)
        high = np.maximum(rows[:, place, 1].astype(np.float64), 0.0)
        # The zero point is rounded, which moves both ends by up to half a step, but not their distance.
        lows = np.abs(low - entry.low) <= 0.6 * entry.step
        highs = np.abs(high - entry.high) <= 0.6 * entry.step
        gaps = np.abs(high[np.newaxis] - low[:, np.newaxis] - width) <= PRECISION * width
        found |= gaps & lows[:, np.newaxis] & highs[np.newaxis]
    return found


def _is_whole(entry: Activation, members: list[int], rows: NDArray[np.float32]) -> bool:
    if not len(rows):
        return False
    low, high = (
        min(float(rows[:, members, 0].min()), 0.0),
        max(float(rows[:, members, 1].max()), 0.0),
    )
    width = entry.high - entry.low
    return abs(high - low - width) <= SHIFTED * width
