"""From seconds to shares: what a command costs once and for each photo, and how close to linear workers are."""

from collections.abc import Sequence
from dataclasses import dataclass
from statistics import median

from edgecls_device.errors import BenchmarkError

__all__ = [
    "Line",
    "Middle",
    "core_hours_per_million",
    "line_through",
    "linear_share",
    "middle_of",
    "steady_s",
    "tenths",
]

SECONDS_PER_HOUR = 3600
MILLION = 1_000_000
A_MILLION, CORE_HOURS = ": a million photos", "core-hours"
"""End of the name, and unit, of rows from which the cost is computed."""
LEAST_PARTS = 10
"""Parts from which their time says something."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Line:
    """What a command takes, as start-up and so much for each photo.

    Attributes:
        start_s: What it takes before and after the photos.
        photo_s: What each photo takes; with two workers at work it is half of what one of them needs.
    """

    start_s: float
    photo_s: float

    @property
    def rate(self) -> float:
        """Photos a second after start-up."""
        return 1 / self.photo_s


@dataclass(frozen=True, kw_only=True, slots=True)
class Middle:
    """The median of some rounds, with the smallest and the largest."""

    value: float
    least: float
    most: float
    rounds: int

    @property
    def note(self) -> str:
        """How far the rounds lie apart; empty for one."""
        return (
            f"{self.rounds} rounds, {self.least:.4g} to {self.most:.4g}" if self.rounds > 1 else ""
        )


def line_through(few: tuple[int, float], many: tuple[int, float]) -> Line:
    """Return the line through two measurements.

    Args:
        few: Number of photos, seconds.
        many: The same with more photos.

    Raises:
        BenchmarkError: If there are not more photos in the second, or they did not take longer: then the
            difference is lost in what else the machine did.
    """
    (few_photos, few_s), (many_photos, many_s) = few, many
    if many_photos <= few_photos or many_s <= few_s:
        message = (
            f"Expected more photos to take longer, got {few_photos} in {few_s:.2f} s and "
            f"{many_photos} in {many_s:.2f} s."
        )
        hint = "wait until nothing else runs, and repeat the command with --again"
        raise BenchmarkError(message, hint=hint)
    photo_s = (many_s - few_s) / (many_photos - few_photos)
    return Line(start_s=few_s - few_photos * photo_s, photo_s=photo_s)


def linear_share(one_s: float, several_s: float, workers: int) -> float:
    """Return how much of a linear gain so many workers reach, in percent.

    Args:
        one_s: What one worker takes.
        several_s: What they take together for the same.
        workers: How many they are.
    """
    return 100 * one_s / (workers * several_s)


def core_hours_per_million(photo_s: float, cores: int) -> float:
    """Return what a million photos take of cores' time, if one takes so long on so many cores at once."""
    return photo_s * cores * MILLION / SECONDS_PER_HOUR


def middle_of(values: Sequence[float]) -> Middle:
    """Return the median of some rounds.

    Raises:
        ValueError: If there are none.
    """
    if not values:
        message = "Expected at least one round, got none."
        raise ValueError(message)
    return Middle(value=median(values), least=min(values), most=max(values), rounds=len(values))


def steady_s(moments_s: Sequence[float], workers: int) -> float | None:
    """Return the time from part to part while all workers are at work; None if there are too few parts.

    Args:
        moments_s: When each part was written, in order.
        workers: Two parts of each do not count: until then some may still start.
    """
    first = 2 * workers - 1
    if len(moments_s) < LEAST_PARTS + first:
        return None
    return (moments_s[-1] - moments_s[first]) / (len(moments_s) - 1 - first)


def tenths(moments_s: Sequence[float], workers: int) -> tuple[float, float] | None:
    """Return how long the first and the last tenth of the parts took; None if they are too few to tell.

    Args:
        moments_s: When each part was written, in order.
        workers: As many parts come before the first tenth: until then it was start-up.
    """
    tenth, first = len(moments_s) // 10, workers - 1
    if tenth < LEAST_PARTS:
        return None
    return moments_s[first + tenth] - moments_s[first], moments_s[-1] - moments_s[-1 - tenth]
