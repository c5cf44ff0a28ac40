"""Everything a run directory has on record; each stage that has not run yet is None."""

import hashlib
import shlex
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import TypeVar

from edgecls_bench.comparison import Comparison
from edgecls_bench.measurement import BenchRun
from edgecls_device.artifact import Artifact, read_artifact
from edgecls_device.errors import ArtifactError, DataError, SpecError
from edgecls_device.files import read_bytes
from edgecls_device.records import Record, from_json
from edgecls_device.spec import ModelSpec

from edgecls.bench_records import read_benches
from edgecls.data.split_record import Split
from edgecls.reports.machine_runs import newest_of_each_machine
from edgecls.run_directory import MAX_RECORD_BYTES, RunDirectory
from edgecls.targets import Target
from edgecls.training.record import TrainingRecord

__all__ = ["RunRecords", "read_run"]

MAX_ARTIFACT_BYTES = 2**31 - 1

RecordT = TypeVar("RecordT", bound=Record)


@dataclass(frozen=True, kw_only=True, slots=True)
class RunRecords:
    """The records of one run.

    Attributes:
        name: Name of the run.
        path: The run directory as the user wrote it.
        spec: Of the trained model.
        split: Every photo and the split it is in.
        training: Settings, history and results of training.
        comparison: Accuracy of the exported files.
        benches: Speed of the exported files, one run of each machine; the first is the one to speak of.
        unreadable: A sentence for each benchmark that was kept and cannot be read.
        exported: File name -> SHA-256 of every exported file that exists now.
        outdated: Names of exported files that were made of an earlier training's weights.
    """

    name: str
    path: str
    spec: ModelSpec | None = None
    split: Split | None = None
    training: TrainingRecord | None = None
    comparison: Comparison | None = None
    benches: tuple[BenchRun, ...] = ()
    unreadable: tuple[str, ...] = ()
    exported: Mapping[str, str] = field(default_factory=dict)
    outdated: tuple[str, ...] = ()

    @property
    def bench(self) -> BenchRun | None:
        """Speed on the machine that the report speaks of first."""
        return self.benches[0] if self.benches else None

    @property
    def labels(self) -> tuple[str, ...]:
        """The labels a user sees; empty if nothing names them."""
        if self.comparison is not None:
            return self.comparison.labels
        if self.spec is not None:
            return self.spec.output_labels
        return self.split.labels if self.split is not None else ()

    @property
    def created(self) -> str:
        """Time of the newest record, ISO 8601; empty if none has one."""
        dated = (self.training, self.comparison, *self.benches)
        return max((record.created for record in dated if record is not None), default="")


def read_run(run: RunDirectory) -> RunRecords:
    """Read what there is.

    Raises:
        DataError: If there is nothing to report on.
        SpecError: If a record is damaged or contradicts itself.
        StorageError: If a file cannot be read.
    """
    artifacts = _readable_artifacts(run)
    own = _read(BenchRun, run.bench, again=f"edgecls bench {shlex.quote(str(run.path))}")
    kept = read_benches(run)
    records = RunRecords(
        name=run.name,
        path=str(run.path),
        spec=_read(ModelSpec, run.spec),
        split=_read(Split, run.split),
        training=_read(TrainingRecord, run.training),
        comparison=_read(
            Comparison, run.compare, again=f"edgecls compare {shlex.quote(str(run.path))}"
        ),
        benches=newest_of_each_machine(own, [one.record for one in kept.stored]),
        unreadable=kept.problems,
        exported={path.name: _sha256(path) for path in run.artifacts()},
        outdated=Target(run=run, artifacts=artifacts).stale(),
    )
    if not any((records.spec, records.training, records.comparison, records.benches)):
        message = f"Expected a run to report on in {str(run.path)!r}, got no records there."
        raise DataError(message, hint=f"edgecls train PHOTOS --out {run.path}")
    if records.comparison is not None:
        _check_comparison(records.comparison, str(run.compare))
    return records


def _check_comparison(comparison: Comparison, name: str) -> None:
    """Check that the parts of a comparison fit together, so that nothing below has to."""
    photos, classes = (
        len(comparison.photos),
        len(comparison.labels),
    )  # of many photos, none is listed
    for case in comparison.cases:
        fits = {len(case.predicted), len(case.confidence)} == {photos}
        fits = fits and len(case.keras_confidence) in {0, photos}
        fits = fits and len(comparison.class_ids) == len(case.true_score)
        fits = fits and len(comparison.class_ids) in {0, photos}
        fits = fits and all(0 <= i < classes for i in (*comparison.class_ids, *case.predicted))
        fits = fits and [len(row) for row in case.confusion] in ([], [classes] * classes)
        fits = fits and {len(case.per_class), len(comparison.photos_per_class)} <= {0, classes}
        if not fits:
            wanted = f"{photos} answers among {classes} labels"
            message = f"Expected {wanted} for {case.artifact!r} in {name}, got others."
            raise SpecError(message, hint="the file is damaged; repeat: edgecls compare RUN")


def _read(kind: type[RecordT], path: Path, *, again: str = "") -> RecordT | None:
    """Read one record; ``again`` is the command that would write it anew, whatever is wrong with it."""
    if not path.is_file():
        return None
    text = read_bytes(path, max_bytes=MAX_RECORD_BYTES)
    try:
        return from_json(kind, text, name=str(path))
    except SpecError as error:
        raise SpecError(error.message, hint=again or error.hint) from error


def _readable_artifacts(run: RunDirectory) -> tuple[Artifact, ...]:
    """Return the exported files but for damaged ones, which ``compare`` and ``bench`` name."""
    found = []
    for path in run.artifacts():
        with suppress(ArtifactError, SpecError):
            found.append(read_artifact(path))
    return tuple(found)


def _sha256(path: Path) -> str:
    return hashlib.sha256(read_bytes(path, max_bytes=MAX_ARTIFACT_BYTES)).hexdigest()
