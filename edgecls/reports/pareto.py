"""Accuracy against latency with size as area: which artifacts are worth their time, and which are not."""

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from statistics import median

from edgecls.reports.intervals import wilson_interval
from edgecls.reports.measured import Key, Measured
from edgecls.reports.number_text import (
    count_text,
    megabytes_text,
    milliseconds_text,
    percent_text,
)
from edgecls.reports.scatter_plot import PointValue, ScatterPlot, scatter_plot

__all__ = ["Pareto", "ParetoEntry", "efficient", "pareto"]

WIDE_RATIO, MANY_WIDE_RATIO = 15.0, 4.0  # many points need the room of a logarithmic axis sooner
MAX_NAMED = 7  # more names than that find no place beside their points; numbers do
DEPTH, DEPTH_IN_SPREADS = (
    0.1,
    4,
)  # the plot's least height: a share, and times the half that is good
LARGEST_RADIUS_PX = 13.0
SMALLEST_RADIUS_PX = 4.0


@dataclass(frozen=True, kw_only=True, slots=True)
class ParetoEntry:
    """One artifact in the legend.

    Attributes:
        number: Its number in the plot; 0 where names stand there.
        entry: What was measured.
        name: Its short name.
        is_efficient: Whether no other is as good and cheaper, or as cheap and better.
        is_chosen: Whether it is the recommended one.
    """

    number: int
    entry: Measured
    name: str
    is_efficient: bool
    is_chosen: bool


@dataclass(frozen=True, kw_only=True, slots=True)
class Pareto:
    """The plot and its legend.

    Attributes:
        plot: Accuracy, or agreement, over latency, or over size where nothing was timed.
        entries: What is in the plot, the cheapest first.
        untimed: Names of those that are not, since they were not timed, or every time of them is void.
        is_timed: Whether the horizontal axis is latency.
        is_labelled: Whether the vertical axis is accuracy.
        has_intervals: Whether bars show 95 % intervals.
        has_sunken: Whether some are so bad that they lie below the plot, and are drawn at its lower edge.
    """

    plot: ScatterPlot
    entries: tuple[ParetoEntry, ...]
    untimed: tuple[str, ...]
    is_timed: bool
    is_labelled: bool
    has_intervals: bool
    has_sunken: bool


def efficient(values: Sequence[tuple[float, float]]) -> tuple[bool, ...]:
    """Say for each (cost, quality) whether no other is at least as good at most as dear, and better in one."""
    return tuple(
        not any(
            other_cost <= cost
            and other_quality >= quality
            and (other_cost, other_quality) != (cost, quality)
            for other_cost, other_quality in values
        )
        for cost, quality in values
    )


def pareto(
    measured: Sequence[Measured], names: Mapping[Key, str], chosen: Key | None, *, photos: int
) -> Pareto | None:
    """Lay out the plot; None where no artifact was compared.

    Args:
        measured: From ``join_records``.
        names: From ``short_names``.
        chosen: Key of the recommended one.
        photos: Number of photos that were compared.
    """
    compared = [entry for entry in measured if entry.quality is not None]
    timed = [entry for entry in compared if entry.p50_ms is not None]
    shown = sorted(timed or compared, key=lambda entry: _cost(entry, bool(timed)))
    costs = [_cost(entry, bool(timed)) for entry in shown]
    is_efficient = efficient(
        [(cost, entry.quality or 0.0) for cost, entry in zip(costs, shown, strict=True)]
    )
    are_numbered = len(shown) > MAX_NAMED
    entries = [
        ParetoEntry(
            number=i if are_numbered else 0,
            entry=entry,
            name=names[entry.key],
            is_efficient=is_good,
            is_chosen=entry.key == chosen,
        )
        for i, (entry, is_good) in enumerate(zip(shown, is_efficient, strict=True), 1)
    ]
    is_labelled = any(entry.top1 is not None for entry in shown)
    largest = max((entry.size_bytes for entry in shown), default=0)
    floor = _floor([entry.quality or 0.0 for entry in shown])
    plot = scatter_plot(
        [
            _point(item, cost, photos, largest=largest if timed else 0, floor=floor)
            for item, cost in zip(entries, costs, strict=True)
        ],
        x_title="frame to label, p50, ms" if timed else "file size, MB",
        y_title=_y_title(is_labelled, has_intervals=not are_numbered),
        are_numbered=are_numbered,
        has_frontier=True,
        wide_ratio=MANY_WIDE_RATIO if are_numbered else WIDE_RATIO,
    )
    if plot is None:
        return None
    return Pareto(
        plot=plot,
        entries=tuple(entries),
        untimed=tuple(
            f"{names[entry.key]}{' (void)' if entry.voids else ''}"
            for entry in compared
            if timed and entry not in timed
        ),
        is_timed=bool(timed),
        is_labelled=is_labelled,
        has_intervals=not are_numbered,
        has_sunken=any((entry.quality or 0.0) < floor for entry in shown),
    )


def _cost(entry: Measured, is_timed: bool) -> float:
    return (entry.p50_ms or 0.0) if is_timed else entry.size_bytes / 1e6


def _y_title(is_labelled: bool, *, has_intervals: bool) -> str:
    title = "Top-1 accuracy, %" if is_labelled else "Same answer as the reference, %"
    return f"{title} (bars: 95 % interval)" if has_intervals else title


def _radius(size_bytes: int, largest: int) -> float:
    """Return the radius of a disc whose area is the size; very small files stay visible."""
    if not largest:
        return 5.0
    return max(SMALLEST_RADIUS_PX, LARGEST_RADIUS_PX * math.sqrt(size_bytes / largest))


def _floor(qualities: Sequence[float]) -> float:
    """Return the quality where the plot ends, so that a broken file does not press the others into a line."""
    if not qualities:
        return 0.0
    best = max(qualities)
    return best - max(DEPTH, DEPTH_IN_SPREADS * (best - median(qualities)))


def _point(
    item: ParetoEntry, cost: float, photos: int, *, largest: int, floor: float
) -> PointValue:
    entry, quality = item.entry, item.entry.quality or 0.0
    low, high = wilson_interval(round(quality * photos), photos)
    shown = max(quality, floor)
    has_interval = not item.number and shown == quality
    name = str(item.number) if item.number else item.name
    if shown > quality:
        name = f"{name} \N{DOWNWARDS ARROW} {percent_text(quality)}"
    return PointValue(
        x=cost,
        y=100 * shown,
        low=100 * (max(low, floor) if has_interval else shown),
        high=100 * (high if has_interval else shown),
        name=name,
        tooltip=_tooltip(entry, low, high, photos),
        series=entry.format,
        is_chosen=item.is_chosen,
        is_efficient=item.is_efficient,
        radius=_radius(entry.size_bytes, largest),
    )


def _tooltip(entry: Measured, low: float, high: float, photos: int) -> str:
    what = "top-1" if entry.top1 is not None else "same answer as the reference"
    parts = [
        f"{entry.artifact} on {entry.backend}",
        f"{what} {percent_text(entry.quality, photos=photos)} "
        f"({percent_text(low)} to {percent_text(high)})",
        megabytes_text(entry.size_bytes),
    ]
    if entry.fastest is not None:
        threads = count_text(entry.fastest.threads, "thread")
        parts.append(f"p50 {milliseconds_text(entry.p50_ms)} with {threads}")
    if entry.verdict is not None:
        parts.append(f"gate: {entry.verdict}")
    return ", ".join(parts)
