import math

import pytest

from edgecls.reports.measured import short_names, slower_than_float
from edgecls.reports.pareto import efficient, pareto
from edgecls.reports.report import write_report
from tests.reports.page import Page
from tests.reports.synthetic_run import write_run
from tests.reports.test_recommendation import PHOTOS, entry


def lay_out(*entries, chosen=None):
    return pareto(entries, short_names(entries), chosen, photos=PHOTOS)


@pytest.mark.parametrize(
    ("values", "expected"),
    [
        ([(5, 0.9), (10, 0.95), (12, 0.94)], (True, True, False)),
        ([(5, 0.9), (5, 0.9)], (True, True)),
        ([(5, 0.9), (5, 0.91)], (False, True)),
        ([(5, 0.9), (6, 0.9)], (True, False)),
        ([], ()),
    ],
)
def test_only_what_no_other_beats_is_efficient(values, expected):
    assert efficient(values) == expected


def test_the_frontier_steps_through_the_efficient_ones_to_the_right_edge():
    found = lay_out(
        entry("int8", top1=0.97, ms=5),
        entry("float32", top1=0.99, ms=10),
        entry("slow", top1=0.98, ms=15),
    )
    marks = {mark.name: mark for mark in found.plot.marks}
    int8, whole = marks["int8 tflite"], marks["float32 tflite"]
    assert found.plot.frontier == (
        f"{int8.x:g},{int8.y:g} {whole.x:g},{int8.y:g} {whole.x:g},{whole.y:g} 466,{whole.y:g}"
    )
    assert [item.is_efficient for item in found.entries] == [True, True, False]


def test_the_area_of_a_mark_is_the_size_of_its_file():
    found = lay_out(entry("a", top1=0.9, ms=5, mb=5), entry("b", top1=0.9, ms=9, mb=20))
    small, large = sorted(mark.radius for mark in found.plot.marks)
    assert math.isclose((large / small) ** 2, 4, rel_tol=0.05)


def test_large_marks_lie_below_small_ones():
    found = lay_out(*(entry(f"r{mb}", top1=0.9, ms=5, mb=mb) for mb in (5, 20, 10)))
    radii = [mark.radius for mark in found.plot.marks]
    assert radii == sorted(radii, reverse=True)


def test_a_broken_file_does_not_press_the_others_into_a_line():
    good = [entry(name, top1=top1, ms=ms) for name, top1, ms in (("a", 0.9, 5), ("b", 0.91, 9))]
    found = lay_out(*good, entry("c", top1=0.9, ms=7), entry("broken", top1=0.2, ms=4))
    assert found.has_sunken
    marks = {mark.name: mark for mark in found.plot.marks}
    broken = marks["broken tflite \N{DOWNWARDS ARROW} 20.0\N{NO-BREAK SPACE}%"]
    assert broken.y == pytest.approx(found.plot.y.start, abs=60)
    assert "top-1 20.0" in broken.tooltip
    assert marks["a tflite"].y - marks["b tflite"].y > 15
    assert not lay_out(*good).has_sunken


def test_without_a_benchmark_size_is_the_cost():
    found = lay_out(entry("int8", top1=0.9, mb=5), entry("float32", top1=0.9, mb=20))
    assert not found.is_timed
    assert found.plot.x_title == "file size, MB"
    assert len({mark.radius for mark in found.plot.marks}) == 1


def test_one_that_was_not_timed_is_named_below_the_plot():
    found = lay_out(entry("int8", top1=0.9, ms=5), entry("float32", top1=0.9))
    assert found.untimed == ("float32 tflite",)
    assert [item.name for item in found.entries] == ["int8 tflite"]


def test_many_are_numbered_and_the_key_names_every_one(tmp_path):
    run = write_run(tmp_path / "pets", artifacts=20, per_class=600, labels=tuple("abcde"))
    page = Page(write_report(run))
    names = (
        "int8-litert tflite",
        "int8-percentile onnx",
        "int16 tflite",
        "int8 tflite on tflite-runtime",
    )
    for name in names:
        assert name in page.text
    assert "more, of files with other answers" in page.text
    key = page.source.split('<table class="key">')[1].split("</table>")[0]
    assert key.count("<tr") == 21
    assert '<th scope="row"' in key
    assert "<td>20</td>" in key


def test_few_are_named_beside_their_points():
    found = lay_out(entry("int8", top1=0.9, ms=5), entry("float32", top1=0.95, ms=9))
    assert {line.text for tag in found.plot.tags for line in tag.lines} == {
        "int8 tflite",
        "float32 tflite",
    }
    assert {item.number for item in found.entries} == {0}


def test_slower_than_float_is_told_within_one_format_and_runtime():
    entries = [
        entry("float32", ms=10),
        entry("dynamic", ms=25),
        entry("int16", ms=10.3),
        entry("int8", ms=30, kind="onnx"),
    ]
    assert slower_than_float(entries) == {("m.dynamic.tflite", "litert"): 2.5}


def test_the_page_says_which_recipes_are_slower_here_and_what_recipes_do(tmp_path):
    page = Page(write_report(write_run(tmp_path / "pets")))
    assert "On this machine slower than float32 of the same format: dynamic onnx." in page.text
    assert "4.3 \N{MULTIPLICATION SIGN} the time of float32" in page.text
    assert "weights stored as float16" in page.text
