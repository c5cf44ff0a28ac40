"""Whether the first quantization of an artifact holds the pixels of photos, and why if it does not."""

from dataclasses import dataclass

import numpy as np

from edgecls_bench.diagnosis.calibration import NORMALIZED, Calibration
from edgecls_bench.diagnosis.evidence import Evidence
from edgecls_bench.diagnosis.preparations import RIGHT
from edgecls_bench.diagnosis.record import Finding

__all__ = ["check_input_range", "is_cut"]

CUT = 0.01
"""Share of pixel values beyond the range. Cameras cut off as much themselves where highlights are burnt out."""

COARSE = 1.25
"""Grey levels in one step: 2 dB of precision. Below it the range is merely not the usual one."""


def is_cut(evidence: Evidence) -> bool:
    """Whether the input cuts off so many pixels that the scores are those of other photos."""
    return evidence.input_range is not None and bool(np.mean(evidence.cut or (0.0,)) > CUT)


def check_input_range(evidence: Evidence, calibration: Calibration) -> list[Finding]:
    """Return whether the first quantization of pixels holds other values than 0..255."""
    found = evidence.input_range
    if found is None or evidence.spec.input.mean:
        return []
    low, high = found
    # A grey level is what rounding may move; 16 bits are symmetric and also hold what is below 0.
    if low <= 1 and abs(high - 255) <= 1:
        return []
    cut, step = float(np.mean(evidence.cut or (0.0,))), (high - low) / 255
    is_narrow = high < 254 or low > 1
    if is_narrow:
        effect = f"{100 * cut:.1f} % of the photos' pixel values are cut off"
    else:
        effect = f"{step:.2f} grey levels fall into one step"
    reason = _reason(evidence, calibration)
    return [
        Finding(
            kind="input range",
            is_fault=cut > CUT if is_narrow else step > COARSE,
            weight=reason.weight,
            sentence=f"The input is quantized for pixels {low:.4g}..{high:.4g} instead of 0..255, so that "
            f"{effect}: {reason.words}.",
            remedy="calibrate on photos as the device prepares them, pixels 0..255: edgecls export RUN",
            evidence={"low": low, "high": high, "cut": cut, "grey_levels_per_step": step},
        )
    ]


@dataclass(frozen=True, kw_only=True, slots=True)
class _Reason:
    words: str
    weight: float


def _reason(evidence: Evidence, calibration: Calibration) -> _Reason:
    """Return why the range is what it is.

    The input alone cannot tell pixels of another range from right photos that are all darker. The other
    ranges can, where the photos they are of are at hand; else it matters whether any photo is so dark.
    """
    low, high = evidence.input_range or (0.0, 255.0)
    if calibration.fits and calibration.is_proven(
        RIGHT
    ):  # then the photos are to blame, not their pixels
        return _Reason(words="no photo that it was calibrated on has others", weight=5.1)
    if high <= NORMALIZED:
        words = (
            "it was calibrated on pixels of another range, normalized before the model's own normalization "
            "(normalized twice)"
        )
        return _Reason(words=words, weight=8.2)
    words = "it was calibrated on pixels of another range"
    dark = sum(least >= low - 1 and most <= high + 1 for least, most in evidence.pixel_ends)
    if high < 254 and dark:
        words += (
            f", or on too few or too similar photos, all without brighter pixels, as {dark} of "
            f"{evidence.photos} are here"
        )
    return _Reason(words=words, weight=8.2)
