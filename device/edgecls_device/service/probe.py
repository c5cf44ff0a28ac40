"""A look at the model before it is left alone for months: its golden samples, run once.

Two of three ``.tflite`` files with one flipped bit still load, run, and give other scores. Nothing in the file
format tells; the scores that the model gave where it was exported do.
"""

import time
from dataclasses import dataclass

import numpy as np

from edgecls_device.classifier import Classifier
from edgecls_device.errors import ArtifactError
from edgecls_device.golden import golden_inputs
from edgecls_device.verify import verify

__all__ = ["Probe", "probe"]

WRONG = 0.05  # a score is off by more than runtimes differ
WRONG_TOLERANCES = 4
SURE = 0.99


@dataclass(frozen=True, kw_only=True, slots=True)
class Probe:
    """A model that may be left alone.

    Attributes:
        samples: How many pictures it was given.
        note: What is worth knowing, a sentence for people; empty if nothing is.
        took_ms: What it cost.
    """

    samples: int
    note: str
    took_ms: float


def probe(classifier: Classifier, *, name: str) -> Probe:
    """Run a model's golden samples, or generated pictures if it has none.

    Args:
        classifier: The model on its runtime.
        name: What to call it.

    Raises:
        ArtifactError: If its scores are no numbers, the same for every picture, or not those it had when it was
            exported.
    """
    start = time.perf_counter()
    if classifier.spec.golden.scores:
        samples, note = _golden(classifier, name)
    else:
        samples, note = _generated(classifier), ""
    return Probe(samples=samples, note=note, took_ms=(time.perf_counter() - start) * 1e3)


def _golden(classifier: Classifier, name: str) -> tuple[int, str]:
    found = verify(classifier, name=name)
    off = f"{found.worst_error:.3f} off (allowed {found.tolerance:.3f})"
    if found.worst_error > max(WRONG, WRONG_TOLERANCES * found.tolerance):
        message = f"Expected the scores that {name!r} gave when it was exported, got others: {off}."
        hint = (
            "the file is damaged, or this runtime computes it wrongly: copy it again, try --backend"
        )
        raise ArtifactError(message, hint=hint)
    if found.is_passed:
        return found.samples, ""
    return found.samples, f"{name} gives slightly other scores on this machine: {off}."


def _generated(classifier: Classifier) -> int:
    """Run a model that was made elsewhere: it must give numbers, and look at what it is given."""
    size = classifier.spec.preprocessing
    pictures = golden_inputs(0, size.height, size.width)
    rows = np.stack([classifier.classify(picture).scores for picture in pictures])
    is_sure = float(rows.max()) >= SURE  # in 8 bits a sure model may well say the same of all four
    if not is_sure and (rows == rows[0]).all():
        message = (
            "Expected scores that depend on the picture, got the same for four different ones."
        )
        raise ArtifactError(message, hint="the file is damaged, or its input is described wrongly")
    return len(pictures)
