"""The program that stands for us on a device, as a process of its own."""

import json
import subprocess
import sys
from pathlib import Path

import pytest

from edgecls.benching import visitor
from tests.benching.devices import eventually, processes_in

SLEEPERS = (
    "import subprocess, sys; subprocess.run([sys.executable, '-c', 'import time; time.sleep(600)'])"
)


@pytest.fixture
def visit(tmp_path):
    """Start it as it is started on a device, as text; its order is there before it asks for one."""
    running = []

    def start(*words, **changes):
        source = Path(visitor.__file__).read_text()
        for name, value in changes.items():
            before = source
            source = source.replace(
                f"\n{name} = {getattr(visitor, name)}\n", f"\n{name} = {value}\n"
            )
            assert source != before
        process = subprocess.Popen(
            [sys.executable, "-I", "-c", source, str(tmp_path / "copies")],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )
        running.append(process)
        if words:
            process.stdin.write("\n" + json.dumps(words) + "\n\n")
            process.stdin.flush()
        return process, json.loads(process.stdout.readline())

    yield start
    for process in running:
        with process:
            process.kill()


def test_it_tells_where_files_go_and_hands_back_what_a_command_printed(visit):
    code = "import os, sys; print(os.getcwd(), os.environ['TMPDIR']); sys.exit(7)"
    process, opening = visit(sys.executable, "-c", code)
    folder = Path(opening["folder"])
    assert opening["free_bytes"] > 0
    result = json.loads(process.stdout.readline())
    assert result == {"exit_code": 7, "output": f"{folder} {folder}\n"}
    assert process.wait(30) == 0
    assert not folder.exists()


def test_without_an_order_it_goes_and_leaves_nothing(visit):
    process, opening = visit()
    assert Path(opening["folder"]).stat().st_mode & 0o77 == 0
    process.stdin.close()
    assert process.wait(30) == 0
    assert not Path(opening["folder"]).exists()


@pytest.mark.parametrize("end", ["input ends", "terminated", "silence"])
def test_the_command_and_what_it_started_end_with_it(visit, end):
    silence_s = "0.5" if end == "silence" else "60"
    process, opening = visit(sys.executable, "-c", SLEEPERS, SILENCE_S=silence_s)
    folder = Path(opening["folder"])
    if end == "input ends":
        assert eventually(lambda: len(processes_in(folder)) == 2)
        process.stdin.close()
    elif end == "terminated":
        assert eventually(lambda: len(processes_in(folder)) == 2)
        process.terminate()
    process.wait(30)
    assert eventually(lambda: not processes_in(folder))
    assert not folder.exists()


def test_a_command_that_does_not_want_to_end_is_made_to(visit):
    stubborn = "import signal, time; signal.signal(signal.SIGTERM, signal.SIG_IGN); time.sleep(600)"
    process, opening = visit(sys.executable, "-c", stubborn, GRACE_S="0.2")
    assert eventually(lambda: processes_in(opening["folder"]))
    process.stdin.close()
    process.wait(30)
    assert not Path(opening["folder"]).exists()


def test_a_folder_in_use_stays_and_one_of_a_visit_that_was_killed_goes(visit):
    living, opening = visit()
    killed, left = visit()
    killed.kill()
    killed.wait(30)
    assert Path(left["folder"]).exists()
    visit()
    assert Path(opening["folder"]).exists()
    assert not Path(left["folder"]).exists()
    assert living.poll() is None


def test_a_folder_that_cannot_be_made_is_told(tmp_path):
    (tmp_path / "file").write_text("")
    source = Path(visitor.__file__).read_text()
    command = [sys.executable, "-I", "-c", source, str(tmp_path / "file" / "copies")]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert (done.returncode, done.stdout) == (1, "")
    assert done.stderr.startswith("error: ")
    assert "Traceback" not in done.stderr
