"""The process that trains, as its guard sees it: started, heard, interrupted, ended."""

import contextlib
import os
import re
import signal
import subprocess
from collections.abc import Mapping, Sequence

from edgecls_device.errors import SpecError
from edgecls_device.records import decode

from edgecls.distributed.ending import Ending, EndingKind
from edgecls.distributed.place import VARIABLE, Place
from edgecls.distributed.wire import Wire, WireError, readable
from edgecls.started_child import Command, start_child

__all__ = ["Child"]

_LAST_LINES = 60
_DYING_S = 10.0
"""How long a child may take to die, after its connection broke."""

_SILENT = re.compile(r"stopped sending heartbeats\):\s+(?:\S*task:)?(\d+)")
"""What JAX writes before it ends a process because another one, here the first of them, does not answer."""

_FROM_OUTSIDE = (signal.SIGKILL, signal.SIGTERM, signal.SIGINT, signal.SIGHUP)


class Child:
    """A command under guard.

    Its standard output and error go to a log, for the native code in it; what Python writes goes to copies of
    ours. It is in a session of its own, so that a terminal's Ctrl-C reaches it once, through its guard.
    """

    def __init__(
        self,
        command: Sequence[str],
        *,
        rank: int,
        hosts: tuple[str, ...],
        own_host: str,
        coordinator: str,
        local_rank: int | None,
        variables: Mapping[str, str],
    ) -> None:
        """Start it.

        Args:
            command: Program and arguments.
            rank: See :class:`~edgecls.distributed.place.Place`, as for the three that follow.
            hosts: By rank.
            own_host: Numeric.
            coordinator: Of JAX.
            local_rank: On this machine.
            variables: Its environment.
        """
        self._rank, self._host, self._hosts = rank, hosts[rank], hosts
        output, errors = os.dup(1), os.dup(2)

        def placed(words: int, lifeline: int) -> Command:
            place = Place(
                guard=os.getpid(),
                words=words,
                lifeline=lifeline,
                output=output,
                errors=errors,
                rank=rank,
                hosts=hosts,
                own_host=own_host,
                coordinator=coordinator,
                local_rank=local_rank,
            )
            return command, {**variables, VARIABLE: place.as_text()}

        try:
            self._started = start_child(placed, passed=(output, errors))
        finally:
            os.close(output)
            os.close(errors)
        self._process = self._started.process
        self._wire = Wire(self._started.connection)
        self._is_ended = False
        self.ending: Ending | None = None

    def fileno(self) -> int:
        """Return the descriptor to wait on: it can be read when the child has said something, or is gone."""
        return self._wire.fileno()

    def listen(self) -> Ending | None:
        """Return how it ended, as soon as it has said so or died."""
        if self.ending is None:
            try:
                for message in self._wire.receive():
                    said = {**message, "rank": self._rank, "host": self._host}
                    self.ending = decode(Ending, said, "what the child says")
            except (WireError, SpecError):
                self.ending = self._death()
        return self.ending

    def stopped(self, reason: str) -> Ending:
        """Return how it ends if it is to be stopped, for ``reason``."""
        return Ending(rank=self._rank, host=self._host, kind="stopped", message=reason)

    def interrupt(self, grace_s: float) -> None:
        """Ask it to stop, and wait for up to ``grace_s`` for what it says to that."""
        if self.ending is None and self._process.poll() is None:
            self._process.send_signal(signal.SIGINT)
        self.hear_out(grace_s)

    def hear_out(self, grace_s: float) -> None:
        """Wait for up to ``grace_s`` for what it has to say."""
        if self.ending is None and readable([self], grace_s):
            self.listen()

    def let_go(self, grace_s: float) -> None:
        """Let one that is done end by itself, for up to ``grace_s``; :meth:`end` it else."""
        self._wire.send({})
        with contextlib.suppress(subprocess.TimeoutExpired):
            self._process.wait(grace_s)

    def end(self) -> None:
        """End it and all that it started, whatever they do; once."""
        if self._is_ended:
            return
        self._is_ended = True
        with contextlib.suppress(ProcessLookupError):  # all of them have ended
            os.killpg(self._process.pid, signal.SIGKILL)
        self._process.wait()

    def close(self) -> None:
        """End it and give back its log and connections; closing twice is harmless."""
        self.end()
        self._wire.close()
        self._started.let_go()

    def last_words(self) -> str:
        """Return the last lines of its log."""
        return "\n".join(self._started.printed().splitlines()[-_LAST_LINES:])

    def _death(self) -> Ending:
        """Return how it died; one that lives on, but can be heard no more, is ended."""
        with contextlib.suppress(subprocess.TimeoutExpired):
            self._process.wait(_DYING_S)
        died_by_itself = self._process.returncode is not None
        self.end()
        code = -self._process.returncode
        kind: EndingKind = "killed" if died_by_itself and code in _FROM_OUTSIDE else "died"
        return Ending(
            rank=self._rank, host=self._host, kind=kind, code=code, message=self._who_is_silent()
        )

    def _who_is_silent(self) -> str:
        """Return which process does not answer any more, if JAX said so at the end; else an empty text."""
        found = _SILENT.search(self._started.printed())
        rank = int(found.group(1)) if found else self._rank
        if rank == self._rank or rank >= len(self._hosts):
            return ""
        return f"rank {rank} ({self._hosts[rank]}) did not answer any more"
