import pytest

from edgecls.reports.content import report_content
from edgecls.reports.reliability import FEW_PHOTOS, reliability
from edgecls.reports.report import write_report
from edgecls.reports.run_records import read_run
from tests.reports.page import Page
from tests.reports.synthetic_run import write_run


def scores_of(path, **options):
    return report_content(read_run(write_run(path / "pets", **options))).scores


def test_refitted_scores_are_shown_before_and_after_with_their_errors(tmp_path):
    run = write_run(tmp_path / "pets", per_class=2000, is_refitted=True)
    first = report_content(read_run(run)).scores.diagrams[0]
    assert first.before is not None
    assert first.before.error != first.after.error
    page = Page(write_report(run))
    assert "Before: the temperature of the Keras model" in page.text
    assert "After: its own temperature, 1.400" in page.text
    assert f"from {100 * first.before.error:.1f} %." in page.text.replace("\N{NO-BREAK SPACE}", " ")


def test_scores_that_were_not_refitted_have_one_diagram_and_it_is_said(tmp_path):
    first = scores_of(tmp_path).diagrams[0]
    assert first.before is None
    assert "They were not refitted" in first.sentence


@pytest.mark.parametrize(
    ("per_class", "is_few"), [(FEW_PHOTOS * 5 - 10, True), (FEW_PHOTOS * 5, False)]
)
def test_few_photos_are_said(tmp_path, per_class, is_few):
    first = scores_of(tmp_path, per_class=per_class).diagrams[0]
    assert bool(first.note) == is_few


def test_every_bin_says_its_photos_and_the_fullest_is_the_tallest(tmp_path):
    run = write_run(tmp_path / "pets", per_class=1000)
    case = read_run(run).comparison.cases[0]
    diagram = reliability("x", case, read_run(run).comparison.class_ids).after
    assert sum(int(b.count) for b in diagram.bins) == 200
    fullest = max(diagram.bins, key=lambda b: int(b.count))
    assert fullest.top == diagram.bars_top
    assert all(b.top <= diagram.bars_bottom - 1 for b in diagram.bins)
    lefts = [b.left for b in diagram.bins]
    assert lefts == sorted(lefts)


def test_modest_scores_are_called_too_low_and_bold_ones_too_high(tmp_path):
    comparison = read_run(write_run(tmp_path / "pets", per_class=1000, error=0.0)).comparison
    case = comparison.cases[0]
    assert "mostly too low" in reliability("x", case, comparison.class_ids).sentence
    turned = [1 - true for true in comparison.class_ids]
    assert "mostly too high" in reliability("x", case, turned).sentence


def test_unknown_is_counted_per_file_with_out_of_set_photos(tmp_path):
    run = write_run(tmp_path / "pets", per_class=1000, out_of_set_photos=400)
    scores = report_content(read_run(run)).scores
    first = scores.unknown[0]
    confidence = read_run(run).comparison.cases[0].confidence
    assert first.share == sum(score < 0.7 for score in confidence) / 200
    assert first.out_of_set == 0.6
    text = Page(write_report(run)).text.replace("\N{NO-BREAK SPACE}", " ")
    assert "of 400 photos in photos-of-nothing" in text
    assert "Out-of-set unknown" in text
    assert "62.0 %" in text


def test_without_out_of_set_photos_the_command_for_them_is_said(tmp_path):
    text = Page(write_report(write_run(tmp_path / "pets"))).text
    assert "--out-of-set FOLDER" in text
    assert "Out-of-set unknown" not in text
