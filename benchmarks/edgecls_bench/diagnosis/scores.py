"""Whether the scores themselves are spoilt: too sure, too flat, too coarse, or cut off."""

import numpy as np
from numpy.typing import NDArray

from edgecls_bench.diagnosis.evidence import Evidence
from edgecls_bench.diagnosis.labels import Order
from edgecls_bench.diagnosis.preparations import RIGHT
from edgecls_bench.diagnosis.record import Finding
from edgecls_bench.diagnosis.significance import fits_clearly_better
from edgecls_bench.metrics import wilson_interval

__all__ = ["check_scores", "integer_sharpness", "sharpness"]

Rows = NDArray[np.float32]

_LEAST_SCORE = 1e-30
INTEGER_LEVELS = 256
TIED = 0.05
"""Logits of 8 bits tie on a photo or two of a hundred; as many as this come of an integer softmax."""

STEEPNESSES = 2.0 ** np.arange(-5, 5.25, 0.25)
"""What is tried for scores of 8 bits: steps of a fifth, as fine as ``SHARPER`` needs."""

SHARPER = 1.5
"""Temperatures that are fitted twice to a few hundred photos differ by a tenth or two, not by half."""


def check_scores(evidence: Evidence, order: Order) -> list[Finding]:
    """Return what is wrong with the scores where the best labels are still right."""
    own, wanted = evidence.own[RIGHT][:, order.best], evidence.reference[RIGHT]
    same = int((own.argmax(axis=1) == wanted.argmax(axis=1)).sum())
    found = [*_check_ties(own, wanted)]
    if wilson_interval(same, len(own))[1] < 0.5:  # other answers: it is not the scores' height
        return found
    is_integer = _is_integer(own)
    ratio = integer_sharpness(own, wanted) if is_integer else sharpness(own, wanted)
    temperature = evidence.spec.temperature / evidence.reference_spec.temperature
    shown = ratio / temperature
    is_odd = not 1 / SHARPER <= ratio <= SHARPER
    is_shown_odd = not 1 / SHARPER**2 <= shown <= SHARPER**2
    if is_odd and _explains(own, wanted, ratio, is_integer=is_integer):
        found.append(_steepness(own, wanted, ratio))
    elif is_shown_odd and not is_odd:
        found.append(_temperature(evidence, shown))
    return found


def sharpness(own: Rows, wanted: Rows) -> float:
    """Return how much steeper the artifact's softmax is: the median ratio of log-odds, best against second."""
    order = wanted.argsort(axis=1)
    if wanted.shape[1] < 2:
        return 1.0
    rows = np.arange(len(wanted))
    first, second = order[:, -1], order[:, -2]

    def odds(scores: Rows) -> Rows:
        logs = np.log(np.maximum(scores.astype(np.float64), _LEAST_SCORE))
        return np.asarray(logs[rows, first] - logs[rows, second], np.float32)

    true = odds(wanted)
    is_clear = true >= np.median(true) / 2  # the odds of a tie are noise
    return float(np.median(odds(own)[is_clear] / np.maximum(true[is_clear], 1e-3)))


def integer_sharpness(own: Rows, wanted: Rows) -> float:
    """Return the same for scores of 8 bits: the steepness nearest to 1 of those that fit them.

    Below half a 256th every score is 0, so that log-odds end at 6, which many a good model reaches. But the
    scores that a steeper softmax would give in 8 bits are known, and photos that leave doubt tell them apart.
    """
    fits = np.array(
        [np.abs(own - _in_levels(_bent(wanted, ratio))).max(axis=1).mean() for ratio in STEEPNESSES]
    )
    alike = STEEPNESSES[fits <= fits.min() + 0.5 / INTEGER_LEVELS]  # which 8 bits cannot tell apart
    return float(min(alike, key=lambda ratio: abs(np.log(ratio))))


def _bent(wanted: Rows, ratio: float) -> Rows:
    """Return the scores of a softmax that many times as steep."""
    logs = np.log(np.maximum(wanted.astype(np.float64), _LEAST_SCORE)) * ratio
    bent = np.exp(logs - logs.max(axis=1, keepdims=True))
    return np.asarray(bent / bent.sum(axis=1, keepdims=True), np.float32)


