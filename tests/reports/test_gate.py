from dataclasses import replace

import pytest
from edgecls_bench.comparison import Gate, Judgement
from edgecls_device.records import to_json

from edgecls.reports.content import report_content
from edgecls.reports.recommendation import recommend
from edgecls.reports.report import write_report
from edgecls.reports.run_records import read_run
from tests.reports.page import Page
from tests.reports.synthetic_run import write_run
from tests.reports.test_recommendation import PHOTOS, entry

GATE = Gate(max_drop=0.005, min_agreement=0.99)


def judged(
    verdict, *arguments, reason="It loses at least 1.20 points of accuracy.", needed=None, **options
):
    measured = entry(*arguments, **options)
    judgement = Judgement(verdict=verdict, reason=reason, photos_needed=needed)
    return replace(measured, accuracy=replace(measured.accuracy, judgement=judgement))


def plain(text):
    return text.replace("\N{NO-BREAK SPACE}", " ").replace("\N{NARROW NO-BREAK SPACE}", " ")


def test_one_whose_gate_holds_is_taken_before_a_faster_one_that_nobody_can_tell():
    recommendation = recommend(
        [
            entry("float32", top1=0.99, ms=10),
            judged("holds", "int8-mixed", top1=0.98, ms=6),
            judged("too few photos", "int8", top1=0.99, ms=5, needed=1200),
        ],
        photos=PHOTOS,
    )
    assert recommendation.choice.recipe == "int8-mixed"
    assert "It is the fastest that holds the gate" in recommendation.reasons[0]
    last = plain(recommendation.reasons[-1])
    assert last.startswith("Not m.int8.tflite on litert, since the photos are too few to tell")
    assert "1 200 photos would tell" in last


def test_one_whose_gate_fails_is_not_taken_however_fast_and_accurate():
    recommendation = recommend(
        [entry("float32", top1=0.90, ms=10), judged("fails", "int8", top1=0.99, ms=1)],
        photos=PHOTOS,
    )
    assert recommendation.choice.recipe == "float32"
    assert recommendation.reasons[-1] == (
        "Not m.int8.tflite on litert, since its gate fails: it loses at least 1.20 points of accuracy."
    )


def test_where_all_fail_nothing_is_recommended():
    assert recommend([judged("fails", "int8", top1=0.99, ms=1)], photos=PHOTOS) is None


def test_without_a_reference_and_one_that_holds_an_undecided_one_is_taken():
    entries = [
        judged("fails", "int8", top1=0.99, ms=1),
        judged("too few photos", "float16", top1=0.98, ms=5),
    ]
    recommendation = recommend(entries, photos=PHOTOS)
    assert recommendation.choice.recipe == "float16"
    assert "that does not fail the gate" in recommendation.reasons[0]


def test_a_gate_that_holds_may_lose_more_than_is_allowed_without_one():
    entries = [entry("float32", top1=0.99, ms=10), entry("int8", top1=0.97, ms=5)]
    assert recommend(entries, photos=PHOTOS).choice.recipe == "float32"
    entries[1] = judged("holds", "int8", top1=0.97, ms=5)
    assert recommend(entries, photos=PHOTOS).choice.recipe == "int8"


def test_the_reference_is_recommended_only_until_photos_prove_a_smaller_one():
    whole = entry("float32", top1=0.99, ms=10, mb=18)
    undecided = judged("too few photos", "int8", top1=0.99, ms=5, mb=5)
    recommendation = recommend([whole, undecided], photos=PHOTOS)
    assert recommendation.choice is whole
    assert recommendation.sentence.startswith(
        "Until more photos prove a smaller one, use m.float32"
    )
    failing = judged("fails", "int8", top1=0.99, ms=5, mb=5)
    assert recommend([whole, failing], photos=PHOTOS).sentence.startswith("Use m.float32.tflite")


