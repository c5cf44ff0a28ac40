"""Whole ``edgecls run`` processes, with a tiny model and a camera that needs no hardware."""

import os
import subprocess
import sys
import time
from pathlib import Path

import pytest

from tests.device.conftest import tiny_model  # noqa: F401  # a fixture

FAULTY = Path(__file__).parents[1] / "_apps" / "faulty_model.py"
MAIN = [sys.executable, "-c", "from edgecls.cli import main; main()"]
CAMERA = "test:noise?size=64x48&fps=60"


@pytest.fixture
def start(tiny_model):  # noqa: F811
    """Start ``edgecls run MODEL ...`` on a test picture; what still runs at the end is killed."""
    running = []

    def begin(*arguments, program=MAIN, before=(), source=CAMERA, variables=(), **options):
        command = [*before, *program, "run", tiny_model, "--source", source, *arguments]
        process = subprocess.Popen(
            [str(word) for word in command],
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
            env={**os.environ, "PYTHONUNBUFFERED": "1", **dict(variables)},
            **options,
        )
        running.append(process)
        return process

    yield begin
    for process in running:
        process.kill()
        process.communicate()


@pytest.fixture
def faulty(start, tmp_path):
    """Start a run whose model goes wrong."""
    log = tmp_path / "lives"

    def begin(fault, *arguments, frames=5, lives=1000, **options):
        program = [sys.executable, FAULTY, fault, str(frames), str(lives), log]
        return start(*arguments, program=program, **options)

    begin.lives = lambda: [int(line) for line in log.read_text().splitlines()]
    return begin


def ended(process, timeout=60):
    """Return exit code, standard output and standard error."""
    out, err = process.communicate(timeout=timeout)
    return process.returncode, out, err


def wait_until(is_so, *, seconds=20.0):
    deadline = time.monotonic() + seconds
    while not is_so():
        assert time.monotonic() < deadline
        time.sleep(0.02)


def is_running(pid):
    try:
        return Path(f"/proc/{pid}/stat").read_text().rsplit(")", 1)[1].split()[0] != "Z"
    except (FileNotFoundError, ProcessLookupError):
        return False


def descendants(pid):
    """Return the processes below a process."""
    parents = {}
    for path in Path("/proc").glob("[0-9]*/stat"):
        try:
            parents[int(path.parent.name)] = int(path.read_text().rsplit(")", 1)[1].split()[1])
        except (FileNotFoundError, ProcessLookupError):
            continue
    found, todo = [], [pid]
    while todo:
        above = todo.pop()
        below = [child for child, parent in parents.items() if parent == above]
        found += below
        todo += below
    return found
