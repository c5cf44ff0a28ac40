"""Rounds of fresh processes in random order, one at a time, and what they told."""

import json
import os
import random
import resource
import sys
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

from edgecls_device.errors import BenchmarkError
from figure import Finished, run
from plan import Case, cold_command, loop_command

__all__ = ["Measured", "Prepared", "measure"]


@dataclass(frozen=True, kw_only=True, slots=True)
class Prepared:
    """What all ways get; see ``prepare.py``.

    Attributes:
        files: Key -> model file.
        labels: What may be said.
        pythons: Environment -> its Python.
        work: Where frames, photo and labels lie.
        cores: Numbers of the cores, those first that should be used first; empty where they are unknown.
    """

    files: Mapping[str, str]
    labels: Sequence[str]
    pythons: Mapping[str, Path]
    work: Path
    cores: Sequence[int] = ()


@dataclass(kw_only=True, slots=True)
class Measured:
    """What one case took, a list a round.

    Attributes:
        samples_ns: Of a loop: each call.
        busy_cores: Of a loop: processor time by time.
        first_label_s: Of a cold start: from the start of the process to its first line.
        peak_bytes: Of a cold start: the largest resident memory of its process.
        label: What it said to the first frame, or to the photo.
    """

    samples_ns: list[list[int]] = field(default_factory=list)
    busy_cores: list[float] = field(default_factory=list)
    first_label_s: list[float] = field(default_factory=list)
    peak_bytes: list[int] = field(default_factory=list)
    label: str = ""


def measure(
    cases: Sequence[Case],
    prepared: Prepared,
    *,
    rounds: int,
    count: int,
    cold_starts: int,
    seed: int,
) -> dict[Case, Measured]:
    """Measure all cases.

    Each round runs every case in a fresh process, in an order of its own, so that a slow minute of the machine
    does not hit one of them alone. A first round of cold starts does not count: it warms the disk.

    Args:
        cases: What to measure.
        prepared: What all ways get.
        rounds: How often.
        count: Calls of a loop in each round.
        cold_starts: Cold starts in each round.
        seed: What the order is drawn from.

    Raises:
        BenchmarkError: If one fails, or says what is no label.
    """
    found = {case: Measured() for case in cases}
    starts = [case for case in cases if case.size is None]
    for case in starts:
        _start(case, prepared, Measured())
    order = random.Random(seed)
    for number in range(1, rounds + 1):
        jobs = [case for case in cases if case.size is not None] + starts * cold_starts
        order.shuffle(jobs)
        for done, case in enumerate(jobs):
            _say(f"round {number}/{rounds}, {done + 1}/{len(jobs)}: {case.name}")
            if case.size is None:
                _start(case, prepared, found[case])
            else:
                _loop(case, prepared, found[case], count)
        _say("")
        sys.stderr.write(f"round {number} of {rounds} done\n")
    return found


def _loop(case: Case, prepared: Prepared, measured: Measured, count: int) -> None:
    python, model = prepared.pythons[case.way.environment], prepared.files[case.file]
    with _held_to(prepared.cores[: case.threads]):
        done = run(
            loop_command(case, python, model, prepared.work, count),
            variables=_variables(prepared),
            is_quiet=True,
        )
    told = json.loads(done.output.splitlines()[-1])
    measured.samples_ns.append(told["samples_ns"])
    measured.busy_cores.append(told["busy_cores"])
    measured.label = told["label"]


def _start(case: Case, prepared: Prepared, measured: Measured) -> None:
    python, model = prepared.pythons[case.way.environment], prepared.files[case.file]
    with _held_to(prepared.cores[: case.threads]):
        done = run(
            cold_command(case, python, model, prepared.work),
            variables=_variables(prepared),
            is_quiet=True,
        )
    measured.label = _label_in(done, case, prepared.labels)
    measured.first_label_s.append(done.first_line_s)
    measured.peak_bytes.append(done.peak_bytes)


def _label_in(done: Finished, case: Case, labels: Sequence[str]) -> str:
    """Return the label in the first line, which must be one: else something else was timed."""
    line = (done.output.splitlines() or [""])[0]
    if line.startswith("{"):
        line = json.loads(line)["label"]
    named = [label for label in (*labels, "unknown") if line.endswith(label)]
    if named:
        return max(named, key=len)
    message = f"Expected a label as the first line of {case.name}, got {line!r}."
    raise BenchmarkError(message)


def _variables(prepared: Prepared) -> dict[str, str]:
    """Keep Ultralytics off the network and its log off standard output: neither is part of a label."""
    return {
        "YOLO_CONFIG_DIR": str(prepared.work / "ultralytics"),
        "YOLO_OFFLINE": "true",
        "YOLO_AUTOINSTALL": "false",
        "YOLO_VERBOSE": "false",
    }


@contextmanager
def _held_to(cores: Sequence[int]) -> Iterator[None]:
    """Let the processes that are started here use these cores and no others; nothing where none are known."""
    if not cores:
        yield
        return
    every = os.sched_getaffinity(0)
    os.sched_setaffinity(0, cores)
    try:
        yield
    finally:
        os.sched_setaffinity(0, every)


class OtherLoad:
    """How many cores others kept busy from here on: all ticks of the machine but those of our processes."""

    def __init__(self) -> None:
        """Begin to count."""
        self._start = self._now()

    def cores(self) -> float:
        """Return the mean since the start; 0 where ``/proc/stat`` cannot be read."""
        passed, busy, own = (now - then for now, then in zip(self._now(), self._start, strict=True))
        return max(busy - own, 0.0) / passed * (os.cpu_count() or 1) if passed else 0.0

    def _now(self) -> tuple[float, float, float]:
        """Return seconds of all cores, of those the busy ones, and our own. Source: proc(5)."""
        try:
            words = Path("/proc/stat").read_text(encoding="ascii").partition("\n")[0].split()[1:9]
        except OSError:
            return 0.0, 0.0, 0.0
        ticks = [int(word) / os.sysconf("SC_CLK_TCK") for word in words]
        usages = [
            resource.getrusage(who) for who in (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN)
        ]
        own = sum(usage.ru_utime + usage.ru_stime for usage in usages)
        return sum(ticks), sum(ticks) - sum(ticks[3:5]), own


def _say(text: str) -> None:
    if sys.stderr.isatty():
        sys.stderr.write(f"\r\x1b[K{text}")
        sys.stderr.flush()
