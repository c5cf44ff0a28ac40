import numpy as np
import pytest
from edgecls_bench.metrics import (
    calibration_error,
    is_among_best,
    wilson_interval,
)


def test_among_the_best_counts_ties_in_class_order():
    scores = np.array([0.1, 0.3, 0.3, 0.2, 0.1], np.float32)
    assert is_among_best(scores, 1, 1)
    assert not is_among_best(scores, 2, 1)
    assert is_among_best(scores, 2, 2)
    assert is_among_best(scores, 0, 4)
    assert not is_among_best(scores, 4, 4)


@pytest.mark.parametrize(
    ("right", "total", "low", "high"),
    # 8 of 10 and 10 of 10: Brown, Cai, DasGupta 2001; 0 of n: 1.96^2 / (n + 1.96^2)
    [
        (8, 10, 0.4902, 0.9433),
        (10, 10, 0.7225, 1.0),
        (0, 10, 0.0, 0.2775),
        (199, 200, 0.9722, 0.9991),
    ],
)
def test_wilson_interval_gives_published_values(right, total, low, high):
    assert wilson_interval(right, total) == (
        pytest.approx(low, abs=1e-4),
        pytest.approx(high, abs=1e-4),
    )


@pytest.mark.parametrize(("right", "total"), [(0, 0), (3, 2), (-1, 2)])
def test_wilson_interval_refuses_impossible_counts(right, total):
    with pytest.raises(ValueError, match="right answers"):
        wilson_interval(right, total)


def test_calibration_error_is_the_gap_of_confidence_and_accuracy_in_each_bin():
    confidence, is_right = (
        [0.95, 0.95, 0.95, 0.95, 0.55, 0.55],
        [True, True, True, False, False, True],
    )
    assert calibration_error(confidence, is_right) == pytest.approx((4 * 0.2 + 2 * 0.05) / 6)
    assert calibration_error([1.0, 1.0], [True, True]) == 0.0
    assert calibration_error([1.0], [False]) == 1.0  # the last bin includes its upper end


@pytest.mark.parametrize(("confidence", "is_right"), [([], []), ([0.5], [])])
def test_calibration_error_needs_an_answer_per_photo(confidence, is_right):
    with pytest.raises(ValueError, match="one answer per confidence"):
        calibration_error(confidence, is_right)
