"""The process that talks to Ray: it hands pieces to Ray Data, and the parts on as they come.

Ray has a process of its own because it prints from native code, takes signals for itself, and reads the
environment when it is imported. All that ends with this process.
"""

import hashlib
import logging
import os
import pickle
import re
import subprocess
import sys
from collections.abc import Callable, Iterator, Sequence
from multiprocessing.connection import Connection
from typing import Any

from edgecls_device.errors import EdgeclsError, ExecutorError
from edgecls_device.lazy import load
from edgecls_device.sources.lifeline import hold_on

from edgecls.scale import ray_ending
from edgecls.scale.piece import Piece
from edgecls.scale.ray_address import OUTSIDE_HINT, require_token
from edgecls.scale.ray_orders import Opened, Opening, Running
from edgecls.scale.ray_versions import versions
from edgecls.scale.work import KEPT

__all__ = ["main"]

MOST_DEATHS = 6
"""Of workers at the same pieces, before it is believed that the pieces kill; machines that go count, too."""

OBJECT_STORE_BYTES = 256 << 20
"""Bounds what is under way on this machine; Ray begins no pieces while parts fill it."""

_PHOTOS_PER_TASK = 1024
"""So many that what Ray does for each task is little, so few that little is done again when a worker dies."""

_TASKS_PER_WORKER = 16
"""At least, so that no worker rests long while the last one ends: half a task on average."""

_TASKS_AT_HAND = 2
"""For each core: with one, it rests for 0.05 to 0.2 s after each task, until Ray Data has heard of its end."""

_BYTES_PER_PHOTO = 1 << 16

_ERROR_LINE = re.compile(r"^[\w.]*(Error|Exception)\b.*", re.MULTILINE)


def main(connection: int, lifeline: int) -> None:
    """Open Ray, and run what is asked until nobody asks any more.

    Args:
        connection: File descriptor of a socket, see :mod:`edgecls.scale.ray_orders`.
        lifeline: File descriptor of a pipe; when its writing end is gone, this process is killed.
    """
    hold_on(lifeline)
    with Connection(connection) as asking:
        try:
            while True:
                order = asking.recv()
                if isinstance(order, Opening):
                    _end_with(lifeline, order.directory)
                _obey(asking, order)
        except (EOFError, ConnectionError):  # the other end was closed: there is no more
            load("ray:shutdown", extra="ray")()


def _end_with(lifeline: int, directory: str) -> None:
    """Let all that this process starts end when the pipe has lost its writer."""
    subprocess.Popen(
        [sys.executable, "-I", ray_ending.__file__, str(lifeline), str(os.getpgid(0)), directory],
        pass_fds=(lifeline,),
        start_new_session=True,
    )


def _obey(asking: Connection, order: Opening | Running) -> None:
    try:
        if isinstance(order, Opening):
            asking.send(_open(order))
        else:
            for answer in _answers(order):
                asking.send_bytes(answer)
            asking.send(True)
    except EdgeclsError as error:
        asking.send(error)


def _open(order: Opening) -> Opened:
    """Find or start Ray.

    Raises:
        ExecutorError: If it does not work, or the cluster takes anybody.
        MissingDependencyError: If it is not installed.
    """
    init = load("ray:init", extra="ray")
    from ray.data import DataContext

    quiet = {"log_to_driver": False, "logging_level": logging.ERROR}
    started = {
        "num_cpus": order.workers or len(os.sched_getaffinity(0)),
        "include_dashboard": False,
        "object_store_memory": OBJECT_STORE_BYTES,
        "_temp_dir": order.directory,
    }
    if order.address:
        require_token(order.address)
    try:
        found = init(order.address or "local", **quiet, **({} if order.address else started))
    except Exception as error:
        where = f"at {order.address}" if order.address else "on this machine"
        got = " ".join(str(error).split())
        message = f"Expected Ray {where} to take this process, got: {got}"
        raise ExecutorError(message, hint=_hint(got) if order.address else "") from error
    DataContext.get_current().enable_progress_bars = False
    workers = order.workers or _cores()
    return Opened(address=found.address_info["gcs_address"], workers=workers)


