"""Bars made of parts, one row per name, as geometry; drawn as :mod:`edgecls.reports.plot_frame` says."""

from collections.abc import Sequence
from dataclasses import dataclass

from edgecls.reports.axes import Axis, linear_axis
from edgecls.reports.plot_frame import WIDTH_PX
from edgecls.reports.textures import texture

__all__ = ["Part", "Segment", "Stacked", "StackedPlot", "StackedValue", "stacked_plot"]

ROW_PX = 38.0
TOP_PX = 8.0
BAR_PX, BAR_HEIGHT_PX = 19.0, 12.0  # from a row's top to its bar, and the bar
AXIS_PX = 42.0  # below the rows: ticks and the title
SIDE_PX = 8.0


@dataclass(frozen=True, kw_only=True, slots=True)
class Part:
    """What a part of every bar means.

    Attributes:
        name: In the legend.
        style: Its fill, such as ``solid`` or ``hatched``.
    """

    name: str
    style: str

    @property
    def swatch(self) -> str:
        """Its texture in the legend, over a rectangle of 12 by 10 pixels around zero."""
        return texture(self.style, -6, -5, 12, 10)


@dataclass(frozen=True, kw_only=True, slots=True)
class StackedValue:
    """One row to plot.

    Attributes:
        name: At its left end.
        note: At its right end.
        values: Length of each part.
        mark: What a line across the bar stands at; None without one.
        tooltip: What a pointer resting on it reads.
        is_void: Whether something disturbed it.
    """

    name: str
    note: str
    values: tuple[float, ...]
    tooltip: str
    mark: float | None = None
    is_void: bool = False


@dataclass(frozen=True, kw_only=True, slots=True)
class Segment:
    """A part of a bar in pixels.

    Attributes:
        style: Its fill.
        x: Left end.
        width: Of it.
        texture: What is drawn over the fill, as a path.
    """

    style: str
    x: float
    width: float
    texture: str


@dataclass(frozen=True, kw_only=True, slots=True)
class Stacked:
    """One row in pixels; see :class:`StackedValue`."""

    name: str
    note: str
    segments: tuple[Segment, ...]
    mark: float | None
    top: float
    bar: float
    tooltip: str
    is_void: bool


@dataclass(frozen=True, kw_only=True, slots=True)
class StackedPlot:
    """Rows of stacked bars from zero.

    Attributes:
        x: Horizontal axis.
        x_title: Its name and unit.
        parts: What the parts mean, in order, those that are in no bar left out.
        mark_name: What the line across each bar means; empty without one.
        rows: From top to bottom.
        top: Pixel where the first row begins.
        bottom: Pixel of the axis.
        width: Of the plot, pixels.
        height: Of the plot, pixels.
        row_height: Of a row, pixels.
        bar_height: Of a bar, pixels.
        summary: The plot in words, for screen readers.
    """

    x: Axis
    x_title: str
    parts: tuple[Part, ...]
    mark_name: str
    rows: tuple[Stacked, ...]
    top: float
    bottom: float
    width: float
    height: float
    row_height: float
    bar_height: float
    summary: str


def stacked_plot(
    values: Sequence[StackedValue], parts: Sequence[Part], *, x_title: str, mark_name: str = ""
) -> StackedPlot | None:
    """Lay out rows in their order; None where there is nothing to draw."""
    shown = [value for value in values if sum(value.values) > 0]
    if not shown:
        return None
    high = max(max(sum(value.values), value.mark or 0.0) for value in shown)
    x = linear_axis(0.0, high, start=SIDE_PX, end=WIDTH_PX - SIDE_PX)
    bottom = TOP_PX + ROW_PX * len(shown)
    used = {i for value in shown for i, length in enumerate(value.values) if length > 0}
    return StackedPlot(
        x=x,
        x_title=x_title,
        parts=tuple(part for i, part in enumerate(parts) if i in used),
        mark_name=mark_name if any(value.mark is not None for value in shown) else "",
        rows=tuple(_row(value, parts, x, TOP_PX + ROW_PX * i) for i, value in enumerate(shown)),
        top=TOP_PX,
        bottom=bottom,
        width=WIDTH_PX,
        height=bottom + AXIS_PX,
        row_height=ROW_PX,
        bar_height=BAR_HEIGHT_PX,
        summary="; ".join(value.tooltip for value in shown),
    )


def _row(value: StackedValue, parts: Sequence[Part], x: Axis, top: float) -> Stacked:
    segments, begin = [], 0.0
    for part, length in zip(parts, value.values, strict=True):
        left, right = x(begin), x(begin + length)
        if length > 0:
            width = round(right - left, 1)
            drawn = texture(part.style, left, top + BAR_PX, width, BAR_HEIGHT_PX)
            segments.append(Segment(style=part.style, x=left, width=width, texture=drawn))
        begin += length
    return Stacked(
        name=value.name,
        note=value.note,
        segments=tuple(segments),
        mark=None if value.mark is None else x(value.mark),
        top=top,
        bar=top + BAR_PX,
        tooltip=value.tooltip,
        is_void=value.is_void,
    )
