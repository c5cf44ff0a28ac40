"""The results of a job: a folder of parts, read in the order of the pieces, however many there are."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any, ClassVar

from edgecls_device.errors import DataError
from edgecls_device.files import read_bytes
from edgecls_device.lazy import load
from edgecls_device.records import from_json

if TYPE_CHECKING:
    import pyarrow as pa

__all__ = ["JOB_FILE", "Job", "Results", "open_results", "part_file", "read_job"]

JOB_FILE = "job.json"
_MOST_BYTES = 1 << 26  # two million pieces


@dataclass(frozen=True, kw_only=True, slots=True)
class Job:
    """What a folder of results is the results of.

    Attributes:
        task: Name of the task.
        task_fingerprint: Hash of the task: models, versions, options.
        places: Hash of where the photos are: in which shards, or in which files, and which of them count.
        versions: For each piece a hash that changes with its place and its content, not with its index.
        columns: Names of the columns, without ``key`` and ``error``.
    """

    kind: ClassVar[str] = "edgecls.job"
    version: ClassVar[int] = 1

    task: str
    task_fingerprint: str
    places: str
    versions: tuple[str, ...]
    columns: tuple[str, ...]

    @property
    def pieces(self) -> int:
        """How many pieces there are."""
        return len(self.versions)


@dataclass(frozen=True, kw_only=True, slots=True)
class Results:
    """The finished results of a job.

    Attributes:
        directory: Where they are.
        job: What they are the results of.
        photos: How many photos there are, one in a row.
        failed: How many of them could not be used; their ``error`` says why, their other columns are None.
        computed: How many of them were looked at just now; 0 of results that were there.
    """

    directory: Path
    job: Job
    photos: int
    failed: int
    computed: int = field(default=0, compare=False)

    def batches(self, columns: Sequence[str] | None = None) -> Iterator["pa.RecordBatch"]:
        """Yield all rows in the order of the pieces, at most 1024 in a batch.

        Args:
            columns: Names of those that are wanted; None for all: ``key``, those of the task, ``error``.

        Raises:
            StorageError: If a part cannot be read, or is damaged.
        """
        read_rows = load("edgecls.scale.parquet_parts:read_rows", extra="shards")
        for index in range(self.job.pieces):
            yield from read_rows(self.directory / part_file(index), columns)

    def rows(self, columns: Sequence[str] | None = None) -> Iterator[dict[str, Any]]:
        """Yield each row as a dictionary from column to value, in the order of the pieces.

        Raises:
            StorageError: If a part cannot be read, or is damaged.
        """
        for batch in self.batches(columns):
            yield from batch.to_pylist()


def part_file(index: int) -> str:
    """Return the name of a part's file."""
    return f"part-{index:05d}.parquet"


def read_job(directory: Path) -> Job:
    """Return what a folder holds the results of.

    Raises:
        SpecError: If its ``job.json`` is damaged, another record, or from another version.
        StorageError: If there is none.
    """
    path = directory / JOB_FILE
    return from_json(Job, read_bytes(path, max_bytes=_MOST_BYTES), name=str(path))


def open_results(directory: Path) -> Results:
    """Return the results in a folder.

    Raises:
        DataError: If parts are missing.
        SpecError: If its ``job.json`` is damaged, or from another version.
        StorageError: If there is none.
    """
    counts = load("edgecls.scale.parquet_parts:counts", extra="shards")
    job = read_job(directory)
    found = [counts(directory / part_file(index)) for index in range(job.pieces)]
    missing = [part_file(index) for index, count in enumerate(found) if count is None]
    if missing:
        message = (
            f"Expected {job.pieces} parts in {directory}, got {len(missing)} less: no {missing[0]}."
        )
        raise DataError(message, hint="repeat the command that wrote them; it does the rest")
    return Results(
        directory=directory,
        job=job,
        photos=sum(photos for photos, _ in found),
        failed=sum(failed for _, failed in found),
    )
