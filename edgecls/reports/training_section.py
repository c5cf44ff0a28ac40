"""The report's part on training: what was trained on what, and how it went."""

from collections.abc import Sequence
from dataclasses import dataclass

from edgecls.data.split_record import Split
from edgecls.reports.line_plot import LinePlot, line_plot
from edgecls.reports.number_text import count_text, date_text, seconds_text
from edgecls.reports.run_records import RunRecords
from edgecls.training.record import Epoch, TrainingRecord

__all__ = ["ClassCount", "Curves", "PhotoCounts", "TrainingSection", "training_section"]

SPLITS = ("train", "val", "test")
MAX_LISTED_CLASSES = 40
MAX_EXTREME_CLASSES = 10
MAX_SKIPPED = 20


@dataclass(frozen=True, kw_only=True, slots=True)
class ClassCount:
    """Photos of one class: in training, validation and test."""

    label: str
    counts: tuple[int, ...]

    @property
    def total(self) -> int:
        """All photos of the class."""
        return sum(self.counts)


@dataclass(frozen=True, kw_only=True, slots=True)
class PhotoCounts:
    """How many photos there are.

    Attributes:
        classes: Number of classes.
        shown: The classes listed: all, or the smallest ones if there are many.
        is_complete: Whether all are listed.
        totals: Per split.
        largest: Photos of the largest class, what bars are drawn against.
        spread: Smallest, median and largest class in words.
    """

    classes: int
    shown: tuple[ClassCount, ...]
    is_complete: bool
    totals: tuple[int, ...]
    largest: int
    spread: str


@dataclass(frozen=True, kw_only=True, slots=True)
class Curves:
    """The two plots of one stage.

    Attributes:
        title: Name of the stage.
        loss: Cross-entropy over epochs.
        accuracy: Accuracy over epochs.
        note: The best epoch in words.
    """

    title: str
    loss: LinePlot | None
    accuracy: LinePlot | None
    note: str


@dataclass(frozen=True, kw_only=True, slots=True)
class TrainingSection:
    """What was trained on what.

    Attributes:
        facts: Name and value, in the order of importance.
        photos: Counts; None if nothing says them.
        skipped: Reason -> number.
        skipped_examples: Path, reason and detail of the first skipped photos.
        curves: One per stage.
        timings: Stage, duration in words and share of the longest, 0..1.
        settings: Option and value.
    """

    facts: tuple[tuple[str, str], ...]
    photos: PhotoCounts | None
    skipped: tuple[tuple[str, int], ...]
    skipped_examples: tuple[tuple[str, str, str], ...]
    curves: tuple[Curves, ...]
    timings: tuple[tuple[str, str, float], ...]
    settings: tuple[tuple[str, str], ...]


def training_section(records: RunRecords) -> TrainingSection:
    """Return what is known; everything that is not is empty."""
    training, split = records.training, records.split
    skipped = dict(training.skipped) if training is not None else {}
    if not skipped and split is not None:
        for photo in split.skipped:
            skipped[photo.reason] = skipped.get(photo.reason, 0) + 1
    longest = max(training.timings_s.values(), default=0.0) if training is not None else 0.0
    return TrainingSection(
        facts=_facts(records),
        photos=_photo_counts(training, split),
        skipped=tuple(sorted(skipped.items(), key=lambda item: (-item[1], item[0]))),
        skipped_examples=tuple(
            (p.path, p.reason, p.detail) for p in (split.skipped[:MAX_SKIPPED] if split else ())
        ),
        curves=_curves(training) if training is not None else (),
        timings=tuple(
            (stage, seconds_text(seconds), seconds / longest if longest > 0 else 0.0)
            for stage, seconds in (training.timings_s.items() if training is not None else ())
        ),
        settings=_settings(records),
    )


