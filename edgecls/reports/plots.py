"""Plots as geometry: pure functions from numbers to pixels, drawn as inline SVG by ``templates/plots.html``.

The house prefers a well-kept library, and Matplotlib was weighed. It writes colours into every element, so
that dark mode would need its output rewritten; it has no tooltips in SVG; it knows the widths of its own
fonts only, while the page uses the reader's; labels that avoid each other need another package; and it adds
30 MB and half a second to a command that takes one. Three plots of points and lines do not pay for that.
Here the template names classes, the style sheet gives them colours, and autoescape holds for plots, too.
"""

import math
from collections.abc import Sequence
from dataclasses import dataclass, replace

from edgecls.reports.axes import Axis, Tick, linear_axis, logarithmic_axis
from edgecls.reports.label_placement import (
    LINE_HEIGHT_PX,
    Box,
    PlacedLabel,
    nearby,
    place_labels,
    text_width,
)
from edgecls.reports.number_text import clip_text

__all__ = [
    "HEIGHT_PX",
    "WIDTH_PX",
    "Line",
    "LinePlot",
    "Mark",
    "NameTag",
    "PointValue",
    "ScatterPlot",
    "line_plot",
    "scatter_plot",
]

WIDTH_PX, HEIGHT_PX = 480.0, 320.0
LEFT_PX, RIGHT_PX, TOP_PX, BOTTOM_PX = 46.0, 466.0, 44.0, 276.0
_ONE_SPOT_PX = 12.0  # points closer than this cover each other and share a label
_WIDE_RATIO = 15.0  # beyond it small values would crowd at the left of a linear axis


@dataclass(frozen=True, kw_only=True, slots=True)
class PointValue:
    """One point to plot.

    Attributes:
        x: Value on the horizontal axis, above 0.
        y: Value on the vertical axis.
        low: Lower end of the interval of ``y``.
        high: Upper end of it.
        name: Its direct label.
        tooltip: What a pointer resting on it reads.
        series: Style of its mark, such as ``tflite``.
        is_chosen: Whether it is the recommended one.
    """

    x: float
    y: float
    low: float
    high: float
    name: str
    tooltip: str
    series: str
    is_chosen: bool = False


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


