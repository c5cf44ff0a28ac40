import pytest
from edgecls_bench.comparison import Gate

from edgecls.reports.content import report_content
from edgecls.reports.recommendation import recommend
from edgecls.reports.report import write_report
from edgecls.reports.run_records import read_run
from tests.reports.page import Page
from tests.reports.synthetic_run import write_run
from tests.reports.test_recommendation import entry

OPTIONS = {"per_class": 1000, "is_labelled": False, "labels": ("cat", "dog", "bird")}


@pytest.fixture(scope="module")
def unlabelled(tmp_path_factory):
    folder = tmp_path_factory.mktemp("unlabelled")
    return write_run(
        folder / "pets", data=folder / "photos", gate=Gate(min_agreement=0.9), **OPTIONS
    )


def test_agreement_takes_the_place_of_accuracy(unlabelled):
    content = report_content(read_run(unlabelled))
    assert content.recommendation.choice.recipe == "int8"
    assert "the reference's answer on" in content.headline
    assert "right" not in content.headline
    assert "its accuracy is not known" in " ".join(content.recommendation.reasons)
    assert not content.artifacts.pareto.is_labelled
    assert content.artifacts.pareto.plot.y_title.startswith("Same answer as the reference")


def test_parts_that_need_classes_say_why_they_are_absent(unlabelled):
    page = Page(write_report(unlabelled))
    assert not page.badly_nested
    assert {a["href"][1:] for a in page.all("a")} <= page.ids
    assert "classes" not in page.ids
    assert "The photos have no classes, so mistakes cannot be shown." in page.text
    assert "so nobody knows how often a score is right" in page.text
    assert "which answer is right nobody knows" in page.text
    assert "files are held against the reference's answers instead" in page.text
    assert "Top-1" not in page.text
    assert "wrong-answer" not in page.source.split("</style>")[1]
    assert page.all("img")


def test_the_command_for_a_gate_asks_for_no_classes(tmp_path):
    run = write_run(tmp_path / "pets", **OPTIONS)
    content = report_content(read_run(run))
    data = read_run(run).comparison.data
    assert content.gate_command == (
        f"edgecls compare {run.path} --data {data} --no-labels --min-agreement 99"
    )


def test_a_file_with_other_answers_is_not_recommended():
    def unknown(recipe, agreement, ms):
        return entry(recipe, top1=None, ms=ms, agreement=agreement, is_compared=True)

    entries = [unknown("float32", 1.0, 10), unknown("int8", 0.99, 5), unknown("dynamic", 0.9, 1)]
    recommendation = recommend(entries, photos=1000)
    assert recommendation.choice.recipe == "int8"
    assert "that keeps the reference's answers" in recommendation.reasons[0]
    assert any("another answer than the reference on 10.0" in r for r in recommendation.reasons)


def test_without_a_benchmark_it_still_gives_a_report(tmp_path):
    run = write_run(tmp_path / "pets", stages=("compare",), **OPTIONS)
    assert "Agreement against size" in Page(write_report(run)).text
