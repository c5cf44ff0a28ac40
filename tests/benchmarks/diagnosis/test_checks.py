"""The checks on made-up evidence: what they find, and above all what they do not."""

import math
from dataclasses import replace

import numpy as np
import pytest
from edgecls_bench.diagnosis.calibration import read_calibration
from edgecls_bench.diagnosis.evidence import BY_REFERENCE, Evidence
from edgecls_bench.diagnosis.growth import check_unexplained
from edgecls_bench.diagnosis.input_range import check_input_range, is_cut
from edgecls_bench.diagnosis.labels import check_labels, in_reference_order
from edgecls_bench.diagnosis.network import Weight
from edgecls_bench.diagnosis.pixels import (
    check_accuracy,
    check_pixels,
    check_spec,
)
from edgecls_bench.diagnosis.preparations import RIGHT
from edgecls_bench.diagnosis.scores import check_scores, integer_sharpness, sharpness
from edgecls_bench.diagnosis.significance import binomial_tail, fits_clearly_better
from edgecls_bench.diagnosis.weights import check_weights, spread_of
from edgecls_device.postprocessing import softmax
from edgecls_device.spec import ModelSpec, Preprocessing


def logits(photos, classes, *, seed=0, scale=4.0):
    return np.random.default_rng(seed).normal(0, scale, (photos, classes)).astype(np.float32)


def noisy(values, *, seed=9, size=0.15):
    noise = np.random.default_rng(seed).normal(0, size, values.shape)
    return softmax((values + noise).astype(np.float32))


def evidence(own, wanted, *, others=None, class_ids=(), **changes):
    """Evidence of scores alone, as between two formats."""
    spec = ModelSpec(
        name="x",
        labels=tuple(f"l{i}" for i in range(own.shape[1])),
        preprocessing=Preprocessing(height=8, width=8),
    )
    looked = {RIGHT: tuple(range(len(own)))}
    looked |= {name: tuple(range(len(rows))) for name, rows in (others or {}).items()}
    values = {
        "spec": spec,
        "reference_spec": spec,
        "class_ids": class_ids,
        "own": {RIGHT: own, BY_REFERENCE: own},
        "reference": {RIGHT: wanted, **(others or {})},
        "looked": looked,
        "pairs": (),
        "layers": {},
        "informative": (),
        "ranges": {},
        "calibration_ranges": {},
        "operations": (),
        "weights": (),
    }
    return Evidence(**{**values, **changes})


def findings(found):
    order = in_reference_order(found)
    return [
        *check_labels(found, order),
        *check_spec(found, order),
        *check_pixels(found, order, is_cut=is_cut(found)),
        *check_input_range(found, read_calibration(found)),
        *check_accuracy(found),
        *check_scores(found, order),
        *check_unexplained(found, order, ()),
    ]


@pytest.mark.parametrize("classes", [2, 5, 1000])
@pytest.mark.parametrize("seed", range(5))
def test_noise_is_no_fault(classes, seed):
    values = logits(60, classes, seed=seed)
    found = evidence(noisy(values, seed=seed + 50), softmax(values))
    assert findings(found) == []


@pytest.mark.parametrize("classes", [2, 5, 1000])
@pytest.mark.parametrize("seed", range(3))
def test_exchanged_outputs_are_found_and_put_right(classes, seed):
    values = logits(60, classes, seed=seed)
    found = evidence(noisy(np.roll(values, 1, axis=1)), softmax(values))
    (finding,) = check_labels(found, in_reference_order(found))
    assert finding.is_fault
    assert finding.evidence["moved"] == classes
    assert finding.evidence["agreement_exchanged"] > 0.8


def test_two_exchanged_labels_of_a_thousand_are_found_though_they_win_on_no_photo():
    values = logits(60, 1000)
    values[:, :10] += 12  # ten classes win; the exchanged ones are others
    columns = np.arange(1000)
    columns[[700, 701]] = [701, 700]
    found = evidence(noisy(values[:, columns]), softmax(values))
    (finding,) = check_labels(found, in_reference_order(found))
    assert finding.evidence["moved"] == 2


def test_labels_in_another_order_are_right_where_the_scores_are_in_that_order_too():
    values = logits(60, 5)
    found = evidence(noisy(np.roll(values, 1, axis=1)), softmax(values))
    labels = found.spec.labels
    found = replace(found, spec=replace(found.spec, labels=(labels[-1], *labels[:-1])))
    assert findings(found) == []


def test_labels_in_another_order_than_the_scores_are_a_fault():
    values = logits(60, 5)
    found = evidence(noisy(values), softmax(values))
    labels = found.spec.labels
    found = replace(found, spec=replace(found.spec, labels=(*labels[1:], labels[0])))
    assert [finding.kind for finding in findings(found)] == ["labels"]


