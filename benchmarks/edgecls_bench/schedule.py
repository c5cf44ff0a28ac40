"""Which process runs when: all cases take turns, in an order drawn from a seed.

Whatever the machine does meanwhile, such as getting warm, then hits all cases alike and none alone. Each round
has every case once; the order within it is random.
"""

import random
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from edgecls_device.artifact import Artifact, read_artifact
from edgecls_device.files import write_atomically
from edgecls_device.records import to_json

from edgecls_bench.cases import Case, spec_of
from edgecls_bench.probe import Probe

__all__ = ["Step", "Subject", "plan_steps", "plan_subjects"]


@dataclass(frozen=True, kw_only=True, slots=True)
class Subject:
    """One case with one number of threads: a row of the result.

    Attributes:
        case: The artifact and its backend.
        probe: The same as its processes are told it.
    """

    case: Case
    probe: Probe

    @property
    def title(self) -> str:
        """As it stands in ``Method.order``."""
        return f"{self.case.artifact.path.name} {self.case.backend} x{self.probe.threads}"


@dataclass(frozen=True, kw_only=True, slots=True)
class Step:
    """One process.

    Attributes:
        subject: Place of its subject.
        kind: ``latency`` or ``cold``.
        number: Which of its subject's, from 1.
    """

    subject: int
    kind: Literal["latency", "cold"]
    number: int

    def title(self, subjects: Sequence[Subject]) -> str:
        """As it stands in ``Method.order``: ``pets.int8.tflite litert x1 #2``, or ``cold #2``."""
        kind = "cold " if self.kind == "cold" else ""
        return f"{subjects[self.subject].title} {kind}#{self.number}"


def plan_subjects(
    cases: Sequence[Case], threads: Sequence[int], *, frame: Path, directory: Path
) -> tuple[Subject, ...]:
    """Return each case with each number of threads.

    Args:
        cases: In the order of the result.
        threads: The numbers.
        frame: File of the frame that is classified.
        directory: Where specs are written of models that have none inside.
    """
    return tuple(
        Subject(
            case=case,
            probe=Probe(
                artifact=case.artifact.path.absolute(),
                backend=case.backend,
                threads=count,
                frame=frame,
                spec=spec,
            ),
        )
        for number, case in enumerate(cases)
        for spec in [_write_spec(directory / f"{number}.json", case.artifact)]
        for count in threads
    )


def plan_steps(subjects: int, *, rounds: int, cold_starts: int, seed: int) -> tuple[Step, ...]:
    """Return all processes in the order in which they run.

    Args:
        subjects: How many there are.
        rounds: Processes that measure latency, of each.
        cold_starts: Processes that measure a cold start, of each.
        seed: What the order is drawn from.
    """
    generator = random.Random(seed)
    steps: list[Step] = []
    for number in range(1, max(rounds, cold_starts) + 1):
        turn = [
            Step(subject=subject, kind=kind, number=number)
            for subject in range(subjects)
            for kind, count in _kinds(rounds, cold_starts)
            if number <= count
        ]
        generator.shuffle(turn)
        steps += turn
    return tuple(steps)


def _kinds(rounds: int, cold_starts: int) -> tuple[tuple[Literal["latency", "cold"], int], ...]:
    return (("latency", rounds), ("cold", cold_starts))


def _write_spec(path: Path, artifact: Artifact) -> Path | None:
    """Write the spec of a model that has none inside."""
    if read_artifact(artifact.path).spec is not None:
        return None
    write_atomically(path, to_json(spec_of(artifact)))
    return path
