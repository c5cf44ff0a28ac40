import json
import re

import pytest
from edgecls_device.errors import DataError, SpecError

from edgecls.reports.report import write_report
from edgecls.run_directory import RunDirectory
from tests.reports.page import Page
from tests.reports.synthetic_run import write_run

ALL = ("spec", "split", "training", "compare", "bench")
HOSTILE = (
    "cat & dog",
    '"onmouseover="alert(1)',
    "'; alert(2) //",
    "{{ 7 * 7 }}",
    "{% raw %}",
    "javascript:alert(3)",
    "ﷺ مرحبا",
    "猫" * 100,
)


@pytest.fixture(scope="module")
def pets(tmp_path_factory):
    folder = tmp_path_factory.mktemp("report")
    run = write_run(folder / "pets", data=folder / "photos", per_class=200, error=0.1)
    return Page(write_report(run))


def test_the_report_names_the_run_its_labels_and_what_to_use(pets):
    assert "pets" in pets.text
    assert "Use pets.int8." in pets.text
    assert "cat" in pets.text
    assert "dog" in pets.text
    assert "Raspberry Pi 5 Model B Rev 1.0" in pets.text


def test_every_measured_file_stands_in_the_report_with_its_figures(pets):
    for file in ("float32.tflite", "float16.tflite", "int8.tflite", "float32.onnx", "int8.onnx"):
        assert f"pets.{file}" in pets.text
    assert "18.6 MB" in pets.text
    assert "10.2 ms" in pets.text
    assert "did not finish" in pets.text
    assert "the process ended with signal 11" in pets.text


def test_a_file_that_is_worse_and_slower_is_marked(pets):
    assert re.search(r"\d photos? fewer right, and slower, than int8", pets.text)


def test_photos_are_inside_the_file_as_jpeg(pets):
    images = pets.all("img")
    assert len(images) >= 12
    assert all(image["src"].startswith("data:image/jpeg;base64,/9j/") for image in images)


def test_the_report_loads_nothing_and_runs_nothing(pets):
    assert "script" not in pets.tags
    assert not pets.handlers
    assert pets.loaded
    for url in pets.loaded:
        assert url.startswith(("data:", "#")), url
    policy = next(m["content"] for m in pets.all("meta") if "http-equiv" in m)
    assert policy.startswith("default-src 'none'")


def test_elements_close_in_turn_and_links_lead_somewhere(pets):
    assert not pets.badly_nested
    assert not pets.open
    targets = {a["href"][1:] for a in pets.all("a")}
    assert targets
    assert targets <= pets.ids


def test_every_point_of_a_plot_says_its_figures_to_a_pointer(pets):
    assert "pets.int8.tflite on litert, top-1" in pets.text
    assert "validation, epoch 3: " in pets.text


def test_the_same_records_give_the_same_bytes(tmp_path):
    run = write_run(tmp_path / "pets")
    first = write_report(run).read_bytes()
    assert write_report(run, out=tmp_path / "again.html").read_bytes() == first


@pytest.mark.parametrize("missing", ALL)
def test_a_missing_stage_leaves_the_rest_readable(tmp_path, missing):
    run = write_run(tmp_path / "pets", stages=tuple(s for s in ALL if s != missing))
    page = Page(write_report(run))
    assert not page.badly_nested
    assert {a["href"][1:] for a in page.all("a")} <= page.ids
    assert ("files" in page.ids) or missing == "compare"


@pytest.mark.parametrize("only", ["spec", "training", "compare", "bench"])
def test_one_stage_alone_is_enough_for_a_report(tmp_path, only):
    page = Page(write_report(write_run(tmp_path / "pets", stages=(only,))))
    assert not page.badly_nested
    assert "pets" in page.text


def test_missing_stages_become_commands(tmp_path):
    run = write_run(tmp_path / "my pets", stages=("spec", "split", "training"))
    text = Page(write_report(run)).text
    for command in ("export", "compare", "bench"):
        assert f"edgecls {command} '{run.path}'" in text
    assert "No exported file was measured yet" in text


