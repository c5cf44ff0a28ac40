"""What is done with each photo: a task travels to the workers, and opens there what it needs."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Literal, Protocol

from edgecls.scale.piece import ShardPhoto

__all__ = ["Column", "ColumnType", "Looker", "Task"]

ColumnType = Literal["string", "bool", "int32", "int64", "float32", "binary", "list<float32>"]


@dataclass(frozen=True, kw_only=True, slots=True)
class Column:
    """A column of the results.

    Attributes:
        name: Unique among the columns. ``key`` (string) and ``error`` (string) are there already.
        type: What its values are; each may be None.
    """

    name: str
    type: ColumnType


class Looker(Protocol):
    """A task at work in one process, for one photo at a time."""

    def look(self, photo: ShardPhoto) -> Mapping[str, Any]:
        """Return the values of a photo's columns; the same photo always gives the same.

        Raises:
            DataError: If the photo cannot be used (:class:`~edgecls_device.errors.ImageError` is one); it is
                counted as failed, its columns are None, and its ``error`` says why.
            EdgeclsError: Anything else, such as a broken model, ends the job.
        """
        ...

    def close(self) -> None:
        """Let go of models and files; closing twice is harmless."""
        ...


class Task(Protocol):
    """What is done with each photo. It is pickled: plain records and bytes, no open files or models."""

    @property
    def name(self) -> str:
        """Short: ``compare``, ``check`` or ``features``."""
        ...

    @property
    def fingerprint(self) -> str:
        """Hash of all that the results depend on besides the photos: models, specs, versions, options."""
        ...

    @property
    def columns(self) -> Sequence[Column]:
        """Of the results, in order."""
        ...

    def open(self) -> Looker:
        """Open it in a worker process.

        Raises:
            EdgeclsError: If something it needs is missing or broken.
        """
        ...
