"""Ray Data: many machines, whose lost workers and machines it replaces by itself."""

import os
import pickle
import secrets
import tempfile
import time
from collections.abc import Generator, Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path

from edgecls_device.errors import EdgeclsError, ExecutorError

from edgecls.progress import say
from edgecls.scale.child import Child, module_path
from edgecls.scale.local_process import ONE_THREAD
from edgecls.scale.part import Part
from edgecls.scale.piece import Piece
from edgecls.scale.ray_address import (
    LOOPBACK_ALONE,
    OUTSIDE_HINT,
    REFUSED,
    TOKEN_HINT,
    check_address,
    is_loopback_alone,
    known_address,
)
from edgecls.scale.ray_ending import SECONDS_TO_CLEAN
from edgecls.scale.ray_orders import Opened, Opening, Running
from edgecls.scale.work import KEPT, PieceWork

__all__ = ["RayExecutor", "open_ray_executor"]

SECONDS_TO_START = 180.0
"""Ray starts in 5 to 25 s, and later on a machine that has much else to do."""

SECONDS_TO_JOIN = 90.0
"""A cluster takes us within 10 s; Ray looks for a node on this machine in vain for a minute, and says so."""

SECONDS_TO_WONDER = 60.0
"""Without a part it is said that none comes: Ray waits for ever for CPUs that others have, or nobody."""

_TRIES_TO_CONNECT = "3"  # of a second each: something does listen there
_MOST_PATH = 24
"""Of a directory for Ray, which puts sockets deep below it; their paths may have 107 characters (unix(7))."""


@contextmanager
def open_ray_executor(*, address: str | None, workers: int | None) -> Iterator["RayExecutor"]:
    """Give an executor on a Ray cluster, or on a Ray that ends with the block.

    A Ray that is started here listens on loopback only, shows no dashboard, and takes nobody without a token
    that this process alone knows.

    Args:
        address: Of the cluster's head, ``HOST:PORT``; ``auto`` in a job of Ray; None starts one here.
        workers: How many pieces to work at at once; None for all cores of the cluster.

    Raises:
        ExecutorError: If it does not answer, does not take us, or is another machine's and there is no token.
        MissingDependencyError: If Ray or pyarrow is not installed.
        OptionError: If the address is none.
    """
    if address is not None:
        address = known_address(address)
        check_address(address)
    executor = RayExecutor(address or "", workers or 0)
    try:
        executor.start()
        yield executor
    finally:
        executor.close()


