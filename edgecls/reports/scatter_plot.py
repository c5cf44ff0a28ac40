"""Points with intervals and names as geometry; drawn as :mod:`edgecls.reports.plot_frame` says."""

import math
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise

from edgecls.reports.axes import Axis, linear_axis, logarithmic_axis
from edgecls.reports.label_placement import (
    LINE_HEIGHT_PX,
    Box,
    PlacedLabel,
    nearby,
    place_labels,
    text_width,
)
from edgecls.reports.number_text import clip_text
from edgecls.reports.plot_frame import BOTTOM_PX, LEFT_PX, RIGHT_PX, TOP_PX, WIDTH_PX

__all__ = ["Mark", "NameTag", "PointValue", "ScatterPlot", "TagLine", "scatter_plot"]

RADIUS_PX = 5.0
_ONE_SPOT_PX = 12.0  # points closer than this cover each other and share a label
_NUMBERS_PER_LINE = 6


@dataclass(frozen=True, kw_only=True, slots=True)
class PointValue:
    """One point to plot.

    Attributes:
        x: Value on the horizontal axis, above 0.
        y: Value on the vertical axis.
        low: Lower end of the interval of ``y``; equal to it for none.
        high: Upper end of it.
        name: Its direct label.
        tooltip: What a pointer resting on it reads.
        series: Style of its mark, such as ``tflite``.
        is_chosen: Whether it is the recommended one.
        is_efficient: Whether no other is better on both axes.
        radius: Of its mark, pixels.
    """

    x: float
    y: float
    low: float
    high: float
    name: str
    tooltip: str
    series: str
    is_chosen: bool = False
    is_efficient: bool = True
    radius: float = RADIUS_PX


@dataclass(frozen=True, kw_only=True, slots=True)
class Mark:
    """One point in pixels; see :class:`PointValue`."""

    x: float
    y: float
    low: float
    high: float
    name: str
    tooltip: str
    series: str
    is_chosen: bool
    is_efficient: bool
    radius: float


@dataclass(frozen=True, kw_only=True, slots=True)
class TagLine:
    """One line of a direct label.

    Attributes:
        text: What it shows.
        tooltip: What a pointer resting on it reads.
        is_chosen: Whether it names the recommended one.
    """

    text: str
    tooltip: str
    is_chosen: bool


@dataclass(frozen=True, kw_only=True, slots=True)
class NameTag:
    """The direct label of one point, or of several that lie on each other.

    Attributes:
        lines: Its text.
        x: Their middle, pixels.
        y: Their middle, pixels.
        place: Where the text goes.
    """

    lines: tuple[TagLine, ...]
    x: float
    y: float
    place: PlacedLabel


@dataclass(frozen=True, kw_only=True, slots=True)
class ScatterPlot:
    """Points with intervals and direct labels.

    Attributes:
        x: Horizontal axis.
        y: Vertical axis.
        x_title: Name and unit of the horizontal axis.
        y_title: Name and unit of the vertical axis.
        marks: The points, large ones first, so that none hides another.
        tags: Their direct labels.
        line_height: Between the lines of a label, pixels.
        summary: The plot in words, for screen readers.
        frontier: Corners of the line below which points are no use, as SVG writes them; empty for none.
    """

    x: Axis
    y: Axis
    x_title: str
    y_title: str
    marks: tuple[Mark, ...]
    tags: tuple[NameTag, ...]
    line_height: float
    summary: str
    frontier: str = ""


