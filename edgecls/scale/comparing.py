"""A comparison of more photos than one process looks at: worker processes judge them, here they are counted."""

from collections.abc import Iterator, Sequence, Set
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from edgecls_bench.answers import Answers
from edgecls_bench.cases import plan_cases
from edgecls_bench.compare import (
    check_askable,
    check_labels,
    comparison_of,
    count_outside,
    reference_of,
)
from edgecls_bench.comparison import Comparison, Gate
from edgecls_bench.evaluation import LabelledPhoto, Verdict, evaluate, workers_for
from edgecls_bench.machine import Machine, describe_machine
from edgecls_bench.tally import MOST_LISTED, Tally
from edgecls_device.artifact import Artifact
from edgecls_device.errors import DataError, ImageError, OptionError, StorageError
from numpy.typing import NDArray

from edgecls.progress import Advance
from edgecls.scale.evaluate_task import EvaluateTask, WrongLabelError, case_columns, evaluate_task
from edgecls.scale.executors import Executor
from edgecls.scale.file_versions import files_version
from edgecls.scale.fingerprints import fingerprint_of
from edgecls.scale.job import run_job
from edgecls.scale.piece import Piece
from edgecls.scale.results import Results
from edgecls.scale.sources import places
from edgecls.scale.urls import is_url

if TYPE_CHECKING:
    import pyarrow as pa

__all__ = ["Compared", "LargeComparison", "limited_pieces", "plan_large"]

_NAME_LENGTH = 12


@dataclass(frozen=True, kw_only=True, slots=True)
class Compared:
    """What came out.

    Attributes:
        comparison: The record.
        trained_on: Photos that the run was trained on; those of which the hashes were given are looked for.
    """

    comparison: Comparison
    trained_on: int


@dataclass(frozen=True, kw_only=True, slots=True)
class LargeComparison:
    """A comparison over pieces, planned; made by :func:`plan_large`.

    Attributes:
        task: What workers do.
        pieces: The photos.
        gate: What every case but the reference has to keep of it.
        data: Where the photos are.
        split: Which of them: ``test``, ``all`` or ``shards``.
        machine: Where it is counted.
    """

    task: EvaluateTask
    pieces: tuple[Piece, ...]
    gate: Gate | None
    data: str
    split: str
    machine: Machine

    @property
    def name(self) -> str:
        """Twelve hexadecimal digits that change with files, options, versions and where photos are."""
        return fingerprint_of(self.task.fingerprint, places(self.pieces))[:_NAME_LENGTH]

    def run(
        self,
        executor: Executor,
        *,
        results: Path,
        out_of_set: Sequence[Path] = (),
        out_of_set_folder: Path | str = "",
        most_listed: int = MOST_LISTED,
        advance: Advance | None = None,
    ) -> Compared:
        """Look at all photos that were not looked at yet, and count what was said of all.

        Args:
            executor: Who looks.
            results: Folder of what was said of each photo.
            out_of_set: Photos of none of the classes; this process looks at them.
            out_of_set_folder: Where they are, for the record.
            most_listed: Photos up to which the record lists them.
            advance: Called with the number of pieces just done.

        Raises:
            DataError: If pieces or all photos cannot be read, or a label is missing or none of the model's.
            EdgeclsError: See :func:`~edgecls.scale.job.run_job`.
        """
        task = self.task
        try:
            found = run_job(
                self.pieces, task, results=results, executor=executor, on_progress=advance
            )
        except WrongLabelError as error:  # to the caller it is a matter of the data, as ever
            raise DataError(error.message, hint=error.hint) from error
        counted = _Counted(self, most_listed)
        counted.add(found)
        count_outside(counted.tally, self._look_outside(out_of_set))
        comparison = comparison_of(
            counted.tally,
            gate=self.gate,
            labels=task.labels,
            data=self.data,
            split=self.split,
            photos=counted.keys,
            skipped=found.failed,
            out_of_set=str(out_of_set_folder) if out_of_set else "",
            machine=self.machine,
            results=str(results),
        )
        return Compared(comparison=comparison, trained_on=counted.trained_on)

    def _look_outside(
        self, paths: Sequence[Path]
    ) -> list[tuple[Verdict, ...] | ImageError | StorageError]:
        cases, machine = self.task.cases, self.machine
        if not paths:
            return []
        return evaluate(
            cases,
            [LabelledPhoto(path=path, class_id=None) for path in paths],
            reference=self.task.reference,
            workers=workers_for(cases, cores=machine.cores, memory_bytes=machine.memory_bytes),
        )


