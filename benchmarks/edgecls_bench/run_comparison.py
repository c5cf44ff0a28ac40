"""Is one benchmark faster than another? Case by case, and only where both were made on the same machine.

A claim is made where the whole 95 % interval of the ratio of medians lies beyond :data:`SAME`: ``faster`` and
``slower`` are then differences that matter, not only ones that can be seen. Where it lies wholly within, both
are the ``same``. Everything else is ``cannot tell``: more rounds or a quieter machine may decide it.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import ClassVar, Literal, TypeAlias

from edgecls_device.errors import DataError

from edgecls_bench.measurement import BenchCase, BenchRun
from edgecls_bench.statistics import bootstrap_ratio_of_medians

__all__ = [
    "SAME",
    "SAME_IN_ONE_PROCESS",
    "CaseComparison",
    "LeftOut",
    "RunComparison",
    "SoftwareChange",
    "SpeedVerdict",
    "compare_runs",
]

SpeedVerdict: TypeAlias = Literal["faster", "slower", "same", "cannot tell"]
Key: TypeAlias = tuple[str, str, int]

SAME = 0.02
"""Medians that differ by a smaller share count as the same: nobody sees it in the frames of a second.

It also makes up for few rounds, of which an interval comes out too narrow. Simulated with three rounds of equal
speed on both sides: where processes differ among themselves by 1 % (standard deviation), none of 120 pairs was
called faster or slower; at 2 % two were, at 3 % twelve.
"""

SAME_IN_ONE_PROCESS = 0.10
"""The same share where a case was measured in one process only, as ``--quick`` does.

