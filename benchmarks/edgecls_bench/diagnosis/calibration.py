"""Which photos the quantization ranges were taken from, and whether they hold what the photos here need."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from edgecls_bench.diagnosis.evidence import Evidence
from edgecls_bench.diagnosis.network import Activation
from edgecls_bench.diagnosis.preparations import PREPARATIONS, RIGHT
from edgecls_bench.diagnosis.record import CalibrationFit, Finding
from edgecls_bench.diagnosis.significance import CHANCE, binomial_tail
from edgecls_bench.diagnosis.witnesses import (
    End,
    Groups,
    Pool,
    Witnesses,
    ends_of,
    find_witnesses,
    range_groups,
    without_constant,
)
from edgecls_bench.metrics import Z_95

__all__ = ["Calibration", "check_calibration", "read_calibration"]

CLIPS_ON_PURPOSE = ("percentile", "entropy", "qat")
"""Recipes that cut off rare values, or learn where to: there a photo beyond the range means nothing."""

FEW_PHOTOS = 10
"""Fewer distinct calibration photos leave a tenth of all photos beyond each range: of ``n + 1`` photos the new
one has the largest value once in ``n + 1``."""

BETTER_FIT = 0.67
"""A wrong preparation must come a third nearer to the ranges. Chance moves the distance by about a tenth."""

LEAST_ENDS = 12
"""Ends of ranges that a fit without proof needs: on fewer some preparation fits by chance."""

FAR = 2.0
"""Standard deviations beyond the most extreme of some hundred photos: no sample of the same kind gets there."""

APART = 1.2
"""Standard deviations from the photos that an export calibrates on. Other photos of the same kind, some tens of
them, have extremes within about half of one."""

LEAST_SPREAD = 0.02
"""Of a range: what correcting biases moves."""

MOST_BY_FEW = 0.85
"""Half of all photos lie beyond one end of a single photo's range, three quarters beyond one of its two; photos
that are plainer than most leave some more."""

NORMALIZED = 4.0
"""Pixels that end below this were normalized: ImageNet's white is 2.6 deviations above its mean."""

_SMALLEST = 1e-3


@dataclass(frozen=True, kw_only=True, slots=True, eq=False)
class Calibration:
    """What the ranges say.

    Attributes:
        fits: How well each preparation fits, best first.
        witnesses: Ends of ranges that are those of photos at hand, by preparation.
        beyond: Share of ranges that a photo exceeds, by photo, right preparation; empty without ranges.
        ends: Number of ends of ranges that the fits are made of.
        excess: How far each end lies beyond all right photos, in standard deviations of a photo's logarithm.
        gaps: The same from the calibration photos, prepared rightly, either way; empty without any.
        possible: Wrong preparations whose pixels the range of the input allows.
    """

    fits: tuple[CalibrationFit, ...]
    witnesses: dict[str, Witnesses]
    beyond: NDArray[np.float64]
    ends: int
    excess: NDArray[np.float64]
    gaps: NDArray[np.float64]
    possible: tuple[str, ...] = ()

    def is_proven(self, name: str) -> bool:
        """Whether so many ends are those of photos prepared so that it is no chance.

        How often an end fits by chance is taken from the preparations of other kinds; those of the same kind
        give pixels that are nearly the same. The best of the others is left out: it may be near as well.
        On more photos more pairs fit by chance, so what is looked at on more than another needs most ends.
        """
        kind = _kind(name)
        others = sorted(
            (found for key, found in self.witnesses.items() if _kind(key) != kind),
            key=lambda found: found.found,
        )[:-1]
        trials = sum(found.ends for found in others)
        chance = (sum(found.found for found in others) + 0.5) / (trials + 1)
        mine = self.witnesses[name]
        least = min((found.photos for found in others), default=mine.photos)
        if mine.photos > least and 2 * mine.found <= mine.ends:
            return False
        return mine.ends > 0 and binomial_tail(mine.found, mine.ends, chance) < CHANCE


def _kind(name: str) -> str:
    family = PREPARATIONS[name].family if name != RIGHT else "resize"
    return "values" if family in {"range", "dark", "blank"} else family


