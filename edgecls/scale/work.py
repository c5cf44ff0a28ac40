"""What a worker process does, whoever started it: a piece becomes a part."""

import traceback
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from edgecls_device.errors import DataError, EdgeclsError, ExecutorError, StorageError
from edgecls_device.lazy import load

from edgecls.scale.part import Part
from edgecls.scale.piece import Piece, ShardPhoto
from edgecls.scale.task import Column, Looker, Task

if TYPE_CHECKING:
    from edgecls.scale.parquet_parts import PartWriter

__all__ = ["KEPT", "PieceWork", "close_looker", "use_one_thread"]

KEPT = "what was finished is kept"
"""So begins the hint of an error that ends a job; whoever keeps no results says something else instead."""


class _UnreadableError(Exception):
    """A piece cannot be read; the others can."""


_opened: tuple[str, Looker] | None = None
"""The task that this process worked at last, and its looker: a model is opened once, not for each piece."""


def use_one_thread() -> None:
    """Let OpenCV use one thread in this process, as there is a process for each core."""
    try:
        import cv2
    except ModuleNotFoundError:  # a task without pictures needs none
        return
    cv2.setNumThreads(1)


@dataclass(frozen=True, kw_only=True, slots=True)
class PieceWork:
    """Does a task with each photo of a piece. It is pickled, and called in worker processes.

    A photo that could not be read is a row with an ``error``; the task is not asked about it.

    Attributes:
        task: What to do.
    """

    task: Task

    def __call__(self, piece: Piece) -> Part:
        """Return the part; one with an ``error`` if the piece itself cannot be read.

        Raises:
            EdgeclsError: If the task cannot be opened, or something else is wrong than a photo or a piece.
            ExecutorError: If it failed for a reason that nobody foresaw.
        """
        try:
            return self._part(piece)
        except _UnreadableError as error:
            return Part(index=piece.index, error=str(error))
        except EdgeclsError:
            raise
        except Exception as error:
            raise _unforeseen(piece, error) from error

    def _part(self, piece: Piece) -> Part:
        looker = _looker_of(self.task)
        writer = new_writer(piece.index, tuple(self.task.columns))
        for photo in _photos(piece):
            if photo.error:
                writer.add_failed(photo.key, photo.error)
                continue
            try:
                values = looker.look(photo)
            except DataError as error:
                writer.add_failed(photo.key, error.message)
            else:
                writer.add(photo.key, values)
        return writer.part()


def new_writer(index: int, columns: Sequence[Column]) -> "PartWriter":
    """Return what collects the rows of a part.

    Raises:
        MissingDependencyError: If pyarrow is not installed.
    """
    writer: type[PartWriter] = load("edgecls.scale.parquet_parts:PartWriter", extra="shards")
    return writer(index, columns)


def close_looker() -> None:
    """Let go of what this process has opened."""
    global _opened  # noqa: PLW0603 - one process, one looker
    if _opened is not None:
        _opened[1].close()
        _opened = None


def _looker_of(task: Task) -> Looker:
    global _opened  # noqa: PLW0603
    name = f"{task.name} {task.fingerprint}"
    if _opened is None or _opened[0] != name:
        close_looker()
        _opened = (name, task.open())
    return _opened[1]


def _photos(piece: Piece) -> Iterator[ShardPhoto]:
    """Yield the photos of a piece; that it cannot be read is told apart from what a task raises."""
    from edgecls.scale.reading import read_piece

    try:
        yield from read_piece(piece)
    except (DataError, StorageError) as error:
        raise _UnreadableError(error.message) from error


def _unforeseen(piece: Piece, error: Exception) -> ExecutorError:
    """Say what is known in one line: a traceback is for whoever mends it, who runs the piece alone."""
    frame = traceback.extract_tb(error.__traceback__)[-1]
    last = traceback.format_exception_only(error)[-1].strip()
    where = f"{Path(frame.filename).name}, line {frame.lineno}"
    message = f"Expected the results of {piece.name}, got {last} ({where})."
    return ExecutorError(message, hint=f"{KEPT}; report this, it is a defect")
