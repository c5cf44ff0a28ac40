"""A command and all the processes below it: how long they take, what they spend, how large each becomes.

Everything is read from ``/proc``, twice a second, so what is measured is not slowed down by being watched.
"""

import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Literal

from edgecls_bench.conditions import disturbance
from edgecls_bench.machine import Machine
from edgecls_bench.sensors import Sensors, own_cpu_s
from edgecls_bench.system_files import ROOT, text
from edgecls_device.errors import BenchmarkError

__all__ = ["Process", "Ran", "Role", "Tree", "children", "role_of", "watch", "watched"]

LOOK_S = 0.5
_TICK = os.sysconf("SC_CLK_TCK")
_PARENT, _USER, _SYSTEM, _STARTED = 1, 11, 12, 19  # after the name in brackets; see proc(5)
_KEPT_LINES = 30

Role = Literal["driver", "worker", "engine"]


@dataclass(kw_only=True, slots=True)
class Process:
    """One process, as it was last seen.

    Attributes:
        role: The command itself, a process that looks at photos, or one of the engine's services.
        processor_s: What it has spent.
        peak_bytes: Its largest resident memory.
    """

    role: Role
    processor_s: float = 0.0
    peak_bytes: int = 0


@dataclass(frozen=True, kw_only=True, slots=True)
class Ran:
    """One command that ended as it should.

    Attributes:
        seconds: From its start to its end.
        processor_s: What all its processes spent.
        driver_bytes: Largest resident memory of the command's own process, and of the one that talks to Ray.
        worker_bytes: The same of each process that looked at photos, smallest first.
        engine_bytes: The same of the engine's services together.
        output: What it printed on standard output.
        disturbance: Why it should not be believed; empty if nothing disturbed it.
    """

    seconds: float
    processor_s: float
    driver_bytes: int
    worker_bytes: list[int] = field(default_factory=list)
    engine_bytes: int = 0
    output: str = ""
    disturbance: str = ""


class Tree:
    """A process and all below it, also those whose parents have ended meanwhile."""

    def __init__(self, pid: int, root: Path = ROOT, beside: Sequence[int] = ()) -> None:
        """Take its number, where ``proc`` is, and processes that count with all below them, too."""
        self._top, self._root, self._beside = pid, root, beside
        self.processes: dict[tuple[int, str], Process] = {}
        """(number, start) -> what was seen; numbers are used again."""
        self.alive: dict[int, tuple[int, str]] = {}
        """Number -> its key, of those that were there at the last look."""

    def look(self) -> None:
        """Look at all of them once."""
        found = {pid: stat for pid in _numbers(self._root) if (stat := _stat(pid, self._root))}
        self.alive = {}
        for pid in self._members(found):
            key = (pid, found[pid][_STARTED])
            words = text(self._root, f"proc/{pid}/cmdline").replace("\0", " ")
            role = role_of(words, is_top=pid == self._top)
            process = self.processes.setdefault(key, Process(role=role))
            if (
                process.role == "engine"
            ):  # as the copy of its parent that it was before its own program
                process.role = role
            ticks = int(found[pid][_USER]) + int(found[pid][_SYSTEM])
            process.processor_s = ticks / _TICK
            process.peak_bytes = max(process.peak_bytes, _peak_bytes(pid, self._root))
            self.alive[pid] = key

    def named(self, part: str) -> list[int]:
        """Return the numbers of living ones whose command line holds a text, in order."""
        return sorted(pid for pid in self.alive if part in text(self._root, f"proc/{pid}/cmdline"))

    def _members(self, found: Mapping[int, Sequence[str]]) -> set[int]:
        """Return the top and those beside it, all below them, and those that were below them before."""
        members = {self._top, *self._beside} & found.keys()
        members |= {pid for pid, stat in found.items() if (pid, stat[_STARTED]) in self.processes}
        below: dict[int, list[int]] = {}
        for pid, stat in found.items():
            below.setdefault(int(stat[_PARENT]), []).append(pid)
        waiting = list(members)
        while waiting:
            new = [pid for pid in below.get(waiting.pop(), []) if pid not in members]
            members.update(new)
            waiting += new
        return members


def children(pid: int, root: Path = ROOT) -> list[int]:
    """Return the numbers of the processes that a process has started, in order."""
    stats = {number: _stat(number, root) for number in _numbers(root)}
    return sorted(number for number, stat in stats.items() if stat and int(stat[_PARENT]) == pid)


def role_of(words: str, *, is_top: bool) -> Role:
    """Return what a process does, by its command line; a process that talks to Ray counts as the command."""
    if is_top or "ray_driver" in words:
        return "driver"
    is_agent = words.startswith("ray::") and words.strip().endswith("Agent")  # a service of a node
    is_worker = (
        (words.startswith("ray::") and not is_agent)
        or "local_worker" in words
        or "spawn_main" in words
    )
    return "worker" if is_worker else "engine"


