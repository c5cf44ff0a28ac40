import math

import pytest
from edgecls_bench.paired import mcnemar_p, paired_counts, paired_difference, tango_interval


@pytest.mark.parametrize(
    ("losses", "gains", "photos", "low", "high"),
    # Fagerland, Lydersen, Laake, "Statistical Analysis of Contingency Tables", chapter 8: Cavo, Bentur
    [(6, 16, 161, -0.1240, -0.0054), (1, 7, 21, -0.5172, -0.0260)],
)
def test_the_interval_gives_published_values(losses, gains, photos, low, high):
    assert tango_interval(losses, gains, photos) == pytest.approx((low, high), abs=1e-4)


@pytest.mark.parametrize("photos", [1, 44, 764, 5000])
def test_the_interval_has_a_width_where_no_photo_differs(photos):
    z2 = 1.959963984540054**2
    end = z2 / (photos + z2)
    assert tango_interval(0, 0, photos) == pytest.approx((-end, end), abs=1e-9)


def test_gains_for_losses_turn_the_interval_round():
    low, high = tango_interval(12, 5, 300)
    assert tango_interval(5, 12, 300) == pytest.approx((-high, -low), abs=1e-12)
    assert low < 7 / 300 < high


def test_the_interval_reaches_one_where_all_photos_are_lost():
    low, high = tango_interval(10, 0, 10)
    assert high == pytest.approx(1.0)
    assert 0.4 < low < 0.5


@pytest.mark.parametrize("counts", [(1, 0, 0), (-1, 0, 5), (3, 3, 5)])
def test_the_interval_refuses_impossible_counts(counts):
    with pytest.raises(ValueError, match="among the photos"):
        tango_interval(*counts)


@pytest.mark.parametrize(
    ("losses", "gains", "p"),
    # Cavo 2012 in the same book; 0 of 5 heads twice over; no photo differs
    [(6, 16, 0.052479), (0, 5, 2 / 32), (0, 0, 1.0), (3, 3, 1.0)],
)
def test_mcnemar_gives_published_values(losses, gains, p):
    assert mcnemar_p(losses, gains) == pytest.approx(p, abs=1e-6)
    assert mcnemar_p(gains, losses) == mcnemar_p(losses, gains)


def test_mcnemar_survives_thousands_of_photos():
    many = mcnemar_p(4000, 4200)
    z = (200 - 1) / math.sqrt(8200)
    assert many == pytest.approx(math.erfc(z / math.sqrt(2)), rel=1e-3)
    assert mcnemar_p(0, 3000) == 0.0


def test_a_difference_is_counted_photo_by_photo():
    before = [True, True, True, False, False, True]
    after = [True, False, False, True, False, True]
    found = paired_difference(before, after)
    assert (found.losses, found.gains, found.drop) == (2, 1, pytest.approx(1 / 6))
    assert found == paired_counts(2, 1, 6)


def test_a_difference_needs_the_same_photos():
    with pytest.raises(ValueError, match="zip"):
        paired_difference([True], [True, False])
    with pytest.raises(ValueError, match="among the photos"):
        paired_difference([], [])
