"""A process that ends all of Ray that was started here, when the command that wanted it is gone.

Ray's processes end with the one that started them, but for its agents, which outlive one that was killed. It is
run as a file, imports nothing of ours, and so is there at once.
"""

import os
import shutil
import signal
import sys
import time
from contextlib import suppress
from pathlib import Path

__all__ = ["main"]

SECONDS_TO_CLEAN = 5.0


def main(lifeline: int, group: int, directory: str) -> None:
    """Wait until the last writer of a pipe is gone; then kill a process group and remove its directory.

    Args:
        lifeline: File descriptor of the pipe.
        group: Number of the process group.
        directory: Where Ray writes; "" for none.
    """
    os.read(lifeline, 1)
    with suppress(ProcessLookupError):
        os.killpg(group, signal.SIGKILL)
    deadline = time.monotonic() + SECONDS_TO_CLEAN
    while directory and Path(directory).exists() and time.monotonic() < deadline:
        shutil.rmtree(directory, ignore_errors=True)  # who was killed may write until it has ended
        time.sleep(0.05)


if __name__ == "__main__":
    main(int(sys.argv[1]), int(sys.argv[2]), sys.argv[3])
