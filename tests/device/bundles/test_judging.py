"""A trial's judge, told what happens on a clock of the test's."""

import signal

import pytest
from edgecls_device.bundles.judging import UNSTARTABLE, Judge, TrialRules
from edgecls_device.service.watch import Life

START = 1000.0


def status(results, state="ready", text="cat, 12.0 frames a second"):
    return {
        "X_EDGECLS_RESULTS": str(results),
        "X_EDGECLS_STATE": state,
        "STATUS": f"{state}: {text}",
        "WATCHDOG": "1",
    }


def life(code, *, words="", was_ready=True, signal_number=0):
    why = "ended"
    return Life(
        code=code,
        why=why,
        was_ready=was_ready,
        seconds=1.0,
        words=words,
        signal_number=signal_number,
    )


def crash(number):
    return life(128 + number, signal_number=number)


@pytest.fixture
def judge():
    return Judge(START)


def test_nothing_is_known_at_first(judge):
    assert judge.judge(START).outcome == "undecided"
    assert judge.judge(START + 60).outcome == "undecided"


@pytest.mark.parametrize("state", ["ready", "degraded"])
def test_ten_results_while_results_come_are_good_if_it_lives_two_seconds(judge, state):
    judge.hear(status(9, state), START + 1)
    assert judge.judge(START + 5).outcome == "undecided"
    judge.hear(status(10, state), START + 5)
    assert judge.judge(START + 5).outcome == "good"


def test_ten_results_at_once_are_good_two_seconds_later_and_not_before(judge):
    judge.hear(status(30), START + 1)
    assert judge.judge(START + 2.9).outcome == "undecided"
    assert judge.judge(START + 3).outcome == "good"


def test_what_was_good_in_time_is_good_when_it_is_asked_for_late(judge):
    judge.hear(status(10), START + 59.9)
    assert judge.judge(START + 61).outcome == "undecided"
    judge.hear(status(40), START + 61)
    assert judge.judge(START + 62).outcome == "good"


def test_a_source_that_is_lost_again_before_that_is_not_good(judge):
    judge.hear(status(10), START + 59.9)
    judge.hear(status(10, "source_lost"), START + 60.5)
    assert judge.judge(START + 62).outcome == "bad"


def test_ten_results_after_the_deadline_are_too_late(judge):
    judge.hear(status(10), START + 60.1)
    assert judge.judge(START + 60.2).outcome == "bad"


@pytest.mark.parametrize("state", ["starting", "source_lost", "stopping", ""])
def test_results_do_not_count_while_none_come(judge, state):
    judge.hear(status(50, state), START + 1)
    assert judge.judge(START + 9).outcome == "undecided"
    judge.hear(status(51, "ready"), START + 10)
    assert judge.judge(START + 10).outcome == "good"


@pytest.mark.parametrize(
    ("messages", "reason"),
    [
        ([], "No sign of life within 60 s."),
        ([{"READY": "1", "WATCHDOG": "1"}], "No sign of life within 60 s."),
        ([status(0, "starting", "camera")], "No result within 60 s: camera."),
        ([status(4)], "Only 4 results within 60 s: cat, 12.0 frames a second."),
        ([status(1, text="")], "Only 1 result within 60 s: ready."),
        (
            [status(4), status(4, "source_lost", "The stream ended; opening it again.")],
            "No frames: the source is lost, after 4 results within 60 s: "
            "The stream ended; opening it again.",
        ),
    ],
)
def test_too_few_results_in_time_are_bad_and_why_is_said(judge, messages, reason):
    for message in messages:
        judge.hear(message, START + 5)
    assert judge.judge(START + 60).outcome == "undecided"
    judgement = judge.judge(START + 60.1)
    assert (judgement.outcome, judgement.reason) == ("bad", reason)


