"""The report's part on exported files: what each costs and what it gives."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from edgecls_export.table import EXPORTERS

from edgecls.reports.intervals import wilson_interval
from edgecls.reports.measured import (
    Key,
    Measured,
    float_size,
    short_names,
    worse_and_slower,
)
from edgecls.reports.number_text import count_text
from edgecls.reports.pareto import Pareto, pareto
from edgecls.reports.recommendation import Recommendation

__all__ = ["ArtifactRow", "ArtifactSection", "artifact_section"]


@dataclass(frozen=True, kw_only=True, slots=True)
class ArtifactRow:
    """One artifact on one backend.

    Attributes:
        entry: What was measured.
        words: What its recipe does, as the table of exporters says it; empty for other recipes.
        ratio: Size against the float32 file, None without one.
        low: Lower end of the 95 % interval of top-1 or else the agreement, 0..1.
        high: Upper end of it.
        is_chosen: Whether it is the recommended one.
        worse_than: How it is worse than one that is more accurate and faster, empty if there is none.
    """

    entry: Measured
    words: str
    ratio: float | None
    low: float
    high: float
    is_chosen: bool
    worse_than: str


@dataclass(frozen=True, kw_only=True, slots=True)
class ArtifactSection:
    """All artifacts.

    Attributes:
        rows: One per artifact and backend; empty if nothing was compared.
        has_top5: Whether top-5 means something.
        has_top1: Whether any accuracy is known; else photos had no classes, or nothing was compared.
        pareto: Accuracy against latency and size; None without a comparison.
        formats: Formats in the plot, for its legend.
        changed: Files that compare and bench saw in different versions.
    """

    rows: tuple[ArtifactRow, ...]
    has_top5: bool
    has_top1: bool
    pareto: Pareto | None
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
    compared = [row.entry for row in rows if row.entry.accuracy is not None]
    return ArtifactSection(
        rows=rows,
        has_top5=any(entry.accuracy and entry.accuracy.top5 is not None for entry in compared),
        has_top1=any(entry.top1 is not None for entry in compared),
        pareto=pareto(measured, names, chosen, photos=photos),
        formats=tuple(dict.fromkeys(entry.format for entry in compared)),
        changed=tuple(sorted({entry.artifact for entry in measured if len(entry.sha256) > 1})),
    )


def _artifact_row(
    entry: Measured, measured: Sequence[Measured], photos: int, is_chosen: bool, worse_than: str
) -> ArtifactRow:
    whole = float_size(entry, measured)
    low, high = wilson_interval(round((entry.quality or 0.0) * photos), photos)
    exporter = EXPORTERS.get((entry.format, entry.recipe))
    return ArtifactRow(
        entry=entry,
        words=exporter.summary if exporter is not None else "",
        ratio=entry.size_bytes / whole if whole else None,
        low=low,
        high=high,
        is_chosen=is_chosen,
        worse_than=worse_than,
    )


def _worse(entry: Measured, better: Measured, names: Mapping[Key, str], photos: int) -> str:
    """Say by how many photos, since one or two are chance."""
    fewer = count_text(round(((better.quality or 0.0) - (entry.quality or 0.0)) * photos), "photo")
    what = "right" if entry.top1 is not None else "answered as the reference does"
    return f"{fewer} fewer {what}, and slower, than {names[better.key]}"
