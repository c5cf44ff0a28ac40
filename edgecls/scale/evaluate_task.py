"""The task behind ``edgecls compare``: every case says what it sees in a photo.

A worker needs the device runtime and nothing of training: the model files travel with the task.
"""

import hashlib
from collections.abc import Mapping, Sequence, Set
from dataclasses import dataclass, field
from itertools import chain
from typing import Any

from edgecls_bench.cases import Case, spec_of
from edgecls_bench.evaluation import Panel, Verdict
from edgecls_device.errors import EdgeclsError
from edgecls_device.images import decode_image

from edgecls.nearest_labels import nearest_labels
from edgecls.scale.fingerprints import fingerprint_of
from edgecls.scale.labels import label_text
from edgecls.scale.piece import ShardPhoto
from edgecls.scale.task import Column, ColumnType

__all__ = ["EvaluateTask", "WrongLabelError", "case_columns", "evaluate_task"]

_VERSION = 1  # of what a verdict is: change it when decoding or scores change

_VERDICT: Mapping[str, ColumnType] = {
    "predicted": "int32",
    "confidence": "float32",
    "keras_confidence": "float32",
    "true_score": "float32",
    "is_in_top5": "bool",
    "is_agreeing": "bool",
    "score_error": "float32",
}
"""Type of each field of a verdict; scores are float32 in the runtimes, so nothing is lost."""


class WrongLabelError(EdgeclsError, ValueError):
    """A photo's label is none of the model's, or is missing.

    Unlike a :class:`~edgecls_device.errors.DataError`, which is one unusable photo, it ends the job: without
    what the photos show there is no accuracy.
    """

    exit_code = 3


@dataclass(frozen=True, kw_only=True, slots=True)
class EvaluateTask:
    """Asks every case about each photo; made by :func:`evaluate_task`.

    Attributes:
        cases: Their specs share the shown labels.
        reference: Index of the case that the others are held against, if any.
        labels: The shown labels.
        has_classes: Whether photos have labels that count.
        trained_on: Hashes of photos that are to be told apart, as hex; looked for only if there are any.
        fingerprint: Hash of all of it, and of what else verdicts depend on.
    """

    cases: tuple[Case, ...]
    reference: int | None
    labels: tuple[str, ...]
    has_classes: bool
    trained_on: frozenset[str]
    fingerprint: str

    @property
    def name(self) -> str:
        """What it is called."""
        return "compare"

    @property
    def columns(self) -> Sequence[Column]:
        """What a photo shows, whether it was trained on, and the verdict of each case."""
        verdicts = [
            Column(name=name, type=kind)
            for index, case in enumerate(self.cases)
            for name, kind in zip(case_columns(index, case), _VERDICT.values(), strict=True)
        ]
        return (
            Column(name="label_id", type="int32"),
            Column(name="is_trained_on", type="bool"),
            *verdicts,
        )

    def open(self) -> "EvaluateLooker":
        """Open all models, with one thread each.

        Raises:
            ArtifactError: If a runtime refuses a model.
            MissingDependencyError: If a runtime is not installed.
        """
        return EvaluateLooker(self)


def evaluate_task(
    cases: Sequence[Case],
    reference: int | None,
    *,
    labels: Sequence[str],
    has_classes: bool,
    trained_on: Set[str] = frozenset(),
    versions: Mapping[str, str],
) -> EvaluateTask:
    """Return the task.

    Args:
        cases: Their specs share the shown labels.
        reference: Index of the case that the others are held against, if any.
        labels: The shown labels.
        has_classes: Whether photos have labels that count.
        trained_on: Hashes of photos that are to be told apart, as hex.
        versions: Of the packages that run the models, and the architecture of the processor.
    """
    fingerprint = fingerprint_of(
        _VERSION,
        [[case.artifact.path.name, case.artifact.sha256, case.backend] for case in cases],
        [spec_of(case.artifact) for case in cases],
        reference,
        list(labels),
        has_classes,
        sorted(trained_on),
        dict(versions),
    )
    return EvaluateTask(
        cases=tuple(cases),
        reference=reference,
        labels=tuple(labels),
        has_classes=has_classes,
        trained_on=frozenset(trained_on),
        fingerprint=fingerprint,
    )


def case_columns(index: int, case: Case) -> tuple[str, ...]:
    """Return the names of a case's columns, in the order of the fields of a verdict."""
    title = f"{index}:{case.artifact.path.name}:{case.backend}"
    return tuple(f"{title}:{name}" for name in Verdict._fields)


@dataclass(slots=True)
class EvaluateLooker:
    """All models, open in one process.

    Attributes:
        task: What to do.
    """

    task: EvaluateTask
    _panel: Panel = field(init=False)
    _places: dict[str, int] = field(init=False)
    _names: tuple[str, ...] = field(init=False)

    def __post_init__(self) -> None:
        """Open the models."""
        self._panel = Panel(self.task.cases, self.task.reference)
        self._places = {label: place for place, label in enumerate(self.task.labels)}
        self._names = tuple(column.name for column in self.task.columns)

    def look(self, photo: ShardPhoto) -> Mapping[str, Any]:
        """Return what a photo shows and what each case says.

        Raises:
            ImageError: If it does not decode.
            WrongLabelError: If its label counts, and is missing or none of the model's.
            ArtifactError: If a model gives scores that are not numbers.
        """
        label_id = self._label_id(photo) if self.task.has_classes else None
        known = self.task.trained_on
        is_trained_on = hashlib.sha256(photo.data).hexdigest() in known if known else None
        verdicts = self._panel.judge(decode_image(photo.data, name=photo.key), label_id)
        values = chain((label_id, is_trained_on), *verdicts)
        return dict(zip(self._names, values, strict=True))

    def _label_id(self, photo: ShardPhoto) -> int:
        label = photo.label
        found = label if isinstance(label, int) else self._places.get(label_text(label) or "")
        if found is None or not 0 <= found < len(self.task.labels):
            raise _wrong_label(photo, self.task.labels)
        return found

    def close(self) -> None:
        """Free the models; closing twice is harmless."""
        self._panel.close()


def _wrong_label(photo: ShardPhoto, labels: Sequence[str]) -> WrongLabelError:
    if photo.label is None or photo.label == "":
        message = f"Expected a label for every photo, got none for {photo.key!r}."
        hint = (
            "in tar shards a photo's label is beside it as KEY.cls, KEY.txt or KEY.json, or its folder; "
            "in Parquet in the column 'label'; or compare without classes: --no-labels"
        )
        return WrongLabelError(message, hint=hint)
    if isinstance(photo.label, int):
        message = (
            f"Expected a number of one of the {len(labels)} labels, 0 to {len(labels) - 1}, "
            f"got {photo.label} for {photo.key!r}."
        )
        hint = f"numbers count the model's labels from 0, which is {labels[0]!r}; see: edgecls inspect ARTIFACT"
        return WrongLabelError(message, hint=hint)
    message = f"Expected one of the model's labels, got {photo.label!r} for {photo.key!r}."
    return WrongLabelError(
        message, hint=nearest_labels([photo.label], labels, first="write the shards again")
    )
