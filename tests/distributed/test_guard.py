"""Guards and their children, as real processes on loopback: one error for all, and nobody is left behind."""

import os
import signal
import sys
import time
from contextlib import closing, contextmanager, suppress
from importlib.util import find_spec
from pathlib import Path

import pytest
from edgecls_device.errors import DistributedError, InterruptedRunError, StorageError

from edgecls.distributed import child
from tests.distributed.processes import ends as ended
from tests.distributed.processes import started

if not find_spec("jax") or not find_spec("keras"):  # guards look whether they are installed
    pytest.skip("needs the extra distributed", allow_module_level=True)

APP = Path(__file__).resolve().parents[1] / "_apps" / "guarded.py"
PATIENT_S = 120.0


@contextmanager
def group(where, folder, *acts):
    """Start a process for each act."""
    command = [sys.executable, str(APP), str(where), str(len(acts))]
    with started([*command, str(rank), str(folder), *acts] for rank in range(len(acts))) as running:
        yield running


def ends(processes):
    return ended(processes, PATIENT_S)


def child_of(folder, rank):
    """Return the process number of a child, when it is there."""
    file, until = folder / f"child-{rank}", time.monotonic() + PATIENT_S
    while time.monotonic() < until:
        with suppress(FileNotFoundError, ValueError):
            return int(file.read_text())
        time.sleep(0.01)
    return pytest.fail(f"no child of rank {rank}")


def is_gone(number):
    until = time.monotonic() + PATIENT_S
    while time.monotonic() < until:
        try:
            state = Path(f"/proc/{number}/stat").read_text().rpartition(")")[2].split()[0]
        except FileNotFoundError:
            return True
        if state == "Z":
            return True
        time.sleep(0.01)
    return False


def test_all_are_done(where, tmp_path):
    with group(where, tmp_path, "done", "done", "done") as processes:
        found = ends(processes)
    assert [code for code, _, _ in found] == [0, 0, 0]
    assert [out for _, out, _ in found] == [f"rank {i} of 3 is done\n" for i in range(3)]


def test_one_alone_needs_no_meeting(where, tmp_path):
    with group(where, tmp_path, "done") as processes:
        assert ends(processes) == [(0, "rank 0 of 1 is done\n", "")]


def test_a_done_process_waits_for_the_others(where, tmp_path):
    with group(where, tmp_path, "wait", "done") as processes:
        child_of(tmp_path, 0)
        assert processes[1].poll() is None
        (tmp_path / "end").touch()
        assert [code for code, _, _ in ends(processes)] == [0, 0]


@pytest.mark.parametrize("rank", [0, 1])
def test_a_typed_error_reaches_all_with_its_exit_code(where, tmp_path, rank):
    acts = ["wait", "wait", "wait"]
    acts[rank] = "full"
    with group(where, tmp_path, *acts) as processes:
        found = ends(processes)
    assert [code for code, _, _ in found] == [StorageError.exit_code] * 3
    for other, (_, out, _) in enumerate(found):
        assert out.startswith("StorageError: ")
        assert out.endswith("Cannot write runs/a: no space left. | make room\n")
        assert (f"rank {rank} (" in out) == (other != rank)


def test_an_error_of_the_system_is_a_typed_one(where, tmp_path):
    with group(where, tmp_path, "wait", "os-error") as processes:
        (first, second) = ends(processes)
    assert first[0] == second[0] == StorageError.exit_code
    assert second[1].startswith(
        "StorageError: Cannot use /no/such/file: No such file or directory."
    )


def test_a_child_that_is_killed_is_named_to_all(where, tmp_path):
    with group(where, tmp_path, "stuck", "wait") as processes:
        stuck = child_of(tmp_path, 0)
        os.kill(child_of(tmp_path, 1), signal.SIGKILL)
        found = ends(processes)
        assert is_gone(stuck)
    assert [code for code, _, _ in found] == [DistributedError.exit_code] * 2
    for _, out, errors in found:
        assert "DistributedError: Rank 1 (" in out
        assert "was killed by SIGKILL, perhaps because memory ran out." in out
        assert "--resume" in out
        assert "never shown" not in errors


@pytest.mark.parametrize("rank", [0, 1])
def test_a_lost_guard_is_a_lost_rank_and_takes_its_child_along(where, tmp_path, rank):
    with group(where, tmp_path, "stuck", "stuck") as processes:
        children = [child_of(tmp_path, 0), child_of(tmp_path, 1)]
        processes[rank].kill()
        code, out, _ = ends([processes[1 - rank]])[0]
        assert all(is_gone(child) for child in children)
    assert code == DistributedError.exit_code
    assert f"DistributedError: Rank {rank} (" in out
    assert "was lost in the middle. | start all of them again with --resume" in out


@pytest.mark.parametrize("consequence", ["lost-peer", "abort"])
def test_the_cause_counts_and_not_what_followed_from_it(where, tmp_path, consequence):
    """JAX ends a process when another one is gone; that other one says why, a little later."""
    with group(where, tmp_path, "wait", consequence) as processes:
        child = child_of(tmp_path, 0)
        child_of(tmp_path, 1)
        time.sleep(0.5)  # the consequence is there first
        os.kill(child, signal.SIGKILL)
        found = ends(processes)
    for code, out, errors in found:
        assert code == DistributedError.exit_code
        assert "Rank 0 (" in out
        assert "SIGKILL" in out
        assert "native noise" not in errors


