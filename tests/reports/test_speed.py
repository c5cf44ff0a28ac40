import json
from dataclasses import replace

import pytest

from edgecls.reports.content import report_content
from edgecls.reports.machine_runs import newest_of_each_machine
from edgecls.reports.report import write_report
from edgecls.reports.run_records import read_run
from tests.reports.page import Page
from tests.reports.synthetic_bench import LOADED, WORKSTATION, synthetic_bench
from tests.reports.synthetic_comparison import ARTIFACTS, MACHINE, MORE_ARTIFACTS
from tests.reports.synthetic_run import write_run


def page_of(folder, *benches, **wanted):
    return Page(write_report(write_run(folder / "pets", benches=benches, **wanted)))


def plain(page):
    return page.text.replace("\N{NO-BREAK SPACE}", " ")


@pytest.fixture(scope="module")
def measured(tmp_path_factory):
    bench = synthetic_bench(
        "pets", sustained=True, threads=(1, 4), void=[("int8.tflite", 4), ("dynamic.onnx", 1)]
    )
    return page_of(tmp_path_factory.mktemp("speed"), bench)


def test_each_part_of_a_benchmark_has_its_plot(measured):
    for title in (
        "How much times spread",
        "Where the time of a frame goes",
        "What threads and runtimes bring",
        "From the start of a process to its first label",
        "Memory of a process that only classifies",
        "Under load for minutes",
    ):
        assert title in measured.text
    assert not measured.badly_nested
    assert not measured.open


def test_the_page_holds_histograms_and_no_samples(tmp_path):
    sizes = [
        len(page_of(tmp_path, synthetic_bench("pets", samples=samples)).source)
        for samples in (900, 9000)
    ]
    assert sizes[1] < sizes[0] * 1.2


def test_a_case_says_its_percentiles_with_intervals_and_how_many_samples(measured):
    assert "float32 tflite, 1 thread: p50 10." in plain(measured)
    assert "900 samples" in measured.text
    assert "1 beyond, up to" in measured.text


def test_how_it_was_measured_and_what_the_sensors_said_stands_above_the_plots(measured):
    text = plain(measured)
    assert "3 processes for each case, one at a time, in random order (seed 20)" in text
    assert "together at least 662 frames and 3 s" in text
    assert "until its median is known to ±1 % at 95 %, or its time is up" in text
    assert "temperature 48 to 61 °C, clock 2400 MHz" in text


def test_a_hot_machine_shows_in_the_curve(measured):
    text = plain(measured)
    assert "59 % slower" in text
    assert "48 °C at the start, 84 °C at most; clock 2400 MHz at best, 1500 MHz at worst" in text
    assert "Shaded: the machine slowed itself down" in text
    for panel in ("Frame to label, ms", "Hottest sensor, °C", "Clock, MHz", "Power, W"):
        assert panel in text


def test_throughput_and_energy_stand_in_the_table_where_they_were_measured(measured, tmp_path):
    assert "Frames a second" in measured.text
    assert "Energy a frame" in measured.text
    without = page_of(tmp_path, synthetic_bench("pets", has_sensors=False))
    assert "Energy a frame" not in without.text
    assert "A diamond" not in without.text


def test_a_void_case_is_grey_with_its_reason_and_is_not_recommended(measured):
    assert "2 of 12 cases are void" in measured.text
    assert LOADED in measured.text
    assert "int8 tflite, 4 threads; dynamic onnx, 1 thread" in measured.text
    assert "with 4 threads of litert" not in measured.text.split("Exported files")[0]
    assert "Use pets.int8.onnx" in measured.text
    assert [row for row in measured.all("tr") if row.get("class") == "void"]


def test_a_file_whose_every_time_is_void_is_left_out_of_what_is_chosen_by_speed(tmp_path):
    void = [("int8.tflite", 1), ("int8.tflite", 4)]
    page = page_of(tmp_path, synthetic_bench("pets", threads=(1, 4), void=void))
    assert "Use pets.int8.onnx" in page.text
    assert "every time measured of them is void: pets.int8.tflite on litert" in page.text
    assert "Not timed, so not shown: int8 tflite (void)" in page.text


