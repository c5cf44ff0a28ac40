"""Percentiles of durations, and how far they can be trusted: bootstrap intervals that count rounds, too.

A case is measured in several processes, its rounds. Samples of one process are more alike than those of two, so
resampling happens in two stages: first whole rounds, then samples within each. What differs from process to
process, such as where its memory lies, is in the interval then.

Source: Efron 1979, "Bootstrap methods: another look at the jackknife"; Kalibera and Jones 2013, "Rigorous
benchmarking in reasonable time", for the two stages.
"""

from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from edgecls_bench.measurement import Latency

__all__ = ["SEED", "bootstrap_ratio_of_medians", "is_settled", "latency_of"]

SEED = 0
"""Fixed, so that the same samples give the same interval."""

RESAMPLES = 1000
INTERVAL_PERCENT = (2.5, 97.5)
PERCENTILES = (50.0, 90.0, 99.0)
NS_PER_MS = 1e6

LARGEST = 2000
"""Of more samples evenly spaced quantiles are resampled: the interval is then wider than need be, not narrower.
It has to fit into 16 bits."""

_AT_ONCE = 100  # resamples: as many as a processor's cache holds
_Z_95 = 1.96


def latency_of(durations_ns: Sequence[int], *, rounds: Sequence[int] = ()) -> Latency:
    """Return percentiles, interpolated linearly, with their intervals.

    Args:
        durations_ns: At least one, one round after the other, in nanoseconds.
        rounds: How many each round gave; by default all are of one.

    Raises:
        ValueError: If there is none, or the rounds do not add up.
    """
    samples = _Rounds(durations_ns, rounds)
    p50, p90, p99 = (float(p) for p in np.percentile(samples.values / NS_PER_MS, PERCENTILES))
    resampled = samples.percentiles(np.random.default_rng(SEED), PERCENTILES) / NS_PER_MS
    intervals = np.percentile(resampled, INTERVAL_PERCENT, axis=0).T
    p50_interval, p90_interval, p99_interval = (
        tuple(float(end) for end in interval) for interval in intervals
    )
    return Latency(
        p50_ms=p50,
        p90_ms=p90,
        p99_ms=p99,
        p50_interval_ms=p50_interval,
        p90_interval_ms=p90_interval,
        p99_interval_ms=p99_interval,
        samples=len(samples.values),
    )


def bootstrap_ratio_of_medians(
    a_ns: Sequence[int],
    a_rounds: Sequence[int],
    b_ns: Sequence[int],
    b_rounds: Sequence[int],
    *,
    seed: int = SEED,
) -> tuple[float, float, float]:
    """Return the median of A as a multiple of that of B, and the ends of its 95 % interval.

    Args:
        a_ns: Durations of A, one round after the other.
        a_rounds: How many each round gave; empty if all are of one.
        b_ns: Durations of B.
        b_rounds: The same for B.
        seed: What resamples are drawn from.

    Raises:
        ValueError: If one has no durations, or its rounds do not add up.
    """
    a, b = _Rounds(a_ns, a_rounds), _Rounds(b_ns, b_rounds)
    generator = np.random.default_rng(seed)
    ratios = a.percentiles(generator, (50.0,)) / b.percentiles(generator, (50.0,))
    low, high = (float(end) for end in np.percentile(ratios, INTERVAL_PERCENT))
    return float(np.median(a.values) / np.median(b.values)), low, high


def is_settled(durations_ns: Sequence[int], *, precision: float) -> bool:
    """Say whether the half width of the median's 95 % interval is at most ``precision`` times the median.

    For samples of one round only. The median of a resample is one of the samples, and which one follows a
    binomial distribution, so the bootstrap's interval needs no resampling here: this is cheap enough to be
    asked between two measurements.

    Args:
        durations_ns: In any order.
        precision: Share of the median.
    """
    count = len(durations_ns)
    reach = _Z_95 * count**0.5 / 2
    first, last = round(count / 2 - reach) - 1, round(count / 2 + reach)
    if first < 0 or last >= count:
        return False
    ordered = np.sort(np.asarray(durations_ns))
    return bool(ordered[last] - ordered[first] <= 2 * precision * float(np.median(ordered)))


class _Rounds:
    """Samples of several rounds, and how to resample them.

    Resampled are ranks, as 16-bit integers, since these are sorted much faster than the samples themselves.
    """

    def __init__(self, durations_ns: Sequence[int], rounds: Sequence[int]) -> None:
        self.values = np.asarray(durations_ns, dtype=np.float64)
        sizes = [size for size in rounds if size] or [len(self.values)]
        if not len(self.values) or sum(sizes) != len(self.values):
            message = f"Expected rounds that add up to at least one sample, got {sizes} of {len(self.values)}."
            raise ValueError(message)
        share = min(1.0, LARGEST / len(self.values))
        parts = [_thinned(part, share) for part in np.split(self.values, np.cumsum(sizes)[:-1])]
        samples = np.concatenate(parts)
        self._ordered = np.sort(samples)
        self._ranks = np.argsort(np.argsort(samples, kind="stable")).astype(np.int16)
        self._sizes = np.array([len(part) for part in parts])
        self._starts = np.cumsum(self._sizes) - self._sizes

    def percentiles(
        self, generator: np.random.Generator, percentiles: Sequence[float]
    ) -> NDArray[Any]:
        """Return the percentiles of each resample, shape ``(RESAMPLES, len(percentiles))``, in nanoseconds."""
        places = np.asarray(percentiles) / 100 * (len(self._ranks) - 1)
        below = np.floor(places).astype(np.intp)
        above = np.minimum(below + 1, len(self._ranks) - 1)
        parts = []
        for _ in range(RESAMPLES // _AT_ONCE):
            ranks = np.sort(self._resample(generator, _AT_ONCE), axis=1)
            low, high = self._ordered[ranks[:, below]], self._ordered[ranks[:, above]]
            parts.append(low + (places - below) * (high - low))
        return np.concatenate(parts)

    def _resample(self, generator: np.random.Generator, times: int) -> NDArray[np.int16]:
        """Draw as many rounds as there are, then from each as many samples as its place had."""
        drawn = generator.integers(len(self._sizes), size=(len(self._sizes), times))
        places = [
            self._starts[rounds, None]
            + generator.random((times, size), dtype=np.float32) * self._sizes[rounds, None]
            for rounds, size in zip(drawn, self._sizes, strict=True)
        ]
        return np.asarray(self._ranks[np.concatenate(places, axis=1).astype(np.intp)])


def _thinned(samples: NDArray[Any], share: float) -> NDArray[Any]:
    """Return a share of the samples that are distributed as all are: evenly spaced quantiles of them."""
    count = max(1, int(share * len(samples)))
    middles = (np.arange(count) + 0.5) / count * len(samples)
    return np.asarray(np.sort(samples)[middles.astype(np.intp)])
