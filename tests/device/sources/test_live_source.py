import os
import signal
import threading
import time
from pathlib import Path

import pytest
from edgecls_device.errors import SourceError
from edgecls_device.health import StatusBoard
from edgecls_device.live import classify_source
from edgecls_device.sources.capture_request import CaptureRequest
from edgecls_device.sources.live_source import LiveSource
from edgecls_device.sources.live_timing import STANDARD_TIMING, LiveTiming
from edgecls_device.stop import Stop

from tests.device.conftest import listening
from tests.device.sources.conftest import SOON, watching

BUSY = b"HTTP/1.1 503 Busy\r\nContent-Length: 0\r\n\r\n"


def pid_of(watched):
    return watched.source._captures.current.pid


def is_gone(pid):
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] == "Z"
    except OSError:
        return True


def wait_gone(pid):
    until = time.monotonic() + 5
    while not is_gone(pid):
        assert time.monotonic() < until
        time.sleep(0.01)


def test_the_newest_frame_is_given_with_its_age_and_the_older_ones_are_counted(http_camera):
    with watching(http_camera.url) as watched:
        watched.until_frames(1)
        time.sleep(0.2)
        frame = watched.read()
        assert (time.monotonic_ns() - frame.captured_ns) / 1e6 < 150
        assert abs(time.time() - frame.captured_at) < 60
        assert frame.image.shape == (48, 64, 3)
        assert watched.source.description == "MJPEG 64x48"
        frame.image[:] = 0  # whoever reads it may draw on it
    assert watched.source.dropped["superseded"] > 2


def test_a_camera_that_closes_is_lost_and_found_again_when_it_returns(http_camera):
    with watching(http_camera.url) as watched:
        watched.until_frames(3)
        http_camera.stop()
        watched.until_lost()
        watched.until(lambda: "connection refused" in watched.source.status.trouble)
        assert watched.source.status.reconnects == 0
        http_camera.start()
        assert watched.until_frames(1) < 3
        assert watched.source.status.state == "delivering"
        assert (watched.source.status.trouble, watched.source.status.reconnects) == ("", 1)
        watched.until_frames(3)


def test_fifty_times_lost_and_found_leave_nothing_behind(http_camera):
    with watching(http_camera.url) as watched:
        for cycle in range(50):
            watched.until_frames(2)
            if cycle == 5:
                before = len(list(Path("/proc/self/fd").iterdir())), threading.active_count()
            http_camera.stop()
            watched.until_lost()
            http_camera.start()
            assert watched.until_frames(1) < 3
        assert watched.source.status.reconnects == 50
        watched.until_frames(2)
        after = len(list(Path("/proc/self/fd").iterdir())), threading.active_count()
    assert after[0] <= before[0] + 2  # sockets of the camera that are being closed
    assert after[1] <= before[1] + 2
    assert watched.source._captures._leaving == []


def test_a_camera_that_stops_in_the_middle_of_a_picture_is_lost_within_six_seconds(http_camera):
    http_camera.stalls_after = 3
    with watching(http_camera.url, timing=STANDARD_TIMING) as watched:
        watched.until(lambda: watched.last is not None and watched.last.index >= 2)
        assert watched.until_lost() < 6
        assert "whole picture" in watched.troubles[-1] or "silence" in watched.troubles[-1]
        http_camera.stalls_after = 10**9
        watched.until_frames(3)
    assert watched.source.status.reconnects == 1


def test_a_capture_process_that_hangs_is_killed_and_started_again(http_camera):
    with watching(http_camera.url) as watched:
        watched.until_frames(3)
        pid = pid_of(watched)
        os.kill(pid, signal.SIGSTOP)
        assert 0.2 < watched.until_lost() < 2
        assert watched.troubles[-1].endswith("got none for 0.5 seconds.")
        watched.until_frames(3)
        assert pid_of(watched) != pid
        wait_gone(pid)
    assert watched.source.dropped.get("lost_in_capture", 0) <= 2


def test_a_capture_process_that_is_killed_is_started_again_and_its_frames_are_counted(http_camera):
    with watching(http_camera.url) as watched:
        for _ in range(3):
            watched.until_frames(2)
            time.sleep(0.05)
            os.kill(pid_of(watched), signal.SIGKILL)
            watched.until_lost()
            assert "ended by SIGKILL" in watched.troubles[-1]
        watched.until_frames(2)
    assert watched.source.status.reconnects == 3
    assert watched.source.dropped["lost_in_capture"] >= 1


