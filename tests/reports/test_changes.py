from dataclasses import replace

import pytest
from edgecls_bench.comparison import Gate
from edgecls_bench.gate import judge
from edgecls_bench.paired import paired_counts

from edgecls.reports.class_changes import ClassChange, class_changes
from edgecls.reports.disagreements import disagreements
from edgecls.reports.examined import examined, reference_case
from edgecls.reports.measured import join_records
from edgecls.reports.pictures import Picture
from edgecls.reports.report import write_report
from edgecls.reports.run_records import read_run
from tests.reports.page import Page
from tests.reports.synthetic_run import write_run


@pytest.fixture(scope="module")
def comparison(tmp_path_factory):
    run = write_run(tmp_path_factory.mktemp("changes") / "pets", per_class=50, error=0.0)
    return read_run(run).comparison


def answers(comparison, predicted, *, labels=("cat", "dog")):
    """Return a comparison of two artifacts: the reference is right but for one photo of each class."""
    truth = [i // 5 for i in range(5 * len(labels))]
    before = [t if i % 5 else (t + 1) % len(labels) for i, t in enumerate(truth)]
    photos = tuple(f"{i}.jpg" for i in range(len(truth)))
    first, second = comparison.cases[0], comparison.cases[2]
    same = {"confidence": tuple(0.5 + i / 100 for i in range(len(truth))), "true_score": ()}
    first = replace(first, predicted=tuple(before), **same)
    second = replace(second, predicted=tuple(predicted(truth, before)), **same)
    return replace(
        comparison, labels=labels, photos=photos, class_ids=tuple(truth), cases=(first, second)
    )


def look(comparison, limit=12):
    return disagreements(
        comparison, *comparison.cases, limit=limit, find=lambda root, path: Picture(note=path)
    )


def all_outcomes(truth, before):
    """Lose photo 1, win photo 0, and be wrong otherwise on photo 5 (of three classes)."""
    after = list(before)
    after[1], after[0], after[5] = 2, truth[0], 0
    return after


def test_each_disagreement_says_which_side_is_right(comparison):
    three = answers(comparison, all_outcomes, labels=("cat", "dog", "bird"))
    found = look(three)
    assert found.counts == {"lost": 1, "won": 1, "both wrong": 1}
    lost, won, wrong = found.photos
    assert (lost.outcome, lost.path, lost.true, lost.before, lost.after) == (
        "lost", "1.jpg", "cat", "cat", "bird",
    )  # fmt: skip
    assert (won.outcome, won.before, won.after) == ("won", "dog", "cat")
    assert (wrong.outcome, wrong.true, wrong.before, wrong.after) == (
        "both wrong", "dog", "bird", "cat",
    )  # fmt: skip
    assert lost.before_score == lost.after_score == pytest.approx(0.51)


def test_a_few_places_are_shared_by_all_outcomes(comparison):
    two = answers(comparison, lambda truth, before: [1 - p for p in before])
    found = look(two, limit=3)
    assert found.counts == {"lost": 8, "won": 2}
    assert [photo.outcome for photo in found.photos] == ["lost", "lost", "won"]
    assert found.photos[0].after_score > found.photos[1].after_score


def test_photos_without_classes_have_another_answer_and_no_side(comparison):
    two = replace(answers(comparison, lambda truth, before: [1 - p for p in before]), class_ids=())
    found = look(two)
    assert found.counts == {"changed": 10}
    assert {photo.true for photo in found.photos} == {""}


def test_classes_come_with_the_surest_loss_first_and_paired_intervals(comparison):
    def lose_dogs(truth, before):
        return [0 if t == 1 else p for t, p in zip(truth, before, strict=True)]

    two = answers(comparison, lose_dogs)
    found = class_changes(two, *two.cases)
    dog, cat = found.shown
    assert (dog.label, dog.difference.losses, dog.difference.gains) == ("dog", 4, 0)
    assert dog.difference.drop == pytest.approx(0.8)
    assert dog.difference.low > 0
    assert dog.difference.p_value == 0.125  # 4 : 0, which chance brings about one time in eight
    assert (found.tested, found.worse, found.better, found.same, found.proven) == (2, 1, 0, 1, 0)
    assert cat.difference.low < 0 < cat.difference.high
    first, second = found.plot.rows
    assert first.low < first.x < first.high < found.plot.zero
    assert not first.is_bad
    assert second.low < found.plot.zero < second.high


@pytest.mark.parametrize(
    ("losses", "gains", "proven"),
    [
        (4, 0, False), (5, 0, False), (7, 1, False), (9, 2, False), (16, 6, False),
        (6, 0, True), (8, 1, True), (10, 2, True), (0, 6, False),
    ],
)  # fmt: skip
def test_a_loss_is_proven_by_the_exact_test_and_by_the_gate_alike(losses, gains, proven):
    change = ClassChange(label="cat", photos=40, difference=paired_counts(losses, gains, photos=40))
    assert change.is_proven == proven
    judged = judge(Gate(max_drop=0.0), change.difference, 40 - losses - gains, 40)
    assert judged.verdict == "fails" or not proven


def test_proven_losses_stand_first(comparison):
    labels = ("cat", "dog", "bird")
    truth = (0,) * 200 + (1,) * 5 + (2,) * 100
    after = (1,) * 6 + (0,) * 194 + (0,) * 4 + (1,) + (2,) * 100
    cases = [
        replace(case, predicted=predicted)
        for case, predicted in zip(comparison.cases, (truth, after), strict=False)
    ]
    photos = tuple(f"{i}.jpg" for i in range(len(truth)))
    three = replace(comparison, labels=labels, photos=photos, class_ids=truth, cases=tuple(cases))
    found = class_changes(three, *three.cases)
    assert [change.label for change in found.shown] == ["cat", "dog", "bird"]
    assert found.shown[0].difference.low < found.shown[1].difference.low
    assert [row.is_bad for row in found.plot.rows] == [True, False, False]
    assert found.proven == 1


def test_a_thousand_classes_give_twenty_rows_and_the_rest_as_numbers(comparison):
    labels = tuple(f"class {i}" for i in range(1000))

    def lose_some(truth, before):
        return [(p + 1) % 1000 if i % 15 == 2 else p for i, p in enumerate(before)]

    many = answers(comparison, lose_some, labels=labels)
    found = class_changes(many, *many.cases)
    assert len(found.shown) == len(found.plot.rows) == 20
    assert found.worse == 334
    assert found.same + found.worse + found.better == found.tested == 1000


def test_where_nothing_changed_there_is_no_plot(comparison):
    two = answers(comparison, lambda truth, before: before)
    assert class_changes(two, *two.cases).plot is None
    assert look(two).total == 0


def test_the_recommended_and_the_int8_ones_are_examined_but_not_the_reference(tmp_path):
    comparison = read_run(write_run(tmp_path / "pets", artifacts=20)).comparison
    cases = [replace(case, predicted=(i,) * 20) for i, case in enumerate(comparison.cases)]
    comparison = replace(comparison, cases=tuple(cases))
    measured = join_records(comparison, None)
    chosen = next(entry for entry in measured if entry.artifact == "pets.float16.onnx")
    assert [entry.artifact for entry in examined(comparison, measured, chosen)] == [
        "pets.float16.onnx",
        "pets.int8.tflite",
        "pets.int8.onnx",
    ]
    reference = measured[0]
    assert reference_case(comparison, reference.accuracy) is None
    assert [entry.artifact for entry in examined(comparison, measured, reference)] == [
        "pets.int8.tflite",
        "pets.int8.onnx",
        "pets.int8-litert.tflite",
    ]


def test_files_with_the_same_answers_are_examined_once(comparison):
    two = answers(comparison, lambda truth, before: [1 - p for p in before])
    twin = replace(two.cases[1], artifact="pets.int8-qat.tflite", recipe="int8-qat")
    three = replace(two, cases=(*two.cases, twin))
    measured = join_records(three, None)
    assert [entry.recipe for entry in examined(three, measured, None)] == ["int8"]


def test_the_page_shows_both_answers_beside_the_photo(tmp_path):
    run = write_run(tmp_path / "pets", data=tmp_path / "photos", per_class=2000, error=0.1, seed=5)
    page = Page(write_report(run))
    part = page.source.split('<section id="changes">')[1].split("</section>")[0]
    assert "data:image/jpeg" in part
    assert "✗ Lost" in part
    assert 'class="answer good">✓' in part
    assert 'class="answer poor">✗' in part
    assert "Of 2 classes with photos" in page.text
    assert not page.badly_nested
