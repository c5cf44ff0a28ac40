"""What the figure of training makes of the answers of its three programs."""

import json

import pytest

from tests.benchmarks.test_figures import script


@pytest.fixture
def finished(monkeypatch):
    """Return a function that gives a process that took so long and said this."""
    figure = script("figure", monkeypatch)

    def finished(seconds, said):
        return figure.Finished(
            seconds=seconds, first_line_s=1, peak_bytes=10**9, output=json.dumps(said)
        )

    return finished


def test_a_loop_that_never_gets_there_took_at_least_so_long(monkeypatch, finished):
    training = script("training", monkeypatch)
    loops = {
        "tutorial": finished(300, {"epochs": 3, "accuracies": [0.97, 0.98, 0.975]}),
        "tutorial, cropped": finished(120, {"epochs": 2, "accuracies": [0.97, 0.99]}),
    }
    found = training.tutorial_rows(loops, cold=finished(20, {}), warm=finished(5, {}))
    rows = {row.what: row for row in found}
    assert rows["tutorial / cold"].value == 15
    assert rows["tutorial / cold"].note == "stopped before 99 %: at least so much"
    assert rows["tutorial, best accuracy on its 20 %"].value == 98
    assert rows["tutorial, cropped / cold"].value == 6
    assert rows["tutorial, cropped / cold"].verdict == "no"
    assert rows["tutorial, cropped / cold"].note == ""


def test_the_stages_of_a_cold_training_add_up_to_all_of_it(monkeypatch, finished):
    training = script("training", monkeypatch)
    cold = finished(20, {"timings_s": {"photos": 1.0, "features": 12.0}})
    assert sum(row.value for row in training.stage_rows(cold)) == 20
