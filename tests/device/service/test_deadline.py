"""A loop that hangs does not keep the process: real threads, and real processes that hang in native code."""

import signal
import subprocess
import sys
import threading
import time

import pytest
from edgecls_device.errors import SourceError, StalledError
from edgecls_device.service.deadline import LoopThread
from edgecls_device.stop import Stop

TURN_S = 0.01


def started(work):
    loop = LoopThread(work)
    loop.start()
    return loop


def test_the_result_of_the_work_comes_back():
    assert started(lambda beat: 42).wait(Stop()) == 42


def test_an_error_of_the_work_is_raised_in_the_main_thread():
    gone = SourceError("gone")

    def fail(beat):
        raise gone

    with pytest.raises(SourceError, match="gone"):
        started(fail).wait(Stop())


def test_the_work_runs_in_a_daemon_thread_of_its_name():
    thread = started(lambda beat: threading.current_thread()).wait(Stop())
    assert (thread.name, thread.daemon) == ("edgecls-loop", True)


def test_work_that_does_not_end_after_a_stop_is_named_with_where_it_hangs():
    released, stop = threading.Event(), Stop()

    def infer(beat):
        released.wait(10)

    loop = started(infer)
    stop.request("SIGTERM")
    with pytest.raises(StalledError, match=r"within 0\.1 s of SIGTERM.*\(infer\)") as caught:
        loop.wait(stop, drain_s=0.1, turn_s=TURN_S)
    assert "WatchdogSec" in caught.value.hint
    released.set()


def test_work_that_drains_in_time_is_left_alone():
    stop = Stop()

    def drain(beat):
        while not stop.is_requested:
            beat()
            time.sleep(TURN_S)
        time.sleep(0.1)
        return "drained"

    loop = started(drain)
    stop.request("SIGTERM")
    assert loop.wait(stop, drain_s=5, turn_s=TURN_S) == "drained"


def test_a_loop_that_stops_coming_round_hangs():
    released = threading.Event()

    def hang(beat):
        beat()
        released.wait(10)

    with pytest.raises(StalledError, match="a round of the loop within"):
        started(hang).wait(Stop(), hung_after_s=0.1, turn_s=TURN_S)
    released.set()


def test_a_slow_start_and_a_loop_that_comes_round_do_not_hang():
    def slow(beat):
        time.sleep(0.3)
        for _ in range(30):
            beat()
            time.sleep(TURN_S)
        return "done"

    assert started(slow).wait(Stop(), hung_after_s=0.15, turn_s=TURN_S) == "done"


def test_the_main_thread_gets_its_turns():
    turns, stop = [], Stop()

    def work(beat):
        while not stop.is_requested:
            time.sleep(TURN_S)

    def turn():
        turns.append(1)
        if len(turns) == 5:
            stop.request("a key")

    started(work).wait(stop, on_turn=turn, turn_s=TURN_S)
    assert len(turns) >= 5


HANGS = """
import ctypes, sys
from edgecls_device.errors import StalledError
from edgecls_device.service.deadline import LoopThread, leave_at_once
from edgecls_device.stop import Stop, stop_on_signals

def work(beat):
    beat()
    print("hanging", flush=True)
    ctypes.CDLL(None).sleep(60)

stop = Stop()
with stop_on_signals(stop):
    loop = LoopThread(work)
    loop.start()
    try:
        loop.wait(stop, drain_s=0.5, hung_after_s=float(sys.argv[1]))
    except StalledError as error:
        print(error.message, file=sys.stderr)
        leave_at_once(error.exit_code)
"""


def hanging(hung_after_s):
    command = [sys.executable, "-c", HANGS, str(hung_after_s)]
    process = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
    assert process.stdout.readline() == "hanging\n"
    return process


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_a_process_stuck_in_native_code_ends_in_time_after_a_signal(number):
    with hanging(1000) as process:
        process.send_signal(number)
        _, err = process.communicate(timeout=20)
    assert process.returncode == 15
    assert "it hangs in " in err
    assert "(work)" in err
    assert "Traceback" not in err


def test_a_process_stuck_in_native_code_ends_by_itself():
    with hanging(0.5) as process:
        _, err = process.communicate(timeout=20)
    assert process.returncode == 15
    assert "a round of the loop within 0.5 s" in err


def test_a_process_that_was_stopped_and_goes_on_has_not_hung():
    with hanging(2.0) as process:
        time.sleep(0.3)
        process.send_signal(signal.SIGSTOP)
        time.sleep(2.5)
        process.send_signal(signal.SIGCONT)
        time.sleep(0.3)
        assert process.poll() is None
        process.kill()
