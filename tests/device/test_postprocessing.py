import numpy as np
import pytest
from edgecls_device.postprocessing import (
    apply_temperature,
    group_scores,
    shown_scores,
    softmax,
    top_k,
)
from edgecls_device.spec import Group, ModelSpec, Preprocessing


def test_top_k_is_best_first_and_ties_keep_class_order():
    best = top_k(np.float32([0.2, 0.4, 0.4]), ["a", "b", "c"], 2)
    assert [item.label for item in best] == ["b", "c"]


def test_top_k_is_capped_at_the_number_of_classes():
    assert len(top_k(np.float32([1, 0]), ["a", "b"], 9)) == 2


@pytest.mark.parametrize("count", [1, 2, 59, 60, 61, 1000])
def test_few_and_many_classes_are_ordered_by_the_same_rule(count):
    scores = np.random.default_rng(0).integers(0, 20, count).astype(np.float32)  # many ties
    best = [item.class_id for item in top_k(scores, [f"{i}" for i in range(count)], count)]
    assert best == sorted(range(count), key=lambda i: (-scores[i], i))


@pytest.mark.parametrize("k", [0, -1])
def test_top_k_below_one_is_refused(k):
    with pytest.raises(ValueError, match="at least 1"):
        top_k(np.float32([1]), ["a"], k)


def test_top_k_refuses_another_number_of_labels():
    with pytest.raises(ValueError, match="one score per label"):
        top_k(np.float32([1, 0]), ["a"], 1)


def test_temperature_on_probabilities_equals_temperature_on_logits():
    logits = np.float32([2.0, 0.5, -1.0])
    assert apply_temperature(softmax(logits), 2.0) == pytest.approx(softmax(logits / 2), abs=1e-6)


def test_groups_share_their_mass_by_their_best_class():
    scores = np.float32([0.5, 0.1, 0.1, 0.1, 0.2])
    groups = (Group(label="x", members=(0,)), Group(label="y", members=(1, 2, 3)))
    assert group_scores(scores, groups) == pytest.approx([0.8 * 5 / 6, 0.8 / 6], abs=1e-6)


def test_what_lies_outside_all_groups_stays_outside():
    groups = (Group(label="x", members=(0,)), Group(label="y", members=(1,)))
    assert group_scores(np.float32([0.01, 0.01, 0.98]), groups).sum() == pytest.approx(0.02)


@pytest.mark.parametrize("output", ["probabilities", "logits"])
@pytest.mark.parametrize("temperature", [0.5, 1.0, 1.7])
def test_few_classes_get_the_scores_that_many_get(output, temperature):
    rows = np.random.default_rng(0).dirichlet(np.ones(5), 40).astype(np.float32)
    rows[0] = [1, 0, 0, 0, 0]
    given = np.log(np.maximum(rows, 1e-6)) if output == "logits" else rows
    how = ModelSpec(
        name="t",
        labels=tuple("abcde"),
        preprocessing=Preprocessing(height=8, width=8),
        output=output,
        temperature=temperature,
    )
    together = shown_scores(given, how)
    one_by_one = np.stack([shown_scores(row, how) for row in given])
    assert one_by_one.dtype == np.float32
    assert np.allclose(one_by_one, together, atol=1e-6)
