"""Curves over time in panels, as geometry; drawn as :mod:`edgecls.reports.plot_frame` says."""

from collections.abc import Sequence
from dataclasses import dataclass

from edgecls.reports.axes import Axis, linear_axis
from edgecls.reports.plot_frame import LEFT_PX, RIGHT_PX, WIDTH_PX

__all__ = ["Curve", "CurveValue", "Panel", "PanelPlot", "PanelValue", "panel_plot"]

TITLE_PX = 26.0  # above each panel
GAP_PX = 10.0  # between panels
AXIS_PX = 42.0  # below the last: ticks and the title
TICK_PX = 34.0  # between ticks of a panel


@dataclass(frozen=True, kw_only=True, slots=True)
class CurveValue:
    """One curve to plot.

    Attributes:
        name: In the panel's title.
        style: ``main`` or ``second``.
        points: Time and value of each point, by rising time.
    """

    name: str
    style: str
    points: tuple[tuple[float, float], ...]


@dataclass(frozen=True, kw_only=True, slots=True)
class PanelValue:
    """One panel to plot.

    Attributes:
        title: Name and unit of its axis.
        curves: What is in it.
        height: In pixels.
        least_range: Share of its values that its axis spans at least, so that noise does not look like news.
    """

    title: str
    curves: tuple[CurveValue, ...]
    height: float
    least_range: float


@dataclass(frozen=True, kw_only=True, slots=True)
class Curve:
    """A curve in pixels."""

    name: str
    style: str
    path: str


@dataclass(frozen=True, kw_only=True, slots=True)
class Panel:
    """One panel in pixels.

    Attributes:
        title: Name and unit of its axis.
        title_y: Base line of the title.
        y: Vertical axis.
        curves: What is in it.
    """

    title: str
    title_y: float
    y: Axis
    curves: tuple[Curve, ...]


@dataclass(frozen=True, kw_only=True, slots=True)
class PanelPlot:
    """Panels with one axis of time.

    Attributes:
        x: Time.
        x_title: Its name and unit.
        panels: From top to bottom.
        shades: Left end and width, in pixels, of the times that are marked.
        top: Upper end of the first panel.
        bottom: Lower end of the last panel.
        width: Of the plot, pixels.
        height: Of the plot, pixels.
        summary: The plot in words, for screen readers.
    """

    x: Axis
    x_title: str
    panels: tuple[Panel, ...]
    shades: tuple[tuple[float, float], ...]
    top: float
    bottom: float
    width: float
    height: float
    summary: str


def panel_plot(
    values: Sequence[PanelValue],
    *,
    end: float,
    x_title: str,
    summary: str,
    shades: Sequence[tuple[float, float]] = (),
) -> PanelPlot | None:
    """Lay out panels in their order; None where there is nothing to draw.

    Args:
        values: The panels; those without points are left out.
        end: Last time to show.
        x_title: Name and unit of time.
        summary: The plot in words.
        shades: From and to of times to mark.
    """
    shown = [value for value in values if any(curve.points for curve in value.curves)]
    if not shown or end <= 0:
        return None
    x = linear_axis(0.0, end, start=LEFT_PX, end=RIGHT_PX, cap=end)
    panels, top = [], 0.0
    for value in shown:
        panels.append(_panel(value, x, top))
        top += TITLE_PX + value.height + GAP_PX
    bottom = top - GAP_PX
    return PanelPlot(
        x=x,
        x_title=x_title,
        panels=tuple(panels),
        shades=tuple((x(start), round(max(1.0, x(stop) - x(start)), 1)) for start, stop in shades),
        top=TITLE_PX,
        bottom=bottom,
        width=WIDTH_PX,
        height=bottom + AXIS_PX,
        summary=summary,
    )


def _panel(value: PanelValue, x: Axis, top: float) -> Panel:
    numbers = [number for curve in value.curves for _, number in curve.points]
    low, high = min(numbers), max(numbers)
    missing = max(0.0, value.least_range * high - (high - low)) / 2
    y = linear_axis(
        max(0.0, low - missing) if low >= 0 else low - missing,
        high + missing,
        start=top + TITLE_PX + value.height,
        end=top + TITLE_PX,
        about=max(2, round(value.height / TICK_PX)),
    )
    return Panel(
        title=value.title,
        title_y=top + 14,
        y=y,
        curves=tuple(
            Curve(
                name=curve.name,
                style=curve.style,
                path=" ".join(f"{x(at):g},{y(number):g}" for at, number in curve.points),
            )
            for curve in value.curves
            if curve.points
        ),
    )
