"""Ending in time, whatever hangs: the loop works in a thread, and the main thread waits for it with a deadline.

Python cannot end a thread that is stuck in a runtime, a driver or a disk. So the main thread, where signals
arrive, says what hangs and leaves the process::

    loop = LoopThread(lambda beat: classify_source(..., on_round=beat))
    loop.start()
    summary = loop.wait(stop, drain_s=DRAIN_S, hung_after_s=HUNG_AFTER_S)

Whatever the loop uses is closed in its thread, never by a main thread that has given up on it: closing a model
while it computes is a crash.
"""

import os
import sys
import threading
import time
import traceback
from collections.abc import Callable
from pathlib import Path
from typing import Generic, NoReturn, TypeVar

from edgecls_device.errors import StalledError
from edgecls_device.stop import Stop

__all__ = ["DRAIN_S", "HUNG_AFTER_S", "LoopThread", "leave_at_once"]

DRAIN_S = 4.5  # the process is gone within 5 s of SIGTERM
HUNG_AFTER_S = 30.0  # a live loop comes round four times a second; /live says no after 10 s
TURN_S = 0.25

_T = TypeVar("_T")


class LoopThread(Generic[_T]):
    """Work in a daemon thread, and a main thread that does not wait for ever."""

    def __init__(self, work: Callable[[Callable[[], None]], _T]) -> None:
        """Take the work.

        Args:
            work: Called in the thread with a function to call at each round.
        """
        self._work = work
        self._beats = 0
        self._is_done = threading.Event()
        self._result: _T | None = None
        self._error: BaseException | None = None
        self._thread = threading.Thread(target=self._run, name="edgecls-loop", daemon=True)

    def start(self) -> None:
        """Begin."""
        self._thread.start()

    def wait(
        self,
        stop: Stop,
        *,
        drain_s: float | None = DRAIN_S,
        hung_after_s: float | None = None,
        on_turn: Callable[[], None] | None = None,
        turn_s: float = TURN_S,
    ) -> _T:
        """Return what the work returns, or raise what it raises.

        Args:
            stop: Once it is requested, ``drain_s`` runs.
            drain_s: Seconds from a request to stop to the end; None: as long as it takes.
            hung_after_s: Seconds without a round, after the first one, that mean a hang; None for work whose
                rounds may take any time, such as a folder of photos with a large model.
            on_turn: Called by the main thread every ``turn_s``, for instance to serve a window.
            turn_s: Seconds.

        Raises:
            StalledError: If a deadline passes. The thread is still there: see :func:`leave_at_once`.
        """
        silence = _Silence()
        stopped_at: float | None = None
        while not self._is_done.wait(turn_s):
            if on_turn is not None:
                on_turn()
            now = time.monotonic()
            if stop.is_requested:
                stopped_at = now if stopped_at is None else stopped_at
                if drain_s is not None and now - stopped_at >= drain_s:
                    wanted = f"the end within {drain_s:g} s of {stop.reason}"
                    raise self._stalled(wanted)
            elif hung_after_s is not None and silence.seconds(self._beats, turn_s) >= hung_after_s:
                wanted = f"a round of the loop within {hung_after_s:g} s"
                raise self._stalled(wanted)
        if self._error is not None:
            raise self._error
        return self._result  # type: ignore[return-value]  # set, since there was no error

    def where(self) -> str:
        """Return where the thread is now: the innermost of its Python functions, and our own around it."""
        frame = sys._current_frames().get(self._thread.ident or 0)  # noqa: SLF001  # the only way to ask
        if frame is None:
            return "its end"
        calls = [
            f"{Path(call.filename).name}:{call.lineno} ({call.name})"
            for call in traceback.extract_stack(frame)
        ]
        return " < ".join(reversed(calls[-3:]))

    def _run(self) -> None:
        try:
            self._result = self._work(self._beat)
        except BaseException as error:  # raised again by wait, whatever it is
            self._error = error
        finally:
            self._is_done.set()

    def _beat(self) -> None:
        self._beats += 1

    def _stalled(self, wanted: str) -> StalledError:
        message = f"Expected {wanted}, but it hangs in {self.where()}."
        hint = "let a service manager restart it: systemd with WatchdogSec=, or edgecls run --supervise"
        return StalledError(message, hint=hint)


class _Silence:
    """How long nothing moved, in turns that were seen: a process that was stopped and goes on has not hung."""

    def __init__(self) -> None:
        self._seconds = 0.0
        self._beats = 0
        self._last = time.monotonic()

    def seconds(self, beats: int, turn_s: float) -> float:
        """Look again."""
        now = time.monotonic()
        spent, self._last = now - self._last, now
        if beats != self._beats or beats == 0:
            self._seconds, self._beats = 0.0, beats
        else:
            self._seconds += min(spent, 4 * turn_s)
        return self._seconds


def leave_at_once(code: int) -> NoReturn:
    """End the process without waiting for threads or running destructors, which may hang or crash.

    What was printed is flushed; the kernel frees the rest, and child processes of ours die with us.
    """
    for stream in (sys.stdout, sys.stderr):
        try:
            stream.flush()
        except (OSError, ValueError):
            continue  # nobody reads any more, and there is nobody to tell
    os._exit(code)
