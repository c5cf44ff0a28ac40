"""What systemd is told, read from a real socket as systemd reads it."""

import itertools
import os
import socket
import subprocess
import sys

import pytest
from edgecls_device.health import StatusBoard
from edgecls_device.service.notify import Notifications, Notifier, status_text
from edgecls_device.sources.protocol import DELIVERING, SourceStatus

from tests.device.service.results import result

LOST = SourceStatus(state="lost", trouble="The stream ended; opening it again.")


@pytest.fixture(params=["path", "abstract"])
def systemd(request, tmp_path):
    """A socket that systemd would hold, and its address."""
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as server:
        name = f"edgecls-test-{os.getpid()}"
        address = f"@{name}" if request.param == "abstract" else str(tmp_path / "notify")
        server.bind(f"\0{name}" if request.param == "abstract" else address)
        server.settimeout(5)
        yield server, address


class Clock:
    now = 100.0

    def __call__(self):
        return self.now


class Loop:
    """A board and a notifier on one clock, and the rounds of a loop."""

    def __init__(self, address, *, watchdog_s=2.0, may_idle=False):
        self.clock = Clock()
        self.board = StatusBoard(clock=self.clock)
        self.board.begin("camera", "")
        self.notifications = Notifications(address, watchdog_s=watchdog_s)
        self.notifier = Notifier(
            self.notifications, self.board, may_idle=may_idle, clock=self.clock
        )

    def round(self, *, results=0, status=DELIVERING, dropped=(), seconds=0.3):
        self.clock.now += seconds
        for _ in range(results):
            self.board.note_result(result())
        self.board.note_round(status, 0, dict(dropped))
        self.notifier.come_round()

    def close(self):
        self.notifications.close()


@pytest.fixture
def loop(systemd):
    made = Loop(systemd[1])
    yield made
    made.close()


def told(server):
    """Return the messages that wait in a socket, each a dict."""
    found = []
    server.setblocking(False)
    try:
        while True:
            lines = server.recv(4096).decode().splitlines()
            found.append(dict(line.split("=", 1) for line in lines))
    except BlockingIOError:
        return found
    finally:
        server.settimeout(5)


def pings(server):
    return sum("WATCHDOG" in message for message in told(server))


def test_without_systemd_there_is_nobody_to_tell():
    assert Notifications.from_environment({}) is None
    assert Notifications.from_environment({"NOTIFY_SOCKET": "vsock:1:2"}) is None


@pytest.mark.parametrize(
    ("variables", "seconds"),
    [
        ({}, None),
        ({"WATCHDOG_USEC": "20000000"}, 20),
        ({"WATCHDOG_USEC": "20000000", "WATCHDOG_PID": str(os.getpid())}, 20),
        ({"WATCHDOG_USEC": "20000000", "WATCHDOG_PID": "1"}, None),
        ({"WATCHDOG_USEC": "0"}, None),
        ({"WATCHDOG_USEC": "soon"}, None),
    ],
)
def test_the_watchdog_is_read_as_systemd_says(systemd, variables, seconds):
    found = Notifications.from_environment({"NOTIFY_SOCKET": systemd[1], **variables})
    assert found.watchdog_s == seconds
    found.close()


def test_ready_comes_with_the_first_result_and_not_before(systemd, loop):
    server, _ = systemd
    loop.round()
    assert "READY" not in told(server)[0]
    loop.round(results=1)
    (message,) = told(server)
    assert (message["READY"], message["WATCHDOG"]) == ("1", "1")
    assert message["STATUS"].startswith("ready: cat, ")
    loop.round(results=1)
    assert not any("READY" in message for message in told(server))


def test_a_service_that_waits_for_its_camera_has_started(systemd, loop):
    loop.round(status=LOST)
    (message,) = told(systemd[0])
    assert message["READY"] == "1"
    assert message["STATUS"] == "source_lost: The stream ended; opening it again."


def test_pings_come_at_most_every_half_of_the_deadline_and_in_time(systemd, loop):
    times = []
    for _ in range(100):
        loop.round(results=1, seconds=0.1)
        times += [loop.clock.now] * pings(systemd[0])
    gaps = [later - earlier for earlier, later in itertools.pairwise(times)]
    assert len(times) > 5
    assert 1.0 <= min(gaps) <= max(gaps) < 2.0