def test_pixels_are_told_by_scores_alone_where_layers_cannot_be_followed():
    right, swapped = logits(40, 5, seed=1), logits(40, 5, seed=2)
    found = evidence(noisy(swapped), softmax(right), others={"bgr": softmax(swapped)})
    kinds = {finding.kind: finding for finding in findings(found)}
    assert "BGR order" in kinds["pixels"].sentence


def test_a_bad_model_is_not_explained_by_whatever_preparation_is_least_wrong():
    others = {
        name: softmax(logits(40, 5, seed=i)) for i, name in enumerate(("bgr", "divided", "raw"))
    }
    found = evidence(
        softmax(logits(40, 5, seed=77)), softmax(logits(40, 5, seed=78)), others=others
    )
    kinds = [finding.kind for finding in findings(found)]
    assert kinds == ["layer error"]


def test_another_resize_rule_in_the_spec_is_a_fault():
    values = logits(40, 5)
    found = evidence(noisy(values), softmax(values))
    rule = replace(found.spec.preprocessing, resize="stretch")
    found = replace(found, spec=replace(found.spec, preprocessing=rule))
    (finding,) = findings(found)
    assert "resize stretch instead of crop" in finding.sentence


def test_a_reference_that_is_right_on_other_pixels_is_named():
    class_ids = tuple(i % 5 for i in range(40))
    good = softmax(8 * np.eye(5, dtype=np.float32)[list(class_ids)])
    poor = softmax(logits(40, 5))
    found = evidence(poor, poor, others={"stretch": good}, class_ids=class_ids)
    (finding,) = findings(found)
    assert "stretched to the input size" in finding.sentence


@pytest.mark.parametrize(
    ("ends", "cut", "is_fault"),
    [
        ((0, 255), 0.0, False),
        ((-0.5, 254.6), 0.0, False),
        ((0, 765), 0.0, True),
        ((0, 1), 0.95, True),
        ((0, 240), 0.2, True),
        ((0, 240), 0.001, False),  # burnt-out highlights, of a few photos
        ((0, 270), 0.0, False),
    ],
)
def test_an_input_of_other_values_than_pixels_is_a_fault_where_it_costs_something(
    ends, cut, is_fault
):
    values = logits(40, 5)
    found = evidence(noisy(values), softmax(values), input_range=ends, cut=(cut,) * 40)
    assert any(finding.is_fault for finding in findings(found)) == is_fault
    assert bool(findings(found)) == (ends[1] not in {255, 254.6})


def test_a_narrow_input_is_to_blame_for_scores_as_of_other_pixels():
    right, bright = logits(40, 5, seed=1), logits(40, 5, seed=2)
    others = {"overexposed": softmax(bright)}
    changes = {"input_range": (0, 102), "cut": (0.4,) * 40, "pixel_ends": ((3, 250),) * 40}
    found = evidence(noisy(bright), softmax(right), others=others)
    assert findings(found)[0].kind == "pixels"
    found = evidence(noisy(bright), softmax(right), others=others, **changes)
    assert findings(found)[0].kind == "input range"
    assert "photos, all" not in findings(found)[0].sentence


def test_a_narrow_input_may_come_of_dark_photos_where_some_here_are_as_dark():
    values = logits(40, 5)
    changes = {"input_range": (0, 150), "cut": (0.2,) * 40}
    ends = ((3, 140),) * 4 + ((3, 250),) * 36
    found = evidence(noisy(values), softmax(values), pixel_ends=ends, **changes)
    (finding,) = findings(found)
    assert (
        "too few or too similar photos, all without brighter pixels, as 4 of 40" in finding.sentence
    )


def test_saturated_scores_are_a_fault_though_every_label_is_right():
    values = logits(40, 5, scale=2.0)
    found = evidence(softmax(25 * values), softmax(values))
    (finding,) = findings(found)
    assert finding.kind == "scores"
    assert finding.evidence["sharpness"] == pytest.approx(25, rel=0.3)


def in_eight_bits(scores):
    return np.minimum(np.rint(scores * 256), 255).astype(np.float32) / 256


