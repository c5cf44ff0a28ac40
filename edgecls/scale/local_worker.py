"""What a worker process of this machine runs: it answers each piece with its part, or with an error."""

import faulthandler
from multiprocessing.connection import Connection

from edgecls_device.errors import EdgeclsError
from edgecls_device.sources.lifeline import hold_on

from edgecls.scale.part import Part
from edgecls.scale.piece import Piece
from edgecls.scale.work import PieceWork, close_looker, use_one_thread

__all__ = ["main"]


def main(connection: int, lifeline: int) -> None:
    """Serve until nobody asks any more.

    Args:
        connection: File descriptor of a socket, on which a work arrives, then pieces for it.
        lifeline: File descriptor of a pipe; when its writing end is gone, this process is killed.
    """
    faulthandler.enable()  # a crash in native code leaves a stack on standard error
    hold_on(lifeline)
    use_one_thread()
    with Connection(connection) as asking:
        asking.send(True)
        try:
            _serve(asking)
        except (EOFError, ConnectionError):
            close_looker()  # the other end was closed, which says that there is no more


def _serve(asking: Connection) -> None:
    work: PieceWork | None = None
    while True:
        said = asking.recv()
        if isinstance(said, PieceWork):
            work = said
        elif work is not None:
            asking.send(_answer(work, said))


def _answer(work: PieceWork, piece: Piece) -> Part | EdgeclsError:
    try:
        return work(piece)
    except EdgeclsError as error:
        return error
