"""What a worker said last, read from a real pipe."""

import os
import subprocess
import sys

import pytest
from edgecls_device.service.last_words import LastWords


@pytest.fixture
def pipe():
    """The reading end, which is given to ``LastWords``, and the other one."""
    reading, writing = os.pipe()
    words = LastWords(os.fdopen(reading, "rb", buffering=0))
    yield words, writing
    words.close()
    os.close(writing)


def said(pipe, text):
    words, writing = pipe
    os.write(writing, text.encode())
    words.pass_on()
    return str(words)


def test_nothing_said_is_nothing(pipe):
    assert said(pipe, "") == ""


@pytest.mark.parametrize(
    ("text", "last"),
    [
        ("one\ntwo\n", "two"),
        ("one\ntwo", "two"),
        ("one\n\n", "one"),
        ("note: a\nerror: Expected b.\nhint: do c\n", "Expected b."),
        ("Traceback (most recent call last):\n  File x\nImportError: no y\n", "ImportError: no y"),
    ],
)
def test_it_is_the_last_error_or_else_the_last_line(pipe, text, last):
    assert said(pipe, text) == last


def test_what_was_said_is_passed_on_as_it_came(pipe, capfd):
    said(pipe, "half a ")
    said(pipe, "line\nand \udcff".encode(errors="surrogateescape").decode(errors="replace"))
    assert capfd.readouterr().err.startswith("half a line\nand ")
    assert str(pipe[0]).startswith("and ")


def test_a_line_without_end_takes_no_memory(pipe):
    for _ in range(40):
        said(pipe, "x" * 60_000)
    assert len(said(pipe, "y")) == 300


def test_of_a_crash_it_is_where_it_happened(pipe):
    code = (
        "import faulthandler, os\n"
        "faulthandler.enable()\n"
        "def inner():\n    os.abort()\n"
        "def outer():\n    inner()\n"
        "outer()\n"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)
    assert said(pipe, done.stderr) == 'File "<string>", line 4 in inner'
