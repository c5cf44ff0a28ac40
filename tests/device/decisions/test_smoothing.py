import math

import numpy as np
import pytest
from edgecls_device.decisions import smoothing
from edgecls_device.decisions.smoothing import ExponentialSmoothing, MajoritySmoothing

from tests.device.decisions.scripted import prediction, sure


@pytest.mark.parametrize(
    "times", [np.linspace(0, 2, 21), np.sort(np.random.default_rng(1).uniform(0, 2, 90))]
)
def test_a_step_is_followed_by_the_same_curve_whenever_frames_come(times):
    smooth = ExponentialSmoothing(0.5)
    smooth.take(prediction([1, 0, 0]), times[0])
    for time_s in times[1:]:
        scores = smooth.take(prediction([0, 1, 0]), time_s)
        passed = time_s - times[0]
        assert scores[1] == pytest.approx(1 - math.exp(-passed / 0.5), abs=1e-5)
        assert scores.sum() == pytest.approx(1, abs=1e-5)


def test_what_is_smoothed_is_never_changed_behind_the_back_of_who_holds_it():
    smooth = ExponentialSmoothing(0.5)
    first = smooth.take(one := prediction([1, 0, 0]), 0.0)
    smooth.take(prediction([0, 1, 0]), 0.4)
    assert first.tolist() == one.scores.tolist() == [1, 0, 0]


def test_votes_of_the_window_are_counted_and_older_ones_are_not():
    smooth = MajoritySmoothing(1.0)
    for i in range(10):
        smooth.take(prediction(sure("red")), i / 10)
    for i in range(10, 16):
        shares = smooth.take(prediction(sure("green")), i / 10)
    assert shares.tolist() == pytest.approx([5 / 11, 6 / 11, 0])


def test_a_frame_that_is_unknown_votes_for_none():
    smooth = MajoritySmoothing(1.0)
    smooth.take(prediction(sure("red")), 0.0)
    assert smooth.take(prediction(sure(None)), 0.1).tolist() == [0.5, 0, 0]


def test_votes_are_bounded_however_fast_frames_come(monkeypatch):
    monkeypatch.setattr(smoothing, "MAX_VOTES", 100)
    smooth = MajoritySmoothing(3600.0)
    for i in range(1000):
        shares = smooth.take(prediction(sure("red" if i < 950 else "green")), i / 1000)
    assert len(smooth._votes) == 100
    assert shares.tolist() == [0.5, 0.5, 0]