def plan_large(
    artifacts: Sequence[Artifact],
    pieces: Sequence[Piece],
    *,
    labels: Sequence[str],
    data: str,
    split: str,
    has_classes: bool,
    backends: Sequence[str] | None = None,
    gate: Gate | None = None,
    trained_on: Set[str] = frozenset(),
) -> LargeComparison:
    """Return what is to be done; the figures are those of :func:`edgecls_bench.compare.compare`.

    Args:
        artifacts: With their specs; all with the same shown labels.
        pieces: The photos, with labels that are names or numbers of ``labels``; without, they do not count.
        labels: The shown labels, in class order.
        data: Where the photos are.
        split: Which of them: ``test``, ``all`` or ``shards``.
        has_classes: Whether their labels count; all have to have one then.
        backends: By default every one that is installed here and runs the file; workers need them, too.
        gate: What every artifact but the reference has to keep of it.
        trained_on: Hashes of photos to be counted, as hex.

    Raises:
        DataError: If the artifacts have other labels.
        ArtifactError: If an artifact has no spec.
        OptionError: If a backend cannot be used, or the gate cannot be asked.
        MissingDependencyError: If no runtime is installed.
    """
    cases = plan_cases(artifacts, backends)
    reference = reference_of(cases)
    check_labels(cases, labels)
    if gate is not None:
        check_askable(gate, cases, has_classes=has_classes)
    machine = describe_machine(samples_load=False)
    task = evaluate_task(
        cases,
        reference,
        labels=labels,
        has_classes=has_classes,
        trained_on=trained_on,
        versions={**machine.packages, "processor": machine.architecture},
    )
    return LargeComparison(
        task=task,
        pieces=tuple(pieces),
        gate=gate,
        data=data,
        split=split,
        machine=machine,
    )


class _Counted:
    """Results as they are read, batch by batch.

    Attributes:
        tally: The figures.
        keys: What the photos are called, while they are listed.
        trained_on: Photos that were trained on.
    """

    def __init__(self, planned: LargeComparison, most_listed: int) -> None:
        task = planned.task
        self.tally = Tally(
            task.cases,
            task.reference,
            classes=len(task.labels),
            has_classes=task.has_classes,
            most_listed=most_listed,
        )
        self.keys: list[str] = []
        self.trained_on = 0
        self._task = task
        self._columns = [case_columns(index, case) for index, case in enumerate(task.cases)]

    def add(self, results: Results) -> None:
        """Count all rows.

        Raises:
            DataError: If none of the photos could be used.
        """
        error = ""
        for batch in results.batches():
            is_failed = batch.column("error").is_valid()
            if not is_failed.true_count:
                self._add(batch)
                continue
            error = error or batch.filter(is_failed).column("error")[0].as_py()
            self._add(batch.filter(batch.column("error").is_null()))
        if not self.tally.photos:
            message = f"Expected photos that can be read, got none of {results.photos}: {error}"
            raise DataError(message, hint="give other photos")

    def _add(self, batch: "pa.RecordBatch") -> None:
        class_ids = None
        if self._task.has_classes:
            class_ids = _numbers(batch, "label_id").astype(np.int64)
        self.tally.add([_answers(batch, names) for names in self._columns], class_ids)
        if self._task.trained_on:
            self.trained_on += batch.column("is_trained_on").true_count
        if self.tally.is_listed:
            self.keys += batch.column("key").to_pylist()
        else:
            self.keys.clear()


def _answers(batch: "pa.RecordBatch", names: Sequence[str]) -> Answers:
    predicted, confidence, keras_confidence, true_score, in_top5, agreeing, error = (
        _numbers(batch, name) for name in names
    )
    return Answers(
        predicted=predicted.astype(np.int64),
        confidence=confidence.astype(np.float64),
        keras_confidence=keras_confidence.astype(np.float64),
        true_score=true_score.astype(np.float64),
        is_in_top5=in_top5,
        is_agreeing=agreeing,
        score_error=error.astype(np.float64),
    )


def _numbers(batch: "pa.RecordBatch", name: str) -> NDArray[Any]:
    values: NDArray[Any] = batch.column(name).to_numpy(zero_copy_only=False)
    return values


def limited_pieces(pieces: Sequence[Piece], most: int | None) -> tuple[Piece, ...]:
    """Return pieces of at most ``most`` photos, evenly spread.

    Raises:
        OptionError: If nobody knows how many photos there are before all of them are read.
    """
    if most is None:
        return tuple(pieces)
    uncounted = next((piece for piece in pieces if piece.kind == "tar" and not piece.photos), None)
    if uncounted is not None:
        message = (
            f"Expected no --limit with tar shards, which do not count their photos, got {most}."
        )
        hint = (
            "leave it out, give fewer shards, or write Parquet ones, which do: "
            "edgecls data shards PHOTOS --out DIR --format parquet"
        )
        raise OptionError(message, hint=hint)
    total = sum(piece.photos for piece in pieces)
    if most >= total:
        return tuple(pieces)
    wanted = [place * total // most for place in range(most)]
    return tuple(
        replace(piece, index=index) for index, piece in enumerate(_with_only(pieces, wanted))
    )


def _with_only(pieces: Sequence[Piece], wanted: Sequence[int]) -> Iterator[Piece]:
    """Yield the pieces that hold some of the wanted photos, with only these; photos are counted over all."""
    places = np.array(wanted)
    begin = 0
    for piece in pieces:
        of_piece = places[(places >= begin) & (places < begin + piece.photos)] - begin
        chosen = tuple(of_piece.tolist())
        begin += piece.photos
        if not piece.photos:
            yield piece  # one that cannot be read, which is to be named
        elif not chosen:
            continue
        elif piece.kind == "files":
            yield _with_files(piece, tuple(piece.files[place] for place in chosen))
        else:
            yield replace(piece, chosen=chosen, photos=len(chosen))


def _with_files(piece: Piece, files: tuple[tuple[str, str], ...]) -> Piece:
    """Return a piece with some of its files, and the version of these; in a store it stays that of all."""
    some = replace(piece, files=files, photos=len(files))
    if is_url(piece.location):
        return some
    size_bytes, version = files_version(Path(piece.location), [name for name, _ in files])
    return replace(some, size_bytes=size_bytes, version=version)