def test_many_undecided_ones_share_a_sentence():
    entries = [entry("float32", top1=0.99, ms=10)]
    entries += [judged("too few photos", f"int8-{i}", top1=0.99, ms=5) for i in range(9)]
    reasons = recommend(entries, photos=PHOTOS).reasons
    assert sum(reason.startswith("Not ") for reason in reasons) == 1
    assert "or 5 others, since the photos are too few" in reasons[-1]


@pytest.fixture(scope="module")
def gated(tmp_path_factory):
    run = write_run(tmp_path_factory.mktemp("gate") / "pets", per_class=5000, gate=GATE)
    return run, Page(write_report(run))


def test_the_gate_stands_above_the_recommendation_with_a_verdict_per_file(gated):
    run, page = gated
    content = report_content(read_run(run))
    assert {row.judgement.verdict for row in content.gate.rows} >= {"holds", "fails"}
    assert content.gate.rows[0].judgement.verdict == "fails"
    assert content.recommendation.choice.verdict != "fails"
    assert page.source.index('id="gate"') < page.source.index('id="verdict"')
    assert (
        "a file must lose at most 0.5 points of accuracy and give the same answer to at least 99 %"
        in (page.text)
    )
    for row in content.gate.rows:
        assert row.judgement.reason in page.text
    assert page.text.count("✗ fails") >= 2  # the badge on top, and the file's own


def test_photos_that_would_decide_are_said_and_become_a_next_step(tmp_path):
    run = write_run(tmp_path / "pets", per_class=300, gate=Gate(max_drop=0.001))
    content = report_content(read_run(run))
    assert content.gate.verdict == "too few photos"
    needed = max(row.judgement.photos_needed for row in content.gate.rows)
    assert content.gate.photos_needed == needed > 60
    step = next(step for step in content.steps if step.title == "Compare on more photos")
    assert f"{needed}" in plain(step.why).replace(" ", "")
    page = Page(write_report(run))
    assert f"About {needed:,} photos would decide, there are 60" in plain(page.text).replace(
        f"{needed:,}".replace(",", " "), f"{needed:,}"
    )


def test_labels_without_photos_stand_in_the_gate_line(tmp_path):
    run = write_run(tmp_path / "pets", per_class=300, gate=Gate(max_drop=0.5))
    assert "There is no photo of" not in Page(write_report(run)).text
    comparison = read_run(run).comparison
    open_ = Judgement(verdict="too few photos", reason="It loses nothing, but much is not known.")
    cases = [
        replace(case, per_class=(1.0, None), judgement=case.judgement and open_)
        for case in comparison.cases
    ]
    run.compare.write_text(to_json(replace(comparison, cases=tuple(cases))), "utf-8")
    step = next(s for s in report_content(read_run(run)).steps if "more photos" in s.title)
    assert plain(step.why).endswith("; there is no photo of 1 label.")
    text = plain(Page(write_report(run)).text)
    assert "The photos are too few for all" in text
    assert "There is no photo of 1 label." in text


def test_a_failing_file_gets_the_commands_that_explain_and_mend_it(gated):
    run, _ = gated
    content = report_content(read_run(run))
    failing = content.gate.rows[0].entry.artifact
    step = next(step for step in content.steps if step.title == f"Mend {failing}")
    assert step.commands == (
        f"edgecls compare --explain {run.exports / failing} {run.path}",
        f"edgecls export {run.path} --recipe auto --max-drop 0.5 --min-agreement 99",
    )


def test_without_a_gate_one_quiet_line_says_how_to_ask_for_one(tmp_path):
    run = write_run(tmp_path / "pets")
    page = Page(write_report(run))
    assert "gate" not in page.ids
    assert f"edgecls compare {run.path} --max-drop 0.5 --min-agreement 99" in page.text
    assert "badge" not in page.source.split("</style>")[1]


def test_many_verdicts_are_folded_below_their_sum(tmp_path):
    run = write_run(tmp_path / "pets", per_class=300, artifacts=20, gate=GATE)
    page = Page(write_report(run))
    assert "All 18 verdicts" in page.text
    assert "The photos are too few for all 18 files." in page.text
