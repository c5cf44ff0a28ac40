"""Axes of a plot: round ticks, and where a value lies in pixels."""

import math
from dataclasses import dataclass

__all__ = ["Axis", "Tick", "linear_axis", "logarithmic_axis"]


@dataclass(frozen=True, kw_only=True, slots=True)
class Tick:
    """One labelled place on an axis.

    Attributes:
        position: In pixels of the plot.
        text: What stands there, without a unit.
    """

    position: float
    text: str


@dataclass(frozen=True, kw_only=True, slots=True)
class Axis:
    """Maps values to pixels.

    Attributes:
        start: Pixel of the smallest value.
        end: Pixel of the largest value; smaller than ``start`` on an axis that points up.
        low: Smallest value.
        high: Largest value.
        ticks: By rising value.
        is_logarithmic: Whether equal ratios have equal lengths.
    """

    start: float
    end: float
    low: float
    high: float
    ticks: tuple[Tick, ...]
    is_logarithmic: bool = False

    def __call__(self, value: float) -> float:
        """Return the pixel of ``value``, kept on the axis, with one decimal."""
        return _position(value, self.low, self.high, self.start, self.end, self.is_logarithmic)


def linear_axis(
    low: float, high: float, *, start: float, end: float, about: int = 5, cap: float = math.inf
) -> Axis:
    """Return an axis that holds ``low`` to ``high`` and ends on round numbers.

    Args:
        low: Smallest value to show.
        high: Largest value to show.
        start: Pixel of the low end.
        end: Pixel of the high end.
        about: How many intervals to aim at.
        cap: A value the axis must not pass, such as 100 for percent.
    """
    if high - low < 1e-9:
        low, high = low - 0.5, min(cap, high + 0.5)
    step = _round_step((high - low) / about)
    first, last = math.floor(low / step + 1e-9), math.ceil(high / step - 1e-9)
    bottom, top = first * step, min(last * step, cap)
    digits = max(0, -math.floor(math.log10(step) + 1e-9))
    ticks = tuple(
        Tick(
            position=_position(i * step, bottom, top, start, end, False),
            text=f"{i * step:.{digits}f}",
        )
        for i in range(first, last + 1)
        if i * step <= top + 1e-9
    )
    return Axis(start=start, end=end, low=bottom, high=top, ticks=ticks)


def logarithmic_axis(low: float, high: float, *, start: float, end: float) -> Axis:
    """Return an axis of equal ratios with ticks at 1, 2 and 5 times powers of ten; ``0 < low``."""
    powers = range(math.floor(math.log10(low)) - 1, math.ceil(math.log10(high)) + 2)
    marks = sorted(m * 10.0**p for p in powers for m in (1, 2, 5))
    bottom = max(mark for mark in marks if mark <= low)
    top = min(mark for mark in marks if mark >= high)
    inside = [mark for mark in marks if bottom <= mark <= top]
    if len(inside) > 7:
        inside = [mark for mark in inside if f"{mark:e}"[0] == "1"]
    ticks = tuple(
        Tick(position=_position(mark, bottom, top, start, end, True), text=f"{mark:g}")
        for mark in inside
    )
    return Axis(start=start, end=end, low=bottom, high=top, ticks=ticks, is_logarithmic=True)


def _round_step(step: float) -> float:
    """Return 1, 2 or 5 times a power of ten, at least ``step``."""
    power = 10.0 ** math.floor(math.log10(step))
    return next(m * power for m in (1, 2, 5, 10) if m * power >= step * (1 - 1e-9))


def _position(
    value: float, low: float, high: float, start: float, end: float, is_logarithmic: bool
) -> float:
    if is_logarithmic:
        value, low, high = math.log(max(value, low)), math.log(low), math.log(high)
    share = (min(max(value, low), high) - low) / (high - low) if high > low else 0.5
    return round(start + share * (end - start), 1)
