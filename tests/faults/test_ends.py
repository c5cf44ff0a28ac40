"""Rows 15, 16 and 17: clocks that jump, signals at any time, kills in the middle of a write."""

import json
import random
import shutil
import signal
import time
from pathlib import Path

import pytest

from tests.faults.conftest import descendants, ended, is_running, wait_until

JUMPING_CLOCK = Path(__file__).parents[1] / "_apps" / "jumping_clock"


def needs(program):
    return pytest.mark.skipif(not shutil.which(program), reason=f"needs the program {program}")


def test_sigterm_at_any_time_drains_within_five_seconds(start, tmp_path):
    rng = random.Random(3)
    for i in range(4):
        path = tmp_path / f"{i}.jsonl"
        process = start("--json", "--json-file", path, "--web", "127.0.0.1:0")
        process.stdout.readline()
        time.sleep(rng.uniform(0, 0.6))
        below = descendants(process.pid)
        begin = time.monotonic()
        process.send_signal(signal.SIGTERM)
        code, _, err = ended(process)
        assert time.monotonic() - begin < 5
        assert code == 0, err
        assert "ended by SIGTERM" in err
        assert "Traceback" not in err
        assert all(json.loads(line) for line in path.read_text().splitlines())
        wait_until(lambda below=below: not any(is_running(pid) for pid in below))


def test_a_second_sigterm_as_systemd_and_a_parent_send_it_tears_nothing_apart(start, tmp_path):
    for i, gap_s in enumerate((0.0, 0.005, 0.05)):
        path = tmp_path / f"{i}.jsonl"
        process = start("--json", "--json-file", path)
        process.stdout.readline()
        for _ in range(5):
            process.send_signal(signal.SIGTERM)
            time.sleep(gap_s)
        code, _, err = ended(process)
        assert code in {0, -signal.SIGTERM}, err  # the latter if one comes when all is done
        assert "ended by SIGTERM" in err
        assert "Traceback" not in err
        assert all(json.loads(line) for line in path.read_text().splitlines())


def test_sigterm_before_the_first_frame_ends_it_too(start):
    for delay in (0.3, 0.6):
        process = start("--json")
        time.sleep(delay)
        process.send_signal(signal.SIGTERM)
        begin = time.monotonic()
        ended(process)
        assert time.monotonic() - begin < 5


@needs("strace")
@pytest.mark.parametrize("count", [3, 17])
def test_a_kill_in_the_middle_of_a_write_loses_at_most_the_last_line(start, tmp_path, count):
    path = tmp_path / "run.jsonl"
    inject = f"inject=write:signal=KILL:when={count}"
    strace = ["strace", "-f", "-qq", "-P", str(path), "-e", inject, "-o", str(tmp_path / "trace")]
    process = start("--json-file", path, before=strace)
    ended(process)
    assert path.exists()
    lines = path.read_text().splitlines()
    whole = [json.loads(line) for line in lines[:-1]]
    assert len(whole) >= count - 2
    code, _, err = ended(start("--json-file", path, "--limit", 5))
    assert code == 0, err
    assert all(json.loads(line) for line in path.read_text().splitlines())


@pytest.mark.parametrize("days", [365, -365])
def test_a_clock_that_jumps_by_a_year_changes_no_deadline(start, tmp_path, days):
    clock = tmp_path / "clock"
    clock.write_text("0")
    variables = {"PYTHONPATH": str(JUMPING_CLOCK), "JUMPING_CLOCK": str(clock)}
    process = start("--json", "--smoothing", "exponential", variables=variables)
    records = [json.loads(process.stdout.readline())]
    clock.write_text(str(days * 86_400))
    end = time.monotonic() + 2
    while time.monotonic() < end:
        records.append(json.loads(process.stdout.readline()))
    process.send_signal(signal.SIGTERM)
    code, _, err = ended(process)
    assert code == 0, err
    assert "opened again" not in err
    results = [record for record in records if record["kind"] == "edgecls.frame"]
    assert len(results) > 30
    years = [int(result["time"][:4]) for result in (results[0], results[-1])]
    assert years[1] - years[0] == round(days / 365)
    assert all(0 <= record["age_ms"] < 2000 for record in results)
