"""What to run on a machine: file, backend and threads, chosen from what was measured.

Cases that failed, that something disturbed, or whose file is another one by now are never chosen. Of the
others those count that keep the budget, and of these the fastest wins; where several are within :data:`NOISE`
of it, the one with the fewest threads, then the smallest file. Without a budget for accuracy a file has to keep
up with the best of those that are fast enough.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

from edgecls_device.errors import BenchmarkError, BudgetError, VoidBenchmarkError

from edgecls_bench.budgets import Budget, Miss, accuracy_of, misses, why_unknown
from edgecls_bench.comparison import Comparison, ComparisonCase
from edgecls_bench.gate import judge
from edgecls_bench.measurement import BenchCase, BenchRun
from edgecls_bench.pick import Pick, Rejected

__all__ = ["ALLOWED_DISAGREEMENT", "ALLOWED_LOSS", "NOISE", "pick"]

NOISE = 0.05
"""Medians that differ by less than this share count as equally fast: repeated runs differ by as much."""

ALLOWED_LOSS = 0.005
"""How much accuracy, as a share, may be lost against the best where no limit was given; one photo always."""

ALLOWED_DISAGREEMENT = 0.03
"""On how many more photos than the best, as a share, it may answer otherwise than the reference then."""

_ROUNDING = 1e-9


@dataclass(frozen=True, kw_only=True, slots=True)
class _Candidate:
    """A case that may be chosen.

    Attributes:
        case: Its times.
        accuracy: What was compared of the very same file; None if nothing was.
        unknown: Why not.
    """

    case: BenchCase
    accuracy: ComparisonCase | None
    unknown: str

    @property
    def p50_ms(self) -> float:
        return self.case.classify.p50_ms

    @property
    def top1(self) -> float:
        """Accuracy; 0 where it is not known, which is then so of all: the photos have no classes."""
        return (self.accuracy.top1 or 0.0) if self.accuracy is not None else 0.0

    @property
    def agreement(self) -> float:
        """Share of photos with the reference's answer; 0 where there is none, which is then so of all."""
        return (self.accuracy.agreement or 0.0) if self.accuracy is not None else 0.0


def pick(
    bench: BenchRun,
    comparison: Comparison | None,
    budget: Budget,
    *,
    exported: Mapping[str, str],
    created: str,
    record: str,
) -> Pick:
    """Choose what to run.

    Args:
        bench: Times, measured on the machine that is chosen for.
        comparison: Accuracy; None if it was not measured.
        budget: What is asked.
        exported: File name -> SHA-256 of the files there are now.
        created: The time now, ISO 8601, UTC.
        record: What the benchmark's file is called.

    Raises:
        VoidBenchmarkError: If every case that finished was disturbed.
        BenchmarkError: If no case is of a file there is now.
        BudgetError: If none keeps the budget; the message names what comes nearest.
    """
    choosing = _Choosing(bench, comparison, budget, exported)
    choice = choosing.choose()
    return Pick(
        created=created,
        budget=budget.words,
        record=record,
        measured=bench.created,
        machine=f"{bench.machine.model}, {bench.machine.cores} cores",
        artifact=choice.case.artifact,
        sha256=choice.case.sha256,
        backend=choice.case.backend,
        threads=choice.case.threads,
        p50_ms=choice.p50_ms,
        reasons=choosing.reasons_for(choice),
        rejected=tuple(
            Rejected(
                artifact=case.artifact,
                backend=case.backend,
                threads=case.threads,
                reason=choosing.against[number],
            )
            for number, case in enumerate(bench.cases)
            if number in choosing.against
        ),
    )


