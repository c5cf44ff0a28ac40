import numpy as np
import pytest
from edgecls_bench.statistics import bootstrap_ratio_of_medians, is_settled, latency_of


def normal(center, count, *, spread=0.02, seed=0):
    return (1e6 * center * np.random.default_rng(seed).normal(1.0, spread, count)).astype(int)


def test_percentiles_are_in_milliseconds():
    latency = latency_of([n * 1_000_000 for n in range(101)])
    assert (latency.p50_ms, latency.p90_ms, latency.p99_ms) == (50.0, 90.0, 99.0)
    assert latency.samples == 101


def test_each_percentile_lies_in_its_interval():
    latency = latency_of(normal(10.0, 900), rounds=(300, 300, 300))
    for value, (low, high) in [
        (latency.p50_ms, latency.p50_interval_ms),
        (latency.p90_ms, latency.p90_interval_ms),
        (latency.p99_ms, latency.p99_interval_ms),
    ]:
        assert low <= value <= high
        assert high - low < 0.1 * value


def test_the_same_samples_give_the_same_interval():
    assert latency_of(normal(10.0, 300)) == latency_of(normal(10.0, 300))


def test_rounds_that_differ_from_each_other_widen_the_interval():
    samples = np.concatenate([normal(center, 300, seed=n) for n, center in enumerate((9, 10, 11))])
    low, high = latency_of(samples, rounds=(300, 300, 300)).p50_interval_ms
    blind_low, blind_high = latency_of(samples).p50_interval_ms
    assert low < 9.2
    assert high > 10.8
    assert high - low > 5 * (blind_high - blind_low)


def test_an_interval_of_one_round_is_the_one_that_theory_gives():
    samples = np.sort(normal(10.0, 1000))
    low, high = latency_of(samples).p50_interval_ms
    reach = round(1.96 * 1000**0.5 / 2)
    assert low == pytest.approx(samples[500 - reach] / 1e6, rel=5e-4)
    assert high == pytest.approx(samples[500 + reach] / 1e6, rel=5e-4)


def test_intervals_hold_what_they_promise():
    """Of 200 experiments, about 95 % of the intervals must hold the true median."""
    hits = 0
    for seed in range(200):
        low, high = latency_of(normal(10.0, 150, seed=seed)).p50_interval_ms
        hits += low <= 10.0 <= high
    assert 180 <= hits <= 200


def test_one_sample_is_its_own_percentiles():
    latency = latency_of([2_000_000])
    assert latency.p99_interval_ms == (2.0, 2.0)


def test_many_samples_are_thinned_for_the_interval_only():
    latency = latency_of(normal(10.0, 50_000), rounds=(25_000, 25_000))
    assert latency.samples == 50_000
    assert latency.p50_interval_ms[0] <= latency.p50_ms <= latency.p50_interval_ms[1]


@pytest.mark.parametrize(("samples", "rounds"), [([], ()), ([1, 2], (3,)), ([1, 2], (1, 2))])
def test_rounds_that_do_not_add_up_are_refused(samples, rounds):
    with pytest.raises(ValueError, match="add up"):
        latency_of(samples, rounds=rounds)


def test_a_ratio_of_medians_has_its_interval():
    ratio, low, high = bootstrap_ratio_of_medians(
        normal(9.0, 900), (300, 300, 300), normal(10.0, 600, seed=1), (200, 200, 200), seed=3
    )
    assert low < ratio < high < 0.95
    assert ratio == pytest.approx(0.9, rel=0.01)


def test_a_ratio_knows_that_rounds_differ():
    a = np.concatenate([normal(c, 300, seed=n) for n, c in enumerate((9, 10, 11))])
    _, low, high = bootstrap_ratio_of_medians(a, (300,) * 3, normal(10.0, 900), (300,) * 3, seed=0)
    assert low < 0.92
    assert high > 1.08


def test_a_median_settles_with_the_number_of_samples():
    few, many = normal(10.0, 20, spread=0.05), normal(10.0, 2000, spread=0.05)
    assert not is_settled(few, precision=0.01)
    assert is_settled(many, precision=0.01)
    assert not is_settled(many, precision=0.0001)
    assert not is_settled([], precision=1.0)
    assert not is_settled([5, 5, 5], precision=1.0)


def test_two_speeds_in_turn_never_settle():
    assert not is_settled([10, 20] * 500, precision=0.1)
