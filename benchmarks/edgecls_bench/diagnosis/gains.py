"""Channels that a quantizer scaled on purpose, so that they can be told from channels that are wrong.

Before quantizing, the channels of a tensor may be equalized: each is multiplied by a factor, and what reads it
is divided by the same. The artifact then computes what the reference does, with other values in between.
"""

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

__all__ = ["ChannelSums", "scaled"]

Values = NDArray[np.float32]

EXPLAINED = 4.0
"""Factors must take away three quarters of the error: 6 dB, one bit. Rounding leaves nothing to take away."""

CLEAN = 20.0
"""Signal to remaining error (13 dB), as rounding to 8 bits leaves it. A range that cuts values off also makes
channels smaller, but never so cleanly."""

LARGER = 1.1
"""Equalizing makes small channels larger; cutting off makes none larger."""


class ChannelSums:
    """Products of the artifact's channels with the reference's, summed over photos."""

    def __init__(self, layers: int, *, axis: int) -> None:
        self._axis = axis
        self._sums: list[NDArray[np.float64] | None] = [None] * layers

    def add(self, own: Sequence[Values], wanted: Sequence[Values]) -> None:
        """Add one photo."""
        for i, (mine, true) in enumerate(zip(own, wanted, strict=True)):
            rows = [_channels(values, self._axis) for values in (mine, true)]
            sums = np.array(
                [
                    (rows[0] * rows[0]).sum(axis=1),
                    (rows[0] * rows[1]).sum(axis=1),
                    (rows[1] * rows[1]).sum(axis=1),
                ],
                np.float64,
            )
            before = self._sums[i]
            self._sums[i] = sums if before is None else before + sums

    def gains(self) -> list[Values | None]:
        """Return for each layer the factor of each channel; None where channels are not scaled."""
        return [None if sums is None else _gains(sums) for sums in self._sums]


def scaled(values: Values, gains: Values | None, *, axis: int) -> Values:
    """Return a reference's values with the artifact's factors."""
    if gains is None:
        return values
    shape = [1] * values.ndim
    shape[axis] = len(gains)
    return np.asarray(values * gains.reshape(shape), np.float32)


def _gains(sums: NDArray[np.float64]) -> Values | None:
    own, both, wanted = sums
    factors = np.where(wanted > 0, both / np.maximum(wanted, 1e-30), 1.0)
    before = float((own - 2 * both + wanted).sum())
    after = float((own - factors * both).sum())
    if after * EXPLAINED > before or (factors <= 0).any():
        return None
    is_clean = after * CLEAN <= float(own.sum())
    has_larger = 4 * int((factors > LARGER).sum()) >= len(factors)
    return factors.astype(np.float32) if is_clean or has_larger else None


def _channels(values: Values, axis: int) -> Values:
    rows = np.moveaxis(values, axis, 0)
    return np.ascontiguousarray(rows.reshape(rows.shape[0], -1))
