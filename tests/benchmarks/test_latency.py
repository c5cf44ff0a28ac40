"""The child that measures: in turn, as long as it must and no longer."""

from types import SimpleNamespace

import pytest
from edgecls_bench.latency import Ending, Measured, measure

PREDICTION = SimpleNamespace(preprocess_ms=0.5, inference_ms=2.0)


def test_both_are_measured_in_turn(capsys):
    order = []

    def classify():
        order.append("classify")
        return PREDICTION

    measured = measure(classify, lambda: order.append("invoke"), Ending(runs=3))
    runs = measured.warmup + 3
    assert order == ["classify", "invoke"] * runs
    assert len(measured.classify_ns) == len(measured.invoke_ns) == 3
    assert measured.preprocess_ns == (500_000,) * 3
    assert measured.inference_ns == (2_000_000,) * 3
    assert capsys.readouterr().out == "0\n"  # says when the warm-up is over


@pytest.mark.parametrize(
    ("ending", "least", "most"),
    [
        (Ending(runs=5), 5, 5),
        (Ending(least_runs=30, patience_seconds=60), 30, 30),
        (Ending(least_runs=10**9, patience_seconds=0.01), 1, 10**6),
        (Ending(least_runs=30, precision=0.0, most_seconds=0.0, patience_seconds=60), 30, 30),
        (Ending(least_runs=1, least_seconds=0.05), 2, 10**7),
    ],
)
def test_a_round_ends_when_it_may(ending, least, most):
    measured = measure(lambda: PREDICTION, lambda: None, ending)
    assert least <= len(measured.classify_ns) <= most


def test_a_round_whose_median_is_not_settled_goes_on():
    ending = Ending(least_runs=5, precision=0.0, most_seconds=0.1, patience_seconds=60)
    assert len(measure(lambda: PREDICTION, lambda: None, ending).classify_ns) > 5


def test_what_is_left_of_the_whole_is_postprocessing():
    measured = Measured(
        warmup=3,
        classify_ns=(10, 10),
        preprocess_ns=(2, 5),
        inference_ns=(7, 6),
        invoke_ns=(6, 6),
        is_settled=True,
    )
    assert measured.postprocess_ns == (1, 0)


@pytest.mark.parametrize(
    ("ending", "runs", "seconds", "share"),
    [
        (Ending(runs=10), 5, 0.0, 0.5),
        (Ending(least_runs=100, least_seconds=1.0), 50, 0.9, 0.5),
        (Ending(least_runs=100, least_seconds=1.0), 90, 0.2, 0.2),
        (Ending(least_runs=100), 200, 9.0, 0.99),
    ],
)
def test_progress_is_about_right(ending, runs, seconds, share):
    assert ending.progress(runs, seconds) == share
