"""Errors of layers, summed over photos."""

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from edgecls_bench.diagnosis.matching import Pair

__all__ = ["LayerSums", "decibels"]

_LEAST_ERROR = 1e-10  # of the signal: float32 knows no less, and below it there is no error


class LayerSums:
    """Sums over the values of each layer and over photos.

    Attributes:
        signal: Squares of the reference, shape ``(layers,)``.
        error: Squares of the difference.
        clipping: Squares of what the artifact's ranges cut off the reference.
        low: Least value of the reference.
        high: Its largest.
        clipped: Photos with a value beyond the range by more than a step.
        photos: Number of photos.
    """

    def __init__(self, pairs: Sequence[Pair]) -> None:
        self._pairs = pairs
        count = len(pairs)
        self.signal, self.error, self.clipping = (np.zeros(count) for _ in range(3))
        self.low, self.high = np.full(count, np.inf), np.full(count, -np.inf)
        self.clipped = np.zeros(count)
        self.photos = 0

    def add(
        self, own: Sequence[NDArray[np.float32]], wanted: Sequence[NDArray[np.float32]]
    ) -> None:
        """Add one photo: the artifact's values and the reference's, in the order of the pairs."""
        self.photos += 1
        for i, ((entry, _), mine, true) in enumerate(zip(self._pairs, own, wanted, strict=True)):
            low, high = float(true.min()), float(true.max())
            self.signal[i] += float(np.vdot(true, true))
            difference = mine.reshape(-1) - true.reshape(-1)
            self.error[i] += float(np.vdot(difference, difference))
            self.low[i], self.high[i] = min(self.low[i], low), max(self.high[i], high)
            if entry.is_quantized and (
                low < entry.low - entry.step or high > entry.high + entry.step
            ):
                self.clipped[i] += 1
                cut = true - np.clip(true, np.float32(entry.low), np.float32(entry.high))
                self.clipping[i] += float(np.vdot(cut, cut))

    @property
    def sqnr_db(self) -> NDArray[np.float64]:
        """Signal to error in decibels, shape ``(layers,)``; at most 100."""
        return decibels(self.signal, self.error)

    @property
    def clipping_share(self) -> NDArray[np.float64]:
        """Share of each layer's error that clipping alone makes, 0..1."""
        return np.minimum(self.clipping / np.maximum(self.error, 1e-30), 1.0)


def decibels(signal: NDArray[np.float64], error: NDArray[np.float64]) -> NDArray[np.float64]:
    """Return ``10 log10(signal / error)``; 100 where there is no error that float32 could tell."""
    floor = np.maximum(signal, 1e-30)
    return np.asarray(10 * np.log10(floor / np.maximum(error, _LEAST_ERROR * floor)), np.float64)
