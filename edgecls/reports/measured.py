"""What compare and bench say about the same artifact, side by side."""

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TypeAlias

from edgecls_bench.comparison import Comparison, ComparisonCase, GateVerdict, Judgement
from edgecls_bench.measurement import BenchCase, BenchRun
from edgecls_bench.picking import NOISE

from edgecls.reports.number_text import clip_text

__all__ = [
    "NOISE",
    "Key",
    "Measured",
    "float_size",
    "join_records",
    "short_names",
    "slower_than_float",
    "worse_and_slower",
]

Key: TypeAlias = tuple[str, str]


@dataclass(frozen=True, kw_only=True, slots=True)
class Measured:
    """One artifact on one backend.

    Attributes:
        artifact: File name.
        sha256: Every SHA-256 under which it was measured; two if it changed in between.
        format: ``tflite`` or ``onnx``.
        recipe: Empty for other models than ours.
        backend: The runtime.
        size_bytes: Size of the file.
        accuracy: From ``compare``.
        speeds: From ``bench``, one per number of threads, finished and undisturbed cases only.
        failures: From ``bench``, cases that did not finish.
        voids: From ``bench``, cases that something disturbed: shown, but nothing is chosen or compared by them.
    """

    artifact: str
    sha256: frozenset[str]
    format: str
    recipe: str
    backend: str
    size_bytes: int
    accuracy: ComparisonCase | None = None
    speeds: tuple[BenchCase, ...] = ()
    failures: tuple[BenchCase, ...] = ()
    voids: tuple[BenchCase, ...] = ()

    @property
    def key(self) -> Key:
        """What tells it from the others."""
        return self.artifact, self.backend

    @property
    def top1(self) -> float | None:
        """Share of photos whose best label is right, 0..1; None if that was not measured."""
        return None if self.accuracy is None else self.accuracy.top1

    @property
    def judgement(self) -> Judgement | None:
        """What the gate says; None without one, and for the reference."""
        return None if self.accuracy is None else self.accuracy.judgement

    @property
    def verdict(self) -> GateVerdict | None:
        """The verdict of :attr:`judgement`."""
        return None if self.judgement is None else self.judgement.verdict

    @property
    def quality(self) -> float | None:
        """What artifacts are ranked by: :attr:`top1`, or the agreement where photos have no classes."""
        if self.accuracy is None or self.accuracy.top1 is not None:
            return self.top1
        return self.accuracy.agreement

    @property
    def fastest(self) -> BenchCase | None:
        """The fastest case in :attr:`speeds`; of equally fast ones that with the fewest threads."""
        if not self.speeds:
            return None
        limit = min(case.classify.p50_ms for case in self.speeds) * (1 + NOISE)
        return min(
            (case for case in self.speeds if case.classify.p50_ms <= limit),
            key=lambda case: (case.threads, case.classify.p50_ms),
        )

    @property
    def p50_ms(self) -> float | None:
        """Median time from frame to label of :attr:`fastest`; None if it was not measured."""
        return None if self.fastest is None else self.fastest.classify.p50_ms


def join_records(comparison: Comparison | None, bench: BenchRun | None) -> tuple[Measured, ...]:
    """Return one entry per artifact and backend, in the order of the records."""
    accuracies = {(c.artifact, c.backend): c for c in (comparison.cases if comparison else ())}
    timed: dict[Key, list[BenchCase]] = {}
    for case in bench.cases if bench else ():
        timed.setdefault((case.artifact, case.backend), []).append(case)
    return tuple(
        _measured(accuracies.get(key), timed.get(key, []))
        for key in dict.fromkeys([*accuracies, *timed])
    )


def _measured(accuracy: ComparisonCase | None, timed: Sequence[BenchCase]) -> Measured:
    cases: list[ComparisonCase | BenchCase] = [*([accuracy] if accuracy else []), *timed]
    return Measured(
        artifact=cases[0].artifact,
        sha256=frozenset(case.sha256 for case in cases),
        format=cases[0].format,
        recipe=cases[0].recipe,
        backend=cases[0].backend,
        size_bytes=cases[0].size_bytes,
        accuracy=accuracy,
        speeds=tuple(case for case in timed if not case.error and not case.void),
        failures=tuple(case for case in timed if case.error),
        voids=tuple(case for case in timed if case.void and not case.error),
    )


def worse_and_slower(measured: Sequence[Measured]) -> Mapping[Key, Measured]:
    """Return, for each entry that is less accurate and slower than another, the fastest such other."""
    found: dict[Key, Measured] = {}
    for entry in measured:
        better = [other for other in measured if _is_better_and_faster(other, entry)]
        if better:
            found[entry.key] = min(better, key=lambda m: (m.p50_ms or 0.0, -(m.quality or 0.0)))
    return found


def _is_better_and_faster(one: Measured, other: Measured) -> bool:
    if one.quality is None or other.quality is None or one.p50_ms is None or other.p50_ms is None:
        return False
    return one.quality > other.quality and one.p50_ms * (1 + NOISE) < other.p50_ms


def slower_than_float(measured: Sequence[Measured]) -> Mapping[Key, float]:
    """Return, for each entry slower than the float32 file of its format on its runtime, the ratio of times."""
    floats = {(m.format, m.backend): m.p50_ms for m in measured if m.recipe == "float32"}
    found: dict[Key, float] = {}
    for entry in measured:
        whole = floats.get((entry.format, entry.backend))
        if whole and entry.p50_ms is not None and entry.p50_ms > whole * (1 + NOISE):
            found[entry.key] = entry.p50_ms / whole
    return found


def float_size(entry: Measured, measured: Sequence[Measured]) -> int | None:
    """Return the size in bytes of the float32 file of the same format, or of any; None without one."""
    floats = [other for other in measured if other.recipe == "float32"]
    same = [other for other in floats if other.format == entry.format]
    return next((other.size_bytes for other in (*same, *floats)), None)


def short_names(measured: Sequence[Measured]) -> Mapping[Key, str]:
    """Return a name for plots and narrow tables: recipe and format where that tells all apart."""
    artifacts = {entry.artifact: f"{entry.recipe} {entry.format}" for entry in measured}
    is_plain = all(entry.recipe for entry in measured)
    is_plain = is_plain and len(set(artifacts.values())) == len(artifacts)
    backends = Counter(entry.artifact for entry in measured)
    names = {}
    for entry in measured:
        name = artifacts[entry.artifact] if is_plain else clip_text(entry.artifact, 26)
        names[entry.key] = f"{name} on {entry.backend}" if backends[entry.artifact] > 1 else name
    return names
