"""What a user says about decisions; checked once, here."""

import math
from dataclasses import dataclass
from typing import Literal, TypeAlias

from edgecls_device.decisions.region import Region
from edgecls_device.errors import OptionError

__all__ = ["MOTION_SHARE", "DecisionSettings", "Smoothing"]

Smoothing: TypeAlias = Literal["none", "exponential", "majority"]

MOTION_SHARE = 0.005
"""Share of the picture that must change to count as motion, where ``--motion`` names none."""

MAX_EVERY = 100_000
MAX_SECONDS = 3600.0


@dataclass(frozen=True, kw_only=True, slots=True)
class DecisionSettings:
    """Which frames are looked at, and when a label is believed.

    Attributes:
        every: Of so many frames one is looked at.
        roi: The part of the frame that is looked at; None for all of it.
        motion_share: Share of the picture that must change, above 0 and at most 1, for a frame to be
            classified again; None to classify always.
        smoothing: ``exponential`` averages scores with the time constant ``window_s``; ``majority`` counts the
            best labels of the last ``window_s``; ``none`` takes each frame as it is.
        window_s: Seconds.
        enter_score: Smoothed score, or share of the votes, at which a label is believed; None for what the
            model's threshold says, see ``Thresholds``.
        leave_score: Below it a label is no longer believed; None for a little less than ``enter_score``.
        min_duration_s: Seconds that a change must last before it is believed.
    """

    every: int = 1
    roi: Region | None = None
    motion_share: float | None = None
    smoothing: Smoothing = "exponential"
    window_s: float = 0.5
    enter_score: float | None = None
    leave_score: float | None = None
    min_duration_s: float = 0.5

    def __post_init__(self) -> None:
        _expect(1 <= self.every <= MAX_EVERY, "--every", f"1..{MAX_EVERY}", self.every)
        _expect_share("--motion", self.motion_share)
        _expect_share("--enter-score", self.enter_score)
        _expect_share("--leave-score", self.leave_score)
        _expect(
            self.smoothing in {"none", "exponential", "majority"},
            "--smoothing",
            "none, exponential or majority",
            self.smoothing,
        )
        is_window = math.isfinite(self.window_s) and 0 < self.window_s <= MAX_SECONDS
        wanted = f"above 0 and at most {MAX_SECONDS:g} seconds"
        _expect(is_window, "--smoothing-window", wanted, self.window_s)
        is_duration = 0 <= self.min_duration_s <= MAX_SECONDS
        _expect(is_duration, "--min-duration", f"0..{MAX_SECONDS:g} seconds", self.min_duration_s)
        if self.enter_score is not None and self.leave_score is not None:
            is_below = self.leave_score <= self.enter_score
            wanted = f"at most --enter-score ({self.enter_score:g})"
            _expect(is_below, "--leave-score", wanted, self.leave_score)


def _expect_share(name: str, value: float | None) -> None:
    if value is not None:
        _expect(0 < value <= 1, name, "above 0 and at most 1", value)


def _expect(condition: bool, name: str, wanted: str, got: object) -> None:
    if not condition:
        message = f"Expected {name} to be {wanted}, got {got!r}."
        raise OptionError(message, hint="see edgecls run --help")
