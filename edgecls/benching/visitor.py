"""The program that stands for us on a device while it is measured: sent there as text, never installed.

It makes a folder for our files, tells where, runs one command there, and hands back what it printed. It ends
with the command and everything that it started, and the folder is gone, when its standard input ends or falls
silent: after Ctrl-C here, a lost connection, a suspended laptop. A folder that a power cut left is removed by
the next visit; one that is in use is known by its lock.

Standard library only, and no import of ours: any Python 3.10 runs it.
"""

import contextlib
import fcntl
import json
import os
import select
import shutil
import signal
import subprocess
import sys
import tempfile
import threading
import time
from pathlib import Path
from types import FrameType

PREFIX = "bench-"
LOCK = "lock"
SILENCE_S = 60.0
GRACE_S = 3.0


def main(parent: Path) -> None:
    """Make a folder in ``parent``, tell of it, take an order, carry it out, tell what came of it."""
    for number in (signal.SIGTERM, signal.SIGHUP):
        signal.signal(number, _stop)
    parent.mkdir(parents=True, exist_ok=True)
    sweep(parent)
    folder = Path(tempfile.mkdtemp(prefix=PREFIX, dir=parent)).absolute()
    try:
        lock = _locked(folder)
        free_bytes = shutil.disk_usage(folder).free
        _tell({"folder": str(folder), "free_bytes": free_bytes, "time_s": time.time()})
        order = _order()
        result = _carried_out(order, folder) if order else None
        os.close(lock)
    finally:
        shutil.rmtree(folder, ignore_errors=True)
    if result is not None:
        _tell(result)


def sweep(parent: Path) -> None:
    """Remove the folders of visits that ended without it."""
    for folder in parent.glob(f"{PREFIX}*"):
        try:
            os.close(_locked(folder))
        except OSError:  # another visit has it, or it is not ours
            continue
        shutil.rmtree(folder, ignore_errors=True)


def _locked(folder: Path) -> int:
    lock = os.open(folder / LOCK, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
    try:
        fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError:
        os.close(lock)
        raise
    return lock


def _order() -> list[str]:
    """Return the command that is to be run, of the first line that is not empty; nothing at the end."""
    text = b""
    while not text.lstrip(b"\n").endswith(b"\n"):
        more = _heard()
        if not more:
            return []
        text += more
    words = json.loads(text)
    return [str(word) for word in words]


def _heard() -> bytes:
    """Return what comes next on standard input; nothing at its end, or if nobody is heard for long."""
    ready, _, _ = select.select([0], [], [], SILENCE_S)
    return os.read(0, 1 << 16) if ready else b""


def _carried_out(command: list[str], folder: Path) -> dict[str, object]:
    output = folder / "output"
    with output.open("wb") as file:
        process = subprocess.Popen(
            command,
            stdin=subprocess.DEVNULL,
            stdout=file,
            cwd=folder,
            env={**os.environ, "TMPDIR": str(folder)},
            start_new_session=True,
        )
    watcher = threading.Thread(target=_end_with_input, args=(process,), daemon=True)
    watcher.start()
    try:
        code = process.wait()
    finally:
        _end(process)
    return {"exit_code": code, "output": output.read_text(encoding="utf-8", errors="replace")}


def _end_with_input(process: "subprocess.Popen[bytes]") -> None:
    while _heard():
        pass
    _end(process)


def _end(process: "subprocess.Popen[bytes]") -> None:
    """End the command and all that it started, first with a word."""
    _signal(process, signal.SIGTERM)
    with contextlib.suppress(subprocess.TimeoutExpired):
        process.wait(GRACE_S)
    _signal(process, signal.SIGKILL)


def _signal(process: "subprocess.Popen[bytes]", number: signal.Signals) -> None:
    with contextlib.suppress(ProcessLookupError):  # all of them have ended
        os.killpg(process.pid, number)


def _tell(message: dict[str, object]) -> None:
    sys.stdout.write(json.dumps(message) + "\n")
    sys.stdout.flush()


def _stop(number: int, frame: FrameType | None) -> None:
    del frame
    sys.exit(128 + number)


if __name__ == "__main__":
    try:
        main(Path(sys.argv[1]).expanduser())
    except BrokenPipeError:  # nobody is there any more to be told
        os.dup2(os.open(os.devnull, os.O_WRONLY), 1)
        sys.exit(1)
    except OSError as problem:
        sys.stderr.write(f"error: {problem}\n")
        sys.exit(1)