def test_test_photos_are_shown_before_anything_was_compared(tmp_path):
    run = write_run(
        tmp_path / "pets", stages=("spec", "split", "training"), data=tmp_path / "photos"
    )
    assert len(Page(write_report(run)).all("img")) == 15


def test_photos_that_are_gone_become_notes(tmp_path):
    page = Page(write_report(write_run(tmp_path / "pets")))
    assert not page.all("img")
    assert "no longer on disk" in page.text


def test_a_broken_photo_becomes_a_note(tmp_path):
    run = write_run(tmp_path / "pets", data=tmp_path / "photos")
    for photo in (tmp_path / "photos").rglob("*.jpg"):
        photo.write_bytes(photo.read_bytes()[:200])
    assert "cannot be read" in Page(write_report(run)).text


def test_a_photo_outside_of_the_data_folder_is_not_put_into_the_report(tmp_path):
    run = write_run(tmp_path / "pets", data=tmp_path / "photos", photo_name="../../secret.jpg")
    assert (tmp_path / "secret.jpg").is_file()
    page = Page(write_report(run))
    assert not page.all("img")
    assert "not inside the data folder" in page.text


def test_hostile_labels_and_file_names_are_only_text(tmp_path):
    name = '<img src=x onerror="alert(4)">{i}.jpg'
    run = write_run(tmp_path / "pets", labels=HOSTILE, photo_name=name, error=0.5)
    for record in ("compare", "bench"):
        path = run.path / f"{record}.json"
        text = path.read_text("utf-8")
        path.write_text(text.replace("pets.int8", "</script><script>alert(5)</script>"), "utf-8")
    page = Page(write_report(run))
    for label in HOSTILE[:-1]:
        assert label in page.text
    assert "<img src=x onerror=" in page.text
    assert "<script>alert(5)</script>.tflite" in page.text
    assert "script" not in page.tags
    assert not page.all("img")
    assert not page.handlers
    assert not page.badly_nested
    assert "49" not in page.text.split("{{ 7 * 7 }}")[0][-20:]


def test_settings_and_skipped_photos_are_only_text(tmp_path):
    run = write_run(tmp_path / "pets")
    for record in ("training", "split", "spec"):
        path = run.path / f"{record}.json"
        text = path.read_text("utf-8").replace("undecodable", "<script>a</script>")
        path.write_text(text.replace("efficientnet", "<b onclick=1>"), "utf-8")
    page = Page(write_report(run))
    assert "<script>a</script>" in page.text
    assert "script" not in page.tags
    assert "b" not in {tag for tag, attributes in page.elements if "onclick" in attributes}


def test_one_class_works(tmp_path):
    page = Page(write_report(write_run(tmp_path / "one", labels=("thing",))))
    assert not page.badly_nested
    assert "thing" in page.text


@pytest.fixture(scope="module")
def thousand(tmp_path_factory):
    labels = tuple(f"a class whose name is rather long {i}" for i in range(1000))
    run = write_run(
        tmp_path_factory.mktemp("report") / "thousand",
        labels=labels,
        per_class=10,
        error=0.3,
        artifacts=2,
    )
    return Page(write_report(run))


def test_a_thousand_classes_stay_small_and_show_the_weakest_and_most_confused(thousand):
    assert len(thousand.source) < 400_000
    assert "The 20 weakest of 1 000 classes" in thousand.text.replace("\u202f", " ")
    assert "Most confused" in thousand.text
    assert "Confusion" not in thousand.text.replace("Most confused", "")


