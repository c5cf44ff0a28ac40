"""Where pieces are worked at: in processes of this machine, or on Ray."""

from collections.abc import Generator, Mapping, Sequence
from contextlib import AbstractContextManager
from typing import Literal, Protocol

from edgecls_device.errors import OptionError
from edgecls_device.lazy import load

from edgecls.scale.part import Part
from edgecls.scale.piece import Piece
from edgecls.scale.work import PieceWork

__all__ = ["EXECUTORS", "Executor", "ExecutorName", "open_executor"]

ExecutorName = Literal["local", "ray"]

EXECUTORS: Mapping[ExecutorName, tuple[str, str]] = {
    "local": ("edgecls.scale.local_executor:open_local_executor", "shards"),
    "ray": ("edgecls.scale.ray_executor:open_ray_executor", "ray"),
}
"""Name -> the function that opens it, and the extra that brings what it needs."""


class Executor(Protocol):
    """Worker processes, which do one piece after the other."""

    @property
    def workers(self) -> int:
        """How many pieces are worked at at once, at most."""
        ...

    def run(self, work: PieceWork, pieces: Sequence[Piece]) -> Generator[Part, None, None]:
        """Yield the part of each piece, in the order in which they become ready.

        A few parts are kept in memory at most, whatever the number of pieces. Whoever stops asking for
        more, and closes it, ends the work on the rest.

        Raises:
            EdgeclsError: What the work raised; it ends all.
            ExecutorError: If workers die again and again, or the engine cannot go on.
        """
        ...


def open_executor(
    name: ExecutorName, *, address: str | None = None, workers: int | None = None
) -> AbstractContextManager[Executor]:
    """Return an executor for a ``with`` block, which ends its processes.

    Args:
        name: ``local`` for processes of this machine, ``ray`` for a Ray cluster.
        address: Of a Ray cluster that runs, ``HOST:PORT``; None starts Ray on this machine.
        workers: How many pieces to work at at once; None for all cores there are.

    Raises:
        ExecutorError: If the engine cannot be reached, or is not one to work with.
        MissingDependencyError: If a package that it needs is not installed.
        OptionError: If the options do not fit it.
    """
    if address is not None and name != "ray":
        message = (
            f"Expected an address with the executor 'ray' only, got {address!r} with {name!r}."
        )
        raise OptionError(message, hint="add --executor ray, or leave --address out")
    target, extra = EXECUTORS[name]
    executor: AbstractContextManager[Executor] = load(target, extra=extra)(
        address=address, workers=workers
    )
    return executor
