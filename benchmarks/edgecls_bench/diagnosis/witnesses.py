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

__all__ = ["Witnesses", "find_witnesses", "range_groups", "without_constant"]

PRECISION = 1e-4
"""Of a range's width. Kernels of calibrator and runtime add in another order, which changes about 1e-5."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Witnesses:
    """How many ranges are exactly those of photos.

    Attributes:
        ranges: Number of ranges that were looked at.
        found: Number of those with photos that have exactly these extremes.
        single: The most ranges of which one single photo has both ends.
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


def without_constant(groups: Groups, ranges: Mapping[str, NDArray[np.float32]]) -> Groups:
    """Return the groups that tell preparations apart: not those that half of all preparations have exactly.

    Such are the normalization's, which depend on the values 0 and 255 alone.
    """
    found = [
        sum(find_witnesses([group], rows).found for rows in ranges.values()) for group in groups
    ]
    return [group for group, count in zip(groups, found, strict=True) if 2 * count < len(ranges)]


def find_witnesses(groups: Groups, extremes: NDArray[np.float32]) -> Witnesses:
    """Look for photos whose extremes are the ranges in the file.

    Args:
        groups: Activations that share one range, and their places in ``extremes``.
        extremes: Least and largest values, shape ``(photos, activations, 2)``.
    """
    found, both_ends = 0, np.zeros(len(extremes), np.int64)
    for entry, members in groups:
        is_found = False
        mine = np.zeros(len(extremes), bool)
        for place in members:
            low = np.minimum(extremes[:, place, 0].astype(np.float64), 0.0)
            high = np.maximum(extremes[:, place, 1].astype(np.float64), 0.0)
            width = entry.high - entry.low
            # The zero point is rounded, which moves both ends by up to half a step, but not their distance.
            lows = np.abs(low - entry.low) <= 0.6 * entry.step
            highs = np.abs(high - entry.high) <= 0.6 * entry.step
            gaps = np.abs(high[np.newaxis] - low[:, np.newaxis] - width) <= PRECISION * width
            exact = gaps & lows[:, np.newaxis] & highs[np.newaxis]
            is_found |= bool(exact.any())
            mine |= np.diagonal(exact)
        found += is_found
        both_ends += mine
    single = int(both_ends.max()) if len(both_ends) else 0
    return Witnesses(ranges=len(groups), found=found, single=single)
