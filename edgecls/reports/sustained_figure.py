"""Minutes of load on one machine: the time of a frame against temperature and clock."""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass

from edgecls_bench.sustained import Sustained, SustainedPoint
from edgecls_device.service.throttling import Throttling

from edgecls.reports.number_text import count_text, milliseconds_text, seconds_text
from edgecls.reports.panel_plot import CurveValue, PanelPlot, PanelValue, panel_plot

__all__ = ["SustainedFigure", "sustained_figure"]

LEAST_RANGE = 0.2  # of a panel's axis: a change of a few percent does not fill it
HIGH_PX, LOW_PX = 150.0, 64.0


@dataclass(frozen=True, kw_only=True, slots=True)
class SustainedFigure:
    """One curve.

    Attributes:
        name: Artifact, backend and threads.
        sentence: What became of the speed.
        plot: Time of a frame, temperature, clock and power over time.
        is_throttled: Whether there are shaded times, in which the machine was slowed down.
        has_p99: Whether the dashed line is there.
        void: Why it should not be believed; empty if nothing disturbed it.
    """

    name: str
    sentence: str
    plot: PanelPlot
    is_throttled: bool
    has_p99: bool
    void: str


def sustained_figure(curve: Sustained) -> SustainedFigure | None:
    """Lay out one curve; None where it has fewer than two points."""
    points = [point for point in curve.points if point.p50_ms > 0]
    if len(points) < 2:
        return None
    shades = tuple(_throttled(points))
    sentence = _sentence(curve, points)
    unit, seconds = ("min", 60.0) if points[-1].at_s >= 180 else ("s", 1.0)
    plot = panel_plot(
        _panels(points, seconds),
        end=points[-1].at_s / seconds,
        x_title=f"time since the load began, {unit}",
        summary=f"{curve.artifact}: {sentence}",
        shades=[(start / seconds, stop / seconds) for start, stop in shades],
    )
    if plot is None:
        return None
    return SustainedFigure(
        name=f"{curve.artifact} on {curve.backend}, {count_text(curve.threads, 'thread')}",
        sentence=sentence,
        plot=plot,
        is_throttled=bool(shades),
        has_p99=any(point.p99_ms > 0 for point in points),
        void=curve.void,
    )


def _panels(points: Sequence[SustainedPoint], seconds: float) -> list[PanelValue]:
    def curve(name: str, style: str, value: Callable[[SustainedPoint], float | None]) -> CurveValue:
        found = ((point.at_s / seconds, value(point)) for point in points)
        return CurveValue(
            name=name,
            style=style,
            points=tuple((at, number) for at, number in found if number is not None),
        )

    times = (
        curve("p99", "second", lambda point: point.p99_ms or None),
        curve("p50", "main", lambda point: point.p50_ms),
    )
    below = (
        ("Hottest sensor, °C", lambda point: point.reading.celsius),
        ("Clock, MHz", lambda point: point.reading.clock_mhz),
        ("Power, W", lambda point: point.watts),
    )
    return [
        PanelValue(
            title="Frame to label, ms", curves=times, height=HIGH_PX, least_range=LEAST_RANGE
        ),
        *(
            PanelValue(
                title=title,
                curves=(curve("", "quiet", value),),
                height=LOW_PX,
                least_range=LEAST_RANGE,
            )
            for title, value in below
        ),
    ]


def _throttled(points: Sequence[SustainedPoint]) -> Iterator[tuple[float, float]]:
    """Give the times, in seconds, from the point before to each point at which the machine was slowed down."""
    before, events = 0.0, points[0].reading.throttle_events
    for point in points:
        reading = point.reading
        has_more_events = (reading.throttle_events or 0) > (events or 0)
        if has_more_events or Throttling(flags=reading.throttled or 0).is_slowed:
            yield before, point.at_s
        before, events = point.at_s, reading.throttle_events


def _sentence(curve: Sustained, points: Sequence[SustainedPoint]) -> str:
    quarter = max(1, len(points) // 4)
    first, last = (
        _median([point.p50_ms for point in part]) for part in (points[:quarter], points[-quarter:])
    )
    change = curve.slowdown - 1
    what = (
        "It keeps its speed"
        if abs(change) < 0.02
        else f"It becomes {abs(100 * change):.0f}\N{NO-BREAK SPACE}% {'slower' if change > 0 else 'faster'}"
    )
    parts = [
        f"{what}: {milliseconds_text(first)} in the first quarter of {seconds_text(points[-1].at_s)}, "
        f"{milliseconds_text(last)} in the last"
    ]
    celsius = [p.reading.celsius for p in points if p.reading.celsius is not None]
    clocks = [p.reading.clock_mhz for p in points if p.reading.clock_mhz is not None]
    if celsius:
        parts.append(f"{celsius[0]:.0f} °C at the start, {max(celsius):.0f} °C at most")
    if clocks:
        parts.append(f"clock {max(clocks):.0f} MHz at best, {min(clocks):.0f} MHz at worst")
    return f"{'; '.join(parts)}."


def _median(values: Sequence[float]) -> float:
    ordered = sorted(values)
    middle = len(ordered) // 2
    return (ordered[middle] + ordered[~middle]) / 2
