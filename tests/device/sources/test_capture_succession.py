import pytest
from edgecls_device.sources import capture_succession
from edgecls_device.sources.capture_messages import Start
from edgecls_device.sources.capture_request import CaptureRequest
from edgecls_device.sources.capture_succession import MOST_HANGING, CaptureSuccession
from edgecls_device.sources.frame_slot import CaptureCounters

START = Start(request=CaptureRequest(kind="test", text="test:"))


class HangingProcess:
    """A process in a driver that never returns, so that not even SIGKILL ends it.

    It stands in for a real one: no test can make a kernel hang.
    """

    def __init__(self, start, *, base=0):
        self.base, self.has_returned = base, False
        self.counters = CaptureCounters(captured=10, superseded=4, corrupt=1)
        self.remainder = 2

    def retire(self, grace_s):
        pass

    def is_gone(self):
        return self.has_returned

    def wait_gone(self, timeout_s):
        return self.has_returned


@pytest.fixture
def captures(monkeypatch):
    monkeypatch.setattr(capture_succession, "CaptureProcess", HangingProcess)
    monkeypatch.setattr(capture_succession, "KILLED_S", 0.0)
    monkeypatch.setattr(capture_succession, "_hanging", [])
    return CaptureSuccession()


def test_processes_that_cannot_be_killed_are_few_and_go_on_when_one_returns(captures):
    hanging = []
    while captures.may_start():
        hanging.append(captures.start(START))
        captures.retire(0)
    assert len(hanging) == MOST_HANGING
    assert captures.is_stuck
    hanging[1].has_returned = True
    assert captures.may_start()
    assert not captures.is_stuck


def test_numbers_go_on_from_one_process_to_the_next_and_every_frame_is_counted(captures):
    first = captures.start(START)
    captures.retire(0)
    assert captures.dropped == {"superseded": 4, "corrupt": 1, "lost_in_capture": 2}
    first.has_returned = True
    second = captures.start(START)
    assert (second.base, captures.captured) == (10, 20)
    captures.close(0)
    expected = {"superseded": 8, "corrupt": 2, "lost_in_capture": 2, "unread": 2}
    assert (captures.captured, captures.dropped) == (20, expected)
    assert capture_succession._hanging == [second]


def test_a_process_is_not_started_before_the_one_before_has_had_time_to_go(captures, monkeypatch):
    monkeypatch.setattr(capture_succession, "KILLED_S", 60.0)
    process = captures.start(START)
    captures.retire(0)
    assert not captures.may_start()
    process.has_returned = True
    assert captures.may_start()
