"""Everything the report says, decided before the first tag is written."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from edgecls_bench.comparison import Comparison
from edgecls_bench.machine import Machine

from edgecls.reports.answer_section import AnswerSection, answer_section, unanswered_section
from edgecls.reports.artifact_section import ArtifactSection, artifact_section
from edgecls.reports.change_section import ChangeSection, change_section
from edgecls.reports.examined import examined
from edgecls.reports.gate_section import GateSection, gate_section
from edgecls.reports.machine_table import MachineTable, machine_table
from edgecls.reports.measured import Measured, join_records
from edgecls.reports.next_steps import NextStep, gate_command, next_steps
from edgecls.reports.number_text import count_text, percent_text
from edgecls.reports.pictures import FindPicture, picture, picture_of_shard
from edgecls.reports.recommendation import Recommendation, recommend
from edgecls.reports.run_records import RunRecords
from edgecls.reports.score_section import ScoreSection, score_section
from edgecls.reports.speed_section import MachineSpeed, machine_name, speed_sections
from edgecls.reports.training_section import TrainingSection, training_section

__all__ = ["ReportContent", "report_content"]

MAX_HEADER_LABELS = 12


@dataclass(frozen=True, kw_only=True, slots=True)
class ReportContent:
    """What the report says, top to bottom.

    Attributes:
        records: What it is made from.
        labels: The first labels, for the header.
        more_labels: How many are not among them.
        recommendation: The artifact for a device; None if nothing was measured.
        headline: One sentence: the recommendation, or what is known without one.
        photos: Number of photos that were compared.
        photos_are: What to call them.
        gate: What the gate says; None where none was asked for.
        training: What was trained on what.
        artifacts: What exporting cost.
        speeds: What was measured on each machine.
        machine_table: The machines side by side; None for fewer than two.
        answers: Classes, confusions and photos.
        changes: What became of the reference's answers.
        scores: What scores mean and what is shown as unknown.
        machines: What was measured on which machine.
        packages: What was done with which versions.
        steps: What to do next.
    """

    records: RunRecords
    labels: tuple[str, ...]
    more_labels: int
    recommendation: Recommendation | None
    headline: str
    photos: int
    photos_are: str
    gate: GateSection | None
    training: TrainingSection
    artifacts: ArtifactSection
    speeds: tuple[MachineSpeed, ...]
    machine_table: MachineTable | None
    answers: AnswerSection
    changes: ChangeSection
    scores: ScoreSection
    machines: tuple[tuple[str, Machine], ...]
    packages: tuple[tuple[str, Mapping[str, str]], ...]
    steps: tuple[NextStep, ...]

    @property
    def was_busy(self) -> bool:
        """Whether other programs took part in the latencies."""
        bench = self.records.bench
        return bench is not None and bench.machine.is_busy

    @property
    def gate_command(self) -> str:
        """How to ask for a gate; empty where one was asked for, or nothing was compared with a reference."""
        comparison = self.records.comparison
        if comparison is None or self.gate is not None or not comparison.reference:
            return ""
        return gate_command(self.records)

    @property
    def is_unfinished(self) -> bool:
        """Whether a stage has not run yet, or ran for an earlier training."""
        records = self.records
        return records.comparison is None or records.bench is None or bool(records.outdated)


def report_content(records: RunRecords) -> ReportContent:
    """Decide what to say; reads nothing but the photos that are shown."""
    comparison, bench = records.comparison, records.bench
    measured = join_records(comparison, bench)
    photos = comparison.photo_count if comparison is not None else 0
    photos_are = _photos_are(comparison)
    recommendation = recommend(
        measured,
        photos=photos,
        photos_are=photos_are,
        machine=machine_name(bench) if bench is not None else "",
    )
    answers = _answers(records, measured, recommendation)
    chosen = recommendation.choice if recommendation is not None else None
    closely = examined(comparison, measured, chosen) if comparison is not None else ()
    speeds = speed_sections(comparison, records.benches, records.exported, photos_are=photos_are)
    return ReportContent(
        records=records,
        labels=records.labels[:MAX_HEADER_LABELS],
        more_labels=max(0, len(records.labels) - MAX_HEADER_LABELS),
        recommendation=recommendation,
        headline=recommendation.sentence
        if recommendation is not None
        else _headline(records, measured),
        photos=photos,
        photos_are=photos_are,
        gate=gate_section(comparison, measured),
        training=training_section(records),
        artifacts=artifact_section(measured, recommendation, photos=photos),
        speeds=speeds,
        machine_table=machine_table(speeds),
        answers=answers,
        changes=change_section(comparison, measured, chosen, closely, find=_finder(comparison)),
        scores=score_section(comparison, measured, chosen, closely),
        machines=_machines(records),
        packages=_packages(records),
        steps=next_steps(records, recommendation, answers.classes),
    )


def _photos_are(comparison: Comparison | None) -> str:
    return "test photos" if comparison is None or comparison.split == "test" else "photos"


def _headline(records: RunRecords, measured: Sequence[Measured]) -> str:
    """Say what is known where no exported file can be recommended."""
    if any(entry.verdict == "fails" for entry in measured):
        return (
            "No exported file can be recommended: none that is left keeps what the gate asks for."
        )
    if records.bench is not None and records.bench.cases:
        return "No exported file finished its benchmark; the errors stand below."
    if records.training is not None and records.training.test.photos:
        test = records.training.test
        share = percent_text(test.accuracy, photos=test.photos)
        photos = count_text(test.photos, "test photo")
        return (
            f"The trained model gets {share} of {photos} right. No exported file was measured yet."
        )
    return "There is a model; no exported file was measured yet."


def _answers(
    records: RunRecords, measured: tuple[Measured, ...], recommendation: Recommendation | None
) -> AnswerSection:
    comparison = records.comparison
    compared = [entry for entry in measured if entry.accuracy is not None]
    if comparison is None or not compared or not comparison.photo_count:
        return unanswered_section(records)
    is_compared = recommendation is not None and recommendation.choice.accuracy is not None
    choice = recommendation.choice if recommendation is not None and is_compared else compared[0]
    return answer_section(comparison, measured, choice, find=_finder(comparison))


def _finder(comparison: Comparison | None) -> FindPicture:
    in_shards = comparison is not None and comparison.split == "shards"
    return picture_of_shard if in_shards else picture


def _machines(records: RunRecords) -> tuple[tuple[str, Machine], ...]:
    comparison, several = records.comparison, len(records.benches) > 1
    found = [
        (f"Speed on {machine_name(run)}" if several else "Speed", run.machine)
        for run in records.benches
    ]
    if comparison is None:
        return tuple(found)
    for i, (what, machine) in enumerate(found):
        if _same_machine(comparison.machine, machine):
            found[i] = (what.replace("Speed", "Accuracy and speed", 1), machine)
            return tuple(found)
    return (*found, ("Accuracy", comparison.machine))


def _same_machine(one: Machine, other: Machine) -> bool:
    return (one.model, one.system, one.cores, one.python, one.packages) == (
        other.model,
        other.system,
        other.cores,
        other.python,
        other.packages,
    )


def _packages(records: RunRecords) -> tuple[tuple[str, Mapping[str, str]], ...]:
    found: list[tuple[str, Mapping[str, str]]] = []
    if records.training is not None:
        found.append(("Trained with", records.training.packages))
    elif records.spec is not None:
        found.append(("Made with", records.spec.provenance.packages))
    if records.comparison is not None:
        found.append(("Compared with", records.comparison.machine.packages))
    if records.bench is not None:
        packages = records.bench.machine.packages
        if not found or found[-1][1] != packages:
            found.append(("Timed with", packages))
        else:
            found[-1] = ("Compared and timed with", packages)
    return tuple((what, packages) for what, packages in found if packages)