def read_calibration(evidence: Evidence) -> Calibration:
    """Hold the ranges in the file against those of the reference on the photos, prepared in each way."""
    groups = range_groups(evidence.pairs, evidence.informative)
    if not groups:
        return Calibration(
            fits=(), witnesses={}, beyond=np.zeros(0), ends=0, excess=np.zeros(0), gaps=np.zeros(0)
        )
    pools = {name: _pool(evidence, name) for name in evidence.ranges}
    counted = without_constant(ends_of(groups), pools)
    excess = np.array([_excess(end, pools[RIGHT].all) for end in counted])
    known = pools[RIGHT].calibration
    gaps = np.abs([_excess(end, known) for end in counted]) if len(known) else np.zeros(0)
    witnesses = {name: find_witnesses(counted, pool) for name, pool in pools.items()}
    fits = [
        CalibrationFit(
            preparation=name,
            distance=_distance(groups, rows),
            witnessed=witnesses[name].found / len(counted) if counted else None,
        )
        for name, rows in evidence.ranges.items()
    ]
    rows = evidence.ranges[RIGHT]
    beyond = np.mean([_beyond(entry, members, rows) for entry, members in groups], axis=0)
    return Calibration(
        fits=tuple(sorted(fits, key=lambda fit: fit.distance)),
        witnesses=witnesses,
        beyond=beyond,
        ends=sum((entry.low < -entry.step) + (entry.high > entry.step) for entry, _ in groups),
        excess=excess,
        gaps=gaps,
        possible=tuple(name for name in pools if name != RIGHT and _is_possible(evidence, name)),
    )


def check_calibration(evidence: Evidence, calibration: Calibration) -> list[Finding]:
    """Return what is wrong with the photos that the file was calibrated on, if anything is."""
    if not calibration.fits:
        return []
    proven = _proven_pixels(calibration) or _proven_copies(calibration)
    if proven is not None:
        return [proven]
    if any(word in evidence.spec.provenance.recipe for word in CLIPS_ON_PURPOSE):
        return []
    beyond = calibration.beyond
    least = float(beyond.mean()) - Z_95 * float(beyond.std()) / np.sqrt(len(beyond))
    if least > 1 / (FEW_PHOTOS + 1):
        return [_likely_pixels(calibration) or _narrow(float(beyond.mean()), least)]
    return _wide(calibration)


def _proven_pixels(calibration: Calibration) -> Finding | None:
    """Return the wrong preparation in which photos at hand have the ranges, and not by chance.

    That is proven first; then it has to be told from the right one, which has some of the same extremes.
    """
    right = calibration.witnesses[RIGHT]
    others = {name: calibration.witnesses[name] for name in calibration.possible}
    name = max(others, key=lambda key: (others[key].found, PREPARATIONS[key].fits_uint8))
    is_told = others[name].found >= 2 * right.found or others[name].leads(right)
    if not calibration.is_proven(name) or not is_told:
        return None
    count = f"{others[name].found} of {right.ends}"
    how = f"{count} ends of ranges are those of photos at hand prepared so, {right.found} of right ones"
    return _pixel_finding(calibration, name, how)


def _proven_copies(calibration: Calibration) -> Finding | None:
    """Return whether one photo alone has most of the ranges."""
    found = calibration.witnesses[RIGHT]
    if not calibration.is_proven(RIGHT) or 2 * found.single <= found.ends:
        return None
    words = f"{found.single} of {found.ends} ends of ranges are exactly those of one photo"
    return _photo_finding("calibration photos", words, float(calibration.beyond.mean()))


def _likely_pixels(calibration: Calibration) -> Finding | None:
    """Return the wrong preparation that ranges fit far better, where they do not fit the photos anyway."""
    best = next(f for f in calibration.fits if f.preparation in {RIGHT, *calibration.possible})
    null = next(fit for fit in calibration.fits if fit.preparation == RIGHT)
    is_better = best.preparation != RIGHT and best.distance < BETTER_FIT * null.distance
    if not is_better or calibration.ends < LEAST_ENDS:
        return None
    how = (
        f"the ranges differ from theirs by {_percent(best.distance)}, from those of right photos by "
        f"{_percent(null.distance)}"
    )
    return _pixel_finding(calibration, best.preparation, how)


def _wide(calibration: Calibration) -> list[Finding]:
    """Return what gives such wide ranges, where they lie far beyond those of all right photos."""
    excess, gaps = calibration.excess, calibration.gaps
    far = float(np.median(excess)) if len(excess) else 0.0
    apart = float(np.median(gaps)) if len(gaps) else 0.0
    if far <= FAR and apart <= APART:
        return []
    others = {name: calibration.witnesses[name] for name in calibration.possible}
    name = max(others, key=lambda key: (others[key].found, PREPARATIONS[key].fits_uint8))
    found, right = others[name].found, calibration.witnesses[RIGHT].found
    if 2 * found > len(excess) and found > right:
        how = (
            f"{found} of {len(excess)} ends of ranges are those of photos prepared so, and they lie "
            f"{max(far, apart):.1f} standard deviations from those of right photos"
        )
        return [_pixel_finding(calibration, name, how)]
    if far <= FAR:
        return []
    return [
        Finding(
            kind="calibration range",
            is_fault=False,
            weight=0.7,
            sentence=f"The ranges lie {far:.1f} standard deviations beyond all photos here: part of the 8 "
            "bits is never used.",
            remedy="calibrate on photos like those of the camera: edgecls export RUN --calibration 100",
            evidence={"excess": far},
        )
    ]


