"""A slowed board, as its firmware tells it: a fake file system, and a fake program."""

import time

import pytest
from edgecls_device.service.throttling import ThrottleWatch, Throttling, read_throttling


def firmware(root, text, name="soc"):
    folder = root / "sys" / "devices" / "platform" / name / f"{name}:firmware"
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "get_throttled").write_text(text)


@pytest.fixture
def program(tmp_path, monkeypatch):
    """A function that puts a vcgencmd with this body on the path, and no other."""
    folder = tmp_path / "bin"
    folder.mkdir()
    monkeypatch.setenv("PATH", str(folder))

    def write(body):
        path = folder / "vcgencmd"
        path.write_text(f"#!/bin/sh\n{body}\n")
        path.chmod(0o755)

    return write


@pytest.mark.parametrize(
    ("text", "is_slowed", "was_slowed", "words"),
    [
        ("0\n", False, False, ""),
        ("1\n", True, False, "too little voltage"),
        ("8\n", True, False, "cool it"),
        ("50005\n", True, True, "too little voltage"),
        ("50000\n", False, True, ""),
        ("e0008\n", True, True, "soft temperature limit"),
    ],
)
def test_the_kernels_file_is_read(tmp_path, text, is_slowed, was_slowed, words):
    firmware(tmp_path, text)
    found = read_throttling(tmp_path)
    assert (found.is_slowed, found.was_slowed) == (is_slowed, was_slowed)
    assert words in found.sentence
    assert bool(found.sentence) == is_slowed


def test_the_program_is_asked_where_there_is_no_file(tmp_path, program):
    program("[ $1 = get_throttled ] && echo throttled=0x50005")
    assert read_throttling(tmp_path) == Throttling(flags=0x50005)


@pytest.mark.parametrize(
    "body", ["echo 'error=1 error_msg=\"Command not registered\"'", "exit 255"]
)
def test_an_answer_that_is_no_number_is_no_answer(tmp_path, program, body):
    program(body)
    assert read_throttling(tmp_path) is None


def test_another_board_has_nobody_to_ask(tmp_path, program):
    assert read_throttling(tmp_path) is None
    watch = ThrottleWatch(read=lambda: read_throttling(tmp_path))
    watch.start()
    assert (watch.reason, watch.trouble) == ("", "")
    watch.close()


def test_a_watch_follows_the_firmware(tmp_path):
    firmware(tmp_path, "0")
    watch = ThrottleWatch(every_s=0.01, read=lambda: read_throttling(tmp_path))
    watch.start()
    assert watch.reason == ""
    for text, words in (("1", "too little voltage"), ("0", "")):
        firmware(tmp_path, text)
        deadline = time.monotonic() + 10
        while words not in watch.reason or bool(words) != bool(watch.reason):
            assert time.monotonic() < deadline
            time.sleep(0.01)
    watch.close()


def test_a_program_that_hangs_is_named_and_holds_nothing_up(tmp_path, program, monkeypatch):
    monkeypatch.setattr("edgecls_device.service.throttling.ANSWER_WITHIN_S", 0.2)
    program("exec /bin/sleep 30")
    watch = ThrottleWatch(read=lambda: read_throttling(tmp_path))
    watch.start()
    assert watch.reason == ""
    assert "timed out" in watch.trouble
    watch.close()
