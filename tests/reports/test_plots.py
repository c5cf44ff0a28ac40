import itertools
import math
import random
import re

import pytest
from edgecls_bench.measurement import Latency
from edgecls_bench.metrics import calibration_error

from edgecls.reports.axes import linear_axis, logarithmic_axis
from edgecls.reports.bar_plot import bar_plot
from edgecls.reports.calibration import score_bins, unknown_cost
from edgecls.reports.classes import Answered, class_results, confused_pairs
from edgecls.reports.intervals import wilson_interval
from edgecls.reports.label_placement import Box
from edgecls.reports.line_plot import line_plot
from edgecls.reports.panel_plot import panel_plot
from edgecls.reports.plot_frame import HEIGHT_PX, WIDTH_PX
from edgecls.reports.scatter_plot import PointValue, scatter_plot
from edgecls.reports.spread_plot import SpreadValue, spread_plot
from edgecls.reports.stacked_plot import Part, StackedValue, stacked_plot
from edgecls.reports.textures import texture


def point(x, y, name="int8 tflite"):
    return PointValue(x=x, y=y, low=y - 1, high=y + 0.5, name=name, tooltip=name, series="tflite")


CROWDS = {
    "apart": [(2, 90), (6, 95), (10, 99)],
    "one spot": [(5, 99)] * 5,
    "a row": [(i + 1, 99.2) for i in range(10)],
    "two columns": [(2 + i // 4 * 6, 97 + i % 4 * 0.3) for i in range(8)],
}


@pytest.mark.parametrize("crowd", CROWDS)
def test_labels_cover_neither_each_other_nor_leave_the_plot(crowd):
    plot = scatter_plot([point(x, y) for x, y in CROWDS[crowd]], x_title="ms", y_title="%")
    boxes = [tag.place.box for tag in plot.tags]
    assert sum(len(tag.lines) for tag in plot.tags) == len(CROWDS[crowd])
    for one, other in itertools.combinations(boxes, 2):
        assert one.overlap(other) == 0
    page = Box(left=0, top=0, right=WIDTH_PX, bottom=HEIGHT_PX)
    for box in boxes:
        area = (box.right - box.left) * (box.bottom - box.top)
        assert box.overlap(page) == pytest.approx(area)


def test_points_on_one_spot_share_a_label():
    plot = scatter_plot([point(5, 99, "a"), point(5.01, 99, "b")], x_title="ms", y_title="%")
    assert [[line.text for line in tag.lines] for tag in plot.tags] == [["a", "b"]]


def test_points_that_are_no_numbers_are_left_out():
    assert scatter_plot([point(math.nan, 99), point(0, 99)], x_title="", y_title="") is None


def test_widely_different_values_get_a_logarithmic_axis():
    plot = scatter_plot([point(1, 99), point(900, 99)], x_title="ms", y_title="%")
    assert plot.x.is_logarithmic
    assert plot.marks[0].x > plot.x.start + 5


@pytest.mark.parametrize(
    ("low", "high", "texts"),
    [
        (0, 10.4, ["0", "5", "10", "15"]),
        (98.2, 99.7, ["98.0", "98.5", "99.0", "99.5", "100.0"]),
        (0.01, 0.043, ["0.01", "0.02", "0.03", "0.04", "0.05"]),
        (5, 5, ["4.4", "4.6", "4.8", "5.0", "5.2", "5.4", "5.6"]),
    ],
)
def test_axes_end_on_round_numbers(low, high, texts):
    axis = linear_axis(low, high, start=0, end=100)
    assert [tick.text for tick in axis.ticks] == texts
    assert axis.ticks[0].position == 0
    assert axis.ticks[-1].position == 100


def test_an_axis_does_not_pass_its_cap():
    axis = linear_axis(71, 100, start=0, end=100, cap=100)
    assert axis.ticks[-1].text == "100"
    assert axis(100) == 100
    assert axis(130) == 100


def test_equal_ratios_have_equal_lengths_on_a_logarithmic_axis():
    axis = logarithmic_axis(1, 100, start=0, end=100)
    assert (axis(1), axis(10), axis(100)) == (0, 50, 100)


def test_line_labels_keep_apart_where_lines_meet():
    plot = line_plot([("a", "train", [1, 0.01]), ("b", "val", [0.9, 0.01])], x_title="", y_title="")
    first, second = plot.lines
    assert abs(first.label_y - second.label_y) >= 15
    assert max(first.label_y, second.label_y) <= plot.y.start


@pytest.mark.parametrize("epochs", [1, 2, 3, 17, 100, 3000])
def test_epochs_have_whole_numbers_under_them(epochs):
    plot = line_plot([("a", "val", [0.5] * epochs)], x_title="epoch", y_title="loss")
    numbers = [int(tick.text) for tick in plot.x.ticks]
    assert numbers[0] == 1
    assert numbers[-1] == max(2, epochs)
    assert numbers == sorted(set(numbers))
    assert len(numbers) <= 11


def test_nothing_to_draw_gives_no_plot():
    assert line_plot([("a", "val", [math.nan])], x_title="", y_title="") is None


@pytest.mark.parametrize(
    ("right", "photos", "low", "high"),
    [(0, 0, 0, 1), (10, 10, 0.7225, 1), (0, 10, 0, 0.2775), (8, 10, 0.4902, 0.9433)],
)
def test_the_interval_is_wilsons(right, photos, low, high):
    assert wilson_interval(right, photos) == pytest.approx((low, high), abs=1e-4)


def test_bins_sum_up_to_the_calibration_error_that_compare_gives():
    rng = random.Random(1)
    scores = [rng.random() for _ in range(500)]
    is_right = [rng.random() < score**2 for score in scores]
    bins = score_bins(scores, is_right)
    summed = sum(b.photos * abs(b.accuracy - b.confidence) for b in bins) / 500
    assert summed == pytest.approx(calibration_error(scores, is_right))
    assert [b.photos for b in score_bins([0.75] * 4 + [1.0] * 2, [True] * 6)] == [4, 2]


def test_the_unknown_threshold_is_counted_both_ways():
    cost = unknown_cost([0.4, 0.5, 0.6, 0.9], [False, True, False, True], 0.6)
    assert (cost.unknown, cost.wrong_avoided, cost.shown, cost.shown_right) == (2, 1, 2, 1)


def test_classes_and_confusions_are_counted():
    truth, said = [0, 0, 0, 1, 1, 2], [0, 1, 1, 1, 0, 2]
    cat, dog, bird, fish = class_results(
        ("cat", "dog", "bird", "fish"), Answered.of_each(truth, said)
    )
    assert (cat.photos, cat.right, cat.often, cat.often_count) == (3, 1, "dog", 2)
    assert (dog.photos, dog.right, dog.often) == (2, 1, "cat")
    assert (bird.accuracy, bird.often) == (1.0, "")
    assert fish.accuracy is None
    pairs = confused_pairs(("cat", "dog", "bird", "fish"), Answered.of_each(truth, said), limit=1)
    assert [(p.true, p.predicted, p.count) for p in pairs] == [("cat", "dog", 2)]


def test_textures_stay_inside_their_rectangle():
    for style in ("hatched", "dotted"):
        for width in (1.0, 7.3, 120.0):
            path = texture(style, 10, 20, width, 12)
            numbers = [float(n) for n in re.findall(r"-?\d+\.\d", path)]
            xs, ys = numbers[::2], numbers[1::2]
            assert all(10 <= x <= 10 + width + 0.1 for x in xs)
            assert all(20 <= y <= 32.1 for y in ys)
    assert texture("solid", 0, 0, 10, 10) == ""


def test_parts_of_a_bar_follow_each_other_without_gaps():
    parts = (Part(name="a", style="solid"), Part(name="b", style="hatched"))
    value = StackedValue(name="x", note="", values=(60.0, 40.0), tooltip="", mark=55.0)
    plot = stacked_plot([value], parts, x_title="%", mark_name="bare")
    first, second = plot.rows[0].segments
    assert second.x == pytest.approx(first.x + first.width)
    assert second.x + second.width == plot.x.end
    assert first.x < plot.rows[0].mark < second.x


def test_a_part_that_no_bar_has_is_not_in_the_legend():
    parts = (Part(name="a", style="solid"), Part(name="b", style="hatched"))
    value = StackedValue(name="x", note="", values=(1.0, 0.0), tooltip="")
    plot = stacked_plot([value], parts, x_title="ms", mark_name="bare")
    assert [part.name for part in plot.parts] == ["a"]
    assert plot.mark_name == ""


def test_two_humps_of_a_distribution_are_both_drawn():
    times = [1_000_000] * 500 + [1_400_000] * 499
    latency = Latency(p50_ms=1.0, p90_ms=1.4, p99_ms=1.4, samples=len(times))
    value = SpreadValue(
        name="x", latency=latency, samples_ns=tuple(times), series="tflite", is_void=False
    )
    (row,) = spread_plot([value]).rows
    tops = [float(y) for y in re.findall(r"V([\d.]+)", row.outline)]
    assert sum(y < row.base - 20 for y in tops) == 2


def test_nothing_that_was_measured_gives_no_plot():
    assert spread_plot([]) is None
    assert stacked_plot([], (), x_title="") is None
    assert bar_plot([], x_title="") is None
    assert panel_plot([], end=1.0, x_title="", summary="") is None


def test_a_percentile_beyond_the_axis_is_told_and_not_drawn_at_its_end():
    latency = Latency(p50_ms=1.0, p90_ms=1.2, p99_ms=8.0, samples=1000)
    times = (1_000_000,) * 985 + (8_000_000,) * 15
    value = SpreadValue(name="x", latency=latency, samples_ns=times, series="tflite", is_void=False)
    (row,) = spread_plot([value]).rows
    assert [mark.name for mark in row.marks] == ["p50", "p90"]
    assert row.beyond.replace("\N{NO-BREAK SPACE}", " ") == "p99 8.00 ms; 15 beyond, up to 8.00 ms"
