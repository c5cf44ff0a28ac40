"""Records that come from other machines: only one of what was sent is taken."""

from dataclasses import replace

import pytest
from edgecls_device.errors import BenchmarkError, DeploymentError
from edgecls_device.records import to_json

pytest.importorskip("asyncssh")

from edgecls.benching.exchange import Opening, Result, answer_of
from edgecls.benching.received import received
from edgecls.benching.wish import Wish
from edgecls.ssh.hosts import Host
from tests.benchmarks.bench_runs import bench_of, case_of

HOST = Host(address="shed", user="pi")


@pytest.fixture
def wish(artifacts):
    return Wish(hosts=(HOST,), artifacts=artifacts)


@pytest.fixture
def record(artifacts):
    """One that was made, by the clock of its machine, in the year in which it stood still."""
    cases = [case_of(10.0, one.path.name, recipe="", sha256=one.sha256) for one in artifacts]
    return bench_of(*cases, created="2024-03-15T00:00:00+00:00")


def result(record, exit_code=0):
    return Result(exit_code=exit_code, output=to_json(record))


def test_the_record_gets_the_name_that_the_user_gave_and_stays_as_it_is_else(record, wish):
    void = replace(record.cases[0], void="an emulated machine's times are not those of a device")
    record = replace(record, cases=(void, *record.cases[1:]))
    assert received(result(record), HOST, wish) == replace(record, host="pi@shed")


def test_a_record_of_a_machine_without_a_clock_gets_the_time_of_here(record, wish):
    assert received(result(record), HOST, wish, ahead_s=-59.0).created == record.created
    assert received(result(record), HOST, wish, ahead_s=-6e7).created > "2026"


def test_a_record_of_other_files_or_another_frame_is_refused(record, wish):
    other = replace(record.cases[0], sha256="b" * 64)
    with pytest.raises(BenchmarkError, match="got one of another tiny"):
        received(result(replace(record, cases=(other,))), HOST, wish)
    with pytest.raises(BenchmarkError, match=r"a frame of \(24, 32\)"):
        received(result(record), HOST, replace(wish, frame=(24, 32)))


def test_what_is_no_record_of_ours_is_another_version(record, wish):
    later = to_json(record).replace('"created"', '"made"')
    with pytest.raises(DeploymentError, match="only known fields") as error:
        received(Result(exit_code=0, output=later), HOST, wish)
    assert "edgecls deploy" in error.value.hint


@pytest.mark.parametrize(
    ("code", "lines", "told", "hint"),
    [
        (8, ("error: Cannot use it: full.", "hint: make room"), "got: Cannot use it", "make room"),
        (
            2,
            ("Usage: edgecls", "Error: No such option: --x"),
            "got: No such option",
            "edgecls deploy",
        ),
        (-9, ("case 3 of 10",), "got: signal 9 ended it: case 3 of 10", "doctor"),
        (1, (), "got: exit code 1", "doctor"),
    ],
)
def test_why_nothing_was_measured_is_told(record, wish, code, lines, told, hint):
    with pytest.raises(BenchmarkError, match=told) as error:
        received(result(record, code), HOST, wish, last_lines=lines)
    assert hint in error.value.hint


@pytest.mark.parametrize("text", ["", '{"folder": "/home/pi', "[]", '{"folder": 3}'])
def test_an_answer_that_broke_off_is_told_with_the_last_that_was_said(text):
    with pytest.raises(DeploymentError, match=r"pi@shed .*the last it said: case 3 of 10"):
        answer_of(Opening, text, HOST, ("case 3 of 10",))