@pytest.mark.parametrize(("steepness", "is_fault"), [(1.0, False), (8.0, True), (1 / 4, True)])
def test_scores_of_eight_bits_are_told_to_be_too_steep_though_most_were_sure_before(
    steepness, is_fault
):
    values = logits(60, 5, seed=3, scale=4.0)
    noise = np.random.default_rng(1).normal(0, 0.15, values.shape)
    own = in_eight_bits(softmax((steepness * (values + noise)).astype(np.float32)))
    faults = [entry for entry in findings(evidence(own, softmax(values))) if entry.is_fault]
    assert [entry.kind for entry in faults] == ["scores"] * is_fault
    assert 1 / 2 <= integer_sharpness(own, softmax(values)) / steepness <= 2


def test_a_refitted_temperature_is_no_fault_and_a_wild_one_is():
    values = logits(40, 5, scale=2.0)
    found = evidence(noisy(values, size=0.05), softmax(values))
    for temperature, faults in ((1.2, 0), (0.05, 1)):
        spec = replace(found.spec, temperature=temperature)
        assert len(findings(replace(found, spec=spec))) == faults


def test_scores_of_8_bits_are_noted_and_many_ties_are_a_fault():
    values = logits(200, 5, scale=2.0)
    coarse = np.rint(256 * softmax(values)) / 256
    (note,) = findings(evidence(coarse.astype(np.float32), softmax(values)))
    assert note.kind == "scores"
    assert not note.is_fault
    flat = np.where(softmax(values) > 0.2, 1.0, 0.0).astype(np.float32)
    found = findings(evidence(flat, softmax(values)))
    assert any(finding.is_fault and "saturated" in finding.sentence for finding in found)


def test_sharpness_is_one_for_the_same_scores():
    values = softmax(logits(30, 5))
    assert sharpness(values, values) == pytest.approx(1)


def weight(values, *, scales, operation="CONV_2D"):
    values = np.asarray(values, np.float32)
    step = float(np.abs(values).max()) / 127
    return Weight(
        name="w", operation=operation, values=values, scales=scales, step=step, output="y"
    )


def test_one_scale_for_channels_of_different_range_is_a_fault_of_convolutions_only():
    rows = np.array([[1.0], [0.1], [0.01], [0.5]])
    for scales, operation, faults in (
        (1, "CONV_2D", 1),
        (1, "Conv", 1),
        (4, "CONV_2D", 0),
        (1, "FULLY_CONNECTED", 0),
        (1, "MatMul", 0),
        (1, "ConvInteger", 0),  # it has no other way; a note
    ):
        found = check_weights([spread_of(weight(rows, scales=scales, operation=operation))])
        assert sum(finding.is_fault for finding in found) == faults
    assert spread_of(weight(rows, scales=1)).lost_db == pytest.approx(
        (0 + 20 + 40 + 6) / 4, abs=0.1
    )


def test_a_channel_that_was_rounded_away_counts_as_half_a_step():
    assert np.isfinite(spread_of(weight([[1.0], [0.0]], scales=1)).lost_db)


def test_a_sign_test_and_a_ratio_decide_what_fits():
    null = np.full(20, 1.0, np.float32)
    assert fits_clearly_better(null / 3, null)
    assert not fits_clearly_better(null * 0.8, null)  # surely better, but no cause
    assert not fits_clearly_better(null[:5] / 3, null[:5])  # too few to tell
    assert not fits_clearly_better(null, null)
    assert binomial_tail(10, 10, 0.5) == pytest.approx(2**-10)


@pytest.mark.parametrize("share", [0.1, 0.5, 0.93])
@pytest.mark.parametrize(("hits", "trials"), [(1, 1), (7, 12), (40, 100), (100, 100)])
def test_a_tail_is_the_sum_of_its_terms(hits, trials, share):
    terms = [
        math.comb(trials, k) * share**k * (1 - share) ** (trials - k)
        for k in range(hits, trials + 1)
    ]
    assert binomial_tail(hits, trials, share) == pytest.approx(sum(terms), rel=1e-9)


def test_a_tail_of_thousands_of_photos_is_no_overflow():
    assert 0 < binomial_tail(900, 1500, 0.5) < 1e-14
    assert 0.99 < binomial_tail(700, 1500, 0.5) < 1
    assert binomial_tail(1, 20_000, 0.5) == pytest.approx(1)
    assert binomial_tail(20_000, 20_000, 0.5) == 0.0
    null = np.linspace(0.1, 0.5, 3000, dtype=np.float32)
    errors = np.where(np.arange(3000) % 3 > 0, null / 3, null * 2)
    assert fits_clearly_better(errors.astype(np.float32), null)


def test_a_tail_of_what_is_certain_is_certain():
    assert binomial_tail(0, 5, 0.0) == binomial_tail(-1, 5, 0.3) == binomial_tail(5, 5, 1.0) == 1
    assert binomial_tail(1, 5, 0.0) == binomial_tail(6, 5, 1.0) == 0