def test_there_is_no_ping_while_the_loop_goes_round_without_results(systemd, loop):
    loop.round(results=1)
    assert pings(systemd[0]) == 1
    for _ in range(30):
        loop.round(dropped={"not_a_picture": 9})
    assert pings(systemd[0]) == 0
    loop.round(results=1, seconds=1.1)
    assert pings(systemd[0]) == 1


@pytest.mark.parametrize(
    "state", [LOST, SourceStatus(is_stale=True), SourceStatus(state="lost", is_stale=True)]
)
def test_pings_go_on_while_the_source_is_opened_again(systemd, loop, state):
    loop.round(results=1)
    for _ in range(12):
        loop.round(status=state)
    assert pings(systemd[0]) >= 3


def test_frames_left_out_on_purpose_are_progress(systemd, loop):
    for i in range(12):
        loop.round(dropped={"skipped": i})
    assert pings(systemd[0]) >= 3


def test_a_watched_folder_may_idle(systemd):
    loop = Loop(systemd[1], may_idle=True)
    for _ in range(12):
        loop.round()
    assert pings(systemd[0]) >= 3
    loop.close()


def test_a_loop_that_hangs_sends_nothing(systemd, loop):
    loop.round(results=1)
    told(systemd[0])
    loop.clock.now += 60
    assert told(systemd[0]) == []


def test_a_status_is_one_line_and_not_endless(systemd, loop):
    trouble = "bad\nREADY=1\n" + "ü" * 1000
    loop.round(status=SourceStatus(state="lost", trouble=trouble))
    (message,) = told(systemd[0])
    assert message["STATUS"].startswith("source_lost: bad READY=1 ü")
    assert len(status_text(loop.board.status()).encode()) <= 400


def test_stopping_is_told_with_its_reason(systemd, loop):
    loop.notifier.stopping("SIGTERM")
    (message,) = told(systemd[0])
    assert (message["STOPPING"], message["STATUS"]) == ("1", "stopping: SIGTERM")


def test_the_first_hundred_results_are_told_each_second_and_the_others_now_and_then(systemd):
    loop = Loop(systemd[1], watchdog_s=20)
    counts, times = [], []
    for _ in range(400):
        loop.round(results=1, seconds=0.25)
        found = [int(message["X_EDGECLS_RESULTS"]) for message in told(systemd[0])]
        counts += found
        times += [loop.clock.now] * len(found)
    first = [time for time, count in zip(times, counts, strict=True) if count <= 100]
    assert counts == sorted(counts)
    assert max(later - earlier for earlier, later in itertools.pairwise(first)) <= 1
    assert len(first) >= 24
    assert len(counts) - len(first) <= 75 / 5 + 75 / 10 + 1  # along with states and pings
    loop.close()


def test_results_that_are_no_numbers_are_not_among_those_told(systemd, loop):
    for i in range(12):
        loop.round(dropped={"invalid": i})
    assert {message["X_EDGECLS_RESULTS"] for message in told(systemd[0])} == {"0"}


def test_the_state_and_the_last_count_are_told_when_it_stops(systemd, loop):
    loop.round(results=1)
    loop.round(results=2, seconds=0.01)
    loop.board.note_stopping()
    loop.notifier.stopping("end")
    first, *_, last = told(systemd[0])
    assert (first["X_EDGECLS_RESULTS"], first["X_EDGECLS_STATE"]) == ("1", "ready")
    assert (last["X_EDGECLS_RESULTS"], last["X_EDGECLS_STATE"]) == ("3", "stopping")


def test_a_manager_that_is_gone_or_does_not_read_blocks_nothing(systemd, loop):
    for _ in range(2000):
        loop.notifications.send(STATUS="x" * 200)
    assert loop.notifications.failed > 0
    assert loop.notifications.last_error
    gone = Notifications("/no/such/socket")
    gone.send(READY="1")
    assert (gone.failed, gone.last_error) == (1, "No such file or directory")
    gone.close()


def test_importing_it_costs_no_opencv():
    code = "import sys, edgecls_device.service.notify; print('cv2' in sys.modules)"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "False"
