"""Rounds of fresh processes in random order, one at a time, and what they told."""

import json
import os
import random
import sys
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

from edgecls_bench.pinning import cores_for
from edgecls_bench.watch import Watch
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
    """

    files: Mapping[str, str]
    labels: Sequence[str]
    pythons: Mapping[str, Path]
    work: Path


@dataclass(kw_only=True, slots=True)
class Measured:
    """What one case took, a list a round.

    Attributes:
        samples_ns: Of a loop: each call.
        busy_cores: Of a loop: processor time by time.
        first_label_s: Of a cold start: from the start of the process to its first line.
        peak_bytes: Of a cold start: the largest resident memory of its process.
        label: What it said to the first frame, or to the photo.
        disturbed: Why processes should not be believed, one reason for each that was disturbed to the end.
    """

    samples_ns: list[list[int]] = field(default_factory=list)
    busy_cores: list[float] = field(default_factory=list)
    first_label_s: list[float] = field(default_factory=list)
    peak_bytes: list[int] = field(default_factory=list)
    label: str = ""
    disturbed: list[str] = field(default_factory=list)


def measure(
    cases: Sequence[Case],
    prepared: Prepared,
    watch: Watch,
    *,
    rounds: int,
    count: int,
    cold_starts: int,
    attempts: int,
    seed: int,
) -> dict[Case, Measured]:
    """Measure all cases.

    Each round runs every case in a fresh process, in an order of its own, so that a slow minute of the machine
    does not hit one of them alone. A first round of cold starts does not count: it warms the disk. A process
    that was disturbed is repeated.

    Args:
        cases: What to measure.
        prepared: What all ways get.
        watch: Of the machine.
        rounds: How often.
        count: Calls of a loop in each round.
        cold_starts: Cold starts in each round.
        attempts: Most processes for one result: of the last it is told if it was disturbed too.
        seed: What the order is drawn from.

    Raises:
        BenchmarkError: If one fails, or says what is no label.
    """
    found = {case: Measured() for case in cases}
    starts = [case for case in cases if case.size is None]
    for case in starts:
        run(_command_of(case, prepared, count), variables=_variables(prepared), is_quiet=True)
    order = random.Random(seed)
    for number in range(1, rounds + 1):
        jobs = [case for case in cases if case.size is not None] + starts * cold_starts
        order.shuffle(jobs)
        for place, case in enumerate(jobs, 1):
            _say(f"round {number}/{rounds}, {place}/{len(jobs)}: {case.name}")
            done, reason = _undisturbed(case, prepared, watch, count, attempts)
            _add(found[case], case, done, prepared.labels)
            if reason:
                found[case].disturbed.append(reason)
        _say("")
        sys.stderr.write(f"round {number} of {rounds} done\n")
    return found


def _undisturbed(
    case: Case, prepared: Prepared, watch: Watch, count: int, attempts: int
) -> tuple[Finished, str]:
    """Run one process, again if it was disturbed, and return the last with the reason to disbelieve it."""
    command, cores = _command_of(case, prepared, count), cores_for(watch.machine, case.threads)
    for _ in range(attempts):
        watch.begin(cores)
        with _held_to(cores):
            done = run(command, variables=_variables(prepared), is_quiet=True)
        reason = watch.end(case.threads).disturbance
        if not reason:
            break
    return done, reason


def _command_of(case: Case, prepared: Prepared, count: int) -> list[str | Path]:
    python, model = prepared.pythons[case.way.environment], prepared.files[case.file]
    if case.size is None:
        return cold_command(case, python, model, prepared.work)
    return loop_command(case, python, model, prepared.work, count)


def _add(measured: Measured, case: Case, done: Finished, labels: Sequence[str]) -> None:
    """Keep what one process told."""
    if case.size is None:
        measured.label = _label_in(done, case, labels)
        measured.first_label_s.append(done.first_line_s)
        measured.peak_bytes.append(done.peak_bytes)
        return
    told = json.loads(done.output.splitlines()[-1])
    measured.label = told["label"]
    measured.samples_ns.append(told["samples_ns"])
    measured.busy_cores.append(told["busy_cores"])


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


def _say(text: str) -> None:
    if sys.stderr.isatty():
        sys.stderr.write(f"\r\x1b[K{text}")
        sys.stderr.flush()
