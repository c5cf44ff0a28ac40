"""Whether the artifact sees other pixels than the reference does."""

import numpy as np
from edgecls_device.spec import Preprocessing
from numpy.typing import NDArray

from edgecls_bench.diagnosis.evidence import BY_REFERENCE, LAYER_FAMILIES, Evidence
from edgecls_bench.diagnosis.labels import Order
from edgecls_bench.diagnosis.preparations import PREPARATIONS, RIGHT
from edgecls_bench.diagnosis.record import Finding
from edgecls_bench.diagnosis.significance import CHANCE, binomial_tail, fits_clearly_better

__all__ = ["check_accuracy", "check_pixels", "check_spec"]

Rows = NDArray[np.float32]

TWICE_DB = 3.0
"""Half the error: what the true preparation must gain in the median layer, and an accident does not."""


def check_spec(evidence: Evidence, order: Order) -> list[Finding]:
    """Return how the specs of artifact and reference differ in what they do to photos."""
    own, other = evidence.spec, evidence.reference_spec
    parts = [
        *_differences(_rule(own.preprocessing), _rule(other.preprocessing)),
        *_differences(
            {"color": own.input.color, "mean": own.input.mean, "std": own.input.std},
            {"color": other.input.color, "mean": other.input.mean, "std": other.input.std},
        ),
    ]
    if not parts:
        return []
    wanted = evidence.reference[RIGHT]
    before, after = (
        float(_errors(evidence.own[name], wanted, order).mean()) for name in (RIGHT, BY_REFERENCE)
    )
    verdict = (
        f"fed by the reference's rule its mean score error is {after:.4f} instead of {before:.4f}"
        if after < before
        else f"its mean score error is {before:.4f}, and {after:.4f} by the reference's rule"
    )
    return [
        Finding(
            kind="spec",
            is_fault=True,
            weight=8 + (1 - after / before if 0 < after < before else 0.0),
            sentence="The spec prepares photos in another way than the reference's: "
            f"{'; '.join(parts)}; {verdict}.",
            remedy="export again from the run, whose spec.json says how it was trained: edgecls export RUN",
            evidence={"mean_score_error": before, "mean_score_error_by_reference": after},
        )
    ]


def check_pixels(evidence: Evidence, order: Order, *, is_cut: bool = False) -> list[Finding]:
    """Return the wrong preparation that explains the artifact's scores clearly better than the right one.

    Args:
        evidence: What was measured.
        order: How the artifact's outputs are read.
        is_cut: Whether the input's range cuts off pixels. That can be read in the file, and makes scores like
            those of pixels of other ranges: all white like all black, or overexposed.
    """
    own = evidence.own[RIGHT]
    null = _errors(own, evidence.reference[RIGHT], order)
    found: list[tuple[float, float, str]] = []
    for name, scores in evidence.reference.items():
        family = PREPARATIONS[name].family if name != RIGHT else ""
        if family not in LAYER_FAMILIES or (family == "range" and is_cut):
            continue
        looked = list(evidence.looked[name])
        errors = _errors(own[looked], scores, order)
        if fits_clearly_better(errors, null[looked]) and _layers_agree(evidence, name):
            found.append((float(np.median(errors)), float(np.median(null[looked])), name))
    if not found:
        return []
    error, before, name = min(found)
    sentence = (
        f"The file treats its input as the reference treats photos {PREPARATIONS[name].words}: fed so, the "
        f"reference differs from it by a median score error of {error:.4f} instead of {before:.4f}."
    )
    return [
        Finding(
            kind="pixels",
            is_fault=True,
            weight=8.5 + (1 - error / before) / 2,
            sentence=sentence,
            remedy="give the model RGB pixels 0..255 and normalize them once, inside of it: edgecls export RUN",
            evidence={"median_score_error": before, f"median_score_error_{name}": error},
        )
    ]


def check_accuracy(evidence: Evidence) -> list[Finding]:
    """Return a preparation with which the reference itself is right on clearly more photos."""
    if not evidence.class_ids or evidence.reference_spec.groups:
        return []
    true = np.asarray(evidence.class_ids)
    right = evidence.reference[RIGHT].argmax(axis=1) == true
    best: tuple[float, float, str] = (0.0, 0.0, "")
    for name, scores in evidence.reference.items():
        looked = list(evidence.looked[name])
        now, then = scores.argmax(axis=1) == true[looked], right[looked]
        gains, losses = int((now & ~then).sum()), int((then & ~now).sum())
        is_clear = gains > losses and binomial_tail(gains, gains + losses, 0.5) < CHANCE
        if is_clear and float(now.mean()) > best[0]:
            best = (float(now.mean()), float(then.mean()), name)
    if not best[2]:
        return []
    return [
        Finding(
            kind="spec",
            is_fault=True,
            weight=8.4,
            sentence=f"Already the reference is right on {100 * best[0]:.1f} % of photos "
            f"{PREPARATIONS[best[2]].words} and on {100 * best[1]:.1f} % as the spec says: the model was "
            "trained on other pixels.",
            remedy="correct preprocessing in the run's spec.json, or train again; then: edgecls export RUN",
            evidence={"accuracy": best[1], "accuracy_changed": best[0]},
        )
    ]


def _layers_agree(evidence: Evidence, name: str) -> bool:
    if not evidence.pairs:
        return True  # another format: scores are all there is
    gain = evidence.layers[name].sqnr_db - evidence.layers[RIGHT].sqnr_db
    return bool(np.median(gain) > TWICE_DB)


def _errors(own: Rows, wanted: Rows, order: Order) -> Rows:
    return np.asarray(np.abs(own[:, order.best] - wanted).max(axis=1), np.float32)


def _rule(rule: Preprocessing) -> dict[str, object]:
    return {
        "resize": rule.resize,
        "crop_fraction": rule.crop_fraction if rule.resize == "crop" else 1.0,
        "interpolation": rule.interpolation,
        "height": rule.height,
        "width": rule.width,
    }


def _differences(own: dict[str, object], other: dict[str, object]) -> list[str]:
    return [f"{key} {own[key]} instead of {other[key]}" for key in own if own[key] != other[key]]
