from dataclasses import replace

import pytest
from edgecls_bench.comparison import Comparison, Gate
from edgecls_device.records import from_json, to_json

from edgecls.reports.classes import answered
from edgecls.reports.content import report_content
from edgecls.reports.report import write_report
from edgecls.reports.run_records import read_run
from tests.reports.page import Page
from tests.reports.synthetic_run import write_run

LISTS = dict.fromkeys(("predicted", "confidence", "true_score", "keras_confidence"), ())


def unlisted(run, *, is_labelled=True):
    """Take the lists out of a run's comparison, as for more photos than are listed."""
    found = from_json(Comparison, run.compare.read_bytes(), name="compare.json")
    counts = [found.class_ids.count(i) for i in range(len(found.labels))]
    bare = replace(
        found,
        split="shards",
        data="s3://bucket/pets",
        photos=(),
        class_ids=(),
        photos_seen=len(found.photos),
        photos_per_class=tuple(counts),
        results="runs/pets/compare/0123456789ab",
        cases=tuple(replace(case, **LISTS) for case in found.cases),
    )
    run.compare.write_text(to_json(bare))
    return found


@pytest.fixture(params=[3, 101], ids=["matrix", "no matrix"])
def labels(request):
    return tuple(f"label {i}" for i in range(request.param))


def test_a_report_of_many_photos_has_the_same_figures(tmp_path, labels):
    per_class = 2000 if len(labels) == 3 else 60
    run = write_run(tmp_path / "pets", labels=labels, per_class=per_class)
    before = report_content(read_run(run))
    unlisted(run)
    after = report_content(read_run(run))
    assert after.photos == before.photos == per_class // 10 * len(labels)
    assert after.headline == before.headline.replace("test photos", "photos")
    assert after.recommendation.choice.key == before.recommendation.choice.key
    figures = [
        [(c.label, c.photos, c.right, c.low, c.high) for c in content.answers.classes]
        for content in (before, after)
    ]
    assert figures[0] == figures[1]
    assert after.answers.pairs == (before.answers.pairs if len(labels) == 3 else ())
    counts = [
        [
            (item.name, item.photos.total, dict(item.photos.counts))
            for item in content.changes.artifacts
        ]
        for content in (before, after)
    ]
    assert counts[0] == counts[1]
    assert any(counts for _, total, counts in counts[0])


def test_the_page_says_where_what_was_said_of_each_photo_is(tmp_path):
    run = write_run(tmp_path / "pets", labels=("cat", "dog", "bird"), out_of_set_photos=40)
    unlisted(run)
    page = Page(write_report(run))
    assert not page.badly_nested
    assert "runs/pets/compare/0123456789ab/part-*.parquet" in page.text
    assert "too many to be listed" in page.text
    assert "every one of the" not in page.text
    assert {a["href"][1:] for a in page.all("a")} <= page.ids


def test_many_photos_without_classes_are_reported_too(tmp_path):
    run = write_run(tmp_path / "pets", labels=("cat", "dog"), is_labelled=False, per_class=300)
    before = report_content(read_run(run))
    unlisted(run)
    content = report_content(read_run(run))
    assert content.answers.classes == ()
    assert "--no-labels" in content.gate_command
    assert [item.photos.counts for item in content.changes.artifacts] == [
        item.photos.counts for item in before.changes.artifacts
    ]
    assert not Page(write_report(run)).badly_nested


def test_a_file_in_shards_is_mended_on_photo_files(tmp_path):
    run = write_run(tmp_path / "pets", per_class=1000, gate=Gate(max_drop=0.001), error=0.02)
    unlisted(run)
    commands = [c for step in report_content(read_run(run)).steps for c in step.commands]
    explaining = [command for command in commands if "--explain" in command]
    assert explaining
    assert all("s3://" not in command for command in explaining)


def test_answers_that_are_counted_are_those_that_are_listed(tmp_path, labels):
    run = write_run(tmp_path / "pets", labels=labels)
    listed = unlisted(run)
    bare = read_run(run).comparison
    for old, new in zip(listed.cases, bare.cases, strict=True):
        wanted, got = answered(listed, old), answered(bare, new)
        assert got.photos == wanted.photos
        right = {pair: n for pair, n in wanted.pairs.items() if pair[0] == pair[1]}
        assert +got.pairs == (+wanted.pairs if len(labels) == 3 else right)


def test_photos_in_shards_are_named_and_not_shown(tmp_path):
    run = write_run(tmp_path / "pets", data=tmp_path / "photos")
    found = from_json(Comparison, run.compare.read_bytes(), name="compare.json")
    run.compare.write_text(to_json(replace(found, split="shards")))
    page = Page(write_report(run))
    assert "in a shard" in page.text
    assert found.photos[0].split("/")[0] in page.text
    assert not page.all("img")
