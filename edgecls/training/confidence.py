"""What a training says of itself: accuracy, loss and calibration error on a split."""

import numpy as np
from edgecls_device.arrays import Scores
from edgecls_export.confidence import cross_entropy
from numpy.typing import NDArray

from edgecls.training.record import Evaluation

__all__ = ["evaluate"]


def evaluate(scores: Scores, class_ids: NDArray[np.int64]) -> Evaluation:
    """Return accuracy, loss and calibration error of shown scores.

    The calibration error is the mean difference of confidence and accuracy over 15 bins of equal width,
    weighted by their photos (Naeini et al. 2015).

    Args:
        scores: Probabilities after temperature, shape ``(photos, classes)``, float32.
        class_ids: True classes, shape ``(photos,)``; at least one photo.
    """
    confidence = scores.max(axis=1)
    is_right = scores.argmax(axis=1) == class_ids
    bins = np.minimum((confidence * 15).astype(np.int64), 14)
    gaps = [
        abs(float(confidence[bins == i].mean() - is_right[bins == i].mean())) * (bins == i).mean()
        for i in range(15)
        if (bins == i).any()
    ]
    return Evaluation(
        photos=len(class_ids),
        accuracy=float(is_right.mean()),
        loss=cross_entropy(scores, class_ids),
        calibration_error=float(sum(gaps)),
    )
