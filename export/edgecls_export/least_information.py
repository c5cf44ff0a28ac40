"""Value ranges that lose the least information: one histogram per tensor, cut where it costs least.

Source: Migacz 2017, "8-bit Inference with TensorRT" (GTC). Differences: ranges need not be symmetric, and a
tensor with both signs is cut at either end.
"""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

__all__ = ["BINS", "Histogram", "least_divergence", "percentile"]

BINS = 2048
LEVELS = 256
CANDIDATES = 128
"""Cuts tried for an end: evenly spaced numbers of bins kept, from ``LEVELS`` to all."""

Range = tuple[float, float]


@dataclass(kw_only=True, slots=True)
class Histogram:
    """Counts of a tensor's values over photos, in ``BINS`` bins of one width that doubles when a value is out.

    Attributes:
        width: Width of a bin; 0 before a value other than 0 came.
        first: Number of the first bin; bin ``i`` holds ``[(first + i) * width, (first + i + 1) * width)``.
        counts: int64 ``(BINS,)``, without the values that are exactly 0.
        zeros: Count of those.
        least: Least value so far, 0 included.
        most: Greatest value so far, 0 included.
    """

    width: float
    first: int
    counts: NDArray[np.int64]
    zeros: int
    least: float
    most: float

    @classmethod
    def empty(cls) -> "Histogram":
        """Return a histogram of no values."""
        return cls(
            width=0.0, first=0, counts=np.zeros(BINS, np.int64), zeros=0, least=0.0, most=0.0
        )

    def add(self, values: NDArray[np.float32]) -> None:
        """Count values of any shape."""
        values = values.ravel()
        self.zeros += int(np.count_nonzero(values == 0))
        values = values[values != 0]
        if not values.size:
            return
        self.least = min(self.least, float(values.min()))
        self.most = max(self.most, float(values.max()))
        self._widen()
        bins = np.floor(values / np.float64(self.width)).astype(np.int64) - self.first
        self.counts += np.bincount(bins, minlength=BINS)

    def _widen(self) -> None:
        """Double the width until the values fit, and move the counts; 0 is always an edge of a bin."""
        width = self.width or float(2.0 ** np.floor(np.log2((self.most - self.least) / BINS)))
        while np.floor(self.most / width) - np.floor(self.least / width) >= BINS:
            width *= 2
        first = int(np.floor(self.least / width))
        if self.width and (width, first) != (self.width, self.first):
            factor = round(width / self.width)
            filled = np.flatnonzero(self.counts)
            bins = (filled + self.first) // factor - first
            self.counts = np.bincount(bins, self.counts[filled], BINS).astype(np.int64)
        self.width, self.first = width, first


def percentile(histogram: Histogram, kept: float) -> Range:
    """Return the range without the rarest values: per cent ``kept``, as many cut at one end as at the other.

    A tensor of one sign is only cut at the end away from 0.
    """
    counts = histogram.counts.astype(np.float64)
    if -histogram.first in range(BINS):
        counts[-histogram.first] += histogram.zeros
    share = np.cumsum(counts) / max(counts.sum(), 1)
    cut = (1 - kept / 100) / (2 if histogram.least < 0 < histogram.most else 1)
    low = int(np.searchsorted(share, cut, side="right"))
    high = int(np.searchsorted(share, 1 - cut)) + 1
    return _range(histogram, low, high)


def least_divergence(histogram: Histogram) -> Range:
    """Return the range whose ``LEVELS`` levels give the least Kullback-Leibler divergence.

    Values that are exactly 0 are left out, as 0 is always a level, and so is the bin next to it behind a
    ReLU. First the upper end is chosen with the lower one whole, then the lower end; then both once more.
    """
    counts = histogram.counts.astype(np.float64)
    zero = -histogram.first
    if histogram.least == 0:
        counts[zero] = 0
    low = (
        min(int(np.floor(histogram.least / histogram.width)) - histogram.first, zero)
        if histogram.width
        else 0
    )
    high = (
        int(np.floor(histogram.most / histogram.width)) - histogram.first + 1
        if histogram.width
        else 0
    )
    if high - low <= LEVELS or not counts.any():
        return histogram.least, histogram.most
    whole = (low, high)
    for _ in range(2):
        if histogram.most > 0:
            ends = _cuts(max(zero + 1, low + LEVELS), whole[1])
            high = _cheapest(counts, [(low, end) for end in ends])[1]
        if histogram.least < 0:
            ends = _cuts(min(zero - 1, high - LEVELS), whole[0])
            low = _cheapest(counts, [(end, high) for end in ends])[0]
    return _range(histogram, low, high)


def divergence(counts: NDArray[np.float64], low: int, high: int) -> float:
    """Return KL(p || q): p has what is outside ``low..high`` in its end bins, q spreads each level's counts.

    q is made of the counts inside only, over the bins that are not empty, so what is cut off is a loss.
    """
    inside = counts[low:high]
    p = inside.copy()
    p[0] += counts[:low].sum()
    p[-1] += counts[high:].sum()
    filled = inside > 0
    level = np.arange(high - low) * LEVELS // (high - low)
    mass, bins = np.bincount(level, inside, LEVELS), np.bincount(level, filled, LEVELS)
    q = np.where(filled, (mass / np.maximum(bins, 1))[level], 0.0)
    p, q = p / p.sum(), q / max(q.sum(), 1e-300)
    with_mass = p > 0
    return float(np.sum(p[with_mass] * np.log(p[with_mass] / np.maximum(q[with_mass], 1e-12))))


def _cuts(nearest: int, whole: int) -> list[int]:
    """Return the ends to try, the whole range first: of equal ones it is kept."""
    return list(dict.fromkeys(int(end) for end in np.linspace(whole, nearest, CANDIDATES)))


def _cheapest(counts: NDArray[np.float64], cuts: list[tuple[int, int]]) -> tuple[int, int]:
    return min(cuts, key=lambda cut: divergence(counts, *cut))


def _range(histogram: Histogram, low: int, high: int) -> Range:
    """Return the edges of bins as values, within the values there were; 0 is always inside."""
    least = (histogram.first + low) * histogram.width
    most = (histogram.first + high) * histogram.width
    return min(max(least, histogram.least), 0.0), max(min(most, histogram.most), 0.0)