def _in_levels(scores: Rows) -> Rows:
    levels = np.minimum(np.rint(scores * INTEGER_LEVELS), INTEGER_LEVELS - 1)
    return np.asarray(levels / INTEGER_LEVELS, np.float32)


def _explains(own: Rows, wanted: Rows, ratio: float, *, is_integer: bool) -> bool:
    if ratio <= 0:
        return False
    others = [wanted, _bent(wanted, ratio)]
    if is_integer:
        others = [_in_levels(other) for other in others]
    before, after = (np.asarray(np.abs(own - other).max(axis=1), np.float32) for other in others)
    return fits_clearly_better(after, before) or bool(
        ratio > SHARPER and _saturated(own) > max(2 * _saturated(wanted), 0.5)
    )


def _saturated(scores: Rows) -> float:
    return float((scores.max(axis=1) >= 1 - 1e-6).mean())


def _steepness(own: Rows, wanted: Rows, ratio: float) -> Finding:
    sure, was_sure = _saturated(own), _saturated(wanted)
    word = "saturated" if ratio > 1 else "flattened"
    sentence = (
        f"The scores are {word}: their log-odds are {ratio:.3g} times the reference's; {100 * sure:.0f} % of "
        f"photos get a score of 1 ({100 * was_sure:.0f} % in the reference), mean confidence is "
        f"{own.max(axis=1).mean():.3f} instead of {wanted.max(axis=1).mean():.3f}. Labels are right, but "
        "thresholds on such scores fail."
    )
    return Finding(
        kind="scores",
        is_fault=True,
        weight=6.5 if ratio > 1 else 5.0,  # ranges that cut values off flatten too, and go first
        sentence=sentence,
        remedy="keep logits and softmax as they were trained, the softmax in float: edgecls export RUN",
        evidence={"sharpness": ratio, "saturated": sure, "reference_saturated": was_sure},
    )


def _temperature(evidence: Evidence, shown: float) -> Finding:
    own, other = evidence.spec.temperature, evidence.reference_spec.temperature
    return Finding(
        kind="scores",
        is_fault=True,
        weight=6.2,
        sentence=f"The spec's temperature {own:.3g} (reference {other:.3g}) makes the shown scores "
        f"{shown:.3g} times as steep, which the model's own output does not call for.",
        remedy="refit the temperature on validation photos: edgecls export RUN",
        evidence={"temperature": own, "reference_temperature": other, "sharpness": shown},
    )


def _check_ties(own: Rows, wanted: Rows) -> list[Finding]:
    """Return whether scores are so coarse that labels tie for the first place."""
    levels, true_levels = len(np.unique(own)), len(np.unique(wanted))
    tied, true_tied = (_ties(scores) for scores in (own, wanted))
    is_fault = wilson_interval(tied, len(own))[0] > TIED and tied > 2 * true_tied
    if not is_fault and not _is_coarse(own, wanted):
        return []
    sentence = (
        f"The scores know {levels} values ({true_levels} in the reference), and {tied} of {len(own)} photos "
        f"have no single best label: the softmax is {'saturated or ' if is_fault else ''}computed in 8 bits."
    )
    return [
        Finding(
            kind="scores",
            is_fault=is_fault,
            weight=3.5
            if is_fault
            else 0.5,  # logits that were cut off tie too: what cut them goes first
            sentence=sentence,
            remedy="keep the softmax in float, as the recipe int8 does: edgecls export RUN --recipe int8",
            evidence={"levels": levels, "tied_photos": tied},
        )
    ]


def _is_integer(own: Rows) -> bool:
    """Whether scores are those of TFLite's integer softmax: multiples of 1/256 below 1."""
    levels = own * INTEGER_LEVELS
    return bool(own.max() < 1 and np.abs(levels - np.rint(levels)).max() < 1e-3)


def _is_coarse(own: Rows, wanted: Rows) -> bool:
    levels = len(np.unique(own))
    return levels <= INTEGER_LEVELS and len(np.unique(wanted)) > 2 * levels


def _ties(scores: Rows) -> int:
    if scores.shape[1] < 2:
        return 0
    ranked = np.sort(scores, axis=1)
    return int((ranked[:, -1] == ranked[:, -2]).sum())
