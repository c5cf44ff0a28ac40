"""Rows 12, 13 and 18: a model that crashes, hangs, eats memory or gives no numbers, in whole processes."""

import json
import signal
import socket
import time
from contextlib import suppress

import pytest

from tests.faults.conftest import descendants, ended, is_running, wait_until


def frames(out):
    return [line for line in out.splitlines() if '"edgecls.frame"' in line]


def wait_for_silence(systemd):
    """Read until no message comes for as long as the socket waits: systemd would act now."""
    with suppress(TimeoutError):
        while True:
            systemd.recv(4096)


@pytest.mark.parametrize("fault", ["abort", "memory"])
def test_a_model_that_crashes_ends_the_worker_and_the_supervisor_starts_it_again(faulty, fault):
    process = faulty(fault, "--json", "--supervise", "--limit", 12, lives=1)
    code, out, err = ended(process)
    assert code == 0, err
    assert len(faulty.lives()) == 2
    assert len(frames(out)) >= 12
    assert "starting it again in 1 s" in err


def test_a_model_that_hangs_is_found_by_systemds_watchdog(faulty, tmp_path):
    """The watchdog is systemd's: this test reads what systemd would read."""
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as systemd:
        systemd.bind(str(tmp_path / "notify"))
        systemd.settimeout(20)
        variables = {"NOTIFY_SOCKET": str(tmp_path / "notify"), "WATCHDOG_USEC": "1000000"}
        process = faulty("hang", frames=60, variables=variables)
        told = ""
        while "READY=1" not in told:
            told += systemd.recv(4096).decode() + "\n"
        systemd.settimeout(1.0)
        wait_for_silence(systemd)
        process.send_signal(signal.SIGTERM)
        begin = time.monotonic()
        code, _, err = ended(process)
    assert time.monotonic() - begin < 5.5
    assert code == 15, err
    assert "it hangs in " in err
    assert "faulty_model.py" in err
    assert "Traceback" not in err


def test_a_model_that_hangs_leaves_no_process_behind(faulty):
    process = faulty("hang", "--json")
    for _ in range(5):
        process.stdout.readline()
    below = descendants(process.pid)
    assert below
    process.send_signal(signal.SIGTERM)
    assert ended(process)[0] == 15
    wait_until(lambda: not any(is_running(pid) for pid in below))


def test_three_crashes_are_enough_and_the_exit_code_says_so(faulty):
    code, _, err = ended(faulty("abort", "--json", "--supervise"))
    assert code == 16
    assert len(faulty.lives()) == 3
    assert "error: Expected a run that goes on, got 3 deaths within 10 minutes" in err
    assert err.splitlines()[-1].startswith("hint: ")


def test_thirty_results_that_are_no_numbers_in_a_row_end_the_run(faulty):
    code, out, err = ended(faulty("not numbers", "--json"))
    assert code == 5, err
    assert len(frames(out)) == 5
    assert "error: Expected scores that are numbers" in err
    assert "Traceback" not in err


def test_a_model_with_no_numbers_from_the_start_is_refused_before_the_camera_is_opened(faulty):
    code, out, err = ended(faulty("not numbers", "--json", frames=-4))
    assert (code, out) == (5, "")
    assert "reading" not in err


def test_too_little_memory_ends_the_worker_and_not_its_parent(faulty):
    """An array of 128 GiB is more than the kernel gives, which says no as it does when memory has run out."""
    process = faulty("memory", "--json", "--supervise", frames=20, lives=1)
    records = iter(process.stdout.readline, "")
    seen = [json.loads(next(records)) for _ in range(30)]
    assert seen[-1]["frame"] >= 0
    assert process.poll() is None
    assert len(faulty.lives()) == 2
    process.send_signal(signal.SIGTERM)
    assert ended(process)[0] == 0
