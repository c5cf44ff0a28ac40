import numpy as np
import pytest
from edgecls_device.postprocessing import softmax

from edgecls.training.confidence import (
    MAX_THRESHOLD,
    evaluate,
    fit_temperature,
    fit_unknown_threshold,
)


def drawn(photos, sharpness, seed=0):
    """Scores of a model whose logits are ``sharpness`` times too large, and the true classes."""
    random = np.random.default_rng(seed)
    logits = random.normal(scale=1.5, size=(photos, 4)).astype(np.float32)
    class_ids = np.array(
        [random.choice(4, p=row / row.sum()) for row in softmax(logits).astype(float)]
    )
    return softmax(logits * sharpness), class_ids


@pytest.mark.parametrize("sharpness", [0.7, 1.0, 2.0, 3.0])
def test_the_temperature_undoes_what_made_scores_too_sharp(sharpness):
    assert fit_temperature(*drawn(4000, sharpness)) == pytest.approx(sharpness, rel=0.1)


def test_few_photos_fit_no_temperature_and_no_threshold():
    scores, class_ids = drawn(29, 3.0)
    assert fit_temperature(scores, class_ids) == 1.0
    assert fit_unknown_threshold(scores, class_ids) == 0.0


def test_a_model_that_is_always_right_is_not_sharpened():
    scores, _ = drawn(200, 0.3)
    assert fit_temperature(scores, scores.argmax(axis=1)) >= 1.0


def test_one_right_answer_in_a_hundred_falls_below_the_threshold():
    best = np.linspace(0.26, 0.65, 301, dtype=np.float32)
    scores = np.stack([best, 1 - best, best * 0, best * 0], axis=1)
    class_ids = scores.argmax(axis=1)
    threshold = fit_unknown_threshold(scores, class_ids)
    assert (scores.max(axis=1) < threshold).mean() == pytest.approx(0.01, abs=0.007)


def test_wrong_answers_do_not_move_the_threshold():
    scores = np.tile(np.float32([0.6, 0.4]), (60, 1))
    class_ids = np.zeros(60, int)
    scores[50:], class_ids[50:] = [0.51, 0.49], 1
    assert fit_unknown_threshold(scores, class_ids) == pytest.approx(0.6)


def test_the_threshold_of_a_sure_model_is_capped():
    scores = np.tile(np.float32([0.999, 0.001]), (60, 1))
    assert fit_unknown_threshold(scores, np.zeros(60, int)) == MAX_THRESHOLD


def test_the_evaluation_counts_and_finds_overconfidence():
    scores = np.tile(np.float32([0.9, 0.1]), (10, 1))
    result = evaluate(scores, np.array([0] * 6 + [1] * 4))
    assert (result.photos, result.accuracy) == (10, 0.6)
    assert result.calibration_error == pytest.approx(0.3, abs=1e-6)
    assert result.loss == pytest.approx(-(0.6 * np.log(0.9) + 0.4 * np.log(0.1)), abs=1e-5)
