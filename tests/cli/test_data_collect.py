import json
import os
import pty
import select
import signal
import subprocess
import sys
import termios
import time
import urllib.error
import urllib.request
from contextlib import contextmanager

import pytest
from edgecls_device.images import read_image

from tests.command_line import edgecls

DEADLINE_S = 30
COMMAND = [sys.executable, "-c", "from edgecls.cli import main; main()", "data", "collect"]


def photos(out):
    return sorted(path.relative_to(out).parent.as_posix() for path in out.rglob("*.jpg"))


def test_photos_are_taken_by_the_clock_and_the_next_command_is_named(tmp_path, capsys):
    arguments = ("--source", "test:shapes", "--every", "0.1", "--count", "3", "--out", tmp_path)
    assert edgecls("data", "collect", "star fish", *arguments) == 0
    assert photos(tmp_path) == ["star fish"] * 3
    assert read_image(next(tmp_path.rglob("*.jpg"))).shape == (480, 640, 3)
    out, err = capsys.readouterr()
    assert "Saved 3 photos of star fish" in out
    assert "(star fish: 3 photos" in err
    assert "edgecls data collect other" in err
    assert edgecls("data", "collect", "table", *arguments) == 0
    assert f"next: edgecls train {tmp_path}" in capsys.readouterr().out


def test_json_says_what_came_of_it(tmp_path, capsys):
    arguments = ("--source", "test:still", "--every", "0.1", "--count", "2", "--out", tmp_path)
    assert edgecls("data", "collect", "wall", *arguments, "--keep-similar", "--json") == 0
    record = json.loads(capsys.readouterr().out)
    assert record["kind"] == "edgecls.collected"
    assert (record["saved"], record["photos"], record["ended_by"]) == (
        {"wall": 2},
        {"wall": 2},
        "count",
    )


@pytest.mark.parametrize(
    ("arguments", "code", "told"),
    [
        (["../etc", "--every", "1"], 3, "it has a slash in it"),
        (["star", "--every", "0"], 2, "Expected --every"),
        (["star"], 2, "--every 1"),
        (["star", "--every", "1", "--source", "nowhere.mp4"], 6, "Expected a source that exists"),
        (["star", "--every", "1", "--out", "/proc/version/photos"], 8, "Cannot create"),
    ],
)
def test_what_cannot_be_done_is_said_with_a_hint(
    tmp_path, monkeypatch, capsys, arguments, code, told
):
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(sys, "stdin", open(os.devnull))  # noqa: PTH123, SIM115
    options = ["--source", "test:bars"] if "--source" not in arguments else []
    assert edgecls("data", "collect", *arguments, *options) == code
    error = capsys.readouterr().err
    assert told in error
    assert "hint:" in error
    sys.stdin.close()


def test_ctrl_c_ends_it_with_what_was_saved(tmp_path):
    arguments = ["star", "--source", "test:shapes", "--every", "0.1", "--out", str(tmp_path)]
    streams = {"stdin": subprocess.DEVNULL, "stdout": subprocess.PIPE, "stderr": subprocess.PIPE}
    with started(arguments, **streams, text=True) as process:
        wait_for(lambda: len(photos(tmp_path)) >= 2)
        process.send_signal(signal.SIGINT)
        out, _ = process.communicate(timeout=DEADLINE_S)
    assert process.returncode == 0
    assert "(ended by Ctrl-C)" in out
    assert f"Saved {len(photos(tmp_path))} photos" in out


def test_in_a_terminal_the_space_bar_takes_photos_and_q_gives_the_terminal_back(tmp_path):
    terminal, theirs = pty.openpty()
    before = termios.tcgetattr(theirs)
    arguments = ["star", "--source", "test:bars", "--out", str(tmp_path)]
    with started(arguments, stdin=theirs, stdout=theirs, stderr=theirs) as process:
        seen = read_until(terminal, "space: take a photo")
        os.write(terminal, b" ")
        seen += read_until(terminal, "star: 1 photo ")
        time.sleep(1)  # the bars wander, so that the next photo shows something else
        os.write(terminal, b"x \x1b[A")
        seen += read_until(terminal, "star: 2 photos")
        os.write(terminal, b"q")
        seen += read_until(terminal, "Saved 2 photos of star.")
        assert process.wait(DEADLINE_S) == 0
    assert "star: 0 photos" in seen
    assert "saved star/" in seen
    assert photos(tmp_path) == ["star", "star"]
    assert termios.tcgetattr(theirs) == before
    os.close(terminal)
    os.close(theirs)


@contextmanager
def started(arguments, **streams):
    """Start the command; it is killed if the test fails."""
    with subprocess.Popen([*COMMAND, *arguments], **streams) as process:
        try:
            yield process
        finally:
            process.kill()


def test_on_the_page_a_tap_saves_under_any_label_and_the_summary_counts_it(tmp_path):
    pytest.importorskip("aiohttp")
    arguments = ["star", "--source", "test:shapes", "--web", "127.0.0.1:0", "--out", str(tmp_path)]
    streams = {"stdin": subprocess.DEVNULL, "stdout": subprocess.PIPE, "stderr": subprocess.PIPE}
    with started(arguments, **streams, text=True) as process:
        url = process.stderr.readline().removeprefix("page: ").strip()
        wait_for(lambda: is_ready(url))
        answer = post(f"{url}save?label=no%20star")
        process.send_signal(signal.SIGINT)
        out, _ = process.communicate(timeout=DEADLINE_S)
    assert process.returncode == 0
    assert (answer["label"], answer["count"]) == ("no star", 1)
    assert photos(tmp_path) == ["no star"]
    assert "Saved 1 photo of no star (ended by Ctrl-C)." in out


def is_ready(url):
    try:
        with urllib.request.urlopen(f"{url}ready", timeout=5) as answer:
            return answer.status == 200
    except urllib.error.HTTPError:
        return False


def post(url):
    request = urllib.request.Request(url, data=b"", headers={"X-Requested-With": "test"})
    with urllib.request.urlopen(request, timeout=5) as answer:
        return json.load(answer)


def wait_for(is_so):
    until = time.monotonic() + DEADLINE_S
    while not is_so():
        assert time.monotonic() < until
        time.sleep(0.02)


def read_until(terminal, text):
    seen, until = "", time.monotonic() + DEADLINE_S
    while text not in seen:
        assert time.monotonic() < until, seen
        if select.select([terminal], [], [], 0.1)[0]:
            seen += os.read(terminal, 4096).decode(errors="replace")
    return seen