def test_a_death_without_a_word_shows_what_the_child_said_last(where, tmp_path):
    with group(where, tmp_path, "bug", "abort") as processes:
        first, second = ends(processes)
    assert first[0] == second[0] == DistributedError.exit_code
    assert "ZeroDivisionError" in first[2]
    assert "native noise" in second[2]
    assert "Rank 0 (" in first[1]
    assert "died with exit code 1 in the middle." in first[1]
    assert "that machine shows what it said last" in second[1]


@pytest.mark.parametrize(
    ("number", "asked"), [(signal.SIGINT, "Ctrl-C"), (signal.SIGTERM, "SIGTERM")]
)
def test_ctrl_c_reaches_all(where, tmp_path, number, asked):
    with group(where, tmp_path, "wait-politely", "wait") as processes:
        children = [child_of(tmp_path, 0), child_of(tmp_path, 1)]
        processes[1].send_signal(number)
        found = ends(processes)
        assert all(is_gone(child) for child in children)
    assert [code for code, _, _ in found] == [InterruptedRunError.exit_code] * 2
    assert f"stopped by {asked} | start all of them again with --resume" in found[0][1]
    assert found[0][1].startswith("InterruptedRunError: rank 1 (")
    assert found[1][1].startswith("InterruptedRunError: stopped by")


@pytest.mark.parametrize(
    ("number", "asked"), [(signal.SIGINT, "Ctrl-C"), (signal.SIGTERM, "SIGTERM")]
)
def test_who_stops_it_hears_from_the_child_what_it_kept(where, tmp_path, number, asked):
    with group(where, tmp_path, "wait-politely") as processes:
        child_of(tmp_path, 0)
        processes[0].send_signal(number)
        ((code, out, _),) = ends(processes)
    assert code == InterruptedRunError.exit_code
    assert out == f"InterruptedRunError: stopped by {asked}; 3 epochs are kept | --resume\n"


def test_sigterm_for_guard_and_child_as_slurm_sends_it_is_one_stop(where, tmp_path):
    with group(where, tmp_path, "wait-politely", "wait") as processes:
        children = [child_of(tmp_path, 0), child_of(tmp_path, 1)]
        for number in children:
            os.kill(number, signal.SIGTERM)
        processes[0].send_signal(signal.SIGTERM)
        found = ends(processes)
    assert [code for code, _, _ in found] == [InterruptedRunError.exit_code] * 2
    assert "stopped by SIGTERM; 3 epochs are kept" in found[0][1]


def test_who_reads_no_more_while_it_trains_stops_all(where, tmp_path):
    with group(where, tmp_path, "speak", "wait") as processes:
        child_of(tmp_path, 0)
        processes[0].stderr.close()
        found = ends(processes)
    assert [code for code, _, _ in found] == [InterruptedRunError.exit_code] * 2
    assert "stopped by the reader of the output, who went away" in found[1][1]


def test_who_does_not_read_the_result_stops_nobody(where, tmp_path):
    with group(where, tmp_path, "speak-when-done", "done") as processes:
        child_of(tmp_path, 0)
        processes[0].stdout.close()
        assert [code for code, _, _ in ends(processes)] == [0, 0]


def test_a_name_that_cannot_be_printed_ends_nothing(where, tmp_path):
    with group(where, tmp_path, "strange-name") as processes:
        assert ends(processes) == [(0, "", "photos/\\udcff.jpg\n")]


def ending_of_a_child(code):
    """Return how a child with this code ended, and its process number."""
    one = child.Child(
        [sys.executable, "-c", code],
        rank=0,
        hosts=("here", "there"),
        own_host="",
        coordinator="",
        local_rank=None,
        variables=os.environ,
    )
    with closing(one):
        one.hear_out(PATIENT_S)
        return one.ending, one._process.pid


def test_a_child_that_can_be_heard_no_more_is_ended(monkeypatch):
    monkeypatch.setattr(child, "_DYING_S", 0.1)
    ending, number = ending_of_a_child(
        "import os, time\n"
        "from edgecls.distributed.place import Place\n"
        "os.close(Place.of_this_process().words)\n"
        "time.sleep(3600)"
    )
    assert ending.kind == "died"
    assert is_gone(number)


@pytest.mark.parametrize("name", ["1", "/job:jax_worker/replica:0/task:1"])
def test_a_process_that_jax_ended_says_who_was_silent(name):
    words = f"The following tasks are unhealthy (stopped sending heartbeats):\n{name}\nThe tasks"
    ending, _ = ending_of_a_child(
        f"import os; os.write(2, {words.encode()!r}); os.kill(os.getpid(), 6)"
    )
    assert (ending.kind, ending.code) == ("died", signal.SIGABRT)
    assert ending.message == "rank 1 (there) did not answer any more"
