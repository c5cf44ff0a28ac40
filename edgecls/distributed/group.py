"""The processes of one training, as the training sees them; alone, there is one.

A group is told apart from the engine below it, so that training has one path: alone every call is trivial.
"""

from collections.abc import Sequence
from contextlib import AbstractContextManager, nullcontext
from typing import Any, Protocol

from numpy.typing import NDArray

__all__ = ["ALONE", "Alone", "Group"]


class Group(Protocol):
    """Processes that train one model together.

    Every method but :meth:`share` is called by all of them, in the same order, or none returns.

    Attributes:
        rank: Place of this process, from 0; process 0 alone writes the run.
        size: Number of processes.
        devices: Number of devices of all processes together; a batch is divided among them.
    """

    @property
    def rank(self) -> int:
        """Place of this process."""
        ...

    @property
    def size(self) -> int:
        """Number of processes."""
        ...

    @property
    def devices(self) -> int:
        """Number of devices."""
        ...

    def share(self, count: int) -> range:
        """Return the places that are this process's part of ``count`` things: a contiguous, equal range.

        Raises:
            ValueError: If ``count`` is not a multiple of ``size``.
        """
        ...

    def gather(self, array: NDArray[Any]) -> list[NDArray[Any]]:
        """Return the arrays of all processes, by rank, bit for bit; their lengths may differ.

        Raises:
            DistributedError: If one of them is lost.
        """
        ...

    def gather_text(self, text: str) -> list[str]:
        """Return a text of each process, by rank.

        Raises:
            DistributedError: If one of them is lost.
        """
        ...

    def broadcast(self, arrays: Sequence[NDArray[Any]]) -> list[NDArray[Any]]:
        """Return the arrays of process 0, bit for bit, whatever the others give.

        Raises:
            DistributedError: If one of them is lost.
        """
        ...

    def distribution(self) -> AbstractContextManager[None]:
        """Within it, Keras models that are built and trained divide each batch among all devices."""
        ...


class Alone:
    """This process and no other."""

    rank, size, devices = 0, 1, 1

    def share(self, count: int) -> range:
        """Return all ``count`` places."""
        return range(count)

    def gather(self, array: NDArray[Any]) -> list[NDArray[Any]]:
        """Return the array."""
        return [array]

    def gather_text(self, text: str) -> list[str]:
        """Return the text."""
        return [text]

    def broadcast(self, arrays: Sequence[NDArray[Any]]) -> list[NDArray[Any]]:
        """Return the arrays."""
        return list(arrays)

    def distribution(self) -> AbstractContextManager[None]:
        """Divide nothing."""
        return nullcontext()


ALONE: Group = Alone()
