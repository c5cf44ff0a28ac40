"""Would other photos have calibrated as well? Two halves of them are tried, and held against each other.

Both halves are drawn alike, so a recipe that does not mind which photos it gets makes of them two files that
are equally near to Keras. Two things speak against it:

- One half agrees with Keras on more photos than the other, by more than chance. The photos are the same, so
  only those count on which exactly one half agrees; their number has a binomial distribution (exact McNemar).
- Both are equally near, but go wrong on different photos: they disagree with each other on clearly more photos
  than either does with Keras. The files differ a little on ties even where nothing is wrong, so this counts
  from 2 points on.

What differs between both are value ranges, which a single photo can decide. Biases are corrected with all
photos in both: they are means, and correcting them anew for each half would double the time of an export.

Each claim is made at 1 %, since a healthy export should not be told twice a week that it is not. Half as many
photos calibrate a little worse than all of them, so that a stable verdict is on the safe side.
"""

from dataclasses import dataclass
from typing import Any

import numpy as np
from edgecls_bench.paired import mcnemar_p
from edgecls_device.arrays import Scores
from edgecls_export.bias_correction import corrected
from edgecls_export.exported import CalibrationStability
from edgecls_export.exporting import try_out
from numpy.typing import NDArray

from edgecls.exports.photo_files import halves
from edgecls.exports.session import ExportSession, Key

__all__ = ["MIN_CHECK", "MIN_PER_HALF", "Spread", "check_stability", "spread"]

MIN_PER_HALF = 5
"""With fewer photos in a half it says nothing about all of them."""

MIN_CHECK = 30
"""With fewer photos to check on, no difference would be more than chance."""

LEVEL = 0.01
CLEAR_EXCESS = 0.02


@dataclass(frozen=True, kw_only=True, slots=True)
class Spread:
    """How far two files are from Keras and from each other.

    Attributes:
        agreements: Share of photos with the same best class as Keras, for each, 0..1.
        mutual_agreement: Share with the same best class in both.
        mean_difference: Mean over photos of the largest score difference between both.
        is_stable: Whether that is what chance would do.
    """

    agreements: tuple[float, float]
    mutual_agreement: float
    mean_difference: float
    is_stable: bool


def spread(keras: Scores, first: Scores, second: Scores) -> Spread:
    """Compare the scores of two files with those of Keras; all of shape ``(photos, classes)``, float32."""
    best = [scores.argmax(axis=1) for scores in (keras, first, second)]
    agrees = (best[1] == best[0], best[2] == best[0])
    same = best[1] == best[2]
    only_first, only_second = (int((agrees[i] & ~agrees[1 - i]).sum()) for i in (0, 1))
    is_even = mcnemar_p(only_first, only_second) >= LEVEL
    worse = agrees[0] if agrees[0].sum() <= agrees[1].sum() else agrees[1]
    return Spread(
        agreements=(float(agrees[0].mean()), float(agrees[1].mean())),
        mutual_agreement=float(same.mean()),
        mean_difference=float(np.abs(first - second).max(axis=1).mean()),
        is_stable=is_even and not _is_clearly_rarer(same, worse),
    )


def _is_clearly_rarer(rarer: NDArray[Any], other: NDArray[Any]) -> bool:
    """Whether the first is true on fewer photos than the second: by 2 points, and by more than chance."""
    gone, come = int((other & ~rarer).sum()), int((rarer & ~other).sum())
    excess = (gone - come) / len(rarer)
    return excess >= CLEAR_EXCESS and mcnemar_p(gone, come) < LEVEL


def check_stability(session: ExportSession, key: Key) -> CalibrationStability | None:
    """Calibrate one recipe on two disjoint halves of the photos and compare what comes of it.

    Returns:
        What was found; None where there are too few photos to tell.

    Raises:
        ExportError: If the model cannot be converted with half of the photos.
    """
    pictures, photos = session.pictures, session.pictures.check.images
    parts = halves(pictures.calibration)
    too_few = min(map(len, parts)) < MIN_PER_HALF or len(photos) < MIN_CHECK
    if too_few or pictures.is_generated:
        return None
    images = pictures.calibration.images
    fitted = corrected(session.frozen, images, pairwise=key[0] == "onnx")  # one is there already
    first, second = (
        try_out(
            fitted,
            session.spec,
            format=key[0],
            recipe=key[1],
            photos=photos,
            log=session.log,
            calibration=part,
        )
        for part in parts
    )
    found = spread(session.frozen.keras_scores(photos), first, second)
    return CalibrationStability(
        format=key[0],
        recipe=key[1],
        photos_per_half=len(parts[1]),
        check_photos=len(photos),
        agreements=found.agreements,
        mutual_agreement=found.mutual_agreement,
        mean_difference=found.mean_difference,
        is_stable=found.is_stable,
    )
