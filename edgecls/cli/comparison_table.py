"""The table of ``edgecls compare``: as many columns as fit, the ones that matter most first to stay."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import click
from edgecls_bench.comparison import Comparison, ComparisonCase
from edgecls_bench.metrics import wilson_interval

from edgecls.cli.output import TIGHT_GAP, print_line, print_table, width

__all__ = ["STYLES", "columns_left_out", "print_comparison"]

STYLES = {"holds": "green", "fails": "bold red", "too few": "yellow"}
_LABEL_WIDTH = 20


@dataclass(frozen=True, kw_only=True, slots=True)
class _Column:
    """One column.

    Attributes:
        title: With line breaks.
        cells: One per case; all empty where the comparison has no such number.
        rank: The column of the highest rank is the first to be left out.
    """

    title: str
    cells: tuple[str, ...]
    rank: int

    @property
    def width(self) -> int:
        return max(len(line) for line in (*self.title.splitlines(), *self.cells))


def print_comparison(title: str, comparison: Comparison) -> None:
    """Print one row per artifact and backend, and which columns the width left no room for."""
    columns = _columns(comparison)
    left_out = columns_left_out([(column.width, column.rank) for column in columns], width())
    shown = [column for i, column in enumerate(columns) if i not in left_out]
    rows = list(zip(*(column.cells for column in shown), strict=True))
    print_line(title, style="bold")  # as the table's own title it would wrap at the table's width
    print_table("", [column.title for column in shown], rows, styles=STYLES, is_tight=True)
    if left_out:
        names = ", ".join(" ".join(columns[i].title.split()) for i in sorted(left_out))
        click.echo(f"left out for the width of the window: {names}; for all: --json")


def columns_left_out(columns: Sequence[tuple[int, int]], width: int) -> set[int]:
    """Return the places of the columns that do not fit: as few as possible, highest rank first.

    Args:
        columns: Width and rank of each; rank 0 always stays.
        width: Characters of a line.
    """
    left_out: set[int] = set()
    for i in sorted(range(len(columns)), key=lambda i: -columns[i][1]):
        needed = sum(own + TIGHT_GAP for k, (own, _) in enumerate(columns) if k not in left_out)
        if needed - 1 <= width or columns[i][1] == 0:
            break
        left_out.add(i)
    return left_out


def _columns(comparison: Comparison) -> list[_Column]:
    photos, labels = comparison.photo_count, comparison.labels

    def column(title: str, rank: int, cell: Callable[[ComparisonCase], str]) -> _Column:
        return _Column(title=title, cells=tuple(map(cell, comparison.cases)), rank=rank)

    found = [
        column("artifact", 0, lambda case: case.artifact),
        column("backend", 5, lambda case: case.backend),
        column("MB", 8, lambda case: f"{case.size_bytes / 1e6:.1f}"),
        column("top-1\n%", 2, lambda case: _percent(case.top1)),
        column("95 %\ninterval", 11, lambda case: _top1_interval(case, photos)),
        column("top-5\n%", 10, lambda case: _percent(case.top5)),
        column("worst\nclass", 9, lambda case: _worst_class(case, labels)),
        column("drop, points\n(95 % interval)", 3, _drop),
        column("McNemar\np", 13, _p_value),
        column("agree, %\n(95 % interval)", 4, _agreement),
        column("mean\nerror", 12, _mean_error),
        column("worst\nerror", 7, lambda case: _three(case.worst_score_error)),
        column("ECE", 6, lambda case: _three(case.calibration_error)),
        column("unknown\noutside, %", 6, lambda case: _percent(case.out_of_set_unknown)),
        column("verdict", 1, lambda case: _verdict(case, comparison)),
    ]
    return [column for column in found if any(column.cells)]


def _top1_interval(case: ComparisonCase, photos: int) -> str:
    if case.top1 is None:
        return ""
    low, high = wilson_interval(round(case.top1 * photos), photos)
    return f"{100 * low:.1f}-{100 * high:.1f}"


def _worst_class(case: ComparisonCase, labels: Sequence[str]) -> str:
    accuracies = [(share, i) for i, share in enumerate(case.per_class) if share is not None]
    if not accuracies:
        return ""
    worst, class_id = min(accuracies)
    label = labels[class_id]
    short = label if len(label) <= _LABEL_WIDTH else label[: _LABEL_WIDTH - 1] + "…"
    return f"{short} {100 * worst:.1f}"


def _drop(case: ComparisonCase) -> str:
    if case.paired is None:
        return ""
    low, high = 100 * case.paired.low, 100 * case.paired.high
    return f"{100 * case.paired.drop:.2f} ({low:.2f}..{high:.2f})"


def _p_value(case: ComparisonCase) -> str:
    return "" if case.paired is None else f"{case.paired.p_value:.2g}"


def _mean_error(case: ComparisonCase) -> str:
    return "" if case.mean_score_error is None else f"{case.mean_score_error:.4f}"


def _agreement(case: ComparisonCase) -> str:
    if case.agreement_interval is None:
        return _percent(case.agreement)
    low, high = case.agreement_interval
    return f"{_percent(case.agreement)} ({100 * low:.1f}..{100 * high:.1f})"


def _verdict(case: ComparisonCase, comparison: Comparison) -> str:
    if case.judgement is not None:
        return case.judgement.verdict.removesuffix(" photos")
    return "-" if comparison.gate is not None else ""


def _percent(share: float | None) -> str:
    return "" if share is None else f"{100 * share:.2f}"


def _three(number: float | None) -> str:
    return "" if number is None else f"{number:.3f}"
