import threading
import time

import cv2
import pytest
from edgecls_device.errors import MissingDependencyError, OptionError
from edgecls_device.health import StatusBoard
from edgecls_device.sinks import window
from edgecls_device.sinks.caption import Caption
from edgecls_device.sinks.window import WindowSink, check_window
from edgecls_device.sources.protocol import SourceStatus
from edgecls_device.stop import Stop

from tests.device.sinks.results import SUMMARY, event, result


def test_a_window_on_a_headless_build_names_the_command(monkeypatch):
    monkeypatch.setattr(cv2, "getBuildInformation", lambda: "  GUI:             NONE\n")
    with pytest.raises(MissingDependencyError, match="headless build") as caught:
        check_window()
    assert "edgecls[desktop]" in caught.value.hint


def test_a_window_without_a_display_is_refused_before_the_toolkit_aborts(monkeypatch):
    monkeypatch.setattr(cv2, "getBuildInformation", lambda: "  GUI:             QT5\n")
    monkeypatch.delenv("DISPLAY", raising=False)
    monkeypatch.delenv("WAYLAND_DISPLAY", raising=False)
    monkeypatch.setattr(window.sys, "platform", "linux")
    with pytest.raises(OptionError, match="display"):
        check_window()


def test_a_display_that_cannot_be_opened_is_refused_and_ends_no_process(monkeypatch):
    monkeypatch.setattr(cv2, "getBuildInformation", lambda: "  GUI:             QT5\n")
    monkeypatch.setenv("DISPLAY", ":4711")
    monkeypatch.setattr(
        window, "_PROBE", "import os, sys; sys.stderr.write('no :4711.'); os.abort()"
    )
    with pytest.raises(OptionError, match=r"cannot be opened: no :4711\."):
        check_window()


class FakeHighgui:
    """OpenCV's windows, with the keys a user presses."""

    def __init__(self, keys, *, visible=1.0):
        self.keys = list(keys)
        self.visible = visible
        self.shown = []
        self.open = False

    def install(self, monkeypatch):
        monkeypatch.setattr(
            cv2, "namedWindow", lambda *_: setattr(self, "open", True), raising=False
        )
        monkeypatch.setattr(cv2, "resizeWindow", lambda *_: None, raising=False)
        monkeypatch.setattr(cv2, "imshow", lambda _, image: self.shown.append(image), raising=False)
        monkeypatch.setattr(
            cv2, "waitKey", lambda _: self.keys.pop(0) if self.keys else -1, raising=False
        )
        monkeypatch.setattr(cv2, "getWindowProperty", lambda *_: self.visible, raising=False)
        monkeypatch.setattr(
            cv2, "destroyAllWindows", lambda: setattr(self, "open", False), raising=False
        )
        return self


@pytest.mark.parametrize("key", [ord("q"), ord("Q"), 27])
def test_q_and_escape_end_the_run(monkeypatch, key):
    screen, stop = FakeHighgui([-1, key]).install(monkeypatch), Stop()
    sink = WindowSink(stop)
    sink.write(result())
    sink.pump()
    assert not stop.is_requested
    sink.write(result())
    sink.pump()
    assert stop.reason == "the window"
    assert len(screen.shown) == 2
    sink.close()
    sink.close()
    assert not screen.open


def test_closing_the_window_ends_the_run(monkeypatch):
    FakeHighgui([], visible=0.0).install(monkeypatch)
    stop = Stop()
    sink = WindowSink(stop)
    sink.write(result())
    sink.pump()
    assert stop.is_requested


def test_a_window_shows_the_newest_result_only_and_never_holds_up_the_loop(monkeypatch):
    screen = FakeHighgui([]).install(monkeypatch)
    sink = WindowSink(Stop())
    for index in range(100):
        sink.write(result(index=index))
    sink.pump()
    sink.pump()
    assert len(screen.shown) == 1


def in_thread(sink, count):
    def work():
        for index in range(count):
            sink.write(result(index=index))

    thread = threading.Thread(target=work, daemon=True)
    thread.start()
    return thread


def test_photos_are_each_shown_for_a_while_and_the_last_until_a_key(monkeypatch):
    monkeypatch.setattr(window, "PHOTO_S", 0.05)
    screen, stop = FakeHighgui([]).install(monkeypatch), Stop()
    sink = WindowSink(stop, hold=True)
    thread = in_thread(sink, 4)
    while thread.is_alive():
        sink.pump()
    threading.Timer(0.4, screen.keys.append, [ord(" ")]).start()
    begin = time.monotonic()
    sink.finish(SUMMARY)
    assert time.monotonic() - begin > 0.3
    assert len(screen.shown) == 4
    assert not stop.is_requested


def test_a_key_goes_to_the_next_photo(monkeypatch):
    monkeypatch.setattr(window, "PHOTO_S", 1000.0)
    screen, stop = FakeHighgui([ord(" ")] * 10**6).install(monkeypatch), Stop()
    sink = WindowSink(stop, hold=True)
    thread = in_thread(sink, 3)
    end = time.monotonic() + 10
    while len(screen.shown) < 3 and time.monotonic() < end:
        sink.pump()
    thread.join(5)
    assert len(screen.shown) == 3
    assert not stop.is_requested


def test_a_photo_that_waits_gives_way_to_a_stop_or_a_close(monkeypatch):
    FakeHighgui([]).install(monkeypatch)
    for end in ("stop", "close"):
        stop = Stop()
        sink = WindowSink(stop, hold=True)
        thread = in_thread(sink, 5)
        time.sleep(0.02)
        assert thread.is_alive()
        stop.request("Ctrl-C") if end == "stop" else sink.close()
        thread.join(5)
        assert not thread.is_alive()


def test_a_lost_source_is_shown_on_the_last_picture_in_grey(monkeypatch):
    monkeypatch.setattr(window, "STATUS_S", 0.0)
    screen, board = FakeHighgui([]).install(monkeypatch), StatusBoard()
    sink = WindowSink(Stop(), board=board)
    sink.write(result())
    sink.pump()
    board.note_round(SourceStatus(state="lost"), 1, {})
    sink.pump()
    assert len(screen.shown) == 2
    corner = screen.shown[1][60, 5]
    assert corner[0] == corner[1] == corner[2]


def test_an_event_is_written_on_the_pictures_of_the_next_seconds():
    caption = Caption()
    assert caption.at(result(seconds=5)) == ""
    caption.notify(event())
    texts = [caption.at(result(seconds=seconds)) for seconds in (10, 12.5, 13.5)]
    assert texts == ["entered cat", "entered cat", ""]
