"""A job: one task for all pieces. Its parts are files in a folder, and what is there is not done again."""

from collections.abc import Sequence
from contextlib import closing
from dataclasses import replace
from pathlib import Path

from edgecls_device.errors import DataError, InterruptedRunError, OptionError, SpecError
from edgecls_device.files import write_atomically
from edgecls_device.lazy import load
from edgecls_device.records import to_json

from edgecls.progress import Advance, say
from edgecls.scale.begun_folder import begin_folder
from edgecls.scale.executors import Executor
from edgecls.scale.moved_parts import put_back, set_aside
from edgecls.scale.piece import Piece
from edgecls.scale.results import JOB_FILE, Job, Results, open_results, part_file, read_job
from edgecls.scale.task import Task
from edgecls.scale.work import KEPT, PieceWork

__all__ = ["run_job"]

_MOST_NAMED = 3
_VERSION_LENGTH = 16


def run_job(
    pieces: Sequence[Piece],
    task: Task,
    *,
    results: Path,
    executor: Executor,
    on_progress: Advance | None = None,
) -> Results:
    """Do a task with all photos of the pieces; return the results.

    The folder gets a ``job.json``, and a ``part-00012.parquet`` for each piece, whole, as soon as it is ready.
    The part of a piece that has changed since, such as a shard that was mended, is done again. The same bytes
    come out whatever the executor, the number of its workers, and how often it was interrupted.

    Args:
        pieces: All there are, in the order of their index, which counts from 0.
        task: What to do with each photo.
        results: The folder. Parts of the same job that are there are kept.
        executor: Who does it.
        on_progress: Called with the number of pieces just done; at first with that of the parts that are there.

    Raises:
        DataError: If pieces cannot be read; all others are done then.
        EdgeclsError: What the task raised that is wrong with more than a photo.
        ExecutorError: If the engine gave up.
        InterruptedRunError: If Ctrl-C stops it.
        MissingDependencyError: If pyarrow is not installed.
        OptionError: If the folder holds something else.
        StorageError: If a file cannot be written; parts before it are kept.
    """
    _claim(results, _job(pieces, task))
    counts = load("edgecls.scale.parquet_parts:counts", extra="shards")
    missing = [p for p in pieces if counts(results / part_file(p.index)) is None]
    advance = on_progress or _nowhere
    advance(len(pieces) - len(missing))
    unreadable = dict[int, str]()
    left, computed = len(missing), 0
    try:
        with closing(executor.run(PieceWork(task=task), missing)) as parts:
            for part in parts:
                if part.error:
                    unreadable[part.index] = part.error
                else:
                    write_atomically(results / part_file(part.index), part.data)
                    computed += part.photos
                left -= 1
                advance(1)
    except KeyboardInterrupt:
        message = f"stopped by Ctrl-C with {left} of {len(pieces)} pieces left to do"
        hint = f"{KEPT} in {results}; repeat the command to go on"
        raise InterruptedRunError(message, hint=hint) from None
    if unreadable:
        raise _unreadable(unreadable, len(pieces))
    return replace(open_results(results), computed=computed)


def _job(pieces: Sequence[Piece], task: Task) -> Job:
    from edgecls.scale.sources import fingerprint, places

    if [piece.index for piece in pieces] != list(range(len(pieces))):
        message = "Expected pieces that are counted from 0, got others."
        raise OptionError(message, hint="take what find_pieces returns")
    return Job(
        task=task.name,
        task_fingerprint=task.fingerprint,
        places=places(pieces),
        versions=tuple(fingerprint([piece])[:_VERSION_LENGTH] for piece in pieces),
        columns=tuple(column.name for column in task.columns),
    )


def _nowhere(steps: int = 1) -> None:
    """Report nothing."""


def _claim(results: Path, job: Job) -> None:
    """Make the folder that of the job, unless it is somebody else's."""
    begin_folder(
        results / JOB_FILE,
        job,
        go_on=lambda path: _take_up(path.parent, job),
        left_over=".*.parquet",
        hint="choose an empty folder for --results",
    )


def _take_up(results: Path, job: Job) -> None:
    """Go on with a folder of the same job; parts of pieces that are others now are removed, the rest is kept.

    Raises:
        OptionError: If it is another job.
    """
    hint = f"choose another --results, or remove {results}"
    try:
        found = read_job(results)
    except SpecError as error:
        message = f"Expected the results of this job in {results}, got others: {error.message}"
        raise OptionError(message, hint=hint) from error
    difference = _difference(found, job)
    if difference:
        message = (
            f"Expected the results of this job in {results}, got those of one with {difference}."
        )
        raise OptionError(message, hint=hint)
    if found.versions != job.versions:
        set_aside(results, found.versions, job.versions)
        write_atomically(results / JOB_FILE, to_json(job))
        changed = len(set(job.versions).difference(found.versions))
        say(f"note: {changed} of {job.pieces} pieces have changed since, and are done again")
    put_back(results, job.versions)


def _difference(found: Job, job: Job) -> str:
    """Say how a job differs from what it should be; "" if it does not."""
    if found.task != job.task:
        return f"another task: {found.task} instead of {job.task}"
    if found.places != job.places:
        return f"other photos ({found.pieces} pieces instead of {job.pieces}, or in other places)"
    if replace(found, versions=job.versions) != job:
        return "another model, other options, another version of edgecls or another processor"
    return ""


def _unreadable(errors: dict[int, str], total: int) -> DataError:
    named = [errors[index].rstrip(".") for index in sorted(errors)]
    more = f"; and {len(named) - _MOST_NAMED} more" if len(named) > _MOST_NAMED else ""
    message = (
        f"Expected to read {total} pieces, got {total - len(named)}: "
        f"{'; '.join(named[:_MOST_NAMED])}{more}."
    )
    hint = f"{KEPT}; mend these, then repeat the command: it does no others"
    return DataError(message, hint=hint)