class _Choosing:
    """One choice: candidates fall out for one reason after the other.

    Attributes:
        against: Place of a case in the benchmark -> why it was not chosen.
    """

    def __init__(
        self,
        bench: BenchRun,
        comparison: Comparison | None,
        budget: Budget,
        exported: Mapping[str, str],
    ) -> None:
        self.against: dict[int, str] = {}
        self._bench = bench
        self._comparison = comparison
        self._budget = budget
        self._exported = exported
        self._photos = comparison.photo_count if comparison is not None else 0
        self._kept: dict[int, _Candidate] = {}

    def choose(self) -> _Candidate:
        self._kept = {
            number: _Candidate(
                case=case,
                accuracy=accuracy_of(self._comparison, case),
                unknown=why_unknown(self._comparison, case),
            )
            for number, case in enumerate(self._bench.cases)
        }
        self._reject(lambda one: _unusable(one.case, self._exported))
        if not self._kept:
            raise self._nothing_usable()
        self._keep_budget()
        if self._budget.accuracy is None:
            self._keep_up_with_the_best()
        return self._fastest()

    def reasons_for(self, choice: _Candidate) -> tuple[str, ...]:
        """Say why it was chosen."""
        reasons = [self._speed_reason(choice), self._accuracy_reason(choice)]
        gate, accuracy = self._budget.accuracy, choice.accuracy
        if gate is not None and accuracy is not None and accuracy.agreement_interval is not None:
            agreeing = round((accuracy.agreement or 0.0) * self._photos)
            judgement = judge(
                gate,
                accuracy.paired,
                agreeing,
                self._photos,
                labels_without_photos=accuracy.labels_without_photos,
            )
            proven = "Proven" if judgement.verdict == "holds" else "Not proven"
            reasons.append(f"{proven} at 95 %: {_lower(judgement.reason)}")
        if not choice.case.is_settled:
            reasons.append("Its median had not settled when time was up.")
        return tuple(reasons)

    def _all(self) -> tuple[_Candidate, ...]:
        return tuple(self._kept.values())

    def _reject(self, reason_against: Callable[[_Candidate], str]) -> None:
        for number, candidate in list(self._kept.items()):
            reason = reason_against(candidate)
            if reason:
                self.against[number] = reason
                del self._kept[number]

    def _nothing_usable(self) -> BenchmarkError | VoidBenchmarkError:
        voids = [case for case in self._bench.cases if case.void and not case.error]
        if voids:
            message = (
                f"Expected an undisturbed case to choose, got none of {len(self._bench.cases)}: "
                f"{_title(voids[0])} is void: {voids[0].void}"
            )
            return VoidBenchmarkError(message, hint="measure again with: edgecls bench RUN --pick")
        reason = next(iter(self.against.values()))
        message = f"Expected a measured case of the files there are now, got none: {reason}."
        return BenchmarkError(message, hint="measure them with: edgecls bench RUN")

    def _keep_budget(self) -> None:
        missed = {
            number: misses(self._budget, one.case, one.accuracy, unknown=one.unknown)
            for number, one in self._kept.items()
        }
        if all(missed.values()):
            raise self._nothing_fits(missed)
        for number, found in missed.items():
            if found:
                self.against[number] = " and ".join(miss.reason for miss in found)
                del self._kept[number]

    def _nothing_fits(self, missed: Mapping[int, Sequence[Miss]]) -> BudgetError:
        number = min(missed, key=lambda n: (len(missed[n]), sum(miss.by for miss in missed[n])))
        reasons = " and ".join(miss.reason for miss in missed[number])
        message = (
            f"Expected a case with {self._budget.words}, got none of {len(missed)}; the nearest is "
            f"{_title(self._kept[number].case)}: {reasons}."
        )
        if self._kept[number].accuracy is None and self._budget.accuracy is not None:
            return BudgetError(message, hint="measure the accuracy with: edgecls compare RUN")
        return BudgetError(message, hint="allow more, or export smaller files: edgecls recipes")

    def _keep_up_with_the_best(self) -> None:
        """Leave out what is less accurate than need be; the best always stays."""
        if all(one.accuracy is None for one in self._all()):
            return
        self._reject(lambda one: one.unknown if one.accuracy is None else "")
        if not all(map(_failed_gate, self._all())):
            self._reject(_failed_gate)
        one_photo = 1 / max(1, self._photos)
        best = max(one.top1 for one in self._all())
        loss = max(ALLOWED_LOSS, one_photo) + _ROUNDING
        self._reject(
            lambda one: (
                f"its accuracy is {100 * (best - one.top1):.2f} points below the best"
                if best - one.top1 > loss
                else ""
            )
        )
        nearest = max(one.agreement for one in self._all())
        other = max(ALLOWED_DISAGREEMENT, one_photo) + _ROUNDING
        self._reject(
            lambda one: (
                f"it gives the reference's answer on {100 * one.agreement:.2f} % of photos, "
                f"the best on {100 * nearest:.2f} %"
                if nearest - one.agreement > other
                else ""
            )
        )

    def _fastest(self) -> _Candidate:
        fastest_ms = min(one.p50_ms for one in self._all())
        equals = [one for one in self._all() if one.p50_ms <= fastest_ms * (1 + NOISE)]
        choice = min(equals, key=_modesty)
        for number, one in self._kept.items():
            if one is not choice:
                self.against[number] = _slower(one, choice, is_equal=one in equals)
        return choice

    def _speed_reason(self, choice: _Candidate) -> str:
        keeping = self._budget.words or (
            "" if choice.accuracy is None else "an accuracy as good as the best"
        )
        of = f"Of {len(self._kept)} cases" + (f" with {keeping}" if keeping else "")
        took = f"{choice.p50_ms:.2f} ms from frame to label"
        others = [one for one in self._all() if one is not choice]
        if not others:
            with_ = f" with {keeping}" if keeping else ""
            return f"It is the only case{with_}: {took}."
        next_ms = min(one.p50_ms for one in others)
        if next_ms > choice.p50_ms * (1 + NOISE):
            return f"{of} it is the fastest: {took}, the next takes {next_ms:.2f} ms."
        return (
            f"{of} it is among the fastest, which differ by less than {100 * NOISE:g} %, and needs the fewest "
            f"threads, then the smallest file: {took}."
        )

    def _accuracy_reason(self, choice: _Candidate) -> str:
        accuracy = choice.accuracy
        if accuracy is None:
            return f"Its accuracy is not known: {choice.unknown}."
        known = []
        if accuracy.top1 is not None:
            known.append(f"It is right on {100 * accuracy.top1:.2f} % of {self._photos} photos")
        if accuracy.agreement is not None and accuracy.agreement_interval is not None:
            known.append(f"it gives the reference's answer on {100 * accuracy.agreement:.2f} %")
        sentence = ", ".join(known) or "It is what the others are held against"
        return f"{sentence[:1].upper()}{sentence[1:]}."


