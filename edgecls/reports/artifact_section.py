"""The report's part on exported files: what each costs and what it gives."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from edgecls_bench.measurement import BenchCase

from edgecls.reports.intervals import wilson_interval
from edgecls.reports.measured import (
    Key,
    Measured,
    float_size,
    short_names,
    worse_and_slower,
)
from edgecls.reports.number_text import (
    count_text,
    megabytes_text,
    milliseconds_text,
    percent_text,
)
from edgecls.reports.plots import PointValue, ScatterPlot, scatter_plot
from edgecls.reports.recommendation import Recommendation

__all__ = ["ArtifactRow", "ArtifactSection", "SpeedRow", "artifact_section"]


@dataclass(frozen=True, kw_only=True, slots=True)
class ArtifactRow:
    """One artifact on one backend.

    Attributes:
        entry: What was measured.
        ratio: Size against the float32 file, None without one.
        low: Lower end of the 95 % interval of top-1, 0..1.
        high: Upper end of it.
        is_chosen: Whether it is the recommended one.
        worse_than: How it is worse than one that is more accurate and faster, empty if there is none.
    """

    entry: Measured
    ratio: float | None
    low: float
    high: float
    is_chosen: bool
    worse_than: str


@dataclass(frozen=True, kw_only=True, slots=True)
class SpeedRow:
    """One benchmark case.

    Attributes:
        case: What was measured.
        share: Its p50 against the slowest case's, 0..1, the length of its bar.
        is_chosen: Whether it is the recommended one.
        is_first: Whether it is the first of its artifact and backend.
        worse_than: As in :class:`ArtifactRow`.
    """

    case: BenchCase
    share: float
    is_chosen: bool
    is_first: bool
    worse_than: str


@dataclass(frozen=True, kw_only=True, slots=True)
class ArtifactSection:
    """All artifacts.

    Attributes:
        rows: One per artifact and backend; empty if nothing was compared.
        speeds: One per benchmark case.
        has_top5: Whether top-5 means something.
        latency_plot: Accuracy against latency.
        size_plot: Accuracy against size.
        formats: Formats in the plots, for their legend.
        changed: Files that compare and bench saw in different versions.
    """

    rows: tuple[ArtifactRow, ...]
    speeds: tuple[SpeedRow, ...]
    has_top5: bool
    latency_plot: ScatterPlot | None
    size_plot: ScatterPlot | None
    formats: tuple[str, ...]
    changed: tuple[str, ...]


def artifact_section(
    measured: Sequence[Measured], recommendation: Recommendation | None, *, photos: int
) -> ArtifactSection:
    """Lay out everything that was measured on exported files.

    Args:
        measured: From :func:`join_records`.
        recommendation: What to mark.
        photos: Number of photos that were compared.
    """
    names = short_names(measured)
    better = worse_and_slower(measured)
    worse = {
        entry.key: _worse(entry, better[entry.key], names, photos)
        for entry in measured
        if entry.key in better
    }
    chosen = recommendation.choice.key if recommendation is not None else None
    rows = tuple(
        _artifact_row(entry, measured, photos, chosen == entry.key, worse.get(entry.key, ""))
        for entry in measured
    )
    compared = [row for row in rows if row.entry.accuracy is not None]
    return ArtifactSection(
        rows=rows,
        speeds=_speed_rows(measured, recommendation, worse),
        has_top5=any(row.entry.accuracy and row.entry.accuracy.top5 is not None for row in rows),
        latency_plot=_latency_plot(compared, names, photos),
        size_plot=_size_plot(compared, names, photos),
        formats=tuple(dict.fromkeys(row.entry.format for row in compared)),
        changed=tuple(sorted({entry.artifact for entry in measured if len(entry.sha256) > 1})),
    )


def _artifact_row(
    entry: Measured, measured: Sequence[Measured], photos: int, is_chosen: bool, worse_than: str
) -> ArtifactRow:
    whole = float_size(entry, measured)
    low, high = wilson_interval(round((entry.top1 or 0.0) * photos), photos)
    return ArtifactRow(
        entry=entry,
        ratio=entry.size_bytes / whole if whole else None,
        low=low,
        high=high,
        is_chosen=is_chosen,
        worse_than=worse_than,
    )


def _worse(entry: Measured, better: Measured, names: Mapping[Key, str], photos: int) -> str:
    """Say by how many photos, since one or two are chance."""
    fewer = round(((better.top1 or 0.0) - (entry.top1 or 0.0)) * photos)
    return f"{fewer} {'photo' if fewer == 1 else 'photos'} fewer right, and slower, than {names[better.key]}"


def _speed_rows(
    measured: Sequence[Measured],
    recommendation: Recommendation | None,
    worse: Mapping[Key, str],
) -> tuple[SpeedRow, ...]:
    slowest = max((c.classify.p50_ms for m in measured for c in m.speeds), default=0.0)
    chosen = recommendation.speed if recommendation is not None else None
    return tuple(
        SpeedRow(
            case=case,
            share=case.classify.p50_ms / slowest if slowest > 0 else 0.0,
            is_chosen=case is chosen,
            is_first=i == 0,
            worse_than=worse.get(entry.key, ""),
        )
        for entry in measured
        for i, case in enumerate((*entry.speeds, *entry.failures))
    )


def _latency_plot(
    rows: Sequence[ArtifactRow], names: Mapping[Key, str], photos: int
) -> ScatterPlot | None:
    points = [
        _point(row, row.entry.p50_ms, names[row.entry.key], photos)
        for row in rows
        if row.entry.p50_ms is not None
    ]
    return scatter_plot(
        points, x_title="frame to label, p50, ms", y_title="Top-1 accuracy, % (bars: 95 % interval)"
    )


def _size_plot(
    rows: Sequence[ArtifactRow], names: Mapping[Key, str], photos: int
) -> ScatterPlot | None:
    points = [_point(row, row.entry.size_bytes / 1e6, names[row.entry.key], photos) for row in rows]
    return scatter_plot(
        points, x_title="file size, MB", y_title="Top-1 accuracy, % (bars: 95 % interval)"
    )


def _point(row: ArtifactRow, x: float, name: str, photos: int) -> PointValue:
    entry = row.entry
    parts = [
        f"{entry.artifact} on {entry.backend}",
        f"top-1 {percent_text(entry.top1, photos=photos)} "
        f"({percent_text(row.low)} to {percent_text(row.high)})",
        megabytes_text(entry.size_bytes),
    ]
    if entry.fastest is not None:
        threads = count_text(entry.fastest.threads, "thread")
        parts.append(f"p50 {milliseconds_text(entry.p50_ms)} with {threads}")
    return PointValue(
        x=x,
        y=100 * (entry.top1 or 0.0),
        low=100 * row.low,
        high=100 * row.high,
        name=name,
        tooltip=", ".join(parts),
        series=entry.format,
        is_chosen=row.is_chosen,
    )