def scatter_plot(
    points: Sequence[PointValue],
    *,
    x_title: str,
    y_title: str,
    x_cap: float = math.inf,
    y_cap: float = 100.0,
    are_numbered: bool = False,
    has_frontier: bool = False,
    wide_ratio: float = 15.0,
) -> ScatterPlot | None:
    """Lay out points; None if there is none. The horizontal axis begins at 0 unless values differ widely.

    Args:
        points: What to plot; those that are not finite or not above 0 in ``x`` are left out.
        x_title: Name and unit of the horizontal axis.
        y_title: Name and unit of the vertical axis.
        x_cap: A value the horizontal axis must not pass.
        y_cap: A value the vertical axis must not pass.
        are_numbered: Whether names are numbers, of which several fit on a line.
        has_frontier: Whether to join the efficient points by steps.
        wide_ratio: Of the largest to the smallest ``x``; beyond it the horizontal axis is logarithmic, since
            small values would crowd at the left of a linear one.
    """
    points = [p for p in points if math.isfinite(p.x) and math.isfinite(p.y) and p.x > 0]
    if not points:
        return None
    smallest, largest = min(p.x for p in points), max(p.x for p in points)
    if largest / smallest > wide_ratio:
        x = logarithmic_axis(smallest * 0.9, largest * 1.1, start=LEFT_PX, end=RIGHT_PX)
    else:
        x = linear_axis(0.0, min(largest * 1.08, x_cap), start=LEFT_PX, end=RIGHT_PX)
    low, high = min(p.low for p in points), max(p.high for p in points)
    y = linear_axis(low, high, start=BOTTOM_PX, end=TOP_PX, cap=y_cap)
    marks = [
        _mark(p, x, y) for p in sorted(points, key=lambda p: (-p.radius, p.is_chosen, p.x, p.y))
    ]
    corners = _steps([mark for mark in marks if mark.is_efficient]) if has_frontier else ()
    return ScatterPlot(
        x=x,
        y=y,
        x_title=x_title,
        y_title=y_title,
        marks=tuple(marks),
        tags=_name_tags([mark for mark in marks if mark.name], corners, are_numbered),
        line_height=LINE_HEIGHT_PX,
        summary="; ".join(p.tooltip for p in points[:20]),
        frontier=" ".join(f"{x:g},{y:g}" for x, y in corners),
    )


def _mark(point: PointValue, x: Axis, y: Axis) -> Mark:
    return Mark(
        x=x(point.x),
        y=y(point.y),
        low=y(point.low),
        high=y(point.high),
        name=clip_text(point.name, 30),
        tooltip=point.tooltip,
        series=point.series,
        is_chosen=point.is_chosen,
        is_efficient=point.is_efficient,
        radius=round(point.radius, 1),
    )


def _steps(efficient: Sequence[Mark]) -> tuple[tuple[float, float], ...]:
    """Return the corners of a line that says how good one can be at each cost, up to the right edge."""
    corners: list[tuple[float, float]] = []
    for mark in sorted(efficient, key=lambda mark: (mark.x, -mark.y)):
        if corners:
            corners.append((mark.x, corners[-1][1]))
        corners.append((mark.x, mark.y))
    if corners:
        corners.append((RIGHT_PX, corners[-1][1]))
    return tuple(corners)


def _name_tags(
    marks: Sequence[Mark], corners: Sequence[tuple[float, float]], are_numbered: bool
) -> tuple[NameTag, ...]:
    groups = nearby([(mark.x, mark.y) for mark in marks], within=_ONE_SPOT_PX)
    members = [tuple(marks[i] for i in group) for group in groups]
    texts = [_number_lines(group) if are_numbered else _name_lines(group) for group in members]
    places = place_labels(
        [[(mark.x, mark.y) for mark in group] for group in members],
        [
            (LINE_HEIGHT_PX * len(lines), 4 + max(text_width(line.text) for line in lines))
            for lines in texts
        ],
        radii=[max(mark.radius for mark in group) for group in members],
        bounds=Box(left=LEFT_PX + 4, top=TOP_PX - 22, right=WIDTH_PX - 2, bottom=BOTTOM_PX - 4),
        obstacles=[
            *(Box(left=m.x - 2, top=m.high, right=m.x + 2, bottom=m.low) for m in marks),
            *(_around(start, end) for start, end in pairwise(corners)),
        ],
    )
    return tuple(
        NameTag(
            lines=lines,
            x=sum(mark.x for mark in group) / len(group),
            y=sum(mark.y for mark in group) / len(group),
            place=place,
        )
        for group, lines, place in zip(members, texts, places, strict=True)
    )


def _around(start: tuple[float, float], end: tuple[float, float]) -> Box:
    """Return the box of a level or upright line, which names had better not stand on."""
    (left, right), (top, bottom) = sorted((start[0], end[0])), sorted((start[1], end[1]))
    return Box(left=left - 4, top=top - 4, right=right + 4, bottom=bottom + 4)


def _name_lines(group: Sequence[Mark]) -> tuple[TagLine, ...]:
    return tuple(TagLine(text=m.name, tooltip=m.tooltip, is_chosen=m.is_chosen) for m in group)


def _number_lines(group: Sequence[Mark]) -> tuple[TagLine, ...]:
    ordered = sorted(group, key=lambda mark: (len(mark.name), mark.name))
    return tuple(
        TagLine(
            text=", ".join(mark.name for mark in part),
            tooltip="\n".join(f"{mark.name}: {mark.tooltip}" for mark in part),
            is_chosen=any(mark.is_chosen for mark in part),
        )
        for part in (
            ordered[i : i + _NUMBERS_PER_LINE] for i in range(0, len(ordered), _NUMBERS_PER_LINE)
        )
    )
