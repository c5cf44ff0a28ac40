"""How far scores can be trusted: temperature and unknown-threshold, fitted to labelled photos. Pure NumPy.

Training fits them to the Keras model. Quantization shifts scores, so every exported file is fitted again, to
its own scores on the same photos.
"""

from dataclasses import replace

import numpy as np
from edgecls_device.arrays import Scores
from edgecls_device.postprocessing import apply_temperature
from edgecls_device.spec import ModelSpec
from numpy.typing import NDArray

__all__ = [
    "MIN_VAL_PHOTOS",
    "cross_entropy",
    "fit_temperature",
    "fit_unknown_threshold",
    "refitted",
]

MIN_VAL_PHOTOS = 30
"""With fewer validation photos neither temperature nor threshold is fitted: they would be noise."""

LOWEST_TEMPERATURE, HIGHEST_TEMPERATURE = 0.5, 5.0
MAX_THRESHOLD = 0.7
"""A camera's frames are worse than validation photos, so even a model that is always sure stays below."""

_LOST = 0.01  # share of right answers that may turn into unknown
_GOLDEN_RATIO = (np.sqrt(5) - 1) / 2


def fit_temperature(scores: Scores, class_ids: NDArray[np.int64]) -> float:
    """Return the temperature with the least cross-entropy, in 0.5..5; 1 if there are few photos.

    Source: Guo et al. 2017, "On Calibration of Modern Neural Networks". The cross-entropy has one minimum
    over 1/T, so a golden-section search over log T finds it. If every photo is right, sharper is always
    better on these photos and means nothing, so scores are then not sharpened.

    Args:
        scores: Probabilities of the model, shape ``(photos, classes)``, float32.
        class_ids: True classes, shape ``(photos,)``.
    """
    if len(class_ids) < MIN_VAL_PHOTOS:
        return 1.0
    all_right = bool((scores.argmax(axis=1) == class_ids).all())
    low = 0.0 if all_right else np.log(LOWEST_TEMPERATURE)
    high = np.log(HIGHEST_TEMPERATURE)

    def loss(log_temperature: float) -> float:
        return cross_entropy(apply_temperature(scores, float(np.exp(log_temperature))), class_ids)

    while high - low > 1e-3:
        left, right = high - _GOLDEN_RATIO * (high - low), low + _GOLDEN_RATIO * (high - low)
        if loss(left) <= loss(right):
            high = right
        else:
            low = left
    temperature = round(float(np.exp((low + high) / 2)), 3)
    return temperature if loss(np.log(temperature)) < loss(0.0) else 1.0


def fit_unknown_threshold(scores: Scores, class_ids: NDArray[np.int64]) -> float:
    """Return the score below which 1 % of the right answers fall, at most 0.7; 0 if there are few photos.

    Args:
        scores: Probabilities after temperature, shape ``(photos, classes)``, float32.
        class_ids: True classes, shape ``(photos,)``.
    """
    is_right = scores.argmax(axis=1) == class_ids
    if is_right.sum() < MIN_VAL_PHOTOS:
        return 0.0
    lowest = float(np.quantile(scores.max(axis=1)[is_right], _LOST, method="lower"))
    return round(min(lowest, MAX_THRESHOLD), 3)


def cross_entropy(scores: Scores, class_ids: NDArray[np.int64]) -> float:
    """Return the mean of ``-log p`` of the true class; probabilities below 1e-6 count as 1e-6."""
    true = scores[np.arange(len(class_ids)), class_ids]
    return float(-np.log(np.maximum(true, 1e-6)).mean())


def refitted(spec: ModelSpec, scores: Scores, class_ids: NDArray[np.int64]) -> ModelSpec:
    """Return a spec whose temperature and unknown-threshold are those of a file's own scores.

    What the Keras model had goes into the provenance. Left as it was are a spec with groups, since photos of
    single classes are not what it shows, and one for fewer than ``MIN_VAL_PHOTOS`` photos.

    Args:
        spec: The Keras model's, or one that has its temperature and threshold.
        scores: The file's own output, before any temperature, shape ``(photos, classes)``, float32.
        class_ids: True classes, shape ``(photos,)``.
    """
    if spec.groups or len(class_ids) < MIN_VAL_PHOTOS:
        return spec
    temperature = fit_temperature(scores, class_ids)
    threshold = fit_unknown_threshold(apply_temperature(scores, temperature), class_ids)
    provenance = replace(
        spec.provenance,
        keras_temperature=spec.temperature,
        keras_unknown_threshold=spec.unknown_threshold,
    )
    return replace(
        spec, temperature=temperature, unknown_threshold=threshold, provenance=provenance
    )
