"""When a label is believed: it must win for a while, and then has to lose for a while."""

from collections.abc import Sequence
from dataclasses import dataclass

from edgecls_device.arrays import Scores
from edgecls_device.decisions.settings import DecisionSettings
from edgecls_device.errors import OptionError
from edgecls_device.postprocessing import UNKNOWN_LABEL
from edgecls_device.spec import ModelSpec

__all__ = ["Belief", "Hysteresis", "Thresholds", "thresholds"]

HALF = 0.5
DEFAULT_DROP = 0.1
ROUNDING_S = 1e-6  # so that 15 frames of a 30 fps video are half a second
TAKE_OVER_MARGIN = 0.1
"""How far another label must be ahead of one that is still believed: as far as leaving is from entering."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Thresholds:
    """Where a label is believed and where no longer.

    Attributes:
        enter: Smoothed score, or share of the votes.
        leave: At most ``enter``.
        min_duration_s: Seconds.
    """

    enter: float
    leave: float
    min_duration_s: float


def thresholds(settings: DecisionSettings, spec: ModelSpec) -> Thresholds:
    """Return the thresholds for one model.

    A label is entered at the model's own threshold, which was fitted to its scores. A model without one is
    entered at 0.5: saying that something came is a claim, and below a half the model itself rather denies
    it. Votes have passed the model's threshold already, and more than half of them is what a majority means.
    It is left 0.1 lower, or at half of a threshold below 0.2.

    Raises:
        OptionError: If the score for leaving is above the one for entering.
    """
    fitted = 0.0 if settings.smoothing == "majority" else spec.unknown_threshold
    enter = settings.enter_score
    if enter is None:
        enter = fitted or HALF
    leave = settings.leave_score
    if leave is None:
        leave = max(enter - DEFAULT_DROP, enter / 2)
    if leave > enter:
        message = f"Expected --leave-score to be at most {enter:g}, where a label is entered, got {leave:g}."
        raise OptionError(
            message, hint=f"say both, e.g. --enter-score {leave:g} --leave-score {enter:g}"
        )
    return Thresholds(enter=enter, leave=leave, min_duration_s=settings.min_duration_s)


@dataclass(kw_only=True, slots=True)
class Belief:
    """Something that wins, or is believed.

    Attributes:
        class_id: Its place among the labels; None for unknown.
        first_s: When it first won.
        last_s: When it last won.
        peak: Its highest smoothed score; 0 for unknown.
    """

    class_id: int | None
    first_s: float
    last_s: float
    peak: float = 0.0

    def win(self, now_s: float, scores: Scores) -> None:
        """Note that it won again."""
        self.last_s = now_s
        if self.class_id is not None:
            self.peak = max(self.peak, float(scores[self.class_id]))


class Hysteresis:
    """What is believed, given rows of smoothed scores.

    In each frame one label wins, or unknown does. The one that is believed wins as long as its score is not
    below ``leave`` and no other that could be entered is ahead by 0.1. Else the best one wins if it reaches
    ``enter``, and unknown otherwise. What wins for ``min_duration_s`` is believed; what is believed and has
    not won for as long is no longer.

    A class that is itself called ``unknown`` is unknown.

    Attributes:
        believed: What is believed now.
    """

    def __init__(self, limits: Thresholds, labels: Sequence[str]) -> None:
        """Believe nothing yet.

        Args:
            limits: The thresholds.
            labels: The shown labels, in the order of the scores.
        """
        self._limits = limits
        self._labels = labels
        self.forget()

    def forget(self) -> None:
        """Forget the past."""
        self.believed = Belief(class_id=None, first_s=0.0, last_s=0.0)
        self._rival: Belief | None = None
        self._lost_since_s: float | None = None
        self._is_new = True

    def take(self, scores: Scores, now_s: float) -> Belief:
        """Return what is believed after one more row of smoothed scores.

        Args:
            scores: Shape ``(num_labels,)``.
            now_s: Never less than before.
        """
        if self._is_new:
            self.believed = Belief(class_id=None, first_s=now_s, last_s=now_s)
            self._is_new = False
        winner = self._winner(scores)
        if winner == self.believed.class_id:
            self._rival = self._lost_since_s = None
            self.believed.win(now_s, scores)
            return self.believed
        if self._lost_since_s is None:
            self._lost_since_s = now_s
        if self._rival is None or self._rival.class_id != winner:
            self._rival = Belief(class_id=winner, first_s=now_s, last_s=now_s)
        self._rival.win(now_s, scores)
        if self._is_long(now_s - self._rival.first_s):
            self.believed, self._rival, self._lost_since_s = self._rival, None, None
        elif self._is_long(now_s - self._lost_since_s):  # to several rivals in turn
            self.believed = Belief(class_id=None, first_s=now_s, last_s=now_s)
            self._lost_since_s = None
        return self.believed

    def _is_long(self, duration_s: float) -> bool:
        return duration_s >= self._limits.min_duration_s - ROUNDING_S

    def _winner(self, scores: Scores) -> int | None:
        best = int(scores.argmax())
        can_enter = float(scores[best]) >= self._limits.enter
        can_enter = can_enter and self._labels[best] != UNKNOWN_LABEL
        current = self.believed.class_id
        if current is not None and scores[current] >= self._limits.leave:
            lead = float(scores[best]) - float(scores[current])
            if best == current or lead < TAKE_OVER_MARGIN or not can_enter:
                return current
        return best if can_enter else None
