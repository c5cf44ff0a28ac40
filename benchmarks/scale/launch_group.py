"""Start all processes of one distributed training on this machine, and wait for them.

    python benchmarks/scale/launch_group.py --processes 2 -- edgecls train ...

Each gets ``--coordinator``, ``--processes`` and ``--rank``; alone it gets ``--distributed`` and nothing else.
The exit code is the first that is not 0. On more machines each is started by hand, by Slurm or by Kubernetes.
"""

import argparse
import socket
import subprocess
import sys

__all__ = ["free_ports", "start_group"]


def main() -> None:
    parser = argparse.ArgumentParser(description="Start all processes of a distributed training.")
    parser.add_argument("--processes", type=int, default=1)
    parser.add_argument("command", nargs="+", help="after --")
    options = parser.parse_args()
    group = start_group(options.command, options.processes)
    codes = [process.wait() for process in group]
    sys.exit(next((code for code in codes if code != 0), 0))


def start_group(command: list[str], processes: int) -> list[subprocess.Popen[bytes]]:
    """Start them and return them by rank."""
    place = ["--coordinator", f"127.0.0.1:{free_ports()}", "--processes", str(processes)]
    started = []
    for rank in range(processes):
        words = ["--distributed", *([*place, "--rank", str(rank)] if processes > 1 else [])]
        started.append(subprocess.Popen([*command, *words], stdin=subprocess.DEVNULL))
    return started


def free_ports() -> int:
    """Return a port that is free now, and the one after it too.

    Raises:
        OSError: If no such pair is found.
    """
    for _ in range(100):
        with socket.socket() as first, socket.socket() as second:
            first.bind(("127.0.0.1", 0))
            port = first.getsockname()[1]
            try:
                second.bind(("127.0.0.1", port + 1))
            except OSError:
                continue
            return int(port)
    message = "Expected two free ports one after the other, got none."
    raise OSError(message)


if __name__ == "__main__":
    main()
