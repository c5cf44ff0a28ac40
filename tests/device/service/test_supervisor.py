"""A parent that starts its worker again: real processes that crash, hang, are stopped and are left alone."""

import itertools
import json
import os
import signal
import socket
import subprocess
import sys
import time
from pathlib import Path

import pytest

PARENT = """
import json, sys
from edgecls_device.errors import EdgeclsError
from edgecls_device.service.supervisor import Supervision, supervise

def say(text):
    print(text, file=sys.stderr, flush=True)

worker = [sys.executable, *sys.argv[2:]]
try:
    code = supervise(worker, say=say, supervision=Supervision(**json.loads(sys.argv[1])))
except EdgeclsError as error:
    say(f"error: {error.message}")
    code = error.exit_code
sys.exit(code)
"""

WORKER = """
import ctypes, os, signal, subprocess, sys, time
from pathlib import Path
from edgecls_device.service.notify import Notifications
from edgecls_device.service.worker import become_worker, is_worker

assert is_worker() and become_worker() == ()
log, *plan = sys.argv[1:]
with open(log, "a") as file:
    file.write(f"{os.getpid()}\\n")
life = len(Path(log).read_text().splitlines()) - 1
act = plan[min(life, len(plan) - 1)]
told = Notifications.from_environment()
for _ in range(4 if act.startswith("slow") else 0):
    time.sleep(1.5)
    told.send(X_EDGECLS_STARTING="a step")
if not act.startswith("early"):
    told.send(READY="1", WATCHDOG="1", STATUS=f"life {life}")
if act.endswith("abort"):
    os.abort()
if act.endswith("hang"):
    time.sleep(60)
if act == "hang holding the lock":
    ctypes.PyDLL(None).sleep(60)
if act == "deaf":
    signal.signal(signal.SIGTERM, signal.SIG_IGN)
    signal.signal(signal.SIGABRT, signal.SIG_IGN)
    subprocess.Popen(["sleep", "60"])
    print("deaf", flush=True)
    time.sleep(60)
if act == "work":
    ends = []
    signal.signal(signal.SIGTERM, lambda *_: ends.append(0))
    signal.signal(signal.SIGINT, lambda *_: ends.append(7))
    print("working", flush=True)
    while not ends:
        told.send(WATCHDOG="1")
        time.sleep(0.02)
    sys.exit(ends[0])
sys.exit(int(act.split()[-1]))
"""

QUICK = {"backoff_s": 0.05, "hung_after_s": 0.5, "start_within_s": 5.0, "drain_s": 1.0}


@pytest.fixture
def start(tmp_path):
    """Start a supervisor whose worker acts as planned, life after life; the last act is repeated."""
    running = []

    def run(*plan, variables=(), **patience):
        command = [sys.executable, "-c", PARENT, json.dumps({**QUICK, **patience})]
        process = subprocess.Popen(
            [*command, "-c", WORKER, str(tmp_path / "lives"), *plan],
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
            env={**os.environ, **dict(variables)},
        )
        running.append(process)
        return process

    yield run
    for process in running:
        process.kill()
        process.communicate()


def ended(process):
    _, err = process.communicate(timeout=30)
    return process.returncode, err


def workers(tmp_path):
    return [int(line) for line in (tmp_path / "lives").read_text().splitlines()]


def is_running(pid):
    try:
        return Path(f"/proc/{pid}/stat").read_text().rsplit(")", 1)[1].split()[0] != "Z"
    except FileNotFoundError:
        return False


def sessions():
    """Yield each process and the session it is in."""
    for path in Path("/proc").glob("[0-9]*/stat"):
        try:
            yield path.parent.name, path.read_text().rsplit(")", 1)[1].split()[3]
        except (FileNotFoundError, ProcessLookupError):
            continue


def wait_until_gone(pid):
    deadline = time.monotonic() + 10
    while is_running(pid):
        assert time.monotonic() < deadline
        time.sleep(0.01)


@pytest.mark.parametrize("code", [0, 2, 6, 7, 130])
def test_an_end_on_purpose_is_passed_on_and_not_repeated(start, tmp_path, code):
    assert ended(start(f"exit {code}"))[0] == code
    assert len(workers(tmp_path)) == 1


def test_a_worker_that_crashes_is_started_again(start, tmp_path):
    code, err = ended(start("abort", "exit 1", "exit 0"))
    assert code == 0
    assert len(workers(tmp_path)) == 3
    assert "the run was killed by SIGABRT 0 s after its start; starting it again in 0.05 s" in err
    assert "the run ended with exit code 1" in err
    assert "Fatal Python error: Aborted" in err


@pytest.mark.parametrize("act", ["hang", "hang holding the lock"])
def test_a_worker_that_hangs_is_killed_and_says_where(start, tmp_path, act):
    code, err = ended(start(act, "exit 0"))
    assert code == 0
    assert len(workers(tmp_path)) == 2
    assert "the run hung" in err
    assert 'File "<string>"' in err  # the stack, by faulthandler


def test_a_worker_that_hangs_at_its_start_has_longer(start, tmp_path):
    code, err = ended(start("early hang", "exit 0", start_within_s=1.5))
    assert code == 0
    assert "the run hung before its first result" in err


