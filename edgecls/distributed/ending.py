"""How a process's part in a training ended, as the processes tell each other, and the error it is to each."""

import signal
from dataclasses import dataclass
from typing import Literal

from edgecls_device import errors
from edgecls_device.errors import DistributedError, EdgeclsError, InterruptedRunError

__all__ = ["Ending", "EndingKind"]

EndingKind = Literal["done", "failed", "killed", "died", "stopped", "lost"]

_AGAIN = "start all of them again with --resume"
_ALONE = "start it again with --resume"


@dataclass(frozen=True, kw_only=True, slots=True)
class Ending:
    """How a process's part ended.

    Attributes:
        rank: Whose.
        host: Name of its machine.
        kind: ``done``; ``failed`` with an error of ours; ``killed`` by a signal from outside; ``died`` without
            a word; ``stopped`` by Ctrl-C or SIGTERM; ``lost``, its guard with it.
        error: Of ``failed``: name of the error's class in :mod:`edgecls_device.errors`.
        message: Of ``failed`` the error's, of ``stopped`` who asked, of ``died`` why, where JAX said so.
        hint: Of ``failed`` the error's.
        code: Of ``killed`` and ``died``: the signal's number, or minus the exit code.
        is_consequence: Whether it was the loss of another that ended it, as far as it knows.
    """

    rank: int
    host: str
    kind: EndingKind
    error: str = ""
    message: str = ""
    hint: str = ""
    code: int = 0
    is_consequence: bool = False

    @property
    def may_be_consequence(self) -> bool:
        """Whether it may come from the loss of another process: JAX ends all the others."""
        return self.kind == "died" or self.is_consequence

    def as_error(self, *, rank: int, processes: int) -> EdgeclsError:
        """Return what it is to process ``rank``: the same everywhere; elsewhere it says whose it is."""
        whose = "" if rank == self.rank else f"rank {self.rank} ({self.host}): "
        if self.kind == "failed":
            return _error_named(self.error)(f"{whose}{self.message}", hint=self.hint)
        again = _AGAIN if processes > 1 else _ALONE
        if self.kind == "stopped":
            hint = again if processes > 1 else self.hint or again
            return InterruptedRunError(f"{whose}{self.message or 'stopped'}", hint=hint)
        name = f"Rank {self.rank} ({self.host})" if processes > 1 else "The training process"
        if self.kind == "lost":
            return DistributedError(f"{name} was lost in the middle.", hint=again)
        if self.kind == "killed":
            why = ", perhaps because memory ran out" if self.code == signal.SIGKILL else ""
            return DistributedError(
                f"{name} was killed by {_signal_name(self.code)}{why}.", hint=again
            )
        how = f"of {_signal_name(self.code)}" if self.code > 0 else f"with exit code {-self.code}"
        why = f", as {self.message}" if self.message else ""
        seen = "" if rank == self.rank else "; that machine shows what it said last"
        return DistributedError(f"{name} died {how} in the middle{why}{seen}.", hint=again)


def _error_named(name: str) -> type[EdgeclsError]:
    found = getattr(errors, name, None)
    if isinstance(found, type) and issubclass(found, EdgeclsError):
        return found
    return DistributedError


def _signal_name(number: int) -> str:
    try:
        return signal.Signals(number).name
    except ValueError:
        return f"signal {number}"
