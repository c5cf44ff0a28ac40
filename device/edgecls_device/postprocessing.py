"""From a model's output to labels: temperature, groups, unknown, top-k. Pure NumPy."""

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from edgecls_device.arrays import Scores
from edgecls_device.spec import Group, ModelSpec

__all__ = [
    "UNKNOWN_LABEL",
    "ScoredLabel",
    "apply_temperature",
    "group_scores",
    "shown_scores",
    "softmax",
    "top_k",
]

UNKNOWN_LABEL = "unknown"
FEW_CLASSES = 60
_LEAST_PROBABILITY = np.float32(1e-6)  # what softmax can still tell from 0 in every recipe


@dataclass(frozen=True, kw_only=True, slots=True)
class ScoredLabel:
    """One label and its score.

    Attributes:
        class_id: Its place among the shown labels.
        label: The label.
        score: Probability, 0..1.
    """

    class_id: int
    label: str
    score: float


def softmax(logits: NDArray[np.float32]) -> Scores:
    """Return probabilities from logits along the last axis, float32."""
    shifted = np.exp(logits - logits.max(axis=-1, keepdims=True))
    return np.asarray(shifted / shifted.sum(axis=-1, keepdims=True), np.float32)


def apply_temperature(scores: Scores, temperature: float) -> Scores:
    """Soften (above 1) or sharpen (below 1) probabilities along the last axis.

    ``softmax(log(p) / T)`` equals ``softmax(logits / T)``, since softmax ignores a constant added to the
    logits; probabilities below 1e-6 count as 1e-6. Source: Guo et al. 2017, "On Calibration of Modern
    Neural Networks", section 4.2.
    """
    if temperature == 1.0:
        return scores
    logits = np.log(np.maximum(scores, _LEAST_PROBABILITY)) / np.float32(temperature)
    return softmax(logits)


def group_scores(scores: Scores, groups: Sequence[Group]) -> Scores:
    """Return one score per group along the last axis.

    The probability mass of all groups together is shared in proportion to the best class of each: the best
    class separates cats from dogs better than the sum, which favours the group with more classes
    (94.8 % against 92.9 % for 5 cats and 118 dogs of ImageNet). What lies outside all groups stays
    outside, so that a picture of neither gets low scores and is shown as unknown.
    """
    best = np.stack([scores[..., list(group.members)].max(axis=-1) for group in groups], axis=-1)
    members = [member for group in groups for member in group.members]
    mass = scores[..., members].sum(axis=-1, keepdims=True)
    total = np.maximum(best.sum(axis=-1, keepdims=True), np.float32(1e-30))
    return np.asarray(best / total * mass, np.float32)


def shown_scores(scores: NDArray[np.float32], spec: ModelSpec) -> Scores:
    """Return the scores a user sees for a model's output along the last axis.

    Args:
        scores: The model's own output, shape ``(..., num_classes)``, float32.
        spec: Says whether they are logits, the temperature and the groups.

    Returns:
        Shape ``(..., len(spec.output_labels))``, float32.
    """
    if scores.ndim == 1 and len(scores) <= FEW_CLASSES and not spec.groups:
        return _few_scores(scores, spec)
    if spec.output == "logits":
        scores = softmax(scores)
    scores = apply_temperature(scores, spec.temperature)
    return group_scores(scores, spec.groups) if spec.groups else scores


def _few_scores(scores: NDArray[np.float32], spec: ModelSpec) -> Scores:
    """Return what :func:`shown_scores` does, number by number: below about 60, NumPy's start-up costs more."""
    if spec.output == "logits":
        scores = _few_softmax(scores.tolist())
    if spec.temperature == 1.0:
        return scores
    least, power = (
        float(_LEAST_PROBABILITY),
        1 / spec.temperature,
    )  # exp(log(p) / T) is p ** (1 / T)
    return _shares([max(p, least) ** power for p in scores.tolist()])


def _few_softmax(logits: list[float]) -> Scores:
    largest = max(logits)
    return _shares([math.exp(logit - largest) for logit in logits])


def _shares(values: list[float]) -> Scores:
    total = sum(values)
    return np.array([value / total for value in values], np.float32)


def top_k(scores: Scores, labels: Sequence[str], k: int) -> list[ScoredLabel]:
    """Return the ``k`` best labels, best first.

    Ties keep class order, so results agree across runtimes.

    Args:
        scores: Probabilities, shape ``(num_classes,)``, float32.
        labels: One label per class, in output order.
        k: How many to return, ``1 <= k``; capped at ``num_classes``.

    Raises:
        ValueError: If ``k < 1`` or the lengths differ.
    """
    if k < 1:
        message = f"Expected k to be at least 1, got {k}."
        raise ValueError(message)
    if scores.shape != (len(labels),):
        message = f"Expected one score per label ({len(labels)}), got shape {scores.shape}."
        raise ValueError(message)
    values: list[float] = scores.tolist()
    best = (
        _best_few(values)
        if len(values) <= FEW_CLASSES
        else (-scores).argsort(kind="stable").tolist()
    )
    return [ScoredLabel(class_id=i, label=labels[i], score=values[i]) for i in best[:k]]


def _best_few(values: list[float]) -> list[int]:
    """Return the places of all values, best first: below about 60, NumPy's start-up costs more."""
    return sorted(range(len(values)), key=[-value for value in values].__getitem__)
