"""What a training says of itself: accuracy, loss and calibration error on a split."""

import numpy as np
from edgecls_bench.metrics import calibration_error
from edgecls_device.arrays import Scores
from edgecls_export.confidence import cross_entropy
from numpy.typing import NDArray

from edgecls.training.record import Evaluation

__all__ = ["evaluate"]


def evaluate(scores: Scores, class_ids: NDArray[np.int64]) -> Evaluation:
    """Return accuracy, loss and calibration error of shown scores.

    Args:
        scores: Probabilities after temperature, shape ``(photos, classes)``, float32.
        class_ids: True classes, shape ``(photos,)``; at least one photo.
    """
    is_right = scores.argmax(axis=1) == class_ids
    return Evaluation(
        photos=len(class_ids),
        accuracy=float(is_right.mean()),
        loss=cross_entropy(scores, class_ids),
        calibration_error=calibration_error(scores.max(axis=1).tolist(), is_right.tolist()),
    )
