import io
import json

import cv2
import numpy as np
import pytest
from edgecls_device import drawn_text
from edgecls_device.annotate import annotate
from edgecls_device.classifier import Prediction
from edgecls_device.errors import MissingDependencyError, OptionError, StorageError
from edgecls_device.live import classify_source
from edgecls_device.postprocessing import ScoredLabel
from edgecls_device.results import Decision, FrameResult
from edgecls_device.sinks import window
from edgecls_device.sinks.clip import ClipSink
from edgecls_device.sinks.json_lines import JsonLinesSink
from edgecls_device.sinks.terminal import (
    LiveLineSink,
    PhotoLinesSink,
    PlainLinesSink,
    columns_of,
    fit,
)
from edgecls_device.sinks.window import WindowSink, check_window
from edgecls_device.sources.protocol import CapturedFrame
from edgecls_device.sources.table import open_source
from edgecls_device.stop import Stop

from tests.device.conftest import picture


def prediction(*items, is_unknown=False):
    top = tuple(ScoredLabel(class_id=i, label=a, score=b) for i, (a, b) in enumerate(items))
    return Prediction(
        label="unknown" if is_unknown else top[0].label,
        score=top[0].score,
        class_id=0,
        is_unknown=is_unknown,
        top=top,
        preprocess_ms=0.25,
        inference_ms=4.0,
        scores=np.array([score for _, score in items], np.float32),
    )


def decision_of(one):
    return Decision(label=one.label, score=one.score, is_unknown=one.is_unknown, held_s=0.0)


def result(
    *items, index=0, position_s=None, seconds=0.0, image=None, is_unknown=False, dropped=None
):
    frame = CapturedFrame(
        image=picture("green") if image is None else image,
        index=index,
        source="photos/a.jpg",
        captured_at=1_700_000_000.5,
        captured_ns=int(seconds * 1e9),
        position_s=position_s,
    )
    shown = prediction(*(items or (("cat", 0.75), ("dog", 0.25))), is_unknown=is_unknown)
    return FrameResult(
        frame=frame,
        prediction=shown,
        decision=decision_of(shown),
        age_ms=5.0,
        frames_per_second=12.5,
        dropped=dropped or {},
    )


def lines_of(sink_class, *results):
    stream = io.StringIO()
    sink = sink_class(stream)
    for one in results:
        sink.write(one)
    sink.close()
    return stream.getvalue().splitlines()


def test_a_photo_is_one_line_with_its_labels():
    (line,) = lines_of(PhotoLinesSink, result())
    assert line == "photos/a.jpg  cat  75.0 %  (dog 25.0 %)  4.2 ms"


def test_an_unknown_photo_names_what_it_is_nearest_to():
    (line,) = lines_of(PhotoLinesSink, result(is_unknown=True))
    assert "unknown  75.0 %  (cat 75.0 %, dog 25.0 %)" in line


def test_plain_lines_come_once_a_second_and_when_the_label_changes():
    frames = [result(index=i, position_s=i / 8) for i in range(21)]
    frames[15] = result(("dog", 1.0), index=15, position_s=15 / 8)
    lines = lines_of(PlainLinesSink, *frames)
    assert [line.split("  ")[1] for line in lines] == [f"frame {i}" for i in (0, 8, 15, 17)]


def test_the_live_line_is_drawn_over_itself_and_ended():
    stream = io.StringIO()
    sink = LiveLineSink(stream)
    sink.write(result(dropped={"superseded": 3}))
    sink.close()
    text = stream.getvalue()
    assert text.startswith("\rcat ")
    assert "75.0 %" in text
    assert "3 dropped" in text
    assert text.count("\n") == 1
    assert text.endswith("\n")


def test_a_live_line_fits_into_the_terminal_whatever_the_label():
    text = lines_of(LiveLineSink, result(("猫" * 50, 0.5)))[0]
    assert columns_of(text.strip("\r").replace("\x1b[K", "")) <= 80


def test_wide_characters_take_two_columns_and_accents_none():
    assert columns_of("猫a") == 3
    assert columns_of("e\u0301") == 1
    assert fit("猫猫猫", 4) == "猫… "
    assert fit("ab", 4) == "ab  "


def test_json_is_one_object_a_frame():
    (line,) = lines_of(JsonLinesSink, result(("Köter", 1.0), index=7, position_s=0.7))
    record = json.loads(line)
    assert (record["frame"], record["label"], record["score"]) == (7, "Köter", 1.0)
    assert (record["position_s"], record["time"]) == (0.7, "2023-11-14T22:13:20.500Z")
    assert (record["preprocess_ms"], record["inference_ms"], record["age_ms"]) == (0.25, 4.0, 5.0)
    assert record["top"] == [{"label": "Köter", "score": 1.0, "class_id": 0}]


