import time

import pytest
from edgecls_device.errors import SourceError
from edgecls_device.sources.captures import CaptureEnd
from edgecls_device.sources.options import SourceOptions
from edgecls_device.sources.realtime import open_clip_capture
from edgecls_device.sources.table import open_source
from edgecls_device.stop import Stop

from tests.device.conftest import write_clip


@pytest.fixture
def short_clip(tmp_path):
    """3 red, 3 green and 3 blue frames: 0.9 seconds."""
    path = tmp_path / "short.avi"
    write_clip(path, ["red"] * 3 + ["green"] * 3 + ["blue"] * 3)
    return path


def color_of(image):
    return ["blue", "green", "red"][int(image.reshape(-1, 3).mean(axis=0).argmax())]


def read_until(source, is_enough, *, deadline_s=10.0):
    until = time.monotonic() + deadline_s
    while time.monotonic() < until and not is_enough():
        frame = source.read(Stop())
        if frame is not None:
            yield frame


def test_a_looped_clip_begins_again_and_is_described(short_clip):
    capture = open_clip_capture(f"loop:{short_clip}", {})
    capture._pace.wait = lambda: None
    colors = [color_of(capture.read()) for _ in range(20)]
    capture.close()
    assert colors == (["red"] * 3 + ["green"] * 3 + ["blue"] * 3) * 2 + ["red"] * 2
    assert capture.description == "MJPG 64x48 at 10 fps, in a loop"


def test_a_clip_in_real_time_ends(short_clip):
    capture = open_clip_capture(str(short_clip), {"is_once": True})
    start = time.monotonic()
    for _ in range(9):
        capture.read()
    assert time.monotonic() - start >= 0.79
    with pytest.raises(CaptureEnd):
        capture.read()
    capture.close()


def test_a_video_with_realtime_is_a_live_source_and_ends(short_clip):
    source = open_source(str(short_clip), SourceOptions(realtime=True, give_up_after_s=0))
    frames = list(read_until(source, lambda: source.status.state == "ended"))
    source.close()
    assert (source.is_live, source.status.state, source.captured) == (True, "ended", 9)
    assert {color_of(frame.image) for frame in frames} == {"red", "green", "blue"}


def test_a_looped_clip_that_is_taken_away_is_lost_and_comes_back(short_clip):
    source = open_source(f"loop:{short_clip}")
    away = short_clip.with_name("away.avi")
    assert next(read_until(source, lambda: False)) is not None
    short_clip.rename(away)
    list(read_until(source, lambda: source.status.state == "lost"))
    assert "taken away" in source.status.trouble or "nothing there" in source.status.trouble
    away.rename(short_clip)
    list(read_until(source, lambda: source.status.reconnects == 1))
    assert next(read_until(source, lambda: False)) is not None
    assert (source.status.state, source.status.reconnects) == ("delivering", 1)
    source.close()


@pytest.mark.parametrize("content", [None, b"hello" * 100])
def test_a_looped_clip_that_is_none_is_an_error(tmp_path, content):
    path = tmp_path / "x.mp4"
    if content is not None:
        path.write_bytes(content)
    with pytest.raises(SourceError, match="Expected a video file"):
        open_source(f"loop:{path}")
