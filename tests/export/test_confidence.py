from dataclasses import replace

import numpy as np
import pytest
from edgecls_device.postprocessing import apply_temperature, softmax
from edgecls_device.spec import Group, ModelSpec, Preprocessing, Provenance
from edgecls_export.confidence import (
    MAX_THRESHOLD,
    fit_temperature,
    fit_unknown_threshold,
    refitted,
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


SPEC = ModelSpec(
    name="drawn",
    labels=("a", "b", "c", "d"),
    preprocessing=Preprocessing(height=8, width=8),
    temperature=1.5,
    unknown_threshold=0.2,
    provenance=Provenance(backbone="none", photos={"val": 400}),
)


def test_a_file_is_fitted_to_its_own_scores_and_keeps_what_keras_had():
    scores, class_ids = drawn(400, 3.0)
    spec = refitted(SPEC, scores, class_ids)
    assert spec.temperature == fit_temperature(scores, class_ids) == pytest.approx(3.0, rel=0.2)
    shown = apply_temperature(scores, spec.temperature)
    assert spec.unknown_threshold == fit_unknown_threshold(shown, class_ids)
    provenance = spec.provenance
    assert (provenance.keras_temperature, provenance.keras_unknown_threshold) == (1.5, 0.2)
    assert provenance.photos == {"val": 400}


def test_few_photos_leave_what_keras_had():
    assert refitted(SPEC, *drawn(29, 3.0)) == SPEC


def test_groups_leave_what_keras_had():
    """Its photos' classes are those of the model, and it shows others."""
    spec = replace(SPEC, groups=(Group(label="ab", members=(0, 1)),))
    assert refitted(spec, *drawn(400, 3.0)) == spec
