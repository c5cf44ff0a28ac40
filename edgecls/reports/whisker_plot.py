"""Dots with whiskers, one row per name, as geometry; drawn as :mod:`edgecls.reports.plot_frame` says."""

from collections.abc import Sequence
from dataclasses import dataclass

from edgecls.reports.axes import Axis, linear_axis
from edgecls.reports.label_placement import text_width
from edgecls.reports.number_text import clip_text
from edgecls.reports.plot_frame import WIDTH_PX

__all__ = ["Whisker", "WhiskerPlot", "WhiskerValue", "whisker_plot"]

ROW_PX = 22.0
TOP_PX = 40.0
AXIS_PX = 26.0  # below the rows: ticks
MAX_NAME = 24  # characters
NOTE_PX = 52.0


@dataclass(frozen=True, kw_only=True, slots=True)
class WhiskerValue:
    """One row to plot.

    Attributes:
        name: At its left end.
        note: At its right end, short.
        value: Where the dot is.
        low: Lower end of its interval.
        high: Upper end of it.
        tooltip: What a pointer resting on it reads.
        is_bad: Whether it is marked as surely worse.
    """

    name: str
    note: str
    value: float
    low: float
    high: float
    tooltip: str
    is_bad: bool


@dataclass(frozen=True, kw_only=True, slots=True)
class Whisker:
    """One row in pixels; see :class:`WhiskerValue`."""

    name: str
    note: str
    x: float
    low: float
    high: float
    y: float
    tooltip: str
    is_bad: bool


@dataclass(frozen=True, kw_only=True, slots=True)
class WhiskerPlot:
    """Rows of dots and whiskers about zero.

    Attributes:
        x: Horizontal axis.
        zero: Pixel of 0 on it.
        x_title: Its name and unit.
        note_title: What the notes at the right end are.
        rows: From top to bottom.
        bottom: Pixel of the axis.
        width: Of the plot, pixels.
        height: Of the plot, pixels.
        row_height: Of a row, pixels.
        summary: The plot in words, for screen readers.
    """

    x: Axis
    zero: float
    x_title: str
    note_title: str
    rows: tuple[Whisker, ...]
    bottom: float
    width: float
    height: float
    row_height: float
    summary: str


def whisker_plot(values: Sequence[WhiskerValue], *, x_title: str, note_title: str) -> WhiskerPlot:
    """Lay out rows in their order; the axis holds zero and every interval."""
    names = [clip_text(value.name, MAX_NAME) for value in values]
    left = 12.0 + max((text_width(name) for name in names), default=0.0)
    low = min((value.low for value in values), default=0.0)
    high = max((value.high for value in values), default=0.0)
    x = linear_axis(min(low, 0.0), max(high, 0.0), start=left, end=WIDTH_PX - NOTE_PX, about=4)
    bottom = TOP_PX + ROW_PX * len(values)
    return WhiskerPlot(
        x=x,
        zero=x(0.0),
        x_title=x_title,
        note_title=note_title,
        rows=tuple(
            Whisker(
                name=name,
                note=value.note,
                x=x(value.value),
                low=x(value.low),
                high=x(value.high),
                y=TOP_PX + ROW_PX * (i + 0.5),
                tooltip=value.tooltip,
                is_bad=value.is_bad,
            )
            for i, (name, value) in enumerate(zip(names, values, strict=True))
        ),
        bottom=bottom,
        width=WIDTH_PX,
        height=bottom + AXIS_PX,
        row_height=ROW_PX,
        summary="; ".join(value.tooltip for value in values),
    )
