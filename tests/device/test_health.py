import numpy as np
import pytest
from edgecls_device.health import HUNG_AFTER_S, NO_RESULT_AFTER_S, StatusBoard, percentiles
from edgecls_device.results import SinkCounts
from edgecls_device.sources.protocol import DELIVERING, SourceStatus

from tests.device.test_live import IMAGE, FakeSource, ListSink, classify_source
from tests.device.test_live import Stop as GoingOn

LOST = SourceStatus(state="lost", trouble="Expected frames, got an end.")


class Clock:
    now = 0.0

    def __call__(self):
        return self.now


@pytest.fixture
def clock():
    return Clock()


@pytest.fixture
def result(classifier):
    sink = ListSink()
    classify_source(FakeSource([IMAGE]), classifier, [sink], stop=GoingOn())
    return sink.results[0]


@pytest.fixture
def board(clock):
    board = StatusBoard(clock=clock)
    board.begin("camera", "MJPG 640x480")
    board.note_round(DELIVERING, 0, {})
    return board


def test_a_run_is_starting_until_its_first_result_and_then_ready(board, result):
    assert (board.status().state, board.status().is_ready) == ("starting", False)
    board.note_result(result)
    status = board.status()
    assert (status.state, status.is_ready, status.is_live, status.reasons) == (
        "ready",
        True,
        True,
        (),
    )
    assert status.decision.label == "green"


def test_a_lost_source_is_live_but_not_ready_and_nothing_is_believed(board, result):
    board.note_result(result)
    board.note_round(LOST, 1, {})
    status = board.status()
    assert (status.state, status.is_live, status.is_ready) == ("source_lost", True, False)
    assert (status.decision, status.reasons) == (None, (LOST.trouble,))


def test_readiness_ends_by_itself_when_results_stay_away(board, clock, result):
    board.note_result(result)
    clock.now = NO_RESULT_AFTER_S
    board.note_round(DELIVERING, 1, {})
    status = board.status()
    assert (status.state, status.is_ready, status.is_live) == ("degraded", False, True)
    assert (status.reasons, status.frames_per_second) == (("No result for 6 s.",), 0.0)


def test_a_loop_that_hangs_is_not_live_although_nobody_said_so(board, clock, result):
    board.note_result(result)
    clock.now = HUNG_AFTER_S
    status = board.status()
    assert (status.is_live, status.is_ready, status.state) == (False, False, "degraded")
    assert "hangs" in status.reasons[0]


def test_a_sink_that_fails_is_named_and_results_still_count_as_ready(board, result):
    board.watch_sinks(lambda: [SinkCounts(name="mqtt", is_failing=True, last_error="refused.")])
    board.note_result(result)
    status = board.status()
    assert (status.state, status.is_ready, status.reasons) == (
        "degraded",
        True,
        ("mqtt: refused.",),
    )


def test_trouble_of_the_machine_is_named_and_results_still_count_as_ready(board, result):
    board.add_reason(lambda: "The board is throttled.")
    board.note_result(result)
    status = board.status()
    assert (status.state, status.is_ready) == ("degraded", True)
    assert status.reasons == ("The board is throttled.",)


def test_a_frozen_picture_is_not_ready(board, result):
    board.note_result(result)
    board.note_round(SourceStatus(is_stale=True), 1, {})
    assert (board.status().state, board.status().is_ready) == ("degraded", False)


def test_a_run_that_ends_is_not_ready(board, result):
    board.note_result(result)
    board.note_stopping()
    assert (board.status().state, board.status().is_ready) == ("stopping", False)


def test_percentiles_are_by_nearest_rank():
    values = list(np.random.default_rng(0).permutation(np.arange(1, 101)))
    assert percentiles(values, 50, 99, 100, 0) == [50, 99, 100, 1]
    assert percentiles([], 50) == [0.0]