@pytest.mark.parametrize("record", ["compare", "bench"])
def test_a_record_of_another_version_is_refused_with_the_command_that_writes_it_anew(
    tmp_path, record
):
    run = write_run(tmp_path / "my pets")
    path = run.path / f"{record}.json"
    body = json.loads(path.read_text("utf-8"))
    path.write_text(json.dumps({**body, "version": 0}), "utf-8")
    with pytest.raises(SpecError, match=rf"version \d of .* in .*{record}\.json, got 0") as error:
        write_report(run)
    assert error.value.hint == f"edgecls {record} '{run.path}'"
    assert not run.report.exists()


def test_a_damaged_record_is_refused_by_name(tmp_path):
    run = write_run(tmp_path / "pets")
    run.bench.write_text("{")
    with pytest.raises(SpecError, match=r"bench\.json"):
        write_report(run)
    assert not run.report.exists()


@pytest.mark.parametrize(
    ("field", "value"),
    [("predicted", [0]), ("predicted", [7] * 20), ("confidence", []), ("confusion", [[20]])],
)
def test_a_comparison_that_contradicts_itself_is_refused(tmp_path, field, value):
    run = write_run(tmp_path / "pets")
    body = json.loads(run.compare.read_text("utf-8"))
    body["cases"][2][field] = value
    run.compare.write_text(json.dumps(body), "utf-8")
    with pytest.raises(SpecError, match=r"'pets\.int8\.tflite' in .*compare\.json"):
        write_report(run)


def test_a_benchmark_in_which_everything_failed_is_said(tmp_path):
    run = write_run(tmp_path / "pets")
    body = json.loads(run.bench.read_text("utf-8"))
    for case in body["cases"]:
        case["error"] = "killed"
    run.bench.write_text(json.dumps(body), "utf-8")
    text = Page(write_report(run)).text
    assert "No exported file finished its benchmark" in text
    assert "100.0" in text


def test_a_comparison_without_photos_or_files_still_gives_a_report(tmp_path):
    run = write_run(tmp_path / "pets", per_class=5)
    assert json.loads(run.compare.read_text("utf-8"))["photos"] == []
    assert not Page(write_report(run)).badly_nested
    write_run(tmp_path / "pets", artifacts=0)
    assert not Page(write_report(run)).badly_nested


def test_half_characters_in_file_names_are_shown_as_question_marks(tmp_path):
    run = write_run(tmp_path / "pets", photo_name="half{i}.jpg")
    text = run.compare.read_text("utf-8").replace("half", "\\udcff")
    run.compare.write_text(text, "utf-8")
    assert "?9.jpg" in Page(write_report(run)).text


def test_an_empty_folder_is_refused_with_the_next_action(tmp_path):
    with pytest.raises(DataError, match="got no records") as error:
        write_report(RunDirectory(tmp_path / "nothing"))
    assert error.value.hint.startswith("edgecls train")


def test_a_changed_export_is_noticed(tmp_path):
    run = write_run(tmp_path / "pets")
    run.exports.mkdir()
    (run.exports / "pets.int8.tflite").write_bytes(b"another file")
    text = Page(write_report(run)).text
    assert "Compare again" in text
    assert "Time again" in text


def test_a_busy_machine_is_said_beside_its_latencies(tmp_path, pets):
    run = write_run(tmp_path / "pets")
    text = run.bench.read_text("utf-8").replace('"busy_cores": 0.12', '"busy_cores": 3.5')
    run.bench.write_text(text, "utf-8")
    warning = "The machine was busy when it was timed (other programs kept 3.5 of 4 cores busy)"
    assert warning in Page(write_report(run)).text.replace("\xa0", " ")
    assert "was busy" not in pets.text


def test_files_that_changed_between_compare_and_bench_are_named(tmp_path):
    run = write_run(tmp_path / "pets")
    body = json.loads(run.bench.read_text("utf-8"))
    for case in body["cases"]:
        if case["artifact"] == "pets.int8.tflite":
            case["sha256"] = "other"
    run.bench.write_text(json.dumps(body), "utf-8")
    assert "in different versions: pets.int8.tflite." in Page(write_report(run)).text
