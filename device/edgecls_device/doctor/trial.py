"""Python code tried in a process of its own, since a native library may crash or hang when it is loaded."""

import signal
import subprocess
import sys
from dataclasses import dataclass

__all__ = ["Trial", "try_code", "why_it_ended"]

WITHIN_S = 60.0
SHOWN = 300
ERROR = "error: "  # how our own command line begins what a hint follows
NO_MEMORY = "an end for want of memory"

_WHY = {
    signal.SIGILL: "an illegal instruction: it was built for a newer processor than this one",
    signal.SIGSEGV: "a crash (segmentation fault): it does not fit this system",
    signal.SIGABRT: "a crash (abort)",
    signal.SIGBUS: "a crash (bus error)",
    signal.SIGFPE: "a crash (arithmetic error)",
    signal.SIGKILL: "an end from outside: probably there was not enough memory",
}


@dataclass(frozen=True, kw_only=True, slots=True)
class Trial:
    """How it went.

    Attributes:
        output: Its last line on standard output.
        failure: Why it did not finish, to be put behind "got"; empty if it did.
    """

    output: str = ""
    failure: str = ""


def try_code(code: str, *, within_s: float = WITHIN_S) -> Trial:
    """Run Python code in a process of its own, with the import path of this one.

    Args:
        code: It ends well, or with a traceback, or not at all.
        within_s: Seconds after which it is killed.
    """
    program = f"import sys\nsys.path[:] = {sys.path!r}\n{code}"
    try:
        done = subprocess.run(
            [sys.executable, "-c", program],
            capture_output=True,
            text=True,
            errors="replace",
            timeout=within_s,
            check=False,
            stdin=subprocess.DEVNULL,
        )
    except subprocess.TimeoutExpired:
        return Trial(failure=f"no end within {within_s:g} seconds")
    except OSError as error:
        return Trial(failure=f"no process: {error.strerror or error}")
    if done.returncode:
        return Trial(failure=why_it_ended(done.returncode, done.stderr))
    return Trial(output=_last_line(done.stdout, most=100_000))


def why_it_ended(code: int, printed: str) -> str:
    """Return in words why a process failed, to be put behind "got".

    Args:
        code: Its exit code, or the negative number of a signal.
        printed: What it wrote on standard error.
    """
    if code >= 0:
        ours = [line for line in printed.splitlines() if line.startswith(ERROR)]
        last = _last_line(ours[-1].removeprefix(ERROR) if ours else printed) or f"exit code {code}"
        return NO_MEMORY if last.startswith("MemoryError") else last
    try:
        why = _WHY.get(signal.Signals(-code), f"signal {-code}")
    except ValueError:  # a real-time signal
        why = f"signal {-code}"
    return NO_MEMORY if -code == signal.SIGABRT and "bad_alloc" in printed else why


def _last_line(text: str, *, most: int = SHOWN) -> str:
    lines = [line.strip() for line in text.splitlines() if line.strip()]
    return lines[-1][:most] if lines else ""
