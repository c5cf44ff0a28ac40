"""What counts when several processes end, and how each of them says it."""

import signal

import pytest
from edgecls_device.errors import DistributedError, InterruptedRunError, StorageError

from edgecls.distributed import verdict
from edgecls.distributed.ending import Ending
from edgecls.distributed.verdict import Verdict


def ending(rank, kind, **more):
    return Ending(rank=rank, host=f"host{rank}", kind=kind, **more)


ABORTED = ending(0, "died", code=signal.SIGABRT)
CRASHED = ending(1, "died", code=signal.SIGSEGV)
LOST_PEER = ending(0, "failed", error="DistributedError", message="gone", is_consequence=True)
KILLED = ending(1, "killed", code=signal.SIGKILL)
FULL = ending(1, "failed", error="StorageError", message="Cannot write a.", hint="make room")


def found(processes, *endings):
    collected = Verdict(processes)
    for one in endings:
        collected.add(one)
    return collected.find()


def test_a_training_goes_on_until_all_are_done():
    assert found(2) is None
    assert found(2, ending(1, "done")) is None
    assert found(2, ending(1, "done"), ending(0, "done")).kind == "done"


@pytest.mark.parametrize("consequence", [ABORTED, LOST_PEER])
@pytest.mark.parametrize("cause", [KILLED, FULL, ending(1, "lost"), ending(1, "stopped")])
def test_a_cause_counts_at_once_and_what_may_follow_from_one_waits(cause, consequence, monkeypatch):
    assert found(3, cause) is cause
    assert found(3, consequence) is None
    assert found(3, consequence, cause) is cause
    monkeypatch.setattr(verdict, "CONSEQUENCE_S", -1.0)
    assert found(3, consequence) is consequence


def test_where_all_ended_without_a_cause_the_strangest_death_counts():
    assert found(2, ABORTED, CRASHED) is CRASHED
    assert found(2, LOST_PEER, CRASHED) is CRASHED
    assert found(2, LOST_PEER, ending(1, "died", code=signal.SIGABRT)).kind == "died"


def test_of_those_that_jax_ended_one_that_knows_why_counts():
    knows = ending(1, "died", code=signal.SIGABRT, message="rank 2 (host2) did not answer any more")
    assert found(2, ABORTED, knows) is knows
    said = knows.as_error(rank=1, processes=3).message
    assert said == (
        "Rank 1 (host1) died of SIGABRT in the middle, as rank 2 (host2) did not answer any more."
    )


def test_what_a_process_said_first_counts():
    assert found(2, FULL, ending(1, "lost")) is FULL


@pytest.mark.parametrize(
    ("one", "kind", "said"),
    [
        (FULL, StorageError, "rank 1 (host1): Cannot write a."),
        (
            KILLED,
            DistributedError,
            "Rank 1 (host1) was killed by SIGKILL, perhaps because memory ran out.",
        ),
        (ending(1, "killed", code=15), DistributedError, "Rank 1 (host1) was killed by SIGTERM."),
        (ending(1, "killed", code=64), DistributedError, "Rank 1 (host1) was killed by SIGRTMAX."),
        (ending(1, "lost"), DistributedError, "Rank 1 (host1) was lost in the middle."),
        (ending(1, "stopped", message="Stopped."), InterruptedRunError, "rank 1 (host1): Stopped."),
        (
            CRASHED,
            DistributedError,
            "Rank 1 (host1) died of SIGSEGV in the middle; that machine shows what it said last.",
        ),
        (
            ending(1, "failed", error="NewerError", message="Odd."),
            DistributedError,
            "rank 1 (host1): Odd.",
        ),
        (
            ending(1, "failed", error="annotations", message="Odd."),
            DistributedError,
            "rank 1 (host1): Odd.",
        ),
    ],
)
def test_others_hear_whose_error_it_is(one, kind, said):
    error = one.as_error(rank=0, processes=2)
    assert type(error) is kind
    assert error.message == said


def test_the_process_itself_says_it_as_it_was():
    error = FULL.as_error(rank=1, processes=2)
    assert (error.message, error.hint) == ("Cannot write a.", "make room")


def test_one_alone_is_not_told_its_rank():
    error = ending(0, "killed", code=9).as_error(rank=0, processes=1)
    assert error.message.startswith("The training process was killed by SIGKILL")
    assert error.hint == "start it again with --resume"