def test_if_everything_is_void_it_says_so_and_chooses_by_accuracy_and_size(tmp_path):
    page = page_of(tmp_path, synthetic_bench("pets", is_void=True), error=0.0)
    text = plain(page)
    assert "Every case is void" in text
    assert "every latency is void" in text
    assert "Use pets." in text
    assert "from frame to label with" not in text.split("Exported files")[0]
    assert "every time is void" in text
    assert f"Every time is void: {LOADED}." in text
    assert "edgecls bench" in text


def test_a_void_case_is_not_what_others_are_called_slower_than(tmp_path):
    void = [("float32.onnx", count) for count in (1, 2)]
    page = page_of(tmp_path, synthetic_bench("pets", threads=(1, 2), void=void))
    assert "On this machine slower than float32" not in page.text
    page = page_of(tmp_path, synthetic_bench("pets", threads=(1, 2)))
    assert "On this machine slower than float32 of the same format: dynamic onnx" in page.text


def test_too_few_samples_give_no_p99(tmp_path):
    page = page_of(tmp_path, synthetic_bench("pets", samples=60))
    assert "60 samples" in page.text
    head = page.text.split("Exported files")[0]
    assert "thread; p90 " in head or "threads; p90 " in head
    assert "p99 " not in head


@pytest.mark.parametrize("samples", [0, 1, 2])
def test_hardly_any_samples_still_give_a_report(tmp_path, samples):
    page = page_of(tmp_path, synthetic_bench("pets", samples=samples, sustained=True))
    assert not page.badly_nested


def test_every_machine_has_its_section_and_its_own_recommendation(tmp_path):
    page = page_of(
        tmp_path,
        synthetic_bench("pets", machine=WORKSTATION, threads=(1, 2), speed=0.5),
        synthetic_bench("pets", host="pi@shed.local", threads=(1, 4), speed=2),
    )
    assert {"speed", "speed-2"} <= page.ids
    assert "Speed on AMD EPYC 7B13 64-Core Processor" in page.text
    assert "Speed on Raspberry Pi 5 Model B Rev 1.0 (pi@shed.local)" in page.text
    assert page.text.count("on Raspberry Pi 5 Model B Rev 1.0 (pi@shed.local).") == 2
    assert {a["href"][1:] for a in page.all("a")} <= page.ids


def test_the_newest_run_of_each_machine_that_is_not_void_is_told():
    old = synthetic_bench("a", samples=0, created="2026-01-01T00:00:00Z")
    new = replace(old, created="2026-02-01T00:00:00Z")
    void = synthetic_bench("a", samples=0, created="2026-03-01T00:00:00Z", is_void=True)
    other = replace(old, machine=WORKSTATION)
    assert newest_of_each_machine(void, [old, other, void, new]) == (new, other)
    assert newest_of_each_machine(void, []) == (void,)
    assert newest_of_each_machine(None, [other, old]) == newest_of_each_machine(None, [old, other])
    assert newest_of_each_machine(None, []) == ()


def test_a_first_look_does_not_take_the_place_of_a_thorough_run_of_the_same_files():
    thorough = synthetic_bench("a", samples=0, created="2026-01-01T00:00:00Z")
    method = replace(thorough.method, rounds=1)
    look = replace(thorough, created="2026-02-01T00:00:00Z", method=method)
    some = replace(look, cases=look.cases[:1])
    assert newest_of_each_machine(look, [thorough, some]) == (thorough,)
    cases = tuple(replace(case, sha256="0" * 64) for case in look.cases)
    again = replace(look, cases=cases)  # the files were exported again
    assert newest_of_each_machine(again, [thorough]) == (again,)


def test_two_boards_of_one_model_are_two_machines_if_they_have_two_names():
    one = synthetic_bench("a", samples=0, host="pi@shed")
    two = replace(one, host="pi@barn")
    assert newest_of_each_machine(None, [one, two]) == (two, one)


