"""Lines over epochs as geometry; drawn as :mod:`edgecls.reports.plot_frame` says."""

import math
from collections.abc import Sequence
from dataclasses import dataclass, replace

from edgecls.reports.axes import Axis, Tick, linear_axis
from edgecls.reports.label_placement import LINE_HEIGHT_PX, text_width
from edgecls.reports.plot_frame import BOTTOM_PX, LEFT_PX, RIGHT_PX, TOP_PX

__all__ = ["Line", "LinePlot", "line_plot"]


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