def test_a_start_that_goes_on_step_by_step_may_take_longer(start, tmp_path):
    code, err = ended(start("slow exit 0", start_within_s=4.0))
    assert (code, len(workers(tmp_path))) == (0, 1), err


def test_a_worker_deaf_to_signals_is_killed_with_its_children(start, tmp_path):
    process = start("deaf", "exit 0", hung_after_s=0.5)
    assert process.stdout.readline() == "deaf\n"
    assert ended(process)[0] == 0
    session = f"{workers(tmp_path)[0]}"
    assert not [pid for pid, of in sessions() if of == session and is_running(pid)]


def test_three_deaths_in_ten_minutes_are_enough(start, tmp_path):
    code, err = ended(start("abort"))
    assert code == 16
    assert len(workers(tmp_path)) == 3
    assert "error: Expected a run that goes on, got 3 deaths within 10 minutes" in err
    assert "at last it was killed by SIGABRT" in err


def test_deaths_long_ago_are_forgiven(start, tmp_path):
    code, _ = ended(start(*["exit 1"] * 5, "exit 0", window_s=0.2, backoff_s=0.15))
    assert code == 0
    assert len(workers(tmp_path)) == 6


@pytest.mark.parametrize(("act", "lives"), [("early exit 5", 1), ("exit 5", 3)])
def test_a_bad_model_ends_it_at_once_and_a_model_gone_bad_after_three_tries(
    start, tmp_path, act, lives
):
    code, _ = ended(start(act))
    assert code == (5 if lives == 1 else 16)
    assert len(workers(tmp_path)) == lives


@pytest.mark.parametrize(("number", "code"), [(signal.SIGTERM, 0), (signal.SIGINT, 7)])
def test_a_signal_is_passed_on_and_the_exit_code_back(start, number, code):
    process = start("work")
    assert process.stdout.readline() == "working\n"
    process.send_signal(number)
    assert ended(process)[0] == code


def test_a_worker_that_does_not_end_after_a_signal_is_killed(start, tmp_path):
    process = start("deaf", hung_after_s=30, drain_s=0.3)
    assert process.stdout.readline() == "deaf\n"
    process.send_signal(signal.SIGTERM)
    code, err = ended(process)
    assert code == 15
    assert "error: Expected the run to end within 0.3 s" in err
    assert not is_running(workers(tmp_path)[0])


def test_a_signal_between_two_lives_ends_it(start):
    process = start("exit 1", backoff_s=30)
    while "starting it again" not in process.stderr.readline():
        pass
    process.send_signal(signal.SIGTERM)
    assert ended(process)[0] == 143


def test_the_worker_dies_with_its_parent(start, tmp_path):
    process = start("work")
    assert process.stdout.readline() == "working\n"
    process.kill()
    wait_until_gone(workers(tmp_path)[0])


def test_the_kernel_would_rather_kill_the_worker(start, tmp_path):
    process = start("work")
    assert process.stdout.readline() == "working\n"
    score = Path(f"/proc/{workers(tmp_path)[0]}/oom_score_adj").read_text()
    assert int(score) > int(Path(f"/proc/{process.pid}/oom_score_adj").read_text())


def test_a_worker_that_is_healthy_is_left_alone(start, tmp_path):
    process = start("work", hung_after_s=0.3)
    process.stdout.readline()
    time.sleep(1)
    process.send_signal(signal.SIGTERM)
    assert ended(process)[0] == 0
    assert len(workers(tmp_path)) == 1


def test_another_process_cannot_say_that_the_worker_is_well(start, tmp_path):
    process = start("hang", "exit 0", hung_after_s=0.8)
    deadline = time.monotonic() + 20
    while process.poll() is None:
        assert time.monotonic() < deadline
        names = [
            line.split()[-1]
            for line in Path("/proc/net/unix").read_text().splitlines()
            if f"@edgecls-{process.pid}-" in line
        ]
        for name in names:
            with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as other:
                other.setblocking(False)
                try:
                    other.sendto(b"WATCHDOG=1", f"\0{name[1:]}")
                except OSError:
                    break
        time.sleep(0.05)
    assert process.returncode == 0


def test_systemd_is_told_what_the_worker_says_and_kept_calm_between_two_lives(start, tmp_path):
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as systemd:
        systemd.bind(str(tmp_path / "notify"))
        systemd.settimeout(10)
        variables = {"NOTIFY_SOCKET": str(tmp_path / "notify"), "WATCHDOG_USEC": "1000000"}
        process = start("exit 1", "work", variables=variables, backoff_s=1.5)
        told, times = [], []
        while "STATUS=life 1" not in told:
            lines = systemd.recv(4096).decode().splitlines()
            told += lines
            times += [time.monotonic()] * ("WATCHDOG=1" in lines)
        process.send_signal(signal.SIGTERM)
        _, err = ended(process)
    assert told.count("READY=1") == 1
    assert "STATUS=life 0" in told
    assert max(later - earlier for earlier, later in itertools.pairwise(times)) < 1
    assert "systemd watches this run already" in err


def test_the_parent_is_small():
    code = (
        "import sys, edgecls_device.service.supervisor; print({'numpy', 'cv2'} & set(sys.modules))"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "set()"
