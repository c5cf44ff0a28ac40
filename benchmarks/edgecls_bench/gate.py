"""The gate: does an artifact keep enough of its reference, proven on these photos?

``holds`` and ``fails`` are claims, so each has to be proven at 95 %: the whole interval lies on one side of
the limit. Score intervals are a little short on the side that proves a failure where few photos differ
(one disagreeing photo of 58 would prove less than 99.7 %, and would be wrong one time in six), so ``fails`` is
only said if it would also be said with one lost photo fewer. Both claims are then wrong in about one case of
forty per limit.

``holds`` is a claim about all labels: where there is no photo of some, nothing is known of these, and there are
too few photos to tell. A failure on the others stays one.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass

from edgecls_device.errors import OptionError

from edgecls_bench.comparison import Gate, GateVerdict, Judgement, PairedDifference, worst_verdict
from edgecls_bench.metrics import wilson_interval
from edgecls_bench.paired import tango_interval

__all__ = ["MOST_PHOTOS", "check_gate", "judge"]

MOST_PHOTOS = 10_000_000
"""Where the search for the number of photos ends."""


def check_gate(gate: Gate) -> None:
    """Refuse limits that are no shares, and a gate without any.

    Raises:
        OptionError: If a limit is not in 0..1, or there is none.
    """
    limits = {"max_drop": gate.max_drop, "min_agreement": gate.min_agreement}
    given = {name: limit for name, limit in limits.items() if limit is not None}
    if not given:
        message = "Expected a limit for the drop or for the agreement, got neither."
        raise OptionError(message, hint="give max_drop, min_agreement or both")
    for name, limit in given.items():
        if not 0 <= limit <= 1:
            message = f"Expected {name} as a share in 0..1, got {limit:g}."
            raise OptionError(message, hint="0.5 points are 0.005, 99 per cent are 0.99")


def judge(
    gate: Gate,
    paired: PairedDifference | None,
    agreeing: int,
    photos: int,
    *,
    labels_without_photos: int = 0,
) -> Judgement:
    """Return what a gate says of one artifact.

    Args:
        gate: The limits.
        paired: Accuracy against the reference; only needed where the gate limits the drop.
        agreeing: Photos with the same best label as the reference.
        photos: All photos.
        labels_without_photos: Labels that none of the photos is of; 0 where nobody knows.

    Raises:
        OptionError: If the gate has no limit, or one that is no share.
        ValueError: If the drop is limited and ``paired`` is None, or more photos agree than there are.
    """
    check_gate(gate)
    criteria = _criteria(gate, paired, agreeing, photos)
    verdict = worst_verdict([criterion.verdict(photos) for criterion in criteria])
    clauses = [c.clause(photos) for c in criteria if c.verdict(photos) == verdict]
    said = " and ".join(clauses)
    unseen = _unseen(labels_without_photos)
    if verdict == "holds" and unseen:
        return Judgement(verdict="too few photos", reason=f"It {said}, but {unseen}.")
    if verdict != "too few photos":
        return Judgement(verdict=verdict, reason=f"It {said}.")
    needed = _photos_needed(criteria, photos)
    more = (
        "no number of photos in reach would decide: what was seen lies at the limit"
        if needed is None
        else f"{needed} photos would decide if they went as these {photos} did"
    )
    also = f"; and {unseen}" if unseen else ""
    return Judgement(verdict=verdict, reason=f"It {said}; {more}{also}.", photos_needed=needed)


@dataclass(frozen=True, kw_only=True, slots=True)
class _Criterion:
    """One limit and what was seen, for the photos there were or for another number that go the same way.

    Attributes:
        limit: What the loss must not exceed: a share of the photos.
        interval: Photos, and lost photos fewer than seen, to the interval of the loss.
        text: Ends of the interval and verdict to a clause without subject.
    """

    limit: float
    interval: Callable[[int, int], tuple[float, float]]
    text: Callable[[float, float, GateVerdict], str]

    def verdict(self, photos: int) -> GateVerdict:
        if self.interval(photos, 0)[1] <= self.limit:
            return "holds"
        return "fails" if self.interval(photos, 1)[0] > self.limit else "too few photos"

    def clause(self, photos: int) -> str:
        verdict = self.verdict(photos)
        low, high = self.interval(photos, 0)
        hangs = verdict == "too few photos" and low > self.limit
        return self.text(low, high, verdict) + (", which hangs on one photo" if hangs else "")


def _unseen(labels: int) -> str:
    if not labels:
        return ""
    return f"there is no photo of {labels} label{'' if labels == 1 else 's'}"


def _criteria(
    gate: Gate, paired: PairedDifference | None, agreeing: int, seen: int
) -> list[_Criterion]:
    found = []
    if gate.max_drop is not None:
        if paired is None:
            message = "Expected a paired difference for a gate that limits the drop, got None."
            raise ValueError(message)
        found.append(_drop_criterion(gate.max_drop, paired, seen))
    if gate.min_agreement is not None:
        found.append(_agreement_criterion(gate.min_agreement, agreeing, seen))
    return found


def _drop_criterion(limit: float, paired: PairedDifference, seen: int) -> _Criterion:
    def interval(photos: int, fewer: int) -> tuple[float, float]:
        losses = max(0.0, paired.losses * photos / seen - fewer)
        return tango_interval(losses, paired.gains * photos / seen, photos)

    def text(low: float, high: float, verdict: GateVerdict) -> str:
        between = {
            "holds": f"at most {100 * high:.2f}",
            "fails": f"at least {100 * low:.2f}",
            "too few photos": f"{100 * low:.2f} to {100 * high:.2f}",
        }
        return f"loses {between[verdict]} points of accuracy (limit {100 * limit:.2f})"

    return _Criterion(limit=limit, interval=interval, text=text)


def _agreement_criterion(limit: float, agreeing: int, seen: int) -> _Criterion:
    def interval(photos: int, fewer: int) -> tuple[float, float]:
        disagreeing = max(0.0, (seen - agreeing) * photos / seen - fewer)
        return wilson_interval(disagreeing, photos)

    def text(low: float, high: float, verdict: GateVerdict) -> str:
        between = {
            "holds": f"at least {100 * (1 - high):.2f}",
            "fails": f"at most {100 * (1 - low):.2f}",
            "too few photos": f"{100 * (1 - high):.2f} to {100 * (1 - low):.2f}",
        }
        return f"agrees on {between[verdict]} % of photos (limit {100 * limit:.2f} %)"

    return _Criterion(limit=1 - limit, interval=interval, text=text)


def _photos_needed(criteria: Sequence[_Criterion], seen: int) -> int | None:
    """Return the least number of photos that decides at the rates that were seen, to be found by halving."""

    def decides(photos: int) -> bool:
        return worst_verdict([c.verdict(photos) for c in criteria]) != "too few photos"

    many = seen
    while not decides(many):
        if many >= MOST_PHOTOS:
            return None
        few, many = many, min(2 * many, MOST_PHOTOS)
    while many - few > 1:
        middle = (few + many) // 2
        few, many = (few, middle) if decides(middle) else (middle, many)
    return many
