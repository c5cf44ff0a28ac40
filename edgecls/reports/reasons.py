"""Why one artifact is recommended and others are not, in sentences."""

from collections.abc import Sequence

from edgecls_bench.picking import ALLOWED_LOSS

from edgecls.reports.measured import NOISE, Measured, float_size
from edgecls.reports.number_text import (
    count_text,
    milliseconds_text,
    percent_text,
    points_text,
    ratio_text,
    score_text,
)

__all__ = [
    "AGREEMENT_FLOOR",
    "ALLOWED_LOSS",
    "cost_reasons",
    "reason_against",
    "reasons_against_faster",
    "reasons_against_void",
    "why_this",
]

AGREEMENT_FLOOR = 0.97
"""Below it a file no longer does what the float model does, however good its accuracy looks.

Measured on 1000 classes: sound int8 files agree on 98 %, broken ones on 85 to 88 %; on two easy classes
both keep 99 % accuracy.
"""

MAX_REASONS_AGAINST = 4


def reason_against(entry: Measured, compared: Sequence[Measured], photos: int) -> str:
    """Say why an entry does not keep the accuracy, or nothing.

    Where a gate was asked for, it alone decides: who asks for it says what matters.
    """
    if any(other.judgement is not None for other in compared):
        return _gate_against(entry)
    one_photo = 1 / photos if photos else 0.0
    if entry.top1 is not None:
        loss = max(other.top1 or 0.0 for other in compared) - entry.top1
        if loss > max(ALLOWED_LOSS, one_photo) + 1e-9:
            return f"its accuracy is {points_text(loss)} below the best"
    agreement = entry.accuracy.agreement if entry.accuracy else None
    if agreement is not None and 1 - agreement > max(1 - AGREEMENT_FLOOR, one_photo) + 1e-9:
        return f"it gives another answer than the reference on {percent_text(1 - agreement)} of the photos"
    return ""


def _gate_against(entry: Measured) -> str:
    judgement = entry.judgement
    if judgement is None or judgement.verdict == "holds":
        return ""
    if judgement.verdict == "fails":
        return f"its gate fails: {judgement.reason[:1].lower()}{judgement.reason[1:].rstrip('.')}"
    return "there are too few photos to tell whether its gate holds"


def why_this(
    choice: Measured,
    timed: Sequence[Measured],
    candidates: Sequence[Measured],
    compared: Sequence[Measured],
) -> str:
    """Say why ``choice`` is the best candidate: by time if any was timed, else by size."""
    is_gated = any(entry.judgement is not None for entry in compared)
    if is_gated and all(entry.judgement is None for entry in candidates):
        return (
            "It is what the others are held against, and none of them is proven to hold the gate."
        )
    if not timed:
        which = "only one" if len(candidates) == 1 else "smallest file"
        is_void = any(entry.voids for entry in candidates)
        latency = "every latency is void" if is_void else "no latency was measured yet"
        return f"It is the {which}{_keeping(candidates)}; {latency}."
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
    keep = keeping.replace("keeps", "keep").replace("holds", "hold")
    best = "most accurate" if choice.top1 is not None else "nearest to the reference"
    if all((entry.quality or 0.0) < (choice.quality or 0.0) for entry in equals):
        return f"Of the fastest{keep}, which differ by less than 5 %, it is the {best}."
    better = "more accurate" if choice.top1 is not None else "nearer to the reference"
    return f"Of the fastest{keep}, which differ by less than 5 %, none is {better}, and it is the smallest."


def _keeping(candidates: Sequence[Measured]) -> str:
    if any(entry.verdict == "too few photos" for entry in candidates):
        return " that does not fail the gate"
    if any(entry.judgement is not None for entry in candidates):
        return " that holds the gate"
    if all(entry.top1 is not None for entry in candidates):
        return " that keeps the accuracy"
    if all(entry.quality is not None for entry in candidates):
        return " that keeps the reference's answers"
    return ""


def cost_reasons(
    choice: Measured, measured: Sequence[Measured], compared: Sequence[Measured], photos: int
) -> list[str]:
    """Say what ``choice`` costs in size, accuracy and answers."""
    reasons = []
    whole = float_size(choice, measured)
    if whole and whole != choice.size_bytes:
        reasons.append(
            f"Its file is {ratio_text(choice.size_bytes / whole)} of the float32 file's size."
        )
    if choice.accuracy is None:
        return [*reasons, "Its accuracy was not measured yet."]
    if choice.top1 is None:
        reasons.append("The photos have no classes, so its accuracy is not known.")
    elif len(compared) > 1:
        loss = max(entry.top1 or 0.0 for entry in compared) - choice.top1
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


def reasons_against_faster(
    choice: Measured, compared: Sequence[Measured], photos: int
) -> list[str]:
    """Say why the ones that are faster, or else smaller, were not chosen; a few of them."""
    reasons, undecided = [], []
    for entry in compared:
        against = reason_against(entry, compared, photos)
        if choice.p50_ms is not None and entry.p50_ms is not None:
            tempting = entry.p50_ms < choice.p50_ms
        else:
            tempting = entry.size_bytes < choice.size_bytes
        if not tempting or not against or entry is choice:
            continue
        if entry.verdict == "too few photos":
            undecided.append(entry)
        else:
            reasons.append(f"Not {entry.artifact} on {entry.backend}, since {against}.")
    more = len(reasons) - MAX_REASONS_AGAINST
    if more > 1:
        reasons[MAX_REASONS_AGAINST:] = [f"Nor {more} others, for reasons of the same kind."]
    return [*reasons, *_undecided(undecided)]


def reasons_against_void(candidates: Sequence[Measured]) -> list[str]:
    """Say which of the others could not be chosen because nothing is known of their speed but what is void."""
    names = [
        f"{entry.artifact} on {entry.backend}"
        for entry in candidates
        if entry.voids and not entry.speeds
    ]
    if not names:
        return []
    return [f"Not considered, since every time measured of them is void: {', '.join(names)}."]


def _undecided(entries: Sequence[Measured]) -> list[str]:
    """Say of all that too few photos were compared for at once why they were not chosen."""
    if not entries:
        return []
    names = [f"{entry.artifact} on {entry.backend}" for entry in entries[:MAX_REASONS_AGAINST]]
    if len(entries) > len(names):
        names.append(f"{len(entries) - len(names)} others")
    listed = f"{', '.join(names[:-1])} or {names[-1]}" if len(names) > 1 else names[0]
    whether = "whether it holds" if len(entries) == 1 else "whether they hold"
    needed = [e.judgement.photos_needed for e in entries if e.judgement is not None]
    known = [photos for photos in needed if photos is not None]
    decide = f"; {count_text(max(known), 'photo')} would tell" if len(known) == len(needed) else ""
    return [f"Not {listed}, since the photos are too few to tell {whether} the gate{decide}."]
