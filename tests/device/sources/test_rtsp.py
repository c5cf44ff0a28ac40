import os
import signal
import time

import pytest
from edgecls_device.errors import SourceError

from tests.device.sources.conftest import watching
from tests.device.sources.rtsp_camera import RtspCamera


@pytest.fixture
def rtsp_camera():
    """A camera that is on."""
    device = RtspCamera()
    device.start()
    yield device
    device.stop()


def test_an_rtsp_camera_is_read_over_tcp_and_told_when_it_is_left(rtsp_camera):
    with watching(rtsp_camera.url) as watched:
        watched.until_frames(5)
        assert watched.last.image.shape == (48, 64, 3)
        blue, green, red = watched.last.image.reshape(-1, 3).mean(axis=0)
        assert green > 140 > max(blue, red)
    assert "interleaved" in next(text for text in rtsp_camera.requests if text.startswith("SETUP"))
    until = time.monotonic() + 3
    while "TEARDOWN" not in rtsp_camera.methods:
        assert time.monotonic() < until
        time.sleep(0.01)


def test_an_rtsp_camera_that_closes_is_found_again(rtsp_camera):
    with watching(rtsp_camera.url) as watched:
        for _ in range(2):
            watched.until_frames(3)
            rtsp_camera.stop()
            watched.until_lost()
            rtsp_camera.start()
            assert watched.until_frames(1) < 3
        assert watched.source.status.reconnects == 2


def test_an_rtsp_camera_that_stalls_in_a_frame_is_lost_and_found_again(rtsp_camera):
    rtsp_camera.stalls_after = 10
    with watching(rtsp_camera.url) as watched:
        watched.until_frames(1)
        watched.until_lost()
        assert "got none for 0.5 seconds" in watched.troubles[-1]
        rtsp_camera.stalls_after = 10**9
        watched.until_frames(3)


def test_an_rtsp_camera_whose_process_hangs_is_found_again(rtsp_camera):
    with watching(rtsp_camera.url) as watched:
        watched.until_frames(3)
        os.kill(watched.source._captures.current.pid, signal.SIGSTOP)
        watched.until_lost()
        watched.until_frames(3)


def test_an_rtsp_server_that_says_nothing_it_should_is_an_error(http_camera):
    url = http_camera.url.replace("http://", "rtsp://me:secret@")
    with pytest.raises(SourceError, match="no stream") as caught, watching(url):
        pass
    assert "secret" not in caught.value.message
