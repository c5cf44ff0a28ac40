from functools import cache

import numpy as np
import pytest
from edgecls_bench.comparison import Gate, worst_verdict
from edgecls_bench.gate import check_gate, judge
from edgecls_bench.paired import paired_counts
from edgecls_device.errors import OptionError

HALF_A_POINT = Gate(max_drop=0.005)
NINETY_NINE = Gate(min_agreement=0.99)


@cache
def verdict(gate, losses, gains, agreeing, photos):
    return judge(gate, paired_counts(losses, gains, photos), agreeing, photos).verdict


@pytest.mark.parametrize(
    ("losses", "gains", "photos", "wanted"),
    [
        (0, 0, 763, "too few photos"),  # 1.96^2 / (763 + 1.96^2) is 0.50092 %
        (0, 0, 765, "holds"),
        (2, 0, 2000, "holds"),
        (10, 0, 2000, "too few photos"),  # just at the limit
        (30, 0, 2000, "fails"),
        (0, 30, 2000, "holds"),
    ],
)
def test_the_drop_is_held_against_its_limit(losses, gains, photos, wanted):
    assert verdict(HALF_A_POINT, losses, gains, photos, photos) == wanted


@pytest.mark.parametrize(
    ("agreeing", "photos", "wanted"),
    [
        (380, 380, "too few photos"),  # Wilson: 380 / (380 + 1.96^2) is 98.999 %
        (381, 381, "holds"),
        (990, 1000, "too few photos"),
        (970, 1000, "fails"),
    ],
)
def test_the_agreement_is_held_against_its_limit(agreeing, photos, wanted):
    assert judge(NINETY_NINE, None, agreeing, photos).verdict == wanted


def test_one_limit_that_fails_is_enough_and_all_have_to_hold():
    both = Gate(max_drop=0.005, min_agreement=0.99)
    assert verdict(both, 0, 0, 2000, 2000) == "holds"
    assert verdict(both, 0, 0, 1900, 2000) == "fails"
    assert verdict(both, 0, 0, 1980, 2000) == "too few photos"
    assert verdict(both, 100, 0, 1900, 2000) == "fails"
    assert worst_verdict(["holds", "too few photos", "fails"]) == "fails"


def test_a_failure_does_not_hang_on_one_photo():
    found = judge(Gate(min_agreement=0.997), None, 57, 58)
    assert found.verdict == "too few photos"
    assert "hangs on one photo" in found.reason


def test_the_reason_has_the_figures_that_decided():
    held = judge(Gate(max_drop=0.005, min_agreement=0.99), paired_counts(1, 1, 2000), 1998, 2000)
    assert held.reason == (
        "It loses at most 0.24 points of accuracy (limit 0.50) and agrees on "
        "at least 99.64 % of photos (limit 99.00 %)."
    )
    failed = judge(Gate(max_drop=0.005, min_agreement=0.9), paired_counts(60, 0, 2000), 1940, 2000)
    assert failed.reason == "It loses at least 2.34 points of accuracy (limit 0.50)."


def test_too_few_photos_says_how_many_would_decide():
    found = judge(HALF_A_POINT, paired_counts(0, 0, 200), 200, 200)
    assert (found.verdict, found.photos_needed) == ("too few photos", 765)
    assert "loses -1.88 to 1.88 points" in found.reason
    assert "765 photos would decide if they went as these 200 did" in found.reason


@pytest.mark.parametrize(
    ("gate", "losses", "agreeing"),
    [(HALF_A_POINT, 1, 199), (HALF_A_POINT, 3, 197), (NINETY_NINE, 0, 199), (NINETY_NINE, 0, 197)],
)
def test_as_many_photos_as_are_needed_do_decide(gate, losses, agreeing):
    """With 100 times the photos counts are whole, so that the answer can be tried."""
    found = judge(gate, paired_counts(losses, 0, 200), agreeing, 200).photos_needed
    if found is None:
        assert losses == 1  # half a point is the limit itself
        return
    times = -(-found // 200)
    more = (gate, losses * times, 0, agreeing * times, 200 * times)
    assert verdict(*more) != "too few photos"
    assert verdict(gate, losses, 0, agreeing, 200) == "too few photos"


def test_no_number_of_photos_decides_at_the_limit():
    found = judge(Gate(max_drop=0.01), paired_counts(3, 1, 200), 196, 200)
    assert (found.verdict, found.photos_needed) == ("too few photos", None)
    assert "no number of photos" in found.reason
    assert judge(Gate(min_agreement=1.0), None, 500, 500).photos_needed is None


def draws(gate, *, loss, gain, photos, times=2000):
    """Return the share of each verdict over drawn test sets; a photo that differs in class disagrees."""
    random = np.random.default_rng(7)
    counts = random.multinomial(photos, [loss, gain, 1 - loss - gain], size=times).tolist()
    found = [verdict(gate, a, b, photos - a - b, photos) for a, b, _ in counts]
    return {name: found.count(name) / times for name in ("holds", "fails", "too few photos")}


NOISE = 0.0075  # 2 standard errors of 2.5 % over 2000 draws


@pytest.mark.parametrize("photos", [400, 1000])
@pytest.mark.parametrize("gain", [0.0, 0.0025, 0.01])
def test_claims_are_wrong_at_most_one_time_in_forty(photos, gain):
    """With the true loss at the limit both claims are wrong, and least often rightly withheld."""
    drop = draws(HALF_A_POINT, loss=gain + 0.005, gain=gain, photos=photos)
    assert max(drop["holds"], drop["fails"]) <= 0.025 + NOISE
    agreement = draws(NINETY_NINE, loss=0.01, gain=0.0, photos=photos)
    assert max(agreement["holds"], agreement["fails"]) <= 0.025 + NOISE


def test_a_harmless_artifact_holds_mostly_with_enough_photos():
    both = Gate(max_drop=0.005, min_agreement=0.99)
    assert draws(both, loss=0.001, gain=0.001, photos=3000, times=500)["holds"] > 0.95
    assert draws(both, loss=0.0, gain=0.0, photos=800, times=2)["holds"] == 1.0


def test_a_broken_artifact_fails_mostly_with_enough_photos():
    assert draws(HALF_A_POINT, loss=0.02, gain=0.002, photos=2000, times=500)["fails"] > 0.95


@pytest.mark.parametrize(
    "gate", [Gate(), Gate(max_drop=0.5, min_agreement=99), Gate(max_drop=-0.1)]
)
def test_limits_that_are_no_shares_are_refused(gate):
    with pytest.raises(OptionError, match="Expected"):
        check_gate(gate)


def test_a_limited_drop_needs_classes():
    with pytest.raises(ValueError, match="paired difference"):
        judge(HALF_A_POINT, None, 10, 10)


def test_labels_without_photos_keep_a_gate_from_holding_and_not_from_failing():
    gate = Gate(min_agreement=0.99)
    held = judge(gate, None, 1000, 1000, labels_without_photos=997)
    assert (held.verdict, held.photos_needed) == ("too few photos", None)
    assert held.reason.endswith("(limit 99.00 %), but there is no photo of 997 labels.")
    open_ = judge(gate, None, 100, 100, labels_without_photos=1)
    assert (open_.verdict, open_.photos_needed) == ("too few photos", 381)
    assert open_.reason.endswith("; and there is no photo of 1 label.")
    failed = judge(gate, None, 900, 1000, labels_without_photos=997)
    assert failed == judge(gate, None, 900, 1000)
