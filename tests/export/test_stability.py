"""Two halves of the calibration photos, held against each other."""

import numpy as np
import pytest

from edgecls.exports.run import export_run
from edgecls.exports.stability import spread
from tests.export.runs import write_run
from tests.export.tiny import pictures

RIGHT = np.eye(4, dtype=np.float32)[np.arange(200) % 4]


def wrong_at(photos):
    """Scores that have another best class than ``RIGHT`` at some photos."""
    scores = RIGHT.copy()
    scores[photos] = np.roll(scores[photos], 1, axis=1)
    return scores


def test_two_files_that_go_wrong_at_the_same_photos_are_stable():
    found = spread(RIGHT, wrong_at(range(20)), wrong_at(range(1, 21)))
    assert found.is_stable
    assert found.agreements == (0.9, 0.9)
    assert found.mutual_agreement == 0.99
    assert found.mean_difference == pytest.approx(0.01)


def test_a_file_that_is_clearly_worse_is_not_stable():
    assert not spread(RIGHT, wrong_at(range(2)), wrong_at(range(12))).is_stable
    assert not spread(RIGHT, wrong_at(range(12)), wrong_at(range(2))).is_stable


def test_a_difference_that_chance_makes_is_stable():
    assert spread(RIGHT, wrong_at(range(2)), wrong_at(range(4, 10))).is_stable


def test_two_files_that_go_wrong_at_different_photos_are_not_stable():
    found = spread(RIGHT, wrong_at(range(15)), wrong_at(range(100, 115)))
    assert not found.is_stable
    assert found.mutual_agreement == 0.85


def test_a_few_ties_at_different_photos_are_stable():
    assert spread(RIGHT, wrong_at(range(3)), wrong_at(range(100, 103))).is_stable


@pytest.fixture(scope="module")
def run(tiny_model, tmp_path_factory):
    splits = ["train"] * 20 + ["val"] * 32
    class_ids = [i % 4 for i in range(52)]
    return write_run(tmp_path_factory.mktemp("home"), tiny_model, pictures(52), class_ids, splits)


def test_an_export_tries_two_halves_once_and_says_so(run, capfd):
    done = export_run(run, formats=["tflite"], recipes=["int8"])
    assert done.stability.photos_per_half == 10
    assert (done.stability.recipe, done.stability.check_photos) == ("int8", 32)
    assert done.stability.is_stable
    err = capfd.readouterr().err
    assert "on either half" in err
    log = (run.logs / "export.log").read_text()
    assert log.count("trial of 10 calibration photos: tflite int8") == 2


@pytest.mark.parametrize(
    "options", [{"recipes": ["int8"], "stability": False}, {"recipes": ["float32"]}]
)
def test_it_is_not_tried_where_it_is_off_or_nothing_is_calibrated(run, options):
    done = export_run(run, formats=["tflite"], **options)
    assert done.stability is None
    assert "trial" not in (run.logs / "export.log").read_text()


def test_too_few_photos_tell_nothing(run):
    assert export_run(run, formats=["tflite"], recipes=["int8"], calibration=9).stability is None


def test_every_file_is_fitted_to_the_validation_photos(run):
    done = export_run(run, formats=["tflite"], recipes=["float32"])
    assert done.artifacts[0].photos == 32
    assert done.artifacts[0].temperature != 1.7
