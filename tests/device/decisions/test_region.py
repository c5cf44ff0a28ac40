import numpy as np
import pytest
from edgecls_device.decisions.region import parse_region
from edgecls_device.decisions.settings import DecisionSettings
from edgecls_device.errors import FrameError, OptionError

IMAGE = np.arange(48 * 64 * 3, dtype=np.int64).astype(np.uint8).reshape(48, 64, 3)


@pytest.mark.parametrize(
    ("text", "rows", "columns"),
    [
        ("10,20,30,8", (20, 28), (10, 40)),
        (" 0, 0, 64, 48 ", (0, 48), (0, 64)),
        ("0.25,0.5,0.5,0.5", (24, 48), (16, 48)),
        ("0.0,0.0,1.0,1.0", (0, 48), (0, 64)),
        (".1,.1,.9,.9", (5, 48), (6, 64)),
    ],
)
def test_a_region_is_a_view_of_the_frame(text, rows, columns):
    part = parse_region(text).cut(IMAGE)
    assert np.shares_memory(part, IMAGE)
    assert np.array_equal(part, IMAGE[slice(*rows), slice(*columns)])


@pytest.mark.parametrize(
    "text",
    ["", "1,2,3", "1,2,3,4,5", "a,b,c,d", "0.5,0.5,1,1", "-1,0,20,20", "0,0,0,0", "0,0,7,100", "0,0,100,7",
     "0.0,0.0,0.0,1.0", "0.5,0.0,0.6,1.0", "0.0,0.5,1.0,0.51", "1e3,0,9,9", "nan,0,9,9", "inf,0.0,1.0,1.0",
     ".,.,.,.", "0,0,9999999,9", "0x10,0,20,20", "-.0,0.0,-.5,1.0"],
)  # fmt: skip
def test_a_text_that_is_no_region_is_refused(text):
    with pytest.raises(OptionError, match="Expected --roi") as caught:
        parse_region(text)
    assert "--roi 160,0,320,480" in caught.value.hint


@pytest.mark.parametrize("text", ["40,0,30,20", "0,40,20,10", "64,48,8,8", "0,0,640,480"])
def test_a_region_outside_of_the_frame_is_refused_with_both_sizes(text):
    with pytest.raises(FrameError, match="inside the frame of 64x48"):
        parse_region(text).cut(IMAGE)


def test_a_share_of_a_small_frame_that_leaves_few_pixels_is_refused():
    with pytest.raises(FrameError, match="at least 8 pixels a side, got 6x48"):
        parse_region("0.0,0.0,0.1,1.0").cut(IMAGE)


@pytest.mark.parametrize("seed", range(30))
def test_any_share_lies_inside_of_any_frame(seed):
    rng = np.random.default_rng(seed)
    x, y = rng.uniform(0, 0.7, 2)
    width, height = rng.uniform(0.3, 1, 2) * (1 - np.array([x, y]))
    text = ",".join(f"{number:.6f}" for number in (x, y, width, height))
    frame = np.zeros((*rng.integers(60, 2000, 2), 3), np.uint8)
    assert parse_region(text).cut(frame).size or min(width, height) * min(frame.shape[:2]) < 8


@pytest.mark.parametrize(
    ("settings", "name"),
    [
        ({"every": 0}, "--every"),
        ({"motion_share": 0.0}, "--motion"),
        ({"motion_share": 1.1}, "--motion"),
        ({"motion_share": float("nan")}, "--motion"),
        ({"smoothing": "median"}, "--smoothing"),
        ({"window_s": 0.0}, "--smoothing-window"),
        ({"window_s": float("inf")}, "--smoothing-window"),
        ({"enter_score": 1.5}, "--enter-score"),
        ({"leave_score": 0.0}, "--leave-score"),
        ({"enter_score": 0.5, "leave_score": 0.6}, "--leave-score"),
        ({"min_duration_s": -1.0}, "--min-duration"),
        ({"min_duration_s": float("nan")}, "--min-duration"),
    ],
)
def test_settings_out_of_range_are_refused_by_the_name_of_their_option(settings, name):
    with pytest.raises(OptionError, match=f"Expected {name} to be"):
        DecisionSettings(**settings)
