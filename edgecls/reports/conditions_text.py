"""Under which conditions and how a benchmark was made, in sentences."""

from collections.abc import Iterable, Mapping
from typing import TypeAlias

from edgecls_bench.measurement import BenchCase, BenchRun, Method
from edgecls_bench.readings import Reading
from edgecls_device.service.throttling import Throttling

from edgecls.reports.measured import Key
from edgecls.reports.number_text import count_text

__all__ = [
    "Grouped",
    "conditions_sentence",
    "method_sentence",
    "notes",
    "void_reasons",
    "void_sentence",
]

Grouped: TypeAlias = tuple[tuple[str, tuple[str, ...]], ...]
"""Sentences, each with the names of the cases of which it is true."""

_NBSP = "\N{NO-BREAK SPACE}"


def method_sentence(run: BenchRun) -> str:
    """Say how it was measured; empty in a record that does not say."""
    method = run.method
    if method is None:
        return ""
    pinned = any(case.pinned_to for case in run.cases)
    words = [
        f"{count_text(method.rounds, 'process')} for each case, one at a time",
        f"in random order (seed {method.seed})",
        *(["each held to its cores"] if pinned else []),
        f"together at least {count_text(method.least_samples, 'frame')} and {method.least_seconds:g}{_NBSP}s",
    ]
    return f"{', '.join(words)}; {_until(method)}."


def _until(method: Method) -> str:
    precision = f"{100 * method.precision:g}{_NBSP}%"
    return (
        f"each goes on until its median is known to ±{precision} at 95{_NBSP}%, or its time is up"
    )


def conditions_sentence(cases: Iterable[BenchCase]) -> str:
    """Say what the machine's sensors said meanwhile; empty where none was read."""
    readings = [reading for case in cases for reading in case.readings]
    parts = [
        *_span("temperature", [r.celsius for r in readings], f"{_NBSP}°C"),
        *_span("clock", [r.clock_mhz for r in readings], f"{_NBSP}MHz"),
        *_busy(readings),
        *_throttled(readings),
    ]
    if not parts:
        return ""
    text = ", ".join(parts)
    return f"Meanwhile: {text}."


def _span(name: str, values: list[float | None], unit: str) -> list[str]:
    known = [value for value in values if value is not None]
    if not known:
        return []
    low, high = f"{min(known):.0f}", f"{max(known):.0f}"
    return [f"{name} {low}{unit}" if low == high else f"{name} {low} to {high}{unit}"]


def _busy(readings: list[Reading]) -> list[str]:
    known = [reading.busy_cores for reading in readings if reading.busy_cores is not None]
    return [f"other programs took at most {max(known):.1f} cores"] if known else []


def _throttled(readings: list[Reading]) -> list[str]:
    flags = [reading.throttled for reading in readings if reading.throttled is not None]
    events = [r.throttle_events for r in readings if r.throttle_events is not None]
    if not flags and not events:
        return []
    is_slowed = any(Throttling(flags=number).is_slowed for number in flags)
    if is_slowed or (events and max(events) > min(events)):
        return ["it was slowed down for heat or a weak supply"]
    return ["no throttling"]


def void_sentence(run: BenchRun) -> str:
    """Say how many cases are void and what follows; empty if none is."""
    finished = [case for case in run.cases if not case.error]
    voids = [case for case in finished if case.void]
    if not voids:
        return ""
    if len(voids) < len(finished):
        count = f"{count_text(len(voids))} of {count_text(len(finished), 'case')}"
        verb = "is" if len(voids) == 1 else "are"
        return f"{count} {verb} void: shown in grey, and nothing is chosen or compared by them."
    return "Every case is void: shown in grey, and no file is chosen by these times."


def void_reasons(run: BenchRun, names: Mapping[Key, str]) -> Grouped:
    """Return each reason with the cases it holds for."""
    return _grouped(
        ((case, case.void) for case in run.cases if case.void and not case.error), names
    )


def notes(run: BenchRun, names: Mapping[Key, str]) -> Grouped:
    """Return what was wished and not measured, or disturbed, with the cases it holds for."""
    return _grouped(((case, note) for case in run.cases for note in case.notes), names)


def _grouped(said: Iterable[tuple[BenchCase, str]], names: Mapping[Key, str]) -> Grouped:
    found: dict[str, list[str]] = {}
    for case, sentence in said:
        name = f"{names[case.artifact, case.backend]}, {count_text(case.threads, 'thread')}"
        found.setdefault(sentence, []).append(name)
    return tuple((sentence, tuple(cases)) for sentence, cases in found.items())