def _unusable(case: BenchCase, exported: Mapping[str, str]) -> str:
    if case.error:
        return f"it failed: {case.error.rstrip('.')}"
    if case.void:
        return f"void: {case.void.rstrip('.')}"
    if case.artifact not in exported:
        return "the file is not there any more"
    if exported[case.artifact] != case.sha256:
        return "it was exported again after it was measured"
    return ""


def _failed_gate(candidate: _Candidate) -> str:
    judgement = None if candidate.accuracy is None else candidate.accuracy.judgement
    if judgement is None or judgement.verdict != "fails":
        return ""
    return f"its gate fails: {_lower(judgement.reason).rstrip('.')}"


def _modesty(candidate: _Candidate) -> tuple[int, int, float, str]:
    case = candidate.case
    return case.threads, case.size_bytes, candidate.p50_ms, f"{case.artifact} {case.backend}"


def _slower(one: _Candidate, choice: _Candidate, *, is_equal: bool) -> str:
    """Say what speaks against a case that keeps the budget."""
    took = f"it takes {one.p50_ms:.2f} ms"
    if not is_equal:
        return f"{took}, {one.p50_ms / choice.p50_ms:.2f} times as long"
    if one.case.threads > choice.case.threads:
        more = "needs more threads"
    elif one.case.size_bytes > choice.case.size_bytes:
        more = "is larger"
    else:
        more = "is not faster" if one.p50_ms >= choice.p50_ms else "comes later by name"
    return f"{took}, which is no difference, and {more}"


def _title(case: BenchCase) -> str:
    threads = "1 thread" if case.threads == 1 else f"{case.threads} threads"
    return f"{case.artifact} on {case.backend} with {threads}"


def _lower(sentence: str) -> str:
    return f"{sentence[:1].lower()}{sentence[1:]}"