@dataclass(frozen=True, kw_only=True, slots=True)
class NameTag:
    """The direct label of one point, or of several that lie on each other.

    Attributes:
        marks: The points, one line of text each.
        x: Their middle, pixels.
        y: Their middle, pixels.
        place: Where the text goes.
    """

    marks: tuple[Mark, ...]
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
        marks: The points, the recommended one last, so that it lies on top.
        tags: Their direct labels.
        line_height: Between the lines of a label, pixels.
        summary: The plot in words, for screen readers.
    """

    x: Axis
    y: Axis
    x_title: str
    y_title: str
    marks: tuple[Mark, ...]
    tags: tuple[NameTag, ...]
    line_height: float
    summary: str


@dataclass(frozen=True, kw_only=True, slots=True)
class Line:
    """One line in pixels.

    Attributes:
        name: Its direct label.
        series: Its style, such as ``val``.
        points: x and y of each point.
        tooltips: What a pointer resting on each point reads.
        label_y: Base line of its label, at the right end.
    """

    name: str
    series: str
    points: tuple[tuple[float, float], ...]
    tooltips: tuple[str, ...]
    label_y: float

    @property
    def path(self) -> str:
        """The points as SVG writes them."""
        return " ".join(f"{x:g},{y:g}" for x, y in self.points)


@dataclass(frozen=True, kw_only=True, slots=True)
class LinePlot:
    """Lines over epochs.

    Attributes:
        x: Horizontal axis.
        y: Vertical axis.
        x_title: Name of the horizontal axis.
        y_title: Name and unit of the vertical axis.
        lines: The lines.
        right: Pixel at which the lines' labels begin.
        summary: The plot in words, for screen readers.
    """

    x: Axis
    y: Axis
    x_title: str
    y_title: str
    lines: tuple[Line, ...]
    right: float
    summary: str


def scatter_plot(
    points: Sequence[PointValue],
    *,
    x_title: str,
    y_title: str,
    x_cap: float = math.inf,
    y_cap: float = 100.0,
    y_from: float = math.inf,
) -> ScatterPlot | None:
    """Lay out points; None if there is none. The horizontal axis begins at 0 unless values differ widely.

    Args:
        points: What to plot; those that are not finite or not above 0 in ``x`` are left out.
        x_title: Name and unit of the horizontal axis.
        y_title: Name and unit of the vertical axis.
        x_cap: A value the horizontal axis must not pass.
        y_cap: A value the vertical axis must not pass.
        y_from: A value the vertical axis must hold.
    """
    points = [p for p in points if math.isfinite(p.x) and math.isfinite(p.y) and p.x > 0]
    if not points:
        return None
    smallest, largest = min(p.x for p in points), max(p.x for p in points)
    if largest / smallest > _WIDE_RATIO:
        x = logarithmic_axis(smallest * 0.9, largest * 1.1, start=LEFT_PX, end=RIGHT_PX)
    else:
        x = linear_axis(0.0, min(largest * 1.08, x_cap), start=LEFT_PX, end=RIGHT_PX)
    low, high = min(y_from, *(p.low for p in points)), max(p.high for p in points)
    y = linear_axis(low, high, start=BOTTOM_PX, end=TOP_PX, cap=y_cap)
    marks = [_mark(p, x, y) for p in sorted(points, key=lambda p: p.is_chosen)]
    return ScatterPlot(
        x=x,
        y=y,
        x_title=x_title,
        y_title=y_title,
        marks=tuple(marks),
        tags=_name_tags([mark for mark in marks if mark.name]),
        line_height=LINE_HEIGHT_PX,
        summary="; ".join(p.tooltip for p in points[:20]),
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
    )


def _name_tags(marks: Sequence[Mark]) -> tuple[NameTag, ...]:
    groups = nearby([(mark.x, mark.y) for mark in marks], within=_ONE_SPOT_PX)
    members = [tuple(marks[i] for i in group) for group in groups]
    places = place_labels(
        [[(mark.x, mark.y) for mark in group] for group in members],
        [
            (LINE_HEIGHT_PX * len(group), max(text_width(mark.name) for mark in group))
            for group in members
        ],
        bounds=Box(left=LEFT_PX + 4, top=TOP_PX - 22, right=WIDTH_PX - 2, bottom=BOTTOM_PX - 4),
        obstacles=[
            Box(left=mark.x - 2, top=mark.high, right=mark.x + 2, bottom=mark.low) for mark in marks
        ],
    )
    return tuple(
        NameTag(
            marks=group,
            x=sum(mark.x for mark in group) / len(group),
            y=sum(mark.y for mark in group) / len(group),
            place=place,
        )
        for group, place in zip(members, places, strict=True)
    )


def line_plot(
    series: Sequence[tuple[str, str, Sequence[float]]],
    *,
    x_title: str,
    y_title: str,
    cap: float = math.inf,
    unit: str = "",
    digits: int = 3,
) -> LinePlot | None:
    """Lay out lines over epochs counted from 1; None if there is nothing to draw.

    Args:
        series: Name, style and value per epoch of each line.
        x_title: Name of the horizontal axis.
        y_title: Name and unit of the vertical axis.
        cap: A value the vertical axis must not pass.
        unit: Of the values, for tooltips.
        digits: Decimals in tooltips.
    """
    finite = [value for _, _, values in series for value in values if math.isfinite(value)]
    epochs = max((len(values) for _, _, values in series), default=0)
    if not finite:
        return None
    right = RIGHT_PX - max(text_width(name) for name, _, _ in series) - 8
    x = _epoch_axis(max(2, epochs), end=right)
    y = linear_axis(min(finite), max(finite), start=BOTTOM_PX, end=TOP_PX, cap=cap)
    lines = [
        Line(
            name=name,
            series=style,
            points=tuple((x(i), y(v)) for i, v in enumerate(values, 1) if math.isfinite(v)),
            tooltips=tuple(
                f"{name}, epoch {i}: {v:.{digits}f}{unit}"
                for i, v in enumerate(values, 1)
                if math.isfinite(v)
            ),
            label_y=0.0,
        )
        for name, style, values in series
    ]
    ends = "; ".join(line.tooltips[-1] for line in lines if line.tooltips)
    return LinePlot(
        x=x,
        y=y,
        x_title=x_title,
        y_title=y_title,
        lines=_with_labels_apart(lines),
        right=right,
        summary=f"{y_title}. {ends}",
    )


def _epoch_axis(epochs: int, *, end: float) -> Axis:
    """Return an axis from exactly 1 to ``epochs`` with ticks at both and at round numbers between."""
    bare = Axis(start=LEFT_PX, end=end, low=1, high=epochs, ticks=())
    step = next(s for s in (1, 2, 5, 10, 20, 50, 100, 200, 500, 10**9) if epochs / s <= 8)
    between = [n for n in range(step, epochs, step) if n > 1 and epochs - n > step / 2]
    ticks = tuple(Tick(position=bare(n), text=str(n)) for n in (1, *between, epochs))
    return Axis(start=LEFT_PX, end=end, low=1, high=epochs, ticks=ticks)


def _with_labels_apart(lines: Sequence[Line]) -> tuple[Line, ...]:
    """Put each label at the end of its line, one line height below the one above at least."""
    drawn = sorted((line for line in lines if line.points), key=lambda line: line.points[-1][1])
    places: list[float] = []
    for line in drawn:
        wanted = line.points[-1][1] + 4
        places.append(max(wanted, places[-1] + LINE_HEIGHT_PX) if places else wanted)
    for i in reversed(range(len(places))):  # what would pass the axis moves up again
        lowest = places[i + 1] - LINE_HEIGHT_PX if i + 1 < len(places) else BOTTOM_PX - 2
        places[i] = min(places[i], lowest)
    return tuple(
        replace(line, label_y=round(label_y, 1))
        for line, label_y in zip(drawn, places, strict=True)
    )
