import cv2
import pytest
from edgecls_device.errors import MissingDependencyError, OptionError
from edgecls_device.sinks import window
from edgecls_device.sinks.window import WindowSink, check_window
from edgecls_device.stop import Stop

from tests.device.sinks.results import result


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
    assert not stop.is_requested
    sink.write(result())
    assert stop.reason == "the window"
    assert len(screen.shown) == 2
    sink.close()
    assert not screen.open


def test_closing_the_window_ends_the_run(monkeypatch):
    FakeHighgui([], visible=0.0).install(monkeypatch)
    stop = Stop()
    WindowSink(stop).write(result())
    assert stop.is_requested


def test_other_keys_go_to_the_next_photo(monkeypatch):
    FakeHighgui([ord(" ")]).install(monkeypatch)
    stop = Stop()
    WindowSink(stop, hold=True).write(result())
    assert not stop.is_requested
