"""Two classifiers on the same photos: how much accuracy the second loses, with an interval and a test."""

import math
from collections.abc import Sequence

from edgecls_bench.comparison import PairedDifference
from edgecls_bench.metrics import Z_95

__all__ = ["mcnemar_p", "paired_counts", "paired_difference", "tango_interval"]

_HALVINGS = 60  # of an interval of at most 2: to the last bit of a float


def paired_difference(reference_right: Sequence[bool], right: Sequence[bool]) -> PairedDifference:
    """Return how much accuracy is lost against a reference on the same photos.

    Args:
        reference_right: Whether the reference is right, per photo.
        right: Whether the other is right, per photo, in the same order.

    Raises:
        ValueError: If there is no photo, or the lengths differ.
    """
    pairs = list(zip(reference_right, right, strict=True))
    losses = sum(before and not after for before, after in pairs)
    gains = sum(after and not before for before, after in pairs)
    return paired_counts(losses, gains, len(pairs))


def paired_counts(losses: int, gains: int, photos: int) -> PairedDifference:
    """Return the same from counts.

    Args:
        losses: Photos that only the reference gets right.
        gains: Photos that only the other gets right.
        photos: All photos.

    Raises:
        ValueError: If a count is negative, or they are more than the photos.
    """
    low, high = tango_interval(losses, gains, photos)
    return PairedDifference(
        losses=losses,
        gains=gains,
        drop=(losses - gains) / photos,
        low=low,
        high=high,
        p_value=mcnemar_p(losses, gains),
    )


def tango_interval(losses: float, gains: float, photos: float) -> tuple[float, float]:
    """Return the 95 % score interval of ``(losses - gains) / photos``.

    It holds the differences that a score test does not reject. It means something where no photo differs: then
    it reaches to ``z^2 / (photos + z^2)`` on both sides, where the usual normal approximation has no width.
    Source: Tango 1998, "Equivalence test and confidence interval for the difference in proportions for the
    paired-sample design", Statistics in Medicine 17.

    Args:
        losses: Photos that only the reference gets right; a fraction for a number of photos that is only
            thought of.
        gains: Photos that only the other gets right.
        photos: All photos.

    Raises:
        ValueError: If a count is negative, or they are more than the photos.
    """
    if photos <= 0 or min(losses, gains) < 0 or losses + gains > photos * (1 + 1e-12):
        message = (
            f"Expected losses and gains among the photos, got {losses} and {gains} of {photos}."
        )
        raise ValueError(message)
    return -_upper_end(gains, losses, photos), _upper_end(losses, gains, photos)


def _upper_end(losses: float, gains: float, photos: float) -> float:
    inside, outside = (losses - gains) / photos, 1.0
    for _ in range(_HALVINGS):
        middle = (inside + outside) / 2
        if _is_rejected(middle, losses, gains, photos):
            outside = middle
        else:
            inside = middle
    return (inside + outside) / 2


def _is_rejected(difference: float, losses: float, gains: float, photos: float) -> bool:
    """Whether a score test at 5 % rejects this difference.

    The share of gains is the most likely one under this difference: the root of a quadratic (Tango 1998,
    appendix).
    """
    linear = (2 * photos - losses + gains) * difference - losses - gains
    constant = -gains * difference * (1 - difference)
    root = math.sqrt(max(0.0, linear * linear - 8 * photos * constant))
    gains_share = (root - linear) / (4 * photos)
    variance = photos * max(0.0, 2 * gains_share + difference * (1 - difference))
    return (losses - gains - photos * difference) ** 2 > Z_95 * Z_95 * variance


def mcnemar_p(losses: int, gains: int) -> float:
    """Return the two-sided p-value of no difference, from the exact binomial distribution.

    In whole numbers, so that nothing underflows for thousands of photos. Source: McNemar 1947, "Note on the
    sampling error of the difference between correlated proportions or percentages", with the binomial
    distribution instead of its approximation.
    """
    differing = losses + gains
    term = tail = 1  # binomial coefficients
    for i in range(min(losses, gains)):
        term = term * (differing - i) // (i + 1)
        tail += term
    return min(1.0, 2 * tail / (1 << differing))
