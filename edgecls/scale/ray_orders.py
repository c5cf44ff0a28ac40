"""What is said between a command and the process that talks to Ray for it."""

from dataclasses import dataclass

from edgecls.scale.piece import Piece

__all__ = ["Opened", "Opening", "Running"]


@dataclass(frozen=True, kw_only=True, slots=True)
class Opening:
    """Find or start Ray; the answer is :class:`Opened` or an error.

    Attributes:
        address: Of a cluster that runs; "" starts one on this machine.
        workers: How many pieces to work at at once; 0 for all cores there are.
        directory: For what Ray writes when it is started.
    """

    address: str
    workers: int
    directory: str


@dataclass(frozen=True, kw_only=True, slots=True)
class Opened:
    """Ray is there.

    Attributes:
        address: Of its head.
        workers: How many pieces are worked at at once.
    """

    address: str
    workers: int


@dataclass(frozen=True, kw_only=True, slots=True)
class Running:
    """Do a work with pieces; the answers are parts in any order, then True, or an error.

    Attributes:
        work: Pickled, as it is handed on unseen.
        pieces: Those to do.
        workers: How many to work at at once.
        is_limit: Whether Ray has more cores than that, or may have them later.
    """

    work: bytes
    pieces: tuple[Piece, ...]
    workers: int
    is_limit: bool
