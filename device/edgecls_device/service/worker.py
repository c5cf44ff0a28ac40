"""What a supervised run does first: it dies with its parent, before it, and says where it was."""

import ctypes
import faulthandler
import os
import signal
from collections.abc import Mapping
from pathlib import Path

from edgecls_device.service.deadline import leave_at_once

__all__ = ["SUPERVISOR", "become_worker", "is_worker"]

SUPERVISOR = "EDGECLS_SUPERVISOR"  # the process number of the parent that watches
OOM_SCORE = "500"  # of 1000; the parent has 0, and a system service such as sshd often less
PR_SET_PDEATHSIG = 1  # prctl(2)


def is_worker(variables: Mapping[str, str] = os.environ) -> bool:
    """Whether this process was started by a supervisor, and not by somebody who inherited its environment."""
    return variables.get(SUPERVISOR, "") == str(os.getppid())


def become_worker() -> tuple[str, ...]:
    """Tie this process to its supervisor; return what could not be done, as sentences.

    If the supervisor dies, this process is killed, so that no orphan keeps the camera. If memory runs out, the
    kernel takes this process and not the one that can start it again. On a crash, or on the SIGABRT that a
    supervisor and systemd send to what hangs, Python's stacks are printed.
    """
    parent, problems = os.getppid(), []
    faulthandler.enable()
    libc = ctypes.CDLL(None, use_errno=True)
    if libc.prctl(PR_SET_PDEATHSIG, signal.SIGKILL, 0, 0, 0) != 0:
        reason = os.strerror(ctypes.get_errno())
        problems.append(f"This worker outlives its supervisor: {reason}.")
    if str(parent) != os.environ.get(SUPERVISOR) or os.getppid() != parent:
        leave_at_once(128 + signal.SIGKILL)  # it died before the line above
    try:
        Path("/proc/self/oom_score_adj").write_text(OOM_SCORE)
    except OSError as error:
        problems.append(f"The kernel may kill the supervisor first: {error.strerror}.")
    return tuple(problems)