def _narrow(share: float, least: float) -> Finding:
    if least > MOST_BY_FEW:
        words = (
            f"a photo exceeds {_percent(share)} of the ranges, more than calibrating on a single such photo "
            "would give"
        )
        return _photo_finding("calibration range", words, share)
    count = max(1, round(1 / share - 1))
    plural = "s" if count > 1 else ""
    words = f"a photo exceeds {_percent(share)} of the ranges, as after {count} calibration photo{plural}"
    return _photo_finding("calibration photos", words, share)


def _pixel_finding(calibration: Calibration, name: str, how: str) -> Finding:
    witnesses = calibration.witnesses
    alike = [key for key in witnesses if witnesses[key].found == witnesses[name].found > 0]
    words = [PREPARATIONS[key].words for key in dict.fromkeys([name, *alike]) if key != RIGHT]
    distances = {fit.preparation: fit.distance for fit in calibration.fits}
    return Finding(
        kind="calibration pixels",
        is_fault=True,
        weight=5.5,
        sentence=f"The file was calibrated on photos {' or '.join(words[:3])}: {how}.",
        remedy="calibrate on photos that are prepared as on the device: edgecls export RUN --recipe int8",
        evidence={
            "distance": distances[name],
            "distance_right": distances[RIGHT],
            "beyond": float(calibration.beyond.mean()),
        },
    )


def _photo_finding(kind: str, words: str, share: float) -> Finding:
    is_range = kind == "calibration range"
    cause = (
        "The ranges are too narrow for these photos"
        if is_range
        else "The file was calibrated on too few, too similar or other photos than these"
    )
    return Finding(
        kind="calibration range" if is_range else "calibration photos",
        is_fault=True,
        weight=5.2,
        sentence=f"{cause}: {words}.",
        remedy="calibrate on about 100 different photos like those of the camera: edgecls export RUN "
        "--calibration 100",
        evidence={"beyond": share},
    )


def _is_possible(evidence: Evidence, name: str) -> bool:
    """Whether a minimum and maximum of such pixels can have left the range of the input.

    An input of 0..100 has not seen pixels of -1..1, nor of 0..32000.
    """
    if evidence.input_range is None or PREPARATIONS[name].fits_uint8:
        return True
    return not NORMALIZED < evidence.input_range[1] < 2 * 255


def _pool(evidence: Evidence, name: str) -> Pool:
    rows = evidence.ranges[name]
    calibration = evidence.calibration_ranges.get(name, rows[:0])
    training = evidence.training_ranges.get(name, rows[:0])
    return Pool(all=np.concatenate([rows, calibration, training]), calibration=calibration)


def _distance(groups: Groups, rows: NDArray[np.float32]) -> float:
    """Return how far the ranges are from those of photos, as a mean difference of logarithms, each at most 1.

    How many photos there were, and whether the calibrator cut off rare values, is not known. So the ends may
    lie any one number of standard deviations beyond those of a typical photo, the same for all.
    """
    ends, means, deviations = [], [], []
    for entry, members in groups:
        for end, seen in (
            (-entry.low, -rows[:, members, 0].min(axis=1)),
            (entry.high, rows[:, members, 1].max(axis=1)),
        ):
            if end <= entry.step:  # a side on which there is nothing
                continue
            logs = np.log(np.maximum(seen.astype(np.float64), _SMALLEST * end))
            ends.append(np.log(end))
            means.append(logs.mean())
            deviations.append(logs.std())
    gap = np.array(ends) - np.array(means)
    return min(
        float(np.minimum(np.abs(gap - beyond * np.array(deviations)), 1.0).mean())
        for beyond in np.arange(-2.0, 5.0, 0.25)
    )


def _excess(end: End, rows: NDArray[np.float32]) -> float:
    members = list(end.members)
    wanted = end.entry.high if end.is_high else -end.entry.low
    seen = rows[:, members, 1].max(axis=1) if end.is_high else -rows[:, members, 0].min(axis=1)
    logs = np.log(np.maximum(seen.astype(np.float64), _SMALLEST * wanted))
    return float((np.log(wanted) - logs.max()) / max(float(logs.std()), LEAST_SPREAD))


def _beyond(
    entry: Activation, members: list[int], rows: NDArray[np.float32]
) -> NDArray[np.float64]:
    low, high = rows[:, members, 0].min(axis=1), rows[:, members, 1].max(axis=1)
    outside = (low < entry.low - entry.step) | (high > entry.high + entry.step)
    return np.asarray(outside, np.float64)


def _percent(share: float) -> str:
    return f"{100 * share:.0f} %"
