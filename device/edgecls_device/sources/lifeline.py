"""A pipe that kills a child when its parent is gone, however the parent went.

The parent holds the writing end and never writes. When the last writer is gone, Linux signals the reader, and
the signal asked for is SIGKILL: no thread of the child has to run for that, and a stopped child dies too.
``PR_SET_PDEATHSIG`` would fire when the *thread* that started the child ends, and kill a healthy one.
"""

import fcntl
import os
import select
import signal

__all__ = ["hold_on"]


def hold_on(fd: int) -> None:
    """Tie the life of this process to the writing end of the pipe ``fd``; not on Linux, do nothing."""
    if not hasattr(fcntl, "F_SETSIG"):
        return
    fcntl.fcntl(fd, fcntl.F_SETOWN, os.getpid())
    fcntl.fcntl(fd, fcntl.F_SETSIG, signal.SIGKILL)
    fcntl.fcntl(fd, fcntl.F_SETFL, fcntl.fcntl(fd, fcntl.F_GETFL) | os.O_ASYNC)
    poll = select.poll()
    poll.register(fd, 0)
    if poll.poll(0):  # gone before it was armed
        os._exit(0)
