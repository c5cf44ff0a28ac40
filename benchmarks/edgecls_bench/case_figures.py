"""From what processes measured to the figures of a case."""

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import replace
from itertools import chain
from statistics import median
from typing import TypeVar

from edgecls_bench.cases import spec_of
from edgecls_bench.latency import Measured
from edgecls_bench.measurement import NOTHING, BenchCase, ColdStart, Latency, Samples
from edgecls_bench.measuring import Found
from edgecls_bench.rounds import ColdTimes
from edgecls_bench.schedule import Subject
from edgecls_bench.statistics import latency_of

__all__ = ["case_of"]

ItemT = TypeVar("ItemT")


def case_of(subject: Subject, found: Found, *, cores: Sequence[int]) -> BenchCase:
    """Sum up one case.

    Args:
        subject: What was measured.
        found: What its processes gave.
        cores: What they were held to.
    """
    case = _without_figures(subject)
    if found.error:
        return replace(case, error=found.error)
    rounds, cold_starts = _in_order(found.rounds), _in_order(found.cold_starts)
    samples = _samples([measured for measured, _ in rounds])
    cold = _cold_start([times for times, _ in cold_starts])

    def latency(durations_ns: Sequence[int]) -> Latency:
        return latency_of(durations_ns, rounds=samples.rounds)

    return replace(
        case,
        warmup=sum(measured.warmup for measured, _ in rounds),
        runs=len(samples.classify_ns),
        classify=latency(samples.classify_ns),
        invoke=latency(samples.invoke_ns),
        preprocess=latency(samples.preprocess_ns),
        inference=latency(samples.inference_ns),
        postprocess=latency(samples.postprocess_ns),
        cold_start_ms=cold.total_ms,
        cold=cold,
        peak_memory_bytes=max(times.peak_bytes for times, _ in cold_starts),
        steady_memory_bytes=int(median(times.resident_bytes for times, _ in cold_starts)),
        samples=samples,
        is_settled=all(measured.is_settled for measured, _ in rounds),
        pinned_to=tuple(cores),
        readings=tuple(chain.from_iterable(watched.readings for _, watched in rounds)),
        void=_void(found),
    )


def _without_figures(subject: Subject) -> BenchCase:
    artifact = subject.case.artifact
    return BenchCase(
        artifact=artifact.path.name,
        sha256=artifact.sha256,
        format=artifact.format,
        recipe=spec_of(artifact).provenance.recipe,
        backend=subject.case.backend,
        threads=subject.probe.threads,
        size_bytes=len(artifact.data),
        warmup=0,
        runs=0,
        classify=NOTHING,
        invoke=NOTHING,
        cold_start_ms=0.0,
        peak_memory_bytes=0,
    )


def _samples(rounds: Sequence[Measured]) -> Samples:
    def joined(durations: Callable[[Measured], Iterable[int]]) -> tuple[int, ...]:
        return tuple(chain.from_iterable(map(durations, rounds)))

    return Samples(
        invoke_ns=joined(lambda one: one.invoke_ns),
        preprocess_ns=joined(lambda one: one.preprocess_ns),
        inference_ns=joined(lambda one: one.inference_ns),
        postprocess_ns=joined(lambda one: one.postprocess_ns),
        classify_ns=joined(lambda one: one.classify_ns),
        rounds=tuple(len(one.classify_ns) for one in rounds),
    )


def _cold_start(starts: Sequence[ColdTimes]) -> ColdStart:
    return ColdStart(
        total_ms=median(start.total_ms for start in starts),
        python_ms=median(start.python_ms for start in starts),
        import_ms=median(start.import_ms for start in starts),
        load_ms=median(start.load_ms for start in starts),
        first_inference_ms=median(start.first_inference_ms for start in starts),
        totals_ms=tuple(start.total_ms for start in starts),
    )


def _void(found: Found) -> str:
    """Return the first round's disturbance, else that of the cold starts if it reaches their median."""
    rounds = [watched.disturbance for _, watched in _in_order(found.rounds)]
    starts = [watched.disturbance for _, watched in _in_order(found.cold_starts)]
    disturbed_starts = [reason for reason in starts if reason]
    if 2 * len(disturbed_starts) < len(starts):
        disturbed_starts = []
    return next(filter(None, [*rounds, *disturbed_starts]), "")


def _in_order(by_number: Mapping[int, ItemT]) -> list[ItemT]:
    return [by_number[number] for number in sorted(by_number)]