def watch(
    command: Sequence[str | Path],
    *,
    machine: Machine,
    threads: int,
    attempts: int = 1,
    variables: Mapping[str, str] | None = None,
    before: Callable[[], object] = lambda: None,
    beside: Sequence[int] = (),
) -> Ran:
    """Run a command, again if it was disturbed, and return the last time.

    Args:
        command: Program and arguments.
        machine: What it runs on.
        threads: How many cores it keeps busy.
        attempts: Most runs.
        variables: Set in its environment.
        before: Called before each run, such as to remove what the one before wrote.
        beside: Processes that work for it and are not below it; they count, with all below them.

    Raises:
        BenchmarkError: If it fails.
    """
    for _ in range(attempts):
        before()
        ran = _once(command, machine, threads, variables or {}, beside)
        if not ran.disturbance:
            break
    return ran


@contextmanager
def watched(process: subprocess.Popen[str], beside: Sequence[int] = ()) -> Iterator[Tree]:
    """Give the tree of a process that runs already; the process is ended with the block."""
    tree = Tree(process.pid, beside=beside)
    try:
        yield tree
    finally:
        if process.poll() is None:
            process.terminate()
        with suppress(subprocess.TimeoutExpired):
            process.wait(30)
        if process.poll() is None:
            process.kill()
        process.wait()


def _once(
    command: Sequence[str | Path],
    machine: Machine,
    threads: int,
    variables: Mapping[str, str],
    beside: Sequence[int],
) -> Ran:
    words = [str(word) for word in command]
    sys.stderr.write(f"$ {' '.join(words)}\n")
    sensors, own_before_s = Sensors(), own_cpu_s()
    earlier = Tree(0, beside=beside)  # what they have spent is not spent for the command
    earlier.look()
    reading = sensors.read(0.0, own_cpu_s=0.0)
    with tempfile.TemporaryFile("w+") as output, tempfile.TemporaryFile("w+") as errors:
        start = time.perf_counter()
        process = subprocess.Popen(
            words,
            stdin=subprocess.DEVNULL,
            stdout=output,
            stderr=errors,
            text=True,
            env={**os.environ, **variables},
        )
        with watched(process, beside) as tree:
            code = _follow(process, tree)
            seconds = time.perf_counter() - start
        output.seek(0)
        errors.seek(0)
        if code != 0:
            tail = "".join(errors.readlines()[-_KEPT_LINES:])
            message = f"Expected the command to succeed, got exit code {code}: {' '.join(words)}"
            raise BenchmarkError(message, hint=tail or "it said nothing")
        said = output.read()
    sampled_s = _spent_s(tree) - _spent_s(earlier)
    waited_s = (
        own_cpu_s() - own_before_s
    )  # ours too, which is little; not that of what nobody waited for
    spent_s = max(sampled_s, waited_s)
    after = sensors.read(seconds, own_cpu_s=spent_s)
    return _ran(tree, seconds, spent_s, said, disturbance(reading, after, machine, threads=threads))


def _spent_s(tree: Tree) -> float:
    return sum(process.processor_s for process in tree.processes.values())


def _follow(process: subprocess.Popen[str], tree: Tree) -> int:
    """Look again and again until it has ended; return its exit code."""
    while True:
        tree.look()
        with suppress(subprocess.TimeoutExpired):
            return process.wait(LOOK_S)


def _ran(tree: Tree, seconds: float, processor_s: float, output: str, reason: str) -> Ran:
    sizes: dict[Role, list[int]] = {"driver": [0], "worker": [], "engine": [0]}
    for process in tree.processes.values():
        sizes[process.role].append(process.peak_bytes)
    return Ran(
        seconds=seconds,
        processor_s=processor_s,
        driver_bytes=sum(sizes["driver"]),
        worker_bytes=sorted(sizes["worker"]),
        engine_bytes=sum(sizes["engine"]),
        output=output,
        disturbance=reason,
    )


def _numbers(root: Path) -> list[int]:
    return [int(path.name) for path in (root / "proc").iterdir() if path.name.isdigit()]


def _stat(pid: int, root: Path) -> list[str]:
    """Return the fields after the name, which may hold blanks; none if it has ended."""
    return text(root, f"proc/{pid}/stat").rpartition(")")[2].split()


def _peak_bytes(pid: int, root: Path) -> int:
    for line in text(root, f"proc/{pid}/status").splitlines():
        if line.startswith("VmHWM:"):
            return int(line.split()[1]) * 1024
    return 0
