import random
import tracemalloc
from dataclasses import fields
from pathlib import Path

import numpy as np
import pytest
from edgecls_bench.answers import Answers, answers_of
from edgecls_bench.cases import Case
from edgecls_bench.compare import compare
from edgecls_bench.comparison import Gate
from edgecls_bench.evaluation import LabelledPhoto, Verdict
from edgecls_bench.gate import judge
from edgecls_bench.metrics import (
    calibration_error,
    wilson_interval,
)
from edgecls_bench.paired import paired_difference
from edgecls_bench.summary import summaries
from edgecls_bench.tally import MAX_CONFUSION_LABELS, Tally
from edgecls_device.artifact import Artifact
from edgecls_device.spec import Provenance

from tests.benchmarks.color_models import LABELS, color_spec

THRESHOLD = 0.6
GATE = Gate(max_drop=0.02, min_agreement=0.9)


def case(recipe, classes):
    spec = color_spec(
        recipe,
        labels=tuple(f"label {i}" for i in range(classes)),
        unknown_threshold=THRESHOLD,
        temperature=1.5,
        provenance=Provenance(recipe=recipe, keras_temperature=2.0),
    )
    path = Path(f"{recipe}.onnx")
    return Case(
        artifact=Artifact(path=path, format="onnx", data=recipe.encode(), spec=spec),
        backend="onnxruntime",
    )


def drawn(photos, classes, seed):
    """Verdicts of two cases, scores as float32 as a model gives them, and what the photos show."""
    rng = random.Random(seed)
    truth = [rng.randrange(classes) for _ in range(photos)]
    scores = np.float32([[rng.random() for _ in range(4)] for _ in range(2 * photos)]).tolist()

    def verdict(i, true):
        predicted = true if rng.random() < 0.8 else rng.randrange(classes)
        confidence, keras, true_score, error = scores[i]
        flags = rng.random() < 0.9, rng.random() < 0.9
        return Verdict(predicted, confidence, keras, true_score, *flags, error)

    cases = [[verdict(2 * i + k, true) for i, true in enumerate(truth)] for k in range(2)]
    return cases, truth


def tallied(cases, truth, *, chunks, classes, outside=(), **options):
    tally = Tally(
        [case("float32", classes), case("int8", classes)],
        0,
        classes=classes,
        has_classes=truth is not None,
        **options,
    )
    photos = len(cases[0])
    for places in np.array_split(np.arange(photos), chunks):
        part = [answers_of([verdicts[i] for i in places]) for verdicts in cases]
        tally.add(part, None if truth is None else np.array([truth[i] for i in places], np.int64))
    if outside:
        tally.add_outside([answers_of(outside)] * 2)
    return tally


def confusion_matrix(truth, predicted, classes):
    pairs = list(zip(truth, predicted, strict=True))
    return tuple(tuple(pairs.count((i, j)) for j in range(classes)) for i in range(classes))


def per_class_accuracy(truth, predicted, classes):
    right = [true for true, guess in zip(truth, predicted, strict=True) if true == guess]
    return tuple(right.count(i) / truth.count(i) if i in truth else None for i in range(classes))


@pytest.mark.parametrize("seed", range(20))
def test_figures_are_those_of_the_formulas_over_all_photos(seed):
    rng = random.Random(seed)
    classes = rng.choice([2, 3, 6, 40, MAX_CONFUSION_LABELS, MAX_CONFUSION_LABELS + 1])
    photos = rng.choice([1, 2, 17, 400])
    cases, truth = drawn(photos, classes, seed)
    outside = cases[1][:5]
    tally = tallied(
        cases, truth, chunks=rng.randrange(1, photos + 1), classes=classes, outside=outside
    )
    found = summaries(tally, GATE)
    right = [[v.predicted == t for v, t in zip(one, truth, strict=True)] for one in cases]
    for index, (got, verdicts) in enumerate(zip(found, cases, strict=True)):
        predicted = [v.predicted for v in verdicts]
        confidence = [v.confidence for v in verdicts]
        agreeing = sum(v.is_agreeing for v in verdicts)
        errors = [v.score_error for v in verdicts]
        total = 0.0
        for error in errors:
            total += error
        assert got.top1 == np.mean(right[index])
        assert got.top5 == (np.mean([v.is_in_top5 for v in verdicts]) if classes > 5 else None)
        assert got.per_class == per_class_accuracy(truth, predicted, classes)
        wanted = confusion_matrix(truth, predicted, classes)
        assert got.confusion == (wanted if classes <= MAX_CONFUSION_LABELS else ())
        assert got.calibration_error == calibration_error(confidence, right[index])
        assert got.agreement == agreeing / photos
        assert (got.mean_score_error, got.worst_score_error) == (total / photos, max(errors))
        hidden = np.mean([np.float64(v.confidence) < THRESHOLD for v in outside])
        assert got.out_of_set_unknown == hidden
        assert got.predicted == tuple(predicted)
        assert got.confidence == tuple(round(score, 6) for score in confidence)
        assert got.keras_confidence == tuple(round(v.keras_confidence, 6) for v in verdicts)
        assert got.true_score == tuple(round(v.true_score, 6) for v in verdicts)
    reference, other = found
    paired = paired_difference(*right)
    agreeing = sum(v.is_agreeing for v in cases[1])
    assert (reference.paired, reference.agreement_interval, reference.judgement) == (None,) * 3
    assert other.paired == paired
    assert other.agreement_interval == wilson_interval(agreeing, photos)
    unseen = classes - len(set(truth))
    assert other.judgement == judge(GATE, paired, agreeing, photos, labels_without_photos=unseen)


