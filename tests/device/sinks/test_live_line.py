import io
import os
import re
import shutil
import subprocess
import sys
import time
from dataclasses import replace

import pytest
from edgecls_device.health import StatusBoard
from edgecls_device.results import Decision
from edgecls_device.sinks.columns import columns_of
from edgecls_device.sinks.live_line import LiveLineSink, live_line, status_line
from edgecls_device.sources.protocol import DELIVERING, SourceStatus

from tests.device.sinks.results import SUMMARY, event, result


@pytest.fixture(autouse=True)
def plain(monkeypatch):
    monkeypatch.setenv("NO_COLOR", "1")


def text_of(parts):
    return "".join(text for text, _ in parts)


def screen(text):
    """Return what is on the screen after ``text``, without wrapping."""
    lines = [""]
    for piece in re.split(r"(\r|\n|\x1b\[\??[0-9]*[A-Za-z])", text):
        if piece == "\n":
            lines.append("")
        elif piece == "\r":
            lines[-1] = ""
        elif not piece.startswith("\x1b"):
            lines[-1] += piece
    return [line.rstrip() for line in lines]


def test_the_live_line_is_drawn_over_itself_and_ended():
    stream = io.StringIO()
    sink = LiveLineSink(stream)
    sink.write(result())
    sink.write(result(index=1, dropped={"superseded": 3}))
    sink.finish(SUMMARY)
    sink.close()
    sink.close()
    line, rest = screen(stream.getvalue())
    assert line.startswith("cat  ")
    assert re.search(r" 75\.0 %  12\.5 fps    5 ms old  3 dropped$", line)
    assert rest == ""


def test_an_event_stands_above_the_line_that_goes_on():
    stream = io.StringIO()
    sink = LiveLineSink(stream)
    sink.write(result())
    sink.notify(event(), result())
    sink.notify(event("left"), None)
    entered, left, rest = screen(stream.getvalue())
    assert re.fullmatch(r"[0-9:]{8}  entered cat", entered)
    assert re.fullmatch(r"[0-9:]{8}  left cat after 12 s, peak 98 %", left)
    assert rest == ""


def test_the_live_line_shows_what_is_believed():
    believed = Decision(label="dog", score=0.6, is_unknown=False, held_s=2.0)
    text = text_of(live_line(result(decision=believed, is_still=True), 79))
    assert text.startswith("dog ")
    assert " 60.0 %  still  " in text
    assert "same picture" in text_of(live_line(result(is_stale=True), 79))


def test_a_file_shows_how_far_it_is_and_not_how_old_its_frames_are():
    text = text_of(live_line(result(index=24, position_s=1.0), 79, total=100))
    assert " 25 %  12.5 fps    4.2 ms" in text
    assert "old" not in text


LABELS = ["cat", "golden retriever", "猫" * 50, "👩\u200d🚀", "e\u0301" * 40, "x" * 300, "\x1b[31m"]


@pytest.mark.parametrize("label", LABELS)
@pytest.mark.parametrize("room", [10, 20, 39, 79, 200])
def test_a_live_line_takes_exactly_its_room_whatever_the_label(label, room):
    many = {"superseded": 10**9}
    for one in (
        result((label, 1.0)),
        result((label, 0.004), dropped=many, is_still=True, is_unknown=True),
        result((label, 1.0), dropped=many, is_stale=True, position_s=1.0),
    ):
        assert columns_of(text_of(live_line(one, room))) == room
        assert columns_of(text_of(live_line(one, room, total=10))) == room


@pytest.mark.parametrize(
    ("room", "shown"), [(39, ["12.5 fps", "█"]), (30, ["12.5 fps"]), (79, ["old"])]
)
def test_in_a_narrow_terminal_the_least_important_goes_first(room, shown):
    text = text_of(live_line(result(dropped={"superseded": 3}), room))
    assert text.startswith("cat ")
    assert "75.0 %" in text
    assert all(part in text for part in shown)


def test_while_nothing_comes_the_line_says_why():
    now = [100.0]
    board = StatusBoard(clock=lambda: now[0])
    assert "waiting for the first frame" in text_of(status_line(board.status(), 60))
    board.note_result(result())
    board.note_round(DELIVERING, 1, {})
    assert status_line(board.status(), 60) == []
    board.note_round(SourceStatus(state="lost", trouble="The camera is gone."), 1, {})
    now[0] += 12
    text = text_of(status_line(board.status(), 60))
    assert text == "source lost for 12 s, reconnecting  The camera is gone.".ljust(60)
    board.note_round(DELIVERING, 1, {})
    assert "No result for 12 s." in text_of(status_line(board.status(), 60))


def test_a_lost_source_is_drawn_without_a_result():
    board, stream = StatusBoard(), io.StringIO()
    sink = LiveLineSink(stream, board=board)
    sink.write(result())
    board.note_round(SourceStatus(state="lost"), 1, {})
    sink.idle()
    assert screen(stream.getvalue()) == ["source lost, reconnecting"]


IN_TMUX = """
import os, sys, time
from edgecls_device.sinks.live_line import LiveLineSink
from tests.device.sinks.results import SUMMARY, event, result
sink = LiveLineSink(sys.stdout)
for i in range(30):
    one = result(("猫" * 30, 0.775), index=i, dropped={"superseded": 3})
    sink.write(one)
    if i == 10:
        sink.notify(event(label="猫"), one)
sink.finish(SUMMARY)
sink.close()
print("the end", flush=True)
time.sleep(60)
"""


@pytest.mark.parametrize("columns", [80, 40])
def test_a_real_terminal_keeps_it_on_one_line(tmp_path, columns):
    if shutil.which("tmux") is None:
        pytest.skip("tmux is not here to be the terminal")
    script = tmp_path / "script.py"
    script.write_text(IN_TMUX)
    tmux = ["tmux", "-S", str(tmp_path / "socket")]
    environment = {**os.environ, "PYTHONPATH": os.pathsep.join(sys.path), "LC_ALL": "C.UTF-8"}
    start = [*tmux, "-u", "new-session", "-d", "-x", str(columns), "-y", "20"]
    subprocess.run([*start, f"{sys.executable} {script}"], env=environment, check=True)
    try:
        end, lines = time.monotonic() + 20, []
        while "the end" not in lines and time.monotonic() < end:
            time.sleep(0.1)
            show = [*tmux, "capture-pane", "-p"]
            done = subprocess.run(show, capture_output=True, text=True, check=True)
            lines = [line.rstrip() for line in done.stdout.splitlines() if line.strip()]
    finally:
        subprocess.run([*tmux, "kill-server"], check=False)
    event_line, live, last = lines
    assert event_line.endswith("  entered 猫")
    assert live.startswith("猫猫猫")
    assert " 77.5 %" in live
    assert last == "the end"


def test_colors_are_for_terminals_that_want_them(monkeypatch):
    monkeypatch.delenv("NO_COLOR")
    monkeypatch.setenv("TERM", "xterm")
    stream = io.StringIO()
    LiveLineSink(stream).write(replace(result(), age_ms=7.0))
    assert "\x1b[32m" in stream.getvalue()
    monkeypatch.setenv("TERM", "dumb")
    stream = io.StringIO()
    LiveLineSink(stream).write(result())
    assert "\x1b[32m" not in stream.getvalue()
