"""How sure a share is that was counted on a few photos, or on none."""

from edgecls_bench import metrics

__all__ = ["wilson_interval"]


def wilson_interval(successes: int, trials: int) -> tuple[float, float]:
    """Return the 95 % interval of a share, both ends 0..1; all of 0..1 without trials."""
    return metrics.wilson_interval(successes, trials) if trials else (0.0, 1.0)
