"""The arithmetic of a comparison: pure functions over score arrays and class ids."""

import math
from collections.abc import Sequence

import numpy as np
from edgecls_device.arrays import Scores
from numpy.typing import NDArray

__all__ = [
    "CALIBRATION_BINS",
    "TOP_K",
    "Z_95",
    "calibration_bins",
    "calibration_error",
    "is_among_best",
    "wilson_interval",
]

TOP_K = 5
CALIBRATION_BINS = 15
Z_95 = 1.959963984540054
"""97.5 % quantile of the standard normal distribution."""


def is_among_best(scores: Scores, class_id: int, k: int) -> bool:
    """Whether a class is one of the ``k`` best, with ties in class order as in ``top_k``.

    Args:
        scores: Probabilities, shape ``(num_classes,)``, float32.
        class_id: The class that is asked for.
        k: How many count as best.
    """
    if len(scores) <= k:
        return True
    mine = scores[class_id]
    better = int((scores > mine).sum()) + int((scores[:class_id] == mine).sum())
    return better < k


def calibration_error(confidence: Sequence[float], is_right: Sequence[bool]) -> float:
    """Return the expected calibration error, 0..1: how far confidence is from accuracy.

    It is the mean difference of confidence and accuracy over 15 bins of equal width, weighted by their photos.
    Source: Naeini et al. 2015, "Obtaining Well Calibrated Probabilities Using Bayesian Binning".

    Args:
        confidence: Best score per photo, 0..1.
        is_right: Whether the best class is the true one, per photo.

    Raises:
        ValueError: If there is no photo, or the lengths differ.
    """
    if not len(confidence) or len(confidence) != len(is_right):
        message = f"Expected one answer per confidence, got {len(is_right)} for {len(confidence)}."
        raise ValueError(message)
    sure = np.asarray(confidence, np.float64)
    gaps = np.bincount(
        calibration_bins(sure),
        weights=sure - np.asarray(is_right, np.float64),
        minlength=CALIBRATION_BINS,
    )
    return float(np.abs(gaps).sum() / len(sure))


def calibration_bins(confidence: NDArray[np.float64]) -> NDArray[np.int64]:
    """Return which of the 15 bins of equal width each score is in; 1.0 is in the last one.

    Args:
        confidence: Best score per photo, 0..1, float64.
    """
    return np.minimum((confidence * CALIBRATION_BINS).astype(np.int64), CALIBRATION_BINS - 1)


def wilson_interval(right: float, total: float, z: float = Z_95) -> tuple[float, float]:
    """Return the interval of the true accuracy for ``right`` of ``total`` photos, 95 % by default.

    It stays inside 0..1 and means something at 100 % of few photos, where the normal approximation gives
    an interval of no width. Source: Wilson 1927, "Probable Inference, the Law of Succession, and Statistical
    Inference".

    Args:
        right: Photos that are right; a fraction for a number of photos that is only thought of.
        total: All photos.
        z: Quantile of the standard normal distribution for the wanted confidence.

    Raises:
        ValueError: If ``total`` is below 1 or ``right`` is not in 0..total.
    """
    if total < 1 or not 0 <= right <= total:
        message = f"Expected 0..total right answers of at least 1, got {right} of {total}."
        raise ValueError(message)
    share = right / total
    spread = z * math.sqrt(share * (1 - share) / total + z * z / (4 * total * total))
    centre, scale = share + z * z / (2 * total), 1 + z * z / total
    low = (
        0.0 if right == 0 else (centre - spread) / scale
    )  # exact where rounding would leave a trace
    high = 1.0 if right == total else (centre + spread) / scale
    return max(0.0, low), min(1.0, high)