class RayExecutor:
    """An executor that has a process which talks to Ray.

    Attributes:
        address: Of the cluster's head.
        token: What a cluster that was started here wants to see; "" if it was there before.
    """

    def __init__(self, address: str, workers: int) -> None:
        self.address = address
        self.token = ""
        self._asked_address, self._asked_workers = address, workers
        self._workers = workers
        self._driver: Child | None = None
        self._directory: Path | None = None

    @property
    def workers(self) -> int:
        """How many pieces are worked at at once."""
        return self._workers

    def start(self) -> Child:
        """Find or start Ray, unless that was done.

        Raises:
            ExecutorError: If that does not work.
            MissingDependencyError: If it is not installed.
        """
        if self._driver is None:
            self._driver = Child("edgecls.scale.ray_driver", self._variables())
            opened = self._opened(self._driver)
            self.address, self._workers = opened.address, opened.workers
        return self._driver

    def run(self, work: PieceWork, pieces: Sequence[Piece]) -> Generator[Part, None, None]:
        """Yield the part of each piece, in the order in which Ray has them.

        Raises:
            EdgeclsError: What the work raised.
            ExecutorError: If workers die again and again, other machines have other versions, or Ray gives up.
        """
        if not pieces:
            return
        driver = self.start()
        is_done = False
        try:
            driver.send(self._order(work, pieces))
            while not is_done:
                while not driver.connection.poll(SECONDS_TO_WONDER):
                    say("Ray has finished no piece for a minute; is a CPU free? See: ray status")
                answer = driver.receive()
                is_done = answer is True
                if isinstance(answer, Part):
                    yield answer
                elif isinstance(answer, EdgeclsError):
                    raise answer
                elif answer is None:
                    message = (
                        f"Expected Ray to go on, but the process that talks to it {self._kill()}."
                    )
                    hint = f"{KEPT}; repeat the command to go on"
                    raise ExecutorError(message, hint=hint)
        finally:
            if not is_done:  # nobody wants what it does
                self._kill()

    def close(self) -> None:
        """Leave Ray, and end one that was started here; closing twice is harmless."""
        if self._driver is not None:
            self._driver.dismiss()
            self._driver.leave()
            self._driver = None
        self._clean()

    def _kill(self) -> str:
        how = self._driver.kill() if self._driver else "ended"
        self._driver = None
        self._clean()
        return how

    def _clean(self) -> None:
        """Wait until what Ray wrote is gone; who does that is :mod:`edgecls.scale.ray_ending`."""
        directory, self._directory = self._directory, None
        deadline = time.monotonic() + SECONDS_TO_CLEAN
        while directory and directory.exists() and time.monotonic() < deadline:
            time.sleep(0.02)

    def _order(self, work: PieceWork, pieces: Sequence[Piece]) -> Running:
        return Running(
            work=pickle.dumps(work),
            pieces=tuple(pieces),
            workers=self._workers,
            # a Ray that was started here has as many cores as were asked for, and nobody can join it
            is_limit=bool(self._asked_workers and self._asked_address),
        )

    def _variables(self) -> Mapping[str, str]:
        """Return the environment of the process that talks to Ray."""
        if self._asked_address:
            alone = {LOOPBACK_ALONE: "0"} if is_loopback_alone(self._asked_address) else {}
            return {"RAY_NUM_REDIS_GET_RETRIES": _TRIES_TO_CONNECT, **alone}
        self.token = secrets.token_hex(32)
        return {
            **ONE_THREAD,
            "PYTHONPATH": os.pathsep.join(module_path()),
            "RAY_AUTH_MODE": "token",
            "RAY_AUTH_TOKEN": self.token,
            LOOPBACK_ALONE: "0",
            "RAY_USAGE_STATS_ENABLED": "0",
        }

    def _opened(self, driver: Child) -> Opened:
        self._directory = None if self._asked_address else _short_directory()
        driver.send(
            Opening(
                address=self._asked_address,
                workers=self._asked_workers,
                directory=str(self._directory or ""),
            )
        )
        seconds = SECONDS_TO_JOIN if self._asked_address else SECONDS_TO_START
        if not driver.connection.poll(seconds):
            raise _no_answer(self._asked_address, seconds)
        answer = driver.receive()
        if isinstance(answer, Opened):
            return answer
        printed = driver.printed()
        refusal = _refusal(self._asked_address, printed) if self._asked_address else None
        if refusal is not None:
            raise refusal
        if isinstance(answer, EdgeclsError):
            raise answer
        message = f"Expected Ray to be there, but the process that talks to it {self._kill()}."
        raise ExecutorError(message, hint="try --executor local, which needs no Ray")


def _no_answer(address: str, seconds: float) -> ExecutorError:
    if not address:
        message = f"Expected Ray to start on this machine within {seconds:.0f} s, got no answer."
        return ExecutorError(message, hint="try --executor local, which needs no Ray")
    message = (
        f"Expected the Ray at {address}, which does answer, to take this process within {seconds:.0f} s, "
        "got no answer."
    )
    return ExecutorError(message, hint=OUTSIDE_HINT)


def _refusal(address: str, printed: str) -> ExecutorError | None:
    """Return why a cluster did not take the process that printed this; Ray dies in native code of either."""
    if REFUSED in printed:
        message = f"Expected the token of the Ray cluster at {address}, got another or none."
        return ExecutorError(message, hint=TOKEN_HINT)
    if "/sockets/raylet" in printed:  # that of the head's machine, which is not here
        message = f"Expected this machine to be one of the Ray cluster at {address}, got another."
        return ExecutorError(message, hint=OUTSIDE_HINT)
    return None


def _short_directory() -> Path:
    root = tempfile.gettempdir()
    return Path(tempfile.mkdtemp(prefix="ray-", dir=root if len(root) < _MOST_PATH else "/tmp"))
