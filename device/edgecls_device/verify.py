"""Run a model's golden samples on this very machine."""

from dataclasses import dataclass
from typing import ClassVar

import numpy as np

from edgecls_device.classifier import Classifier
from edgecls_device.errors import SpecError
from edgecls_device.golden import golden_inputs

__all__ = ["Verification", "verify"]


@dataclass(frozen=True, kw_only=True, slots=True)
class Verification:
    """How far this machine is from the one that made the model.

    Attributes:
        samples: Number of golden samples.
        worst_error: Largest difference of a score.
        tolerance: Largest difference allowed.
        same_best: How many samples have the same best class.
        is_passed: Whether every score is within the tolerance.
        backend: The runtime.
        artifact: What was verified.
    """

    kind: ClassVar[str] = "edgecls.verification"
    version: ClassVar[int] = 1

    samples: int
    worst_error: float
    tolerance: float
    same_best: int
    is_passed: bool
    backend: str
    artifact: str


def verify(classifier: Classifier, *, name: str = "") -> Verification:
    """Compare the model's output with the golden scores in its spec.

    Args:
        classifier: The model on the backend to verify.
        name: What to call the model in the result.

    Raises:
        SpecError: If the model has no golden samples.
    """
    golden = classifier.spec.golden
    if not golden.scores:
        message = "Expected golden samples in the model's spec, got none."
        raise SpecError(message, hint="export the model with edgecls; other models carry none")
    size = classifier.spec.preprocessing
    inputs = golden_inputs(golden.seed, size.height, size.width, count=len(golden.scores))
    wanted = np.array(golden.scores, np.float32)
    got = np.stack([classifier.raw_scores(batch[np.newaxis]) for batch in inputs])
    worst_error = float(np.abs(got - wanted).max())
    return Verification(
        samples=len(inputs),
        worst_error=worst_error,
        tolerance=golden.tolerance,
        same_best=int((got.argmax(axis=1) == wanted.argmax(axis=1)).sum()),
        is_passed=worst_error <= golden.tolerance,
        backend=classifier.backend.name,
        artifact=name or classifier.spec.name,
    )
