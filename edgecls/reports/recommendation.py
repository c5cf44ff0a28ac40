"""Which artifact to put on a device: a pure function of what was measured."""

from collections.abc import Sequence
from dataclasses import dataclass

from edgecls_bench.measurement import BenchCase

from edgecls.reports.measured import NOISE, Measured
from edgecls.reports.number_text import (
    count_text,
    megabytes_text,
    milliseconds_text,
    percent_text,
)
from edgecls.reports.reasons import (
    cost_reasons,
    reason_against,
    reasons_against_faster,
    reasons_against_void,
    why_this,
)

__all__ = ["Recommendation", "recommend"]


@dataclass(frozen=True, kw_only=True, slots=True)
class Recommendation:
    """The artifact to use.

    Attributes:
        choice: The artifact and its backend.
        speed: The benchmark case it is recommended for; None if it was not measured.
        sentence: Accuracy, size and latency in one sentence.
        reasons: Why this one, one sentence each.
    """

    choice: Measured
    speed: BenchCase | None
    sentence: str
    reasons: tuple[str, ...]


def recommend(
    measured: Sequence[Measured], *, photos: int, photos_are: str = "test photos", machine: str = ""
) -> Recommendation | None:
    """Choose the fastest artifact that keeps the accuracy.

    Where a gate was asked for, it keeps it if the gate holds; one whose gate fails is never chosen, and one
    that too few photos decide only where none holds. Without a gate, it loses at most
    :data:`~edgecls.reports.reasons.ALLOWED_LOSS` (or one photo) against the best and agrees with float32 on
    :data:`~edgecls.reports.reasons.AGREEMENT_FLOOR` of the photos (or all but one). Agreement takes accuracy's
    place on photos without classes. Of equally fast ones it is the most accurate, then the smallest. Without a
    benchmark, or with one that is void throughout, it is the smallest file that keeps the accuracy.

    Args:
        measured: What was measured.
        photos: Number of photos that were compared.
        photos_are: What to call them.
        machine: What the latencies were measured on.

    Returns:
        None if nothing was measured, or nothing that may be chosen.
    """
    usable = [entry for entry in measured if entry.speeds or entry.voids or not entry.failures]
    compared = [entry for entry in usable if entry.quality is not None]
    candidates = _candidates(usable, compared, photos)
    if not candidates:
        return None
    timed = [entry for entry in candidates if entry.speeds]
    choice = _fastest(timed) if timed else min(candidates, key=_by_size)
    reasons = [
        why_this(choice, timed, candidates, compared),
        *cost_reasons(choice, measured, compared, photos),
        *reasons_against_faster(choice, compared, photos),
        *reasons_against_void(candidates if timed else ()),
    ]
    return Recommendation(
        choice=choice,
        speed=choice.fastest,
        sentence=_sentence(
            choice, photos, photos_are, machine, is_provisional=_is_provisional(choice, compared)
        ),
        reasons=tuple(reasons),
    )


def _candidates(
    usable: Sequence[Measured], compared: Sequence[Measured], photos: int
) -> Sequence[Measured]:
    kept = [entry for entry in compared if not reason_against(entry, compared, photos)]
    if any(entry.judgement is not None for entry in compared):
        return kept or [entry for entry in compared if entry.verdict != "fails"]
    return kept or compared or usable


def _by_size(entry: Measured) -> tuple[int, int, str]:
    return entry.size_bytes, entry.fastest.threads if entry.fastest else 0, entry.artifact


def _fastest(timed: Sequence[Measured]) -> Measured:
    limit = min(entry.p50_ms or 0.0 for entry in timed) * (1 + NOISE)
    return min(
        (entry for entry in timed if (entry.p50_ms or 0.0) <= limit),
        key=lambda entry: (-(entry.quality or 0.0), *_by_size(entry)),
    )


def _is_provisional(choice: Measured, compared: Sequence[Measured]) -> bool:
    """Say whether only a lack of photos stands between another artifact and the choice."""
    smaller = [entry for entry in compared if entry.size_bytes < choice.size_bytes]
    return choice.judgement is None and any(e.verdict == "too few photos" for e in smaller)


def _sentence(
    choice: Measured, photos: int, photos_are: str, machine: str, *, is_provisional: bool
) -> str:
    parts = []
    if choice.top1 is not None:
        right = count_text(round(choice.top1 * photos))
        share = percent_text(choice.top1, photos=photos)
        parts.append(f"{share} right ({right} of {count_text(photos)} {photos_are})")
    elif choice.quality is not None:
        share = percent_text(choice.quality, photos=photos)
        parts.append(f"the reference's answer on {share} of {count_text(photos)} {photos_are}")
    parts.append(megabytes_text(choice.size_bytes))
    if choice.fastest is not None:
        where = f" on {machine}" if machine else ""
        threads = count_text(choice.fastest.threads, "thread")
        parts.append(
            f"{milliseconds_text(choice.p50_ms)} from frame to label with {threads} of {choice.backend}{where}"
        )
    use = "Until more photos prove a smaller one, use" if is_provisional else "Use"
    return f"{use} {choice.artifact}: {', '.join(parts)}."