def test_a_capture_process_ends_with_its_source(http_camera):
    with watching(http_camera.url) as watched:
        watched.until_frames(1)
        pid = pid_of(watched)
        os.kill(pid, signal.SIGTERM)  # a service manager tells the whole group; the parent decides
        watched.until_frames(5)
        assert pid_of(watched) == pid
    assert is_gone(pid)
    assert watched.read() is None
    watched.source.close()


def test_a_capture_process_that_hangs_does_not_hold_up_the_end(http_camera):
    with watching(http_camera.url) as watched:
        watched.until_frames(1)
        pid = pid_of(watched)
        os.kill(pid, signal.SIGSTOP)
        start = time.monotonic()
        watched.source.close()
        assert time.monotonic() - start < 2
    wait_gone(pid)


def test_a_lost_source_ends_the_run_when_it_is_not_to_be_waited_for(http_camera):
    with watching(http_camera.url, give_up_after_s=0) as watched:
        watched.until_frames(1)
        http_camera.stop()
        with pytest.raises(SourceError, match=r"the other side hung up|reset"):
            watched.until(lambda: False)


def test_a_source_is_given_up_after_the_time_that_was_said(http_camera):
    with watching(http_camera.url, give_up_after_s=0.4) as watched:
        watched.until_frames(1)
        start = time.monotonic()
        http_camera.stop()
        with pytest.raises(SourceError, match=r"connection refused|hung up|reset"):
            watched.until(lambda: False)
        assert 0.4 <= time.monotonic() - start < 3


def test_a_source_that_is_not_there_is_an_error_or_waited_for(http_camera):
    http_camera.stop()
    with pytest.raises(SourceError, match="connection refused"):
        LiveSource(CaptureRequest(kind="stream", text=http_camera.url), timing=SOON)
    with watching(http_camera.url, wait_for_source=True) as watched:
        assert watched.source.status.state == "lost"
        assert "connection refused" in watched.source.status.trouble
        assert watched.read() is None
        http_camera.start()
        watched.until_frames(2)
        assert watched.source.status.reconnects == 0


def test_opening_a_host_that_never_answers_ends_when_a_stop_is_requested():
    stop = Stop()
    threading.Timer(0.3, stop.request, ["a test"]).start()
    with listening() as url:
        start = time.monotonic()
        source = LiveSource(CaptureRequest(kind="stream", text=url), stop=stop)
        assert time.monotonic() - start < 1.5
        assert source.read(stop) is None
        source.close()


def test_a_camera_that_answers_with_errors_is_tried_less_and_less_often(http_camera):
    timing = LiveTiming(first_backoff_s=0.5, longest_backoff_s=10.0, steady_s=60.0, probe_s=0.02)
    with watching(http_camera.url, timing=timing) as watched:
        watched.until_frames(1)
        http_camera.answer = BUSY
        http_camera.hang_up()
        del http_camera.requests[:]
        until = time.monotonic() + 3.0
        watched.until(lambda: time.monotonic() > until)
        assert "busy" in watched.source.status.trouble
    assert (
        1 <= len(http_camera.requests) <= 3
    )  # after half a second, one and two more, and starting


def test_a_camera_that_was_away_is_opened_as_soon_as_it_returns_however_long_the_delay(http_camera):
    timing = LiveTiming(first_backoff_s=12.0, longest_backoff_s=60.0, steady_s=60.0, probe_s=0.02)
    with watching(http_camera.url, timing=timing) as watched:
        watched.until_frames(1)
        http_camera.answer = BUSY
        http_camera.hang_up()
        watched.until_lost()
        http_camera.stop()
        watched.until(lambda: "connection refused" in watched.source.status.trouble)
        http_camera.answer = b""
        http_camera.start()
        assert watched.until_frames(1) < 3


def test_a_run_is_live_but_not_ready_while_its_camera_is_gone(http_camera, classifier):
    board, stop, seen = StatusBoard(), Stop(), []
    source = LiveSource(CaptureRequest(kind="stream", text=http_camera.url), timing=SOON)
    acts = [http_camera.stop, http_camera.start, lambda: stop.request("a test")]

    def look():
        status = board.status()
        state = (status.state, status.is_live, status.is_ready)
        if status.state != "starting" and state not in seen[-1:]:
            seen.append(state)
            acts.pop(0)()

    summary = classify_source(source, classifier, [], stop=stop, board=board, on_round=look)
    ready, lost = ("ready", True, True), ("source_lost", True, False)
    assert seen == [ready, lost, ready]
    assert summary.reconnects == 1
    assert summary.captured == summary.results + sum(summary.dropped.values())
