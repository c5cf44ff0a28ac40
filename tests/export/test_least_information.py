"""Ranges from histograms, against distributions whose best range is known."""

import numpy as np
import pytest
from edgecls_export.least_information import BINS, Histogram, least_divergence, percentile


def histogram(*photos):
    made = Histogram.empty()
    for values in photos:
        made.add(np.asarray(values, np.float32))
    return made


@pytest.fixture
def normal():
    return np.random.default_rng(0).normal(0, 1, 100_000)


def test_a_histogram_grows_without_losing_a_value(normal):
    made = histogram(normal, normal * 7, np.zeros(5), -normal * 90)
    assert made.counts.shape == (BINS,)
    assert made.counts.sum() == 300_000
    assert made.zeros == 5
    assert made.least <= -(normal * 90).max() * 0.999


def test_growing_puts_values_where_one_pass_does(normal):
    grown, at_once = histogram(normal, normal * 7), histogram(np.concatenate([normal, normal * 7]))
    assert (grown.width, grown.first) == (at_once.width, at_once.first)
    assert np.array_equal(grown.counts, at_once.counts)


@pytest.mark.parametrize("choose", [least_divergence, lambda made: percentile(made, 99.9)])
def test_a_far_outlier_is_cut_off_at_the_end_where_it_is(choose, normal):
    least, most = choose(histogram(normal, [40.0]))
    assert most < 8
    assert least < -2.5
    least, most = choose(histogram(normal, [-40.0]))
    assert least > -8
    assert most > 2.5


def test_evenly_spread_values_keep_nearly_their_whole_range():
    least, most = least_divergence(histogram(np.random.default_rng(0).uniform(-1, 2, 100_000)))
    assert (least, most) == (pytest.approx(-1, abs=0.05), pytest.approx(2, abs=0.05))


def test_a_mass_of_zeros_behind_a_relu_does_not_cut_the_rest(normal):
    positive = np.abs(normal) * 2
    bare = least_divergence(histogram(positive))
    assert least_divergence(histogram(positive, np.zeros(1_000_000))) == bare
    assert bare[0] == 0
    assert bare[1] > 4


@pytest.mark.parametrize("values", [[0.0, 0.0], [1.0], [-2.0, -1.0], [0.0, 5.0]])
def test_few_values_keep_their_range(values):
    least, most = least_divergence(histogram(values))
    assert least == min(0, *values)
    assert most == max(0, *values)