@pytest.mark.parametrize("size", [(1, 1), (48, 64), (480, 640), (1000, 300), (20, 2000)])
def test_a_picture_of_any_size_is_annotated_on_a_copy(size):
    image = np.full((*size, 3), 200, np.uint8)
    drawn = annotate(
        image, prediction(("猫 <b>", 0.9), ("x" * 100, 0.1)), frames_per_second=9, note="n"
    )
    assert drawn.dtype == np.uint8
    assert (image == 200).all()
    assert (drawn != 200).any()
    assert min(drawn.shape[:2]) >= min(240, *size)


def test_text_is_cut_to_its_room():
    text = drawn_text.fit_text("a long label that does not fit", 20, 100)
    assert text.endswith("...")
    assert drawn_text.text_width(text, 20) <= 100


def test_an_older_opencv_gets_plain_letters(monkeypatch):
    assert drawn_text.plain_letters("Köter ß 猫") == "Koter ss ?"
    monkeypatch.setattr(drawn_text, "_has_unicode", lambda: False)
    image = np.zeros((40, 200, 3), np.uint8)
    drawn_text.draw_text(image, "Köter", (5, 30), 24, (255, 255, 255))
    assert image.any()


def frames_in(path):
    capture = cv2.VideoCapture(str(path))
    count = 0
    while capture.read()[0]:
        count += 1
    rate = capture.get(cv2.CAP_PROP_FPS)
    capture.release()
    return count, rate


def test_a_clip_has_every_frame_of_a_video(clip, classifier, tmp_path):
    path = tmp_path / "out.avi"
    source = open_source(str(clip))
    sink = ClipSink(path, frame_rate=source.frame_rate, is_live=False)
    summary = classify_source(source, classifier, [sink], stop=Stop())
    assert not path.exists()
    sink.finish(summary)
    sink.close()
    assert frames_in(path) == (60, 10.0)
    assert list(tmp_path.glob(".out*")) == []


def test_a_live_clip_plays_as_fast_as_it_happened(tmp_path, clip, classifier):
    path = tmp_path / "out.avi"
    sink = ClipSink(path, frame_rate=0.0, is_live=True)
    for seconds in (10.0, 10.01, 10.5, 11.0):  # a burst, then gaps
        sink.write(result(seconds=seconds))
    sink.finish(None)
    sink.close()
    assert frames_in(path) == (16, 15.0)


def test_pictures_of_other_sizes_are_fitted_into_the_first(tmp_path):
    path = tmp_path / "out.avi"
    sink = ClipSink(path, frame_rate=1.0, is_live=False)
    sink.write(result())
    sink.write(result(image=picture("red", height=300, width=500)))
    sink.finish(None)
    sink.close()
    assert frames_in(path)[0] == 2


def test_a_clip_that_is_not_finished_leaves_nothing(tmp_path):
    sink = ClipSink(tmp_path / "out.avi", frame_rate=1.0, is_live=False)
    sink.write(result())
    sink.close()
    sink.close()
    assert list(tmp_path.iterdir()) == []


def test_a_clip_without_frames_leaves_nothing(tmp_path):
    sink = ClipSink(tmp_path / "out.avi", frame_rate=1.0, is_live=False)
    sink.finish(None)
    sink.close()
    assert list(tmp_path.iterdir()) == []


def test_a_clip_that_lost_frames_is_an_error_and_leaves_nothing(tmp_path):
    sink = ClipSink(tmp_path / "out.avi", frame_rate=1.0, is_live=False)
    sink.write(result())
    sink._written += 1  # what a full disk does to OpenCV's writer
    with pytest.raises(StorageError, match="1 of 2 frames"):
        sink.finish(None)
    sink.close()
    assert list(tmp_path.iterdir()) == []


def test_a_clip_of_another_kind_is_refused(tmp_path):
    with pytest.raises(OptionError, match=r"\.avi"):
        ClipSink(tmp_path / "out.mp4", frame_rate=1.0, is_live=False)


def test_a_clip_where_nothing_can_be_written_is_an_error_at_once(tmp_path):
    (tmp_path / "file").write_text("")
    with pytest.raises(StorageError):
        ClipSink(tmp_path / "file" / "out.avi", frame_rate=1.0, is_live=False)


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
