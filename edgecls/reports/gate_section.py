"""What the gate says: asked for what, and which artifacts keep it."""

from collections.abc import Sequence
from dataclasses import dataclass

from edgecls_bench.comparison import Comparison, Gate, GateVerdict, Judgement

from edgecls.reports.measured import Measured, short_names
from edgecls.reports.number_text import count_text

__all__ = ["GateRow", "GateSection", "gate_section"]

WORST_FIRST: tuple[GateVerdict, ...] = ("fails", "too few photos", "holds")
MAX_OPEN_ROWS = 6  # more are folded: the badge and the sentence have to stay on the first screen


@dataclass(frozen=True, kw_only=True, slots=True)
class GateRow:
    """The verdict on one artifact.

    Attributes:
        entry: What was measured.
        name: Its short name.
        judgement: What the gate says.
    """

    entry: Measured
    name: str
    judgement: Judgement


@dataclass(frozen=True, kw_only=True, slots=True)
class GateSection:
    """The gate.

    Attributes:
        verdict: The worst of all.
        asked: What was asked, in words.
        summary: How many hold and fail, in words.
        rows: Worst first.
        reference: File that all are held against.
        photos_needed: Photos that decide all open verdicts; None where no number would, or none is open.
        labels_without_photos: Labels that no photo is of, which keep verdicts open.
    """

    verdict: GateVerdict
    asked: str
    summary: str
    rows: tuple[GateRow, ...]
    reference: str
    photos_needed: int | None
    labels_without_photos: int = 0

    @property
    def is_long(self) -> bool:
        """Whether the rows are folded."""
        return len(self.rows) > MAX_OPEN_ROWS


def gate_section(comparison: Comparison | None, measured: Sequence[Measured]) -> GateSection | None:
    """Return the verdicts; None where no gate was asked for, or nothing was held against it."""
    if comparison is None or comparison.gate is None or comparison.verdict is None:
        return None
    names = short_names(measured)
    rows = [
        GateRow(entry=entry, name=names[entry.key], judgement=entry.judgement)
        for entry in measured
        if entry.judgement is not None
    ]
    rows.sort(key=lambda row: WORST_FIRST.index(row.judgement.verdict))
    open_ones = [row.judgement for row in rows if row.judgement.verdict == "too few photos"]
    needed = [j.photos_needed for j in open_ones if j.photos_needed is not None]
    return GateSection(
        verdict=comparison.verdict,
        asked=_asked(comparison.gate),
        summary=_summary([row.judgement.verdict for row in rows]),
        rows=tuple(rows),
        reference=comparison.reference,
        photos_needed=max(needed) if needed and len(needed) == len(open_ones) else None,
        labels_without_photos=comparison.cases[0].labels_without_photos if open_ones else 0,
    )


def _asked(gate: Gate) -> str:
    parts = []
    if gate.max_drop is not None:
        points = f"{100 * gate.max_drop:.4g}"
        parts.append(f"lose at most {points} point{'' if points == '1' else 's'} of accuracy")
    if gate.min_agreement is not None:
        parts.append(
            f"give the same answer to at least {100 * gate.min_agreement:.6g} % of the photos"
        )
    return " and ".join(parts)


def _summary(verdicts: Sequence[GateVerdict]) -> str:
    """Say how many there are of each verdict, leaving out what does not occur."""
    holding, failing = verdicts.count("holds"), verdicts.count("fails")
    undecided = len(verdicts) - holding - failing
    if holding == len(verdicts):
        return "It holds." if holding == 1 else f"All {count_text(holding, 'file')} hold."
    if undecided == len(verdicts):
        return (
            "The photos are too few to tell."
            if undecided == 1
            else (f"The photos are too few for all {count_text(undecided, 'file')}.")
        )
    parts = [
        f"{count_text(holding)} hold{'s' if holding == 1 else ''}" if holding else "none holds",
        f"{count_text(failing)} fail{'s' if failing == 1 else ''}" if failing else "",
        f"{count_text(undecided)} cannot be told on so few photos" if undecided else "",
    ]
    said = [part for part in parts if part]
    return f"Of {count_text(len(verdicts), 'file')} {', '.join(said)}."
