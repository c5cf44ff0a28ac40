"""How surely one thing fits better than another: exact tests, and a margin that makes it matter."""

import math

import numpy as np
from numpy.typing import NDArray

__all__ = ["CHANCE", "binomial_tail", "fits_clearly_better"]

CHANCE = 1e-3
"""What counts as no chance. A dozen ways are tried on one file: 1 in 20 would find one for half of them."""


def binomial_tail(hits: int, trials: int, share: float) -> float:
    """Return the probability of ``hits`` or more among ``trials`` of probability ``share``.

    By logarithms: of a thousand trials and more, binomial coefficients are beyond any float.
    """
    if hits <= 0:
        return 1.0
    if hits > trials or share <= 0:
        return 0.0
    if share >= 1:
        return 1.0
    hit, miss = math.log(share), math.log1p(-share)
    whole = math.lgamma(trials + 1)
    total = math.fsum(
        math.exp(
            whole - math.lgamma(k + 1) - math.lgamma(trials - k + 1) + k * hit + (trials - k) * miss
        )
        for k in range(hits, trials + 1)
    )
    return min(total, 1.0)


def fits_clearly_better(errors: NDArray[np.float32], null: NDArray[np.float32]) -> bool:
    """Whether errors are at most half of those without the change, on photos one by one and not by chance.

    A sign test over the photos, and a median ratio of 2: an artifact that is merely noisy gains some photos
    from any change and loses others, while the true cause takes away nearly all of the error.

    Args:
        errors: Error of each photo with the change, shape ``(photos,)``.
        null: Error of each photo without it.
    """
    better, worse = int((errors < null).sum()), int((errors > null).sum())
    if not better or binomial_tail(better, better + worse, 0.5) >= CHANCE:
        return False
    return bool(2 * np.median(errors) <= np.median(null))
