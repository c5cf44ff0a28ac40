"""How sure a share is that was counted on a few photos."""

import math

__all__ = ["wilson_interval"]

_Z95 = 1.959964  # two-sided 95 % of the normal distribution


def wilson_interval(successes: int, trials: int) -> tuple[float, float]:
    """Return the 95 % interval of a share, both ends 0..1; all of 0..1 without trials.

    It stays inside 0..1 and has a width also at 0 % and 100 %, where the usual one has none.
    Source: Wilson 1927, "Probable Inference, the Law of Succession, and Statistical Inference".
    """
    if trials == 0:
        return 0.0, 1.0
    share = successes / trials
    z2 = _Z95**2
    centre = (share + z2 / (2 * trials)) / (1 + z2 / trials)
    half = (
        _Z95
        / (1 + z2 / trials)
        * math.sqrt(share * (1 - share) / trials + z2 / (4 * trials * trials))
    )
    low = 0.0 if successes == 0 else max(0.0, centre - half)
    high = 1.0 if successes == trials else min(1.0, centre + half)
    return low, high
