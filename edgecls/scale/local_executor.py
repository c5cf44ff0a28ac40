"""Processes of this machine, one for each core: each is given a piece when it has done the one before."""

import os
import pickle
from collections import Counter, deque
from collections.abc import Generator, Iterator, Sequence
from contextlib import contextmanager
from multiprocessing.connection import wait

from edgecls_device.errors import EdgeclsError, ExecutorError
from edgecls_device.lazy import load

from edgecls.scale.local_process import LocalProcess
from edgecls.scale.part import Part
from edgecls.scale.piece import Piece
from edgecls.scale.work import KEPT, PieceWork

__all__ = ["LocalExecutor", "open_local_executor"]

MOST_DEATHS = 3
"""A piece that killed so many processes is not tried again; nor does another begin if so many could not."""

_BEGINNING = "before they began"
_HINT = (
    f"{KEPT}; if memory is short, repeat the command with fewer --workers, "
    "else leave out what they died at"
)


@contextmanager
def open_local_executor(*, address: str | None, workers: int | None) -> Iterator["LocalExecutor"]:
    """Give an executor whose processes end with the block.

    Args:
        address: None: this machine.
        workers: How many processes; None for one on each core that this process may use.

    Raises:
        MissingDependencyError: If pyarrow is not installed.
    """
    del address
    load("edgecls.scale.parquet_parts:PartWriter", extra="shards")  # before any process is started
    executor = LocalExecutor(workers or len(os.sched_getaffinity(0)))
    try:
        yield executor
    finally:
        executor.close()


class LocalExecutor:
    """An executor of processes that are started when they are needed, and replaced when they die."""

    def __init__(self, workers: int) -> None:
        self._workers = workers
        self.processes: list[LocalProcess] = []

    @property
    def workers(self) -> int:
        """How many processes there are, at most."""
        return self._workers

    def run(self, work: PieceWork, pieces: Sequence[Piece]) -> Generator[Part, None, None]:
        """Yield the part of each piece, in the order in which they become ready.

        Raises:
            EdgeclsError: What the work raised.
            ExecutorError: If a piece killed three processes, or three in turn died before they began.
        """
        waiting, deaths = deque(pieces), Counter[str]()
        message = pickle.dumps(work)
        try:
            while waiting or self._busy:
                self._start(len(waiting))
                self._feed(message, waiting)
                for process in self._talking():
                    answer = process.answer()
                    if answer is None:
                        self._bury(process, waiting, deaths)
                    elif isinstance(answer, EdgeclsError):
                        raise answer
                    elif isinstance(answer, Part):
                        # Fed before the part is written, so that the process has no time to rest.
                        self._feed(message, waiting)
                        yield answer
                    else:
                        deaths.pop(_BEGINNING, None)
        finally:
            for process in self._busy:  # nobody wants what they do
                self.processes.remove(process)
                process.kill()

    def close(self) -> None:
        """End all processes; closing twice is harmless."""
        for process in self.processes:
            process.dismiss()
        for process in self.processes:
            process.leave()
        self.processes = []

    @property
    def _busy(self) -> list[LocalProcess]:
        return [process for process in self.processes if process.piece is not None]

    def _start(self, waiting: int) -> None:
        wanted = min(self._workers, len(self._busy) + waiting)
        while len(self.processes) < wanted:
            self.processes.append(LocalProcess())

    def _feed(self, message: bytes, waiting: deque[Piece]) -> None:
        for process in self.processes:
            if waiting and process.is_ready and process.piece is None:
                process.give(message, waiting.popleft())

    def _talking(self) -> list[LocalProcess]:
        ready = wait([process.connection for process in self.processes])
        return [process for process in self.processes if process.connection in ready]

    def _bury(self, process: LocalProcess, waiting: deque[Piece], deaths: Counter[str]) -> None:
        """Take leave of a process that died; its piece is done again, unless it is the piece that kills."""
        self.processes.remove(process)
        how = process.kill()
        if process.piece is not None:
            waiting.append(process.piece)
        elif process.is_ready:  # it had nothing to do
            return
        victim = f"at {process.piece.name}" if process.piece else _BEGINNING
        deaths[victim] += 1
        if deaths[victim] == MOST_DEATHS:
            message = f"{MOST_DEATHS} worker processes died {victim}; the last one {how}."
            raise ExecutorError(message, hint=_HINT)
