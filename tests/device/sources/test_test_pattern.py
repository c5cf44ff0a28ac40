import time

import numpy as np
import pytest
from edgecls_device.errors import OptionError
from edgecls_device.sources.captures import CaptureEnd
from edgecls_device.sources.pattern_pictures import PATTERNS
from edgecls_device.sources.table import open_source
from edgecls_device.sources.test_pattern import PatternRequest, open_pattern_capture, parse_pattern
from edgecls_device.stop import Stop


@pytest.mark.parametrize("name", PATTERNS)
@pytest.mark.parametrize("size", [(48, 64), (480, 640), (64, 48), (16, 16)])
def test_a_frame_is_a_function_of_its_number(name, size):
    one, other = PATTERNS[name](size, 30.0), PATTERNS[name](size, 30.0)
    for number in (0, 1, 100):
        other(number + 1)
        image = one(number)
        assert image.shape == (*size, 3)
        assert image.dtype == np.uint8
        assert np.array_equal(image, other(number))


@pytest.mark.parametrize("name", PATTERNS)
def test_only_the_frozen_picture_repeats(name):
    draw = PATTERNS[name]((48, 64), 30.0)
    same = [np.array_equal(draw(i), draw(i + 1)) for i in range(200)]
    assert all(same) if name == "frozen" else not any(same)


def test_a_still_scene_only_has_noise_and_the_bars_move():
    still, bars = PATTERNS["still"]((48, 64), 30.0), PATTERNS["bars"]((48, 64), 30.0)
    assert np.abs(still(0).astype(int) - still(90)).mean() < 6
    assert np.abs(bars(0).astype(int) - bars(90)).mean() > 20


def test_a_reader_may_draw_on_a_frame():
    draw = PATTERNS["frozen"]((48, 64), 30.0)
    draw(0)[:] = 0
    assert draw(1).any()


@pytest.mark.parametrize(
    ("text", "request_"),
    [
        ("test:", PatternRequest()),
        ("test:noise", PatternRequest(pattern="noise")),
        ("test:?fps=15", PatternRequest(fps=15)),
        (
            "test:still?size=64x48&fps=60&limit=9",
            PatternRequest(pattern="still", size=(48, 64), fps=60, limit=9),
        ),
    ],
)
def test_a_text_says_pattern_size_rate_and_end(text, request_):
    assert parse_pattern(text) == request_


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("test:cats", "bars, shapes, still, frozen, noise, got 'cats'"),
        ("test:?size=9x9", "size=WIDTHxHEIGHT of 16 to 4096"),
        ("test:?size=big", "got 'big'"),
        ("test:?fps=0", "fps=N of at least 1"),
        ("test:?fps=nan", "fps=N"),
        ("test:?limit=0", "limit=N"),
        ("test:?colour=red", "size, fps or limit.*'colour'"),
    ],
)
def test_a_wrong_text_is_refused(text, message):
    with pytest.raises(OptionError, match=message):
        open_source(text)


def test_frames_come_at_their_pace_until_the_limit():
    capture = open_pattern_capture("test:?size=64x48&fps=100&limit=11", {})
    start = time.monotonic()
    for _ in range(11):
        capture.read()
    assert time.monotonic() - start >= 0.099
    with pytest.raises(CaptureEnd):
        capture.read()


def test_a_test_picture_is_a_live_source_that_ends_when_it_is_told_to():
    source = open_source("test:bars?size=64x48&fps=200&limit=40")
    assert (source.is_live, source.frame_rate) == (True, 200)
    assert source.description == "test picture bars 64x48 at 200 fps"
    frames = []
    while source.status.state != "ended":
        frame = source.read(Stop())
        if frame is not None:
            frames.append(frame)
    source.close()
    assert source.captured == 40 == len(frames) + sum(source.dropped.values())
    expected = PATTERNS["bars"]((48, 64), 200.0)
    assert all(np.array_equal(frame.image, expected(frame.index)) for frame in frames)
