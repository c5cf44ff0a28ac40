"""How much the times of each case spread, as geometry; drawn as :mod:`edgecls.reports.plot_frame` says.

Every case has its own row and is drawn against its own median, so that the shapes and tails of a case that
takes 3 ms and of one that takes 60 ms can be seen beside each other. Samples become
bins here; none is in the page.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from edgecls_bench.measurement import Latency
from numpy.typing import NDArray

from edgecls.reports.axes import Axis, linear_axis
from edgecls.reports.number_text import count_text, interval_text, milliseconds_text, p99_of
from edgecls.reports.plot_frame import WIDTH_PX

__all__ = ["Percentile", "Spread", "SpreadPlot", "SpreadValue", "spread_plot"]

ROW_PX = 56.0
TOP_PX = 24.0
AXIS_PX = 42.0  # below the rows: ticks and the title
SHAPE_PX = 24.0  # height of the tallest bin
BASE_PX = 44.0  # from a row's top to its base line
SIDE_PX = 8.0
BINS = 90
LATEST = 3.0  # times the median; what lies beyond is counted and not drawn
TAIL = 0.002  # share of the samples at either end that may lie beyond the axis


@dataclass(frozen=True, kw_only=True, slots=True)
class SpreadValue:
    """One case to plot.

    Attributes:
        name: At its left end.
        latency: Its percentiles.
        samples_ns: Every time of it; may be empty.
        series: Its colour, ``tflite`` or ``onnx``.
        is_void: Whether something disturbed it.
    """

    name: str
    latency: Latency
    samples_ns: tuple[int, ...]
    series: str
    is_void: bool


@dataclass(frozen=True, kw_only=True, slots=True)
class Percentile:
    """A mark on the base line, in pixels.

    Attributes:
        name: ``p50``, ``p90`` or ``p99``.
        x: Where.
        low: Lower end of its interval; ``x`` without one.
        high: Upper end of it.
    """

    name: str
    x: float
    low: float
    high: float


@dataclass(frozen=True, kw_only=True, slots=True)
class Spread:
    """One row in pixels.

    Attributes:
        name: At its left end.
        note: At its right end.
        outline: The histogram as a closed path for SVG; empty without samples.
        marks: Its percentiles, as far as they lie on the axis.
        beyond: What lies right of the axis, in words; empty if nothing does.
        top: Upper end of the row.
        base: Its base line.
        series: Its colour.
        tooltip: What a pointer resting on it reads.
        is_void: Whether something disturbed it.
    """

    name: str
    note: str
    outline: str
    marks: tuple[Percentile, ...]
    beyond: str
    top: float
    base: float
    series: str
    tooltip: str
    is_void: bool


@dataclass(frozen=True, kw_only=True, slots=True)
class SpreadPlot:
    """Rows of distributions.

    Attributes:
        x: Horizontal axis: times the median.
        x_title: Its name.
        rows: From top to bottom.
        median: Pixel of 1 on the axis.
        bottom: Pixel of the axis.
        width: Of the plot, pixels.
        height: Of the plot, pixels.
        row_height: Of a row, pixels.
        summary: The plot in words, for screen readers.
    """

    x: Axis
    x_title: str
    rows: tuple[Spread, ...]
    median: float
    bottom: float
    width: float
    height: float
    row_height: float
    summary: str


def spread_plot(values: Sequence[SpreadValue]) -> SpreadPlot | None:
    """Lay out one row per case in their order; None where there is nothing to draw."""
    shown = [value for value in values if value.latency.p50_ms > 0]
    if not shown:
        return None
    low, high = _range(shown)
    x = linear_axis(low, high, start=SIDE_PX, end=WIDTH_PX - SIDE_PX, about=5)
    rows = tuple(_row(value, x, TOP_PX + ROW_PX * i) for i, value in enumerate(shown))
    bottom = TOP_PX + ROW_PX * len(rows)
    return SpreadPlot(
        x=x,
        x_title="time of a frame against its case's median",
        rows=rows,
        median=x(1.0),
        bottom=bottom,
        width=WIDTH_PX,
        height=bottom + AXIS_PX,
        row_height=ROW_PX,
        summary="; ".join(row.tooltip for row in rows),
    )


def _range(values: Sequence[SpreadValue]) -> tuple[float, float]:
    """Return the lowest and highest ratio to draw: nearly all samples and every percentile that is told."""
    low, high = 1.0, 1.05
    for value in values:
        latency = value.latency
        ratios = _ratios(value)
        ends = [latency.p90_ms, p99_of(latency) or 0.0, *latency.p90_interval_ms]
        high = max(high, *(end / latency.p50_ms for end in ends))
        if ratios.size:
            low = min(low, float(np.quantile(ratios, TAIL)))
            high = max(high, float(np.quantile(ratios, 1 - TAIL)))
    return low, min(LATEST, high)


def _ratios(value: SpreadValue) -> NDArray[np.float64]:
    return np.asarray(value.samples_ns, np.float64) / (value.latency.p50_ms * 1e6)


def _row(value: SpreadValue, x: Axis, top: float) -> Spread:
    latency = value.latency
    ratios = _ratios(value)
    base = top + BASE_PX
    return Spread(
        name=value.name,
        note=f"median {milliseconds_text(latency.p50_ms)}",
        outline=_outline(ratios, x, base),
        marks=_marks(latency, x),
        beyond=_beyond(ratios, latency, x.high),
        top=top,
        base=base,
        series=value.series,
        tooltip=_tooltip(value),
        is_void=value.is_void,
    )


def _outline(ratios: NDArray[np.float64], x: Axis, base: float) -> str:
    """Return the steps of a histogram over the axis, the tallest :data:`SHAPE_PX` high."""
    inside = ratios[(ratios >= x.low) & (ratios <= x.high)]
    if not inside.size:
        return ""
    counts, edges = np.histogram(inside, bins=BINS, range=(x.low, x.high))
    heights = base - SHAPE_PX * counts / counts.max()
    steps = [f"M{x(edges[0]):g} {base:g}"]
    last = base
    for left, right, y in zip(edges[:-1], edges[1:], heights, strict=True):
        if y != last:
            steps.append(f"H{x(left):g}V{y:.1f}")
            last = y
        if right == edges[-1]:
            steps.append(f"H{x(right):g}")
    return "".join([*steps, f"V{base:g}"])


def _marks(latency: Latency, x: Axis) -> tuple[Percentile, ...]:
    told = [
        ("p50", latency.p50_ms, latency.p50_interval_ms),
        ("p90", latency.p90_ms, latency.p90_interval_ms),
        ("p99", p99_of(latency), latency.p99_interval_ms),
    ]
    return tuple(
        Percentile(
            name=name,
            x=x(value / latency.p50_ms),
            low=x(min((value, *interval)) / latency.p50_ms),
            high=x(max((value, *interval)) / latency.p50_ms),
        )
        for name, value, interval in told
        if value is not None and value <= x.high * latency.p50_ms
    )


def _beyond(ratios: NDArray[np.float64], latency: Latency, high: float) -> str:
    parts = []
    p99 = p99_of(latency)
    if p99 is not None and p99 > high * latency.p50_ms:
        parts.append(f"p99 {milliseconds_text(p99)}")
    over = int((ratios > high).sum())
    if over:
        slowest = milliseconds_text(float(ratios.max()) * latency.p50_ms)
        parts.append(f"{count_text(over)} beyond, up to {slowest}")
    return "; ".join(parts)


def _tooltip(value: SpreadValue) -> str:
    latency = value.latency
    p99 = p99_of(latency)
    told = [
        ("p50", latency.p50_ms, latency.p50_interval_ms),
        ("p90", latency.p90_ms, latency.p90_interval_ms),
        *([("p99", p99, latency.p99_interval_ms)] if p99 is not None else []),
    ]
    parts = [f"{name} {milliseconds_text(ms)}{_within(interval)}" for name, ms, interval in told]
    if value.samples_ns:
        parts.append(f"{count_text(len(value.samples_ns), 'sample')}")
    return f"{value.name}: {', '.join(parts)}{', void' if value.is_void else ''}"


def _within(interval: tuple[float, ...]) -> str:
    text = interval_text(interval)
    return f" ({text})" if text else ""
