"""Scores of many frames as one row of scores that does not jump."""

import math
from collections import Counter, deque
from typing import Protocol

import numpy as np

from edgecls_device.arrays import Scores
from edgecls_device.classifier import Prediction
from edgecls_device.decisions.settings import DecisionSettings

__all__ = ["ExponentialSmoothing", "MajoritySmoothing", "NoSmoothing", "Smoother", "open_smoother"]

GAP_WINDOWS = 4.0
"""After a gap of so many time constants nothing of the past is left: it would weigh 2 %."""

MAX_VOTES = 4096


class Smoother(Protocol):
    """Takes predictions in order of time."""

    def take(self, prediction: Prediction, now_s: float) -> Scores:
        """Return the smoothed scores, shape ``(num_labels,)``, float32, 0..1; not to be changed."""

    def forget(self) -> None:
        """Forget the past."""


class NoSmoothing:
    """Gives scores as they are."""

    def take(self, prediction: Prediction, now_s: float) -> Scores:
        """See ``Smoother``."""
        del now_s
        return prediction.scores

    def forget(self) -> None:
        """There is no past."""


class ExponentialSmoothing:
    """A mean in which what is older weighs less, for any distance between frames.

    A new row of scores weighs ``1 - exp(-dt / window_s)``, where ``dt`` is the time since the last one: an
    RC low-pass in time, so that 10 and 30 frames a second settle equally fast.
    """

    def __init__(self, window_s: float) -> None:
        """Start without a past; ``window_s`` is the time constant in seconds."""
        self._window_s = window_s
        self._scores: Scores | None = None
        self._last_s = 0.0

    def take(self, prediction: Prediction, now_s: float) -> Scores:
        """See ``Smoother``."""
        gap_s = now_s - self._last_s
        self._last_s = now_s
        if self._scores is None or gap_s > GAP_WINDOWS * self._window_s:
            self._scores = prediction.scores.astype(np.float32)
        else:
            weight = np.float32(-math.expm1(-gap_s / self._window_s))
            self._scores = self._scores + weight * (prediction.scores - self._scores)
        return self._scores

    def forget(self) -> None:
        """See ``Smoother``."""
        self._scores = None


class MajoritySmoothing:
    """The share of votes for each label among the frames of the last seconds.

    A frame votes for its best label; one that is unknown votes for none. At most 4096 votes are kept.
    """

    def __init__(self, window_s: float) -> None:
        """Start without a past; ``window_s`` is how long a vote counts, in seconds."""
        self._window_s = window_s
        self._votes: deque[tuple[float, int | None]] = deque()
        self._counts: Counter[int] = Counter()

    def take(self, prediction: Prediction, now_s: float) -> Scores:
        """See ``Smoother``."""
        vote = None if prediction.is_unknown else prediction.class_id
        self._votes.append((now_s, vote))
        if vote is not None:
            self._counts[vote] += 1
        while now_s - self._votes[0][0] > self._window_s or len(self._votes) > MAX_VOTES:
            _, old = self._votes.popleft()
            if old is not None:
                self._counts[old] -= 1
        shares = np.zeros(prediction.scores.shape, np.float32)
        for class_id, count in self._counts.items():
            shares[class_id] = count / len(self._votes)
        return shares

    def forget(self) -> None:
        """See ``Smoother``."""
        self._votes.clear()
        self._counts.clear()


def open_smoother(settings: DecisionSettings) -> Smoother:
    """Return what the settings ask for."""
    if settings.smoothing == "majority":
        return MajoritySmoothing(settings.window_s)
    if settings.smoothing == "exponential":
        return ExponentialSmoothing(settings.window_s)
    return NoSmoothing()
