"""Sinks that hang, as ``edgecls run`` meets them: a pipe that nobody reads, a server that never answers."""

import os
import signal
import subprocess
import sys
import time

import pytest

from tests.device.conftest import write_clip

MAIN = [sys.executable, "-c", "from edgecls.cli import main; main()"]


def run(*arguments, stdout):
    return subprocess.Popen(
        [*MAIN, "run", *map(str, arguments)], stdout=stdout, stderr=subprocess.PIPE, text=True
    )


def test_a_pipe_that_nobody_reads_and_a_silent_server_do_not_hold_up_the_end(
    tiny_model, camera, silent_host, tmp_path
):
    log, (reader, writer) = tmp_path / "log.jsonl", os.pipe()
    options = ["--json", "--json-file", log, "--webhook", silent_host]
    running = run(tiny_model, "--source", camera.url + "/stream", *options, stdout=writer)
    os.close(writer)
    try:
        end = time.monotonic() + 60
        while not log.exists() or log.stat().st_size < 150_000:  # twice what a pipe holds
            assert time.monotonic() < end
            assert running.poll() is None, running.stderr.read()
            time.sleep(0.05)
        begin = time.monotonic()
        running.send_signal(signal.SIGTERM)
        err = running.stderr.read()
        assert running.wait(timeout=30) == 0, err
        assert time.monotonic() - begin < 5 + 2  # starting and stopping a process on a slow machine
    finally:
        running.kill()
        running.stderr.close()
        os.close(reader)
    assert "Traceback" not in err
    assert "ended by SIGTERM" in err
    assert "json: " in err  # what was dropped
    assert '"ended_by": "stopped"' in log.read_text().splitlines()[-1]


@pytest.mark.parametrize("option", [[], ["--json"]])
def test_a_reader_that_goes_away_ends_a_video_quietly(tiny_model, tmp_path, option):
    path = tmp_path / "long.avi"
    write_clip(path, ["red", "blue"] * 1500)
    running = run(tiny_model, "--source", path, *option, stdout=subprocess.PIPE)
    running.stdout.readline()
    running.stdout.close()
    err = running.stderr.read()
    assert running.wait(timeout=60) == 0
    running.stderr.close()
    assert "Traceback" not in err
    assert "Broken" not in err
