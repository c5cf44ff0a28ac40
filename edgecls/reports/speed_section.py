"""The report's part on speed: one for each machine that was measured."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from edgecls_bench.comparison import Comparison
from edgecls_bench.measurement import BenchRun

from edgecls.reports.conditions_text import (
    Grouped,
    conditions_sentence,
    method_sentence,
    notes,
    void_reasons,
    void_sentence,
)
from edgecls.reports.measured import Measured, join_records, short_names, slower_than_float
from edgecls.reports.recommendation import Recommendation, recommend
from edgecls.reports.speed_plots import SpeedPlots, speed_plots
from edgecls.reports.speed_table import SpeedTable, speed_table
from edgecls.reports.sustained_figure import SustainedFigure, sustained_figure

__all__ = ["MachineSpeed", "machine_name", "speed_sections"]


@dataclass(frozen=True, kw_only=True, slots=True)
class MachineSpeed:
    """What was measured on one machine.

    Attributes:
        anchor: Name of the section in links.
        name: The machine as a reader knows it.
        run: What was measured.
        is_first: Whether the report's headline speaks of it.
        recommendation: What to use there; None if nothing was measured.
        changed: Names of files that were exported again since they were measured there.
        void: What is void, and what follows; empty if nothing is.
        void_reasons: Each reason with the cases it holds for.
        notes: What was wished and not measured, or disturbed, with the cases it holds for.
        method: How it was measured; empty where the record does not say.
        conditions: What the sensors said; empty without any.
        slower: Names of those that are slower there than float32.
        table: All cases.
        plots: What can be drawn of them.
        sustained: Minutes of load.
    """

    anchor: str
    name: str
    run: BenchRun
    is_first: bool
    recommendation: Recommendation | None
    changed: tuple[str, ...]
    void: str
    void_reasons: Grouped
    notes: Grouped
    method: str
    conditions: str
    slower: tuple[str, ...]
    table: SpeedTable
    plots: SpeedPlots
    sustained: tuple[SustainedFigure, ...]

    @property
    def has_runtimes(self) -> bool:
        """Whether more than one runtime was measured."""
        return len({case.backend for case in self.run.cases}) > 1

    @property
    def choice(self) -> str:
        """What to use on this machine, in one sentence; empty where its times chose nothing."""
        return (
            self.recommendation.sentence
            if self.recommendation and self.recommendation.speed
            else ""
        )


def machine_name(run: BenchRun) -> str:
    """Return the machine's model, and what the user called it where that was given."""
    return f"{run.machine.model} ({run.host})" if run.host else run.machine.model


def speed_sections(
    comparison: Comparison | None,
    runs: Sequence[BenchRun],
    exported: Mapping[str, str],
    *,
    photos_are: str,
) -> tuple[MachineSpeed, ...]:
    """Return one section for each run, in their order; the headline speaks of the first.

    Args:
        comparison: Accuracy of the files.
        runs: One of each machine.
        exported: SHA-256 of each exported file, by name.
        photos_are: What to call the photos that were compared.
    """
    photos = comparison.photo_count if comparison is not None else 0
    sections = []
    for i, run in enumerate(runs):
        measured = join_records(comparison, run)
        timed = [entry for entry in measured if entry.speeds or entry.voids or entry.failures]
        recommendation = recommend(
            timed, photos=photos, photos_are=photos_are, machine=machine_name(run)
        )
        anchor = "speed" if i == 0 else f"speed-{i + 1}"
        changed = dict.fromkeys(
            case.artifact
            for case in run.cases
            if exported.get(case.artifact, case.sha256) != case.sha256
        )
        sections.append(
            _section(run, measured, recommendation, tuple(changed), anchor=anchor, is_first=i == 0)
        )
    return tuple(sections)


def _section(
    run: BenchRun,
    measured: Sequence[Measured],
    recommendation: Recommendation | None,
    changed: tuple[str, ...],
    *,
    anchor: str,
    is_first: bool,
) -> MachineSpeed:
    names = short_names(measured)
    slower = slower_than_float(measured)
    timed = [entry for entry in measured if entry.speeds or entry.voids or entry.failures]
    chosen = recommendation.speed if recommendation is not None else None
    figures = (sustained_figure(curve) for curve in run.sustained)
    return MachineSpeed(
        anchor=anchor,
        name=machine_name(run),
        run=run,
        is_first=is_first,
        recommendation=recommendation,
        changed=changed,
        void=void_sentence(run),
        void_reasons=void_reasons(run, names),
        notes=notes(run, names),
        method=method_sentence(run),
        conditions=conditions_sentence(run.cases),
        slower=tuple(names[entry.key] for entry in measured if entry.key in slower),
        table=speed_table(timed, chosen, slower),
        plots=speed_plots(run.cases, names, chosen),
        sustained=tuple(figure for figure in figures if figure is not None),
    )