Where a process happens to have its memory makes the same program faster or slower in all its samples (Mytkowicz
et al. 2009, "Producing wrong data without doing anything obviously wrong"), and one process does not show it.
"""

SEED = 0


@dataclass(frozen=True, kw_only=True, slots=True)
class CaseComparison:
    """One case that both benchmarks have: an artifact on a backend with some threads.

    Attributes:
        artifact: File name, the same in both.
        backend: The runtime.
        threads: Threads for one inference.
        verdict: Of the later one, B.
        ratio: Median from frame to label in B, as a multiple of that in A; below 1 where B is faster.
        low: Lower end of its 95 % interval.
        high: Upper end.
        p50_ms: The medians in A and B.
        cold_start_ms: From the start of a process to its first label, in A and B.
        peak_memory_bytes: In A and B.
        is_same_file: Whether the file has the same content in both.
        sha256: Of the file in A and B, as hex.
        reason: Why nothing can be told, or by what the claim is limited; empty where there is nothing to say.
    """

    artifact: str
    backend: str
    threads: int
    verdict: SpeedVerdict
    ratio: float
    low: float
    high: float
    p50_ms: tuple[float, ...]
    cold_start_ms: tuple[float, ...]
    peak_memory_bytes: tuple[int, ...]
    is_same_file: bool
    sha256: tuple[str, ...]
    reason: str = ""


@dataclass(frozen=True, kw_only=True, slots=True)
class LeftOut:
    """A case that could not be compared.

    Attributes:
        artifact: File name.
        backend: The runtime.
        threads: Threads for one inference.
        reason: Why.
    """

    artifact: str
    backend: str
    threads: int
    reason: str


@dataclass(frozen=True, kw_only=True, slots=True)
class SoftwareChange:
    """Software that is not the same in both: often what one wants to compare.

    Attributes:
        name: Of a package, or ``python`` or ``system``.
        before: Version in A; empty if it is not there.
        after: Version in B.
    """

    name: str
    before: str
    after: str


@dataclass(frozen=True, kw_only=True, slots=True)
class RunComparison:
    """B against A.

    Attributes:
        before: File of A.
        after: File of B.
        before_created: When A was measured, ISO 8601, UTC.
        after_created: When B was.
        machine: Of both.
        cases: What could be compared, in the order of A.
        left_out: What could not.
        software: What else changed.
    """

    kind: ClassVar[str] = "edgecls.bench-comparison"
    version: ClassVar[int] = 1

    before: str
    after: str
    before_created: str
    after_created: str
    machine: str
    cases: tuple[CaseComparison, ...]
    left_out: tuple[LeftOut, ...] = ()
    software: tuple[SoftwareChange, ...] = ()

    def with_verdict(self, verdict: SpeedVerdict) -> tuple[CaseComparison, ...]:
        """Return the cases of one verdict."""
        return tuple(case for case in self.cases if case.verdict == verdict)


def compare_runs(
    before: BenchRun, after: BenchRun, *, before_name: str = "A", after_name: str = "B"
) -> RunComparison:
    """Compare two benchmarks of one machine, case by case.

    Cases belong together by file name, backend and threads: a file that was exported again is what one wants
    to compare, so other content is said and not refused. So are other versions of the software. Another
    machine, another setting of it, or another size of frame is refused: the ratio would be of two questions.

    Args:
        before: A, which is held against.
        after: B, which is judged.
        before_name: What to call A in messages.
        after_name: What to call B.

    Raises:
        DataError: If they are not of the same machine and frame, or have no case in common.
    """
    _check_comparable(before, after, before_name, after_name)
    old, new = _by_key(before), _by_key(after)
    compared, left_out = [], []
    for key in dict.fromkeys([*old, *new]):
        reason = _reason_against(old.get(key), new.get(key))
        if reason:
            artifact, backend, threads = key
            left_out.append(
                LeftOut(artifact=artifact, backend=backend, threads=threads, reason=reason)
            )
        else:
            compared.append(_compared(old[key], new[key]))
    return RunComparison(
        before=before_name,
        after=after_name,
        before_created=before.created,
        after_created=after.created,
        machine=after.machine.identity,
        cases=tuple(compared),
        left_out=tuple(left_out),
        software=_software_changes(before.machine.software, after.machine.software),
    )


def _by_key(run: BenchRun) -> dict[Key, BenchCase]:
    return {(case.artifact, case.backend, case.threads): case for case in run.cases}


def _check_comparable(before: BenchRun, after: BenchRun, *names: str) -> None:
    files = " and ".join(names)
    differing = _differences(before.machine.parts, after.machine.parts)
    if differing:
        message = f"Expected two benchmarks of the same machine in {files}, got {differing}."
        hint = "measure both on one machine that is set up the same, or a ratio says nothing of the change"
        raise DataError(message, hint=hint)
    if before.frame != after.frame:
        sizes = [f"{run.frame[1]}x{run.frame[0]}" for run in (before, after)]
        message = f"Expected frames of one size in {files}, got {sizes[0]} and {sizes[1]}."
        raise DataError(message, hint="measure one of them again with the other's --frame")
    if not _by_key(before).keys() & _by_key(after).keys():
        message = f"Expected cases that are in both {files}, got none: {_some(before)} and {_some(after)}."
        hint = "cases belong together by file name, backend and threads"
        raise DataError(message, hint=hint)


def _differences(before: dict[str, str], after: dict[str, str]) -> str:
    """Return what differs, as ``cores 4 and 2; governor 'performance' and none``."""
    return "; ".join(
        f"{name} {before.get(name) or 'unknown'} and {after.get(name) or 'unknown'}"
        for name in dict.fromkeys([*before, *after])
        if before.get(name) != after.get(name)
    )


def _some(run: BenchRun) -> str:
    names = [f"{name} on {backend} x{threads}" for name, backend, threads in _by_key(run)]
    return ", ".join(names[:3]) + (f" and {len(names) - 3} more" if len(names) > 3 else "")


def _software_changes(before: dict[str, str], after: dict[str, str]) -> tuple[SoftwareChange, ...]:
    return tuple(
        SoftwareChange(name=name, before=before.get(name, ""), after=after.get(name, ""))
        for name in dict.fromkeys([*before, *after])
        if before.get(name) != after.get(name)
    )


def _reason_against(before: BenchCase | None, after: BenchCase | None) -> str:
    """Say why a case cannot be compared; empty if it can."""
    if before is None or after is None:
        return "only in B" if before is None else "only in A"
    problems: Sequence[tuple[str, Callable[[BenchCase], str]]] = (
        ("failed", lambda case: case.error),
        ("void", lambda case: case.void),
    )
    for word, problem in problems:
        said = [
            f"{word} in {name}: {problem(case).rstrip('.')}"
            for name, case in (("A", before), ("B", after))
            if problem(case)
        ]
        if said:
            return "; ".join(said)
    if not _has_samples(before) or not _has_samples(after):
        return f"no samples to compare in {'B' if _has_samples(before) else 'A'}"
    return ""


def _has_samples(case: BenchCase) -> bool:
    samples = case.samples.classify_ns
    rounds = case.samples.rounds or (len(samples),)
    fits = bool(samples) and sum(rounds) == len(samples)
    return fits and min(samples) > 0 and min(rounds) >= 0


def _compared(before: BenchCase, after: BenchCase) -> CaseComparison:
    ratio, low, high = bootstrap_ratio_of_medians(
        after.samples.classify_ns,
        after.samples.rounds,
        before.samples.classify_ns,
        before.samples.rounds,
        seed=SEED,
    )
    is_one_process = min(len(before.samples.rounds), len(after.samples.rounds)) < 2
    verdict = _verdict(low, high, SAME_IN_ONE_PROCESS if is_one_process else SAME)
    reason = ""
    if is_one_process and verdict in {"same", "cannot tell"}:
        verdict = "cannot tell"
        reason = f"measured in one process, which shows only differences beyond {100 * SAME_IN_ONE_PROCESS:g} %"
    return CaseComparison(
        artifact=after.artifact,
        backend=after.backend,
        threads=after.threads,
        verdict=verdict,
        ratio=ratio,
        low=low,
        high=high,
        p50_ms=(before.classify.p50_ms, after.classify.p50_ms),
        cold_start_ms=(before.cold_start_ms, after.cold_start_ms),
        peak_memory_bytes=(before.peak_memory_bytes, after.peak_memory_bytes),
        is_same_file=before.sha256 == after.sha256,
        sha256=(before.sha256, after.sha256),
        reason=reason,
    )


def _verdict(low: float, high: float, same: float) -> SpeedVerdict:
    least, most = 1 / (1 + same), 1 + same
    if low > most:
        return "slower"
    if high < least:
        return "faster"
    return "same" if least <= low and high <= most else "cannot tell"