def test_how_photos_are_split_does_not_change_a_bit():
    cases, truth = drawn(1000, 12, 3)
    whole = summaries(tallied(cases, truth, chunks=1, classes=12), GATE)
    for chunks in (2, 7, 1000):
        assert summaries(tallied(cases, truth, chunks=chunks, classes=12), GATE) == whole


def test_without_classes_there_is_no_accuracy():
    cases, _ = drawn(30, 3, 0)
    tally = tallied(cases, None, chunks=4, classes=3)
    found = summaries(tally, Gate(min_agreement=0.5))[1]
    assert (found.top1, found.paired, found.calibration_error) == (None, None, None)
    assert (found.per_class, found.confusion, found.true_score) == ((), (), ())
    assert found.agreement == sum(v.is_agreeing for v in cases[1]) / 30
    assert tally.class_ids == ()


def test_more_photos_than_are_listed_leave_the_figures_and_no_lists():
    cases, truth = drawn(50, 3, 1)
    all_, few = (tallied(cases, truth, chunks=5, classes=3, most_listed=most) for most in (50, 49))
    assert (all_.is_listed, few.is_listed) == (True, False)
    assert (all_.class_ids, few.class_ids) == (tuple(truth), ())
    lists = {"predicted", "confidence", "true_score", "keras_confidence"}
    for whole, bare in zip(summaries(all_, GATE), summaries(few, GATE), strict=True):
        for field in fields(whole):
            wanted = () if field.name in lists else getattr(whole, field.name)
            assert getattr(bare, field.name) == wanted
    assert few.class_photos.tolist() == np.bincount(truth, minlength=3).tolist()


def test_memory_does_not_grow_with_the_number_of_photos():
    cases, truth = drawn(500, 3, 2)
    tally = Tally(
        [case("float32", 3), case("int8", 3)], 0, classes=3, has_classes=True, most_listed=500
    )
    part = [answers_of(verdicts) for verdicts in cases]
    class_ids = np.array(truth, np.int64)
    for _ in range(2):
        tally.add(part, class_ids)
    tracemalloc.start()
    try:
        for _ in range(200):
            tally.add(part, class_ids)
        held = tracemalloc.get_traced_memory()[0]
    finally:
        tracemalloc.stop()
    assert tally.photos == 101_000
    assert held < 50_000  # a list of what was said would be 100,000 times two cases


@pytest.mark.parametrize("class_ids", [None, np.zeros(4, np.int64)])
def test_answers_of_other_photos_are_refused(class_ids):
    cases, _ = drawn(5, 3, 0)
    tally = Tally([case("float32", 3)], 0, classes=3, has_classes=True)
    with pytest.raises(ValueError, match="answers of the same photos"):
        tally.add([answers_of(cases[0])], class_ids)


def test_nothing_counted_has_no_figures():
    tally = Tally([case("float32", 3)], 0, classes=3, has_classes=True)
    tally.add([answers_of([])], np.zeros(0, np.int64))
    with pytest.raises(ValueError, match="at least one photo"):
        summaries(tally, None)


def test_columns_are_the_fields_of_a_verdict():
    assert [field.name for field in fields(Answers)] == list(Verdict._fields)


def test_a_comparison_of_many_photos_lists_none_of_them(artifacts, photos_dir):
    pytest.importorskip("onnxruntime")
    photos = [
        LabelledPhoto(path=path, class_id=i)
        for i, label in enumerate(LABELS)
        for path in sorted((photos_dir / label).iterdir())
    ]

    def compared(most):
        return compare(
            artifacts, photos, labels=LABELS, data=photos_dir, split="all", most_listed=most
        )

    listed, bare = compared(18), compared(17)
    assert (len(listed.photos), listed.photos_seen, listed.photos_per_class) == (18, 18, ())
    assert (bare.photos, bare.class_ids, bare.photo_count) == ((), (), 18)
    assert bare.photos_per_class == (6, 6, 6)
    assert listed.has_classes
    assert bare.has_classes
    assert [case.confusion for case in bare.cases] == [case.confusion for case in listed.cases]