@pytest.mark.parametrize(
    ("end", "reason"),
    [
        (crash(signal.SIGILL), "It crashed (illegal instruction)."),
        (crash(signal.SIGSEGV), "It crashed (segmentation fault)."),
        (crash(signal.SIGABRT), "It crashed (aborted)."),
        (crash(signal.SIGKILL), "It crashed (killed, as when memory runs out)."),
        (crash(40), "It crashed (signal 40)."),
        (life(15), "It hung, so it was killed."),
        (life(15, signal_number=signal.SIGABRT), "It hung, so it was killed."),
        (life(0), "It ended without a result."),
        (life(1, words="ImportError: x"), "It failed: ImportError: x."),
        (life(2, words="Expected a."), "It refused an option of the configuration: Expected a."),
        (life(3), "It refused what it was given."),
        (life(4), "It refused a record."),
        (
            life(5, words="Expected the scores, got others.", was_ready=False),
            "Its model was refused before the first frame: Expected the scores, got others.",
        ),
        (
            life(5, words="Expected scores that are numbers, got nan."),
            "Its model failed on frame after frame, after 0 results: "
            "Expected scores that are numbers, got nan.",
        ),
        (life(7), "It misses a package."),
        (life(8), "It could not read or write a file."),
        (life(UNSTARTABLE), "It could not be started."),
        (life(99), "It ended with exit code 99."),
    ],
)
def test_an_end_is_bad_at_once_and_why_is_said(judge, end, reason):
    judge.see_end(end, START + 3)
    judgement = judge.judge(START + 3)
    assert (judgement.outcome, judgement.reason) == ("bad", reason)


def test_a_source_that_ended_well_is_good_with_one_result(judge):
    judge.hear(status(1), START + 1)
    judge.see_end(life(0), START + 1)
    assert judge.judge(START + 100).outcome == "good"


@pytest.mark.parametrize(("code", "reason"), [(6, "No frames: "), (9, "It could not use the net")])
def test_a_source_or_network_that_is_not_there_is_worth_three_starts(judge, code, reason):
    for seconds in (1, 2):
        judge.see_end(life(code, was_ready=False), START + seconds)
        assert judge.judge(START + seconds).outcome == "undecided"
    judge.see_end(life(code, was_ready=False), START + 3)
    assert judge.judge(START + 3).outcome == "bad"
    assert judge.judge(START + 3).reason.startswith(reason)


def test_no_start_begins_after_the_deadline(judge):
    judge.see_end(life(6), START + 59.5)
    assert judge.judge(START + 59.5).outcome == "bad"


def test_each_start_must_give_ten_results_of_its_own(judge):
    judge.hear(status(9), START + 1)
    judge.see_end(life(6), START + 1)
    judge.hear(status(9), START + 3)
    assert judge.judge(START + 5).outcome == "undecided"
    judge.hear(status(10), START + 5)
    assert judge.judge(START + 5).outcome == "good"


def test_a_crash_before_anybody_acted_on_ten_results_is_bad(judge):
    judge.hear(status(30), START + 1)
    assert judge.judge(START + 3).outcome == "good"
    judge.see_end(crash(signal.SIGSEGV), START + 3)
    assert judge.judge(START + 3).outcome == "bad"


def test_what_was_bad_stays_bad_however_it_ends_then(judge):
    judge.hear(status(3), START + 1)
    reason = judge.judge(START + 61).reason
    for end in (life(0), life(6), crash(signal.SIGKILL)):
        judge.see_end(end, START + 62)
        judge.hear(status(1000), START + 62)
    assert (judge.judge(START + 62).outcome, judge.judge(START + 62).reason) == ("bad", reason)


@pytest.mark.parametrize("count", ["", "-5", "many", "\uff11\uff10", "1e9"])
def test_a_count_that_is_no_number_counts_for_nothing(judge, count):
    judge.hear({**status(0), "X_EDGECLS_RESULTS": count}, START + 1)
    assert judge.judge(START + 1).outcome == "undecided"


def test_the_rules_can_be_others():
    judge = Judge(START, TrialRules(within_s=3, results=2, steady_s=0))
    judge.hear(status(2), START + 2)
    assert judge.judge(START + 2).outcome == "good"
