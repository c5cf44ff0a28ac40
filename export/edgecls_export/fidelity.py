"""How near an exported model comes to Keras, and how near it must come to be called done."""

from collections.abc import Mapping
from dataclasses import dataclass
from types import MappingProxyType

import numpy as np
from edgecls_device.classifier import Classifier
from edgecls_device.errors import ExportError
from numpy.typing import NDArray

from edgecls_export.exported import Images

__all__ = ["LIMITS", "Fidelity", "Limits", "check_limits", "golden_tolerance", "measure", "run_all"]

CLEAR_LEAD = 0.2
"""Keras is sure where its best score leads by this much; other disagreements are ties that rounding decides."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Limits:
    """How far scores may be from those of Keras.

    Attributes:
        worst: For any score of any input.
        mean: For the mean over inputs of each one's largest difference.
        flipped: Share of photos whose best class differs though Keras is sure of its own.
        tolerance: How far golden scores may be off on another machine, for float logits.
    """

    worst: float
    mean: float
    flipped: float
    tolerance: float


LIMITS: Mapping[str, Limits] = MappingProxyType(
    {
        # The same arithmetic in another order: 1e-6 is usual, and 3e-7 between x86 and ARM.
        "float32": Limits(worst=1e-4, mean=1e-5, flipped=0.0, tolerance=1e-3),
        # Weights rounded to 11 bits; ARM may also compute in float16.
        "float16": Limits(worst=0.05, mean=0.005, flipped=0.0, tolerance=1e-2),
        # Single scores move far on a steep softmax. A mean of 0.1 or 5 % flipped is a broken scale, a wrong
        # normalization or an operator that does not bear 8 bits: per-tensor weights gave 0.15 and 7 %.
        # Dynamic models and those of 16-bit activations are held to it too, as their weights have 8 bits.
        "int8": Limits(worst=1.0, mean=0.1, flipped=0.05, tolerance=1e-3),
    }
)


@dataclass(frozen=True, kw_only=True, slots=True)
class Fidelity:
    """Differences from Keras over some inputs.

    Attributes:
        inputs: Number of inputs.
        agreement: Share with the same best class, 0..1.
        flipped: Number with another best class though Keras is sure of its own.
        worst_error: Largest difference of a score.
        mean_error: Mean over inputs of each one's largest difference.
    """

    inputs: int
    agreement: float
    flipped: int
    worst_error: float
    mean_error: float


def run_all(classifier: Classifier, images: Images) -> NDArray[np.float32]:
    """Return the model's own scores, shape ``(count, num_classes)``, float32."""
    rows = [classifier.raw_scores(image[np.newaxis]) for image in images]
    return np.array(rows, np.float32).reshape(len(images), len(classifier.spec.labels))


def measure(got: NDArray[np.float32], keras: NDArray[np.float32]) -> Fidelity:
    """Compare scores with those of Keras; both of shape ``(count, num_classes)``, ``count >= 1``."""
    errors = np.abs(got - keras).max(axis=1)
    differs = got.argmax(axis=1) != keras.argmax(axis=1)
    ranked = np.sort(keras, axis=1)
    lead = ranked[:, -1] - ranked[:, -2] if keras.shape[1] > 1 else ranked[:, -1]
    return Fidelity(
        inputs=len(got),
        agreement=1.0 - float(differs.mean()),
        flipped=int((differs & (lead > CLEAR_LEAD)).sum()),
        worst_error=float(errors.max()),
        mean_error=float(errors.mean()),
    )


def check_limits(found: Fidelity, precision: str, *, inputs: str) -> None:
    """Refuse a model that is too far from Keras.

    Args:
        found: What was measured.
        precision: ``float32``, ``float16`` or ``int8``; decides the limits.
        inputs: What the inputs were, for the message.

    Raises:
        ExportError: If a limit is passed; the message names it.
    """
    limits = LIMITS[precision]
    allowed = int(limits.flipped * found.inputs)
    reasons = [
        f"{name} {got:.3g} (at most {most:.3g})"
        for name, got, most in (
            ("a largest score error of", found.worst_error, limits.worst),
            ("a mean score error of", found.mean_error, limits.mean),
            ("a number of clearly different answers of", found.flipped, allowed),
        )
        if not got <= most
    ]
    if reasons:
        got = " and ".join(reasons)
        message = f"Expected the {precision} model to score as Keras does, got {got} on {inputs}."
        remedy = "use --recipe float16 or float32, more photos with --calibration 300, or another backbone"
        hint = (
            remedy
            if precision == "int8"
            else "this is a fault of the converter; see the log beside the run"
        )
        raise ExportError(message, hint=hint)


def golden_tolerance(precision: str, logit_step: float, at_least: float = 0.0) -> float:
    """Return how far a golden score may be off on another machine.

    LiteRT and ONNX Runtime agree between x86 and ARM within 2 steps of a quantized logit. A probability is
    the logistic function of its logit minus the log-sum-exp of the others; if both move by ``d`` in opposite
    ways, it changes by ``tanh(d / 2)`` at most. With ``d = 2 * step`` that is ``tanh(step)``.
    """
    return max(LIMITS[precision].tolerance, float(np.tanh(logit_step)), at_least)