def _cores() -> int:
    """Return how many cores the cluster has for work."""
    return max(1, int(load("ray:cluster_resources", extra="ray")().get("CPU", 1)))


def _most_handed_out(order: Running) -> int:
    """Return how many tasks to hand out at once, so that no core waits and no more work than were asked for.

    Where Ray has more cores than were asked for, or may have them later, it works at all that are handed out.
    A cluster that grows by itself grows for so many tasks, and for no more.
    """
    return order.workers if order.is_limit else order.workers * _TASKS_AT_HAND


def _hint(got: str) -> str:
    if "Version mismatch" in got:
        return "use the same versions of Ray and Python here and on the cluster"
    return OUTSIDE_HINT


def _answers(order: Running) -> Iterator[bytes]:
    """Yield what became of each piece, pickled, in the order in which Ray has it.

    Raises:
        ExecutorError: If workers die again and again, or Ray gives up.
    """
    from ray.data import TaskPoolStrategy, from_items
    from ray.exceptions import RayError

    left = len(order.pieces)
    answers = from_items(
        [{"piece": pickle.dumps(piece)} for piece in order.pieces],
        override_num_blocks=_tasks(order.pieces, order.workers),
    ).map(
        _answering(order.work),
        num_cpus=0,  # Ray Data would hand out no more tasks than there are cores; Ray itself counts, see below
        compute=TaskPoolStrategy(size=_most_handed_out(order)),
        ray_remote_args_fn=lambda: {"num_cpus": 1, "max_retries": MOST_DEATHS - 1},
    )
    try:
        for row in answers.iter_rows():
            if row["problem"]:
                raise ExecutorError(row["problem"], hint="pip install it there, too")
            yield row["answer"]
            left -= 1
    except RayError as error:
        raise _given_up(error, left, len(order.pieces)) from error


def _tasks(pieces: Sequence[Piece], workers: int) -> int:
    """Return into how many tasks to put the pieces; each is done again as a whole if its worker dies."""
    photos = sum(piece.photos or piece.size_bytes // _BYTES_PER_PHOTO for piece in pieces)
    wanted = max(photos // _PHOTOS_PER_TASK, workers * _TASKS_PER_WORKER)
    return max(1, min(len(pieces), wanted))


def _answering(work: bytes) -> Callable[[dict[str, Any]], dict[str, Any]]:
    """Return what a worker does with a row. It travels by value, as edgecls may be missing there."""
    import ray

    reference, expected = ray.put(work), versions()
    name = hashlib.sha256(work).hexdigest()

    def answer(row: dict[str, Any]) -> dict[str, Any]:
        import socket

        import ray

        try:
            from edgecls.scale.ray_worker import answer as answer_piece
        except ImportError as error:
            problem = f"Expected edgecls on {socket.gethostname()!r} as here, got: {error}."
            return {"answer": b"", "problem": problem}
        found = answer_piece(row["piece"], name, lambda: ray.get(reference), expected)
        return {"answer": found, "problem": ""}

    return answer


def _given_up(error: Exception, left: int, total: int) -> ExecutorError:
    from ray.exceptions import WorkerCrashedError

    if isinstance(error, WorkerCrashedError):
        message = (
            f"{MOST_DEATHS} workers died at the same pieces, with {left} of {total} pieces left."
        )
        hint = f"{KEPT}; --executor local names a piece that kills"
        return ExecutorError(message, hint=hint)
    cause = _ERROR_LINE.search(
        str(error)
    )  # the first one: those behind it are Ray's about this one
    got = cause.group() if cause else f"{type(error).__name__}: {' '.join(str(error).split())}"
    message = f"Ray gave up with {left} of {total} pieces left: {got}"
    return ExecutorError(message, hint=f"{KEPT}; repeat the command to go on")