def _facts(records: RunRecords) -> tuple[tuple[str, str], ...]:
    training, spec, split = records.training, records.spec, records.split
    provenance = spec.provenance if spec is not None else None
    facts: list[tuple[str, str]] = []
    backbone = training.backbone if training else provenance.backbone if provenance else ""
    weights = training.weights if training else provenance.weights if provenance else ""
    facts += [("Backbone", backbone), ("Weights", weights)]
    if spec is not None:
        shape = spec.preprocessing
        facts.append(
            (
                "Input",
                f"{shape.height} \N{MULTIPLICATION SIGN} {shape.width} px RGB, {shape.resize}",
            )
        )
        if spec.groups:
            groups = (f"{g.label}: {count_text(len(g.members), 'class')}" for g in spec.groups)
            facts.append(("Groups", "; ".join(groups)))
    facts.append(
        ("Photos", split.root if split is not None else provenance.dataset if provenance else "")
    )
    if training is not None:
        cached, computed = training.features_cached, training.features_computed
        if cached or computed:
            facts.append(
                (
                    "Features",
                    f"{count_text(computed)} computed, {count_text(cached)} from the cache",
                )
            )
        if (
            any(e.stage == "fine-tune" for e in training.history)
            and training.features_computed + cached
        ):
            kept = "yes" if training.is_fine_tuned else "tried, was not better, not kept"
            facts.append(("Fine-tuned", kept))
        facts.append(("Finished", date_text(training.created)))
    if provenance is not None:
        facts.append(("Data fingerprint", provenance.dataset_fingerprint))
    return tuple((name, value) for name, value in facts if value)


def _settings(records: RunRecords) -> tuple[tuple[str, str], ...]:
    if records.training is not None:
        return tuple(records.training.settings.items())
    return tuple(records.spec.provenance.settings.items()) if records.spec is not None else ()


def _photo_counts(training: TrainingRecord | None, split: Split | None) -> PhotoCounts | None:
    counts = _counts_per_class(training, split)
    if not counts:
        return None
    by_size = sorted(counts, key=lambda c: (c.total, c.label))
    is_complete = len(counts) <= MAX_LISTED_CLASSES
    return PhotoCounts(
        classes=len(counts),
        shown=tuple(counts) if is_complete else tuple(by_size[:MAX_EXTREME_CLASSES]),
        is_complete=is_complete,
        totals=tuple(sum(c.counts[i] for c in counts) for i in range(len(SPLITS))),
        largest=by_size[-1].total,
        spread=_spread([c.total for c in by_size]),
    )


def _spread(sizes: Sequence[int]) -> str:
    if sizes[0] == sizes[-1]:
        return f"{count_text(sizes[0], 'photo')} in every class"
    return (
        f"{count_text(sizes[0], 'photo')} in the smallest class, "
        f"{count_text(sizes[len(sizes) // 2])} in the median one, {count_text(sizes[-1])} in the largest"
    )


def _counts_per_class(training: TrainingRecord | None, split: Split | None) -> list[ClassCount]:
    if training is not None and training.photos:
        return [
            ClassCount(label=label, counts=tuple(by_split.get(name, 0) for name in SPLITS))
            for label, by_split in training.photos.items()
        ]
    if split is None:
        return []
    counts = [[0] * len(SPLITS) for _ in split.labels]
    for photo in split.photos:
        counts[photo.class_id][SPLITS.index(photo.split)] += 1
    return [
        ClassCount(label=label, counts=tuple(row))
        for label, row in zip(split.labels, counts, strict=True)
    ]


def _curves(training: TrainingRecord) -> tuple[Curves, ...]:
    from_scratch = training.weights.startswith("none")
    titles = {
        "head": "Head, on the backbone's features",
        "fine-tune": "From scratch, end to end" if from_scratch else "Fine-tuning, end to end",
    }
    stages = dict.fromkeys(epoch.stage for epoch in training.history)
    return tuple(
        _stage_curves(titles[stage], [e for e in training.history if e.stage == stage])
        for stage in stages
    )


def _stage_curves(title: str, epochs: Sequence[Epoch]) -> Curves:
    best = min(epochs, key=lambda e: e.val_loss)
    return Curves(
        title=title,
        loss=line_plot(
            [
                ("training", "train", [e.loss for e in epochs]),
                ("validation", "val", [e.val_loss for e in epochs]),
            ],
            x_title="epoch",
            y_title="Loss (cross-entropy)",
        ),
        accuracy=line_plot(
            [
                ("training", "train", [100 * e.accuracy for e in epochs]),
                ("validation", "val", [100 * e.val_accuracy for e in epochs]),
            ],
            x_title="epoch",
            y_title="Accuracy, %",
            cap=100.0,
            unit=" %",
            digits=1,
        ),
        note=(
            f"Lowest validation loss in epoch {best.epoch} of {len(epochs)}: {best.val_loss:.3f}, "
            f"{100 * best.val_accuracy:.1f} % of the validation photos right."
        ),
    )
