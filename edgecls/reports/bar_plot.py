"""Bars in groups as geometry; drawn as :mod:`edgecls.reports.plot_frame` says."""

from collections.abc import Sequence
from dataclasses import dataclass

from edgecls.reports.axes import Axis, linear_axis
from edgecls.reports.label_placement import text_width
from edgecls.reports.plot_frame import WIDTH_PX

__all__ = ["Bar", "BarGroup", "BarPlot", "BarValue", "bar_plot"]

GROUP_PX = 26.0  # a group's name
ROW_PX = 18.0
BAR_HEIGHT_PX = 11.0
TOP_PX = 2.0
AXIS_PX = 42.0  # below the rows: ticks and the title
NOTE_PX = 62.0  # right of the axis


@dataclass(frozen=True, kw_only=True, slots=True)
class BarValue:
    """One bar to plot.

    Attributes:
        name: At its left end.
        note: At its right end.
        value: Its length.
        low: Lower end of its interval; ``value`` without one.
        high: Upper end of it.
        series: Its colour, ``tflite`` or ``onnx``.
        tooltip: What a pointer resting on it reads.
        mark: Where a mark of its own stands; None without one.
        is_chosen: Whether it is the recommended one.
        is_void: Whether something disturbed it.
    """

    name: str
    note: str
    value: float
    low: float
    high: float
    series: str
    tooltip: str
    mark: float | None = None
    is_chosen: bool = False
    is_void: bool = False


@dataclass(frozen=True, kw_only=True, slots=True)
class Bar:
    """One bar in pixels; see :class:`BarValue`."""

    name: str
    note: str
    width: float
    low: float
    high: float
    mark: float | None
    middle: float
    series: str
    tooltip: str
    is_chosen: bool
    is_void: bool


@dataclass(frozen=True, kw_only=True, slots=True)
class BarGroup:
    """Bars under one name.

    Attributes:
        name: Over them.
        y: Base line of the name.
        bars: From top to bottom.
    """

    name: str
    y: float
    bars: tuple[Bar, ...]


@dataclass(frozen=True, kw_only=True, slots=True)
class BarPlot:
    """Groups of bars from zero.

    Attributes:
        x: Horizontal axis.
        x_title: Its name and unit.
        groups: From top to bottom.
        bottom: Pixel of the axis.
        width: Of the plot, pixels.
        height: Of the plot, pixels.
        row_height: Of a bar with the space around it, pixels.
        bar_height: Of a bar, pixels.
        has_marks: Whether any bar has a mark.
        summary: The plot in words, for screen readers.
    """

    x: Axis
    x_title: str
    groups: tuple[BarGroup, ...]
    bottom: float
    width: float
    height: float
    row_height: float
    bar_height: float
    has_marks: bool
    summary: str


def bar_plot(groups: Sequence[tuple[str, Sequence[BarValue]]], *, x_title: str) -> BarPlot | None:
    """Lay out groups of bars in their order; None where there is nothing to draw."""
    values = [value for _, group in groups for value in group]
    if not any(value.value > 0 for value in values):
        return None
    left = 12.0 + max(text_width(value.name) for value in values)
    high = max(max(value.value, value.high, value.mark or 0.0) for value in values)
    x = linear_axis(0.0, high, start=left, end=WIDTH_PX - NOTE_PX, about=4)
    laid_out, y = [], TOP_PX
    for name, group in groups:
        bars = tuple(
            _bar(value, x, y + GROUP_PX + ROW_PX * (i + 0.5)) for i, value in enumerate(group)
        )
        laid_out.append(BarGroup(name=name, y=y + GROUP_PX - 8, bars=bars))
        y += GROUP_PX + ROW_PX * len(group)
    return BarPlot(
        x=x,
        x_title=x_title,
        groups=tuple(laid_out),
        bottom=y + 4,
        width=WIDTH_PX,
        height=y + 4 + AXIS_PX,
        row_height=ROW_PX,
        bar_height=BAR_HEIGHT_PX,
        has_marks=any(value.mark is not None for value in values),
        summary="; ".join(value.tooltip for value in values),
    )


def _bar(value: BarValue, x: Axis, middle: float) -> Bar:
    return Bar(
        name=value.name,
        note=value.note,
        width=round(x(value.value) - x.start, 1),
        low=x(value.low),
        high=x(value.high),
        mark=None if value.mark is None else x(value.mark),
        middle=middle,
        series=value.series,
        tooltip=value.tooltip,
        is_chosen=value.is_chosen,
        is_void=value.is_void,
    )