def test_a_machine_measured_from_elsewhere_is_enough(tmp_path):
    run = write_run(tmp_path / "pets", benches=(synthetic_bench("pets", host="pi@shed"),))
    run.bench.unlink()
    content = report_content(read_run(run))
    assert content.recommendation.speed is not None
    assert "(pi@shed)" in content.headline


def test_names_of_hosts_and_machines_are_only_text(tmp_path):
    machine = replace(MACHINE, model="</style><script>alert(1)</script>")
    bench = synthetic_bench("pets", machine=machine, host='"><img src=x onerror=alert(2)>')
    void = replace(bench.cases[0], void="<script>alert(3)</script>", artifact="<b>.tflite")
    page = page_of(tmp_path, replace(bench, cases=(void, *bench.cases[1:])))
    assert "script" not in page.tags
    assert not page.all("img")
    assert not page.handlers
    assert not page.badly_nested
    assert "<script>alert(3)</script>" in page.text


def test_many_cases_leave_the_plots_readable(tmp_path):
    bench = synthetic_bench("pets", artifacts=(*ARTIFACTS, *MORE_ARTIFACTS), threads=(1, 2, 4))
    page = page_of(tmp_path, bench, artifacts=20)
    assert "The plots leave out 48 cases that the table has" in page.text
    assert "All 60 cases" in page.text
    assert not page.badly_nested


def test_a_case_that_failed_stays_out_of_the_plots_and_in_the_table(tmp_path):
    failing = [("float16.tflite", 2)]
    page = page_of(tmp_path, synthetic_bench("pets", threads=(1, 2), failing=failing))
    assert "the process ended with signal 11" in page.text
    assert "float16 tflite, 2 threads" not in page.text
    assert "float16 tflite, 1 thread" in page.text


def test_a_damaged_record_of_another_machine_is_named_and_left_out(tmp_path):
    run = write_run(tmp_path / "pets", benches=(synthetic_bench("pets", samples=60),))
    path = run.path / "bench" / "2026-11-24-0.json"
    path.write_text(json.dumps({**json.loads(path.read_text("utf-8")), "version": 1}), "utf-8")
    page = Page(write_report(run))
    assert "Left out a benchmark: Expected version 2 of edgecls.bench in" in page.text
    assert "Speed on" in page.text


def test_files_that_were_exported_again_since_are_named_for_each_machine(tmp_path):
    run = write_run(
        tmp_path / "pets",
        benches=(
            synthetic_bench("pets", samples=60, machine=WORKSTATION),
            synthetic_bench("pets", samples=60, host="pi@shed"),
        ),
    )
    run.exports.mkdir()
    (run.exports / "pets.int8.tflite").write_bytes(b"another file")
    page = Page(write_report(run))
    assert page.text.count("Exported again since they were measured here: pets.int8.tflite.") == 2


def test_what_was_wished_and_not_measured_is_told_below_the_table(tmp_path):
    bench = synthetic_bench("pets", samples=60, threads=(1, 2))
    noted = tuple(replace(case, notes=("throughput: it hangs",)) for case in bench.cases[:2])
    page = page_of(tmp_path, replace(bench, cases=(*noted, *bench.cases[2:])))
    assert "throughput: it hangs: float32 tflite, 1 thread; float32 tflite, 2 threads" in page.text


def test_several_machines_stand_side_by_side(tmp_path):
    void = [("int8.tflite", 1), ("int8.tflite", 2)]
    page = page_of(
        tmp_path,
        synthetic_bench("pets", samples=60, machine=WORKSTATION, threads=(1, 2), void=void),
        synthetic_bench("pets", samples=60, host="pi@shed", threads=(1, 4), speed=2),
    )
    table = page.text.split("Machines side by side")[1].split("Speed on AMD")[0]
    assert "int8 tflite void" in table
    assert table.count("recommended") == 2
    assert "4 threads" in table
    assert "machines" in page.ids


def test_one_machine_stands_beside_none(measured):
    assert "Machines side by side" not in measured.text
