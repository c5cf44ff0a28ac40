"""One worker process of this machine, seen from the process that gives it work."""

from edgecls.scale.child import Child
from edgecls.scale.piece import Piece

__all__ = ["ONE_THREAD", "LocalProcess"]

_LIBRARIES = ("OMP", "OPENBLAS", "MKL", "VECLIB")
ONE_THREAD = {f"{library}_NUM_THREADS": "1" for library in _LIBRARIES}
"""Variables that are read when a library is loaded: there is a process for each core."""


class LocalProcess(Child):
    """A process that answers each piece with its part.

    Attributes:
        piece: What it works at; None if it rests.
        is_ready: Whether it has begun, and takes work.
    """

    def __init__(self) -> None:
        super().__init__("edgecls.scale.local_worker", ONE_THREAD)
        self.piece: Piece | None = None
        self.is_ready = False
        self._message: bytes | None = None

    def give(self, message: bytes, piece: Piece) -> None:
        """Let it do the work in ``message`` (pickled) with a piece."""
        self.piece = piece
        if message is not self._message:
            self.send_pickled(message)
        self.send(piece)
        self._message = message

    def answer(self) -> object:
        """Return what it says, which must be there: True for "ready", a part, an error; None if it died."""
        answer = self.receive()
        if answer is True:
            self.is_ready = True
        elif answer is not None:
            self.piece = None
        return answer
