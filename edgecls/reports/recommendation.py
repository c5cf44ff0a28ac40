"""Which artifact to put on a device, and why: a pure function of what was measured."""

from collections.abc import Sequence
from dataclasses import dataclass

from edgecls_bench.measurement import BenchCase

from edgecls.reports.measured import NOISE, Measured, float_size
from edgecls.reports.number_text import (
    count_text,
    megabytes_text,
    milliseconds_text,
    percent_text,
    points_text,
    ratio_text,
    score_text,
)

__all__ = ["AGREEMENT_FLOOR", "ALLOWED_LOSS", "Recommendation", "recommend"]

ALLOWED_LOSS = 0.005
"""How much top-1 (0..1) an artifact may lose against the best one; one photo is always allowed."""

AGREEMENT_FLOOR = 0.97
"""Below it a file no longer does what the float model does, however good its accuracy looks.

Measured on 1000 classes: sound int8 files agree on 98 %, broken ones on 85 to 88 %; on two easy classes
both keep 99 % accuracy.
"""


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

    It keeps it if it loses at most :data:`ALLOWED_LOSS` (or one photo) against the best and agrees with
    float32 on :data:`AGREEMENT_FLOOR` of the photos (or all but one). Of equally fast ones it is the most
    accurate, then the smallest. Without a benchmark it is the smallest file that keeps the accuracy.

    Args:
        measured: What was measured.
        photos: Number of photos that were compared.
        photos_are: What to call them.
        machine: What the latencies were measured on.

    Returns:
        None if nothing was measured.
    """
    usable = [entry for entry in measured if entry.speeds or not entry.failures]
    compared = [entry for entry in usable if entry.top1 is not None]
    kept = [entry for entry in compared if not _reason_against(entry, compared, photos)]
    candidates = kept or compared or usable
    if not candidates:
        return None
    timed = [entry for entry in candidates if entry.speeds]
    choice = _fastest(timed) if timed else min(candidates, key=_by_size)
    reasons = [
        _speed_reason(choice, timed) if timed else _size_reason(candidates),
        *_cost_reasons(choice, measured, compared, photos),
        *_reasons_against_faster(choice, compared, photos),
    ]
    return Recommendation(
        choice=choice,
        speed=choice.fastest,
        sentence=_sentence(choice, photos, photos_are, machine),
        reasons=tuple(reasons),
    )


def _by_size(entry: Measured) -> tuple[int, int, str]:
    return entry.size_bytes, entry.fastest.threads if entry.fastest else 0, entry.artifact


def _fastest(timed: Sequence[Measured]) -> Measured:
    limit = min(entry.p50_ms or 0.0 for entry in timed) * (1 + NOISE)
    return min(
        (entry for entry in timed if (entry.p50_ms or 0.0) <= limit),
        key=lambda entry: (-(entry.top1 or 0.0), *_by_size(entry)),
    )


def _reason_against(entry: Measured, compared: Sequence[Measured], photos: int) -> str:
    """Say why an entry does not keep the accuracy, or nothing."""
    one_photo = 1 / photos if photos else 0.0
    loss = max(other.top1 or 0.0 for other in compared) - (entry.top1 or 0.0)
    if loss > max(ALLOWED_LOSS, one_photo) + 1e-9:
        return f"its accuracy is {points_text(loss)} below the best"
    agreement = entry.accuracy.agreement if entry.accuracy else None
    if agreement is not None and 1 - agreement > max(1 - AGREEMENT_FLOOR, one_photo) + 1e-9:
        return f"it gives another answer than the reference on {percent_text(1 - agreement)} of the photos"
    return ""


def _speed_reason(choice: Measured, timed: Sequence[Measured]) -> str:
    own = choice.p50_ms or 0.0
    others = [entry for entry in timed if entry is not choice]
    keeping = _keeping(timed)
    if not others:
        return f"It is the only one{keeping} that was timed."
    equals = [entry for entry in others if (entry.p50_ms or 0.0) <= own * (1 + NOISE)]
    if not equals:
        next_ms = min(entry.p50_ms or 0.0 for entry in others)
        return (
            f"It is the fastest{keeping}: {milliseconds_text(own)} a frame, "
            f"the next takes {milliseconds_text(next_ms)}."
        )
    fastest = f"Of the fastest{keeping.replace('keeps', 'keep')}, which differ by less than 5 %,"
    if all((entry.top1 or 0.0) < (choice.top1 or 0.0) for entry in equals):
        return f"{fastest} it is the most accurate."
    return f"{fastest} none is more accurate, and it is the smallest."


def _size_reason(candidates: Sequence[Measured]) -> str:
    which = "only one" if len(candidates) == 1 else "smallest file"
    return f"It is the {which}{_keeping(candidates)}; no latency was measured yet."


def _keeping(candidates: Sequence[Measured]) -> str:
    is_compared = all(entry.accuracy is not None for entry in candidates)
    return " that keeps the accuracy" if is_compared else ""


def _cost_reasons(
    choice: Measured, measured: Sequence[Measured], compared: Sequence[Measured], photos: int
) -> list[str]:
    reasons = []
    whole = float_size(choice, measured)
    if whole and whole != choice.size_bytes:
        reasons.append(
            f"Its file is {ratio_text(choice.size_bytes / whole)} of the float32 file's size."
        )
    if choice.accuracy is None:
        return [*reasons, "Its accuracy was not measured yet."]
    loss = max(entry.top1 or 0.0 for entry in compared) - (choice.accuracy.top1 or 0.0)
    if len(compared) > 1:
        reasons.append(
            f"Its accuracy is {points_text(loss)} below the best ({count_text(round(loss * photos), 'photo')})."
            if round(loss * photos)
            else "No other has a better accuracy."
        )
    agreement, worst = choice.accuracy.agreement, choice.accuracy.worst_score_error
    if agreement is not None and choice.recipe != "float32":
        reasons.append(
            f"It gives float32's answer on {percent_text(agreement)} of the photos; "
            f"scores differ by {score_text(worst)} at most."
        )
    return reasons


def _reasons_against_faster(
    choice: Measured, compared: Sequence[Measured], photos: int
) -> list[str]:
    """Say why the ones that are faster, or else smaller, were not chosen."""
    reasons = []
    for entry in compared:
        against = _reason_against(entry, compared, photos)
        if choice.p50_ms is not None and entry.p50_ms is not None:
            tempting = entry.p50_ms < choice.p50_ms
        else:
            tempting = entry.size_bytes < choice.size_bytes
        if tempting and against and entry is not choice:
            reasons.append(f"Not {entry.artifact} on {entry.backend}: {against}.")
    return reasons


def _sentence(choice: Measured, photos: int, photos_are: str, machine: str) -> str:
    parts = []
    if choice.accuracy is not None:
        right = round((choice.accuracy.top1 or 0.0) * photos)
        share = percent_text(choice.accuracy.top1, photos=photos)
        parts.append(f"{share} right ({count_text(right)} of {count_text(photos)} {photos_are})")
    parts.append(megabytes_text(choice.size_bytes))
    if choice.fastest is not None:
        where = f" on {machine}" if machine else ""
        threads = count_text(choice.fastest.threads, "thread")
        parts.append(
            f"{milliseconds_text(choice.p50_ms)} from frame to label with {threads} of {choice.backend}{where}"
        )
    return f"Use {choice.artifact}: {', '.join(parts)}."
