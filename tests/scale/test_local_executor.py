import os
import random
import signal
import subprocess
import sys
import textwrap
import time
from pathlib import Path

import pytest

pytest.importorskip("pyarrow")

from edgecls_device.errors import ArtifactError, ExecutorError, OptionError

from edgecls.scale.child import Child
from edgecls.scale.executors import open_executor
from edgecls.scale.work import PieceWork
from tests.scale.tiny_task import TinyTask, write_pieces


def parts_of(texts, folder, workers=2, **options):
    pieces = write_pieces(folder / "photos", texts)
    with open_executor("local", workers=workers) as executor:
        parts = list(executor.run(PieceWork(task=TinyTask(**options)), pieces))
    return sorted(parts, key=lambda part: part.index)


def test_every_piece_is_done_once_whatever_the_number_of_workers(tmp_path):
    texts = [f"photo {i}" for i in range(22)]
    one = parts_of(texts, tmp_path / "one", workers=1)
    three = parts_of(texts, tmp_path / "three", workers=3)
    assert [part.index for part in one] == list(range(6))
    assert one == three


def test_processes_serve_one_job_after_the_other(tmp_path):
    pieces = write_pieces(tmp_path, ["a"] * 8)
    with open_executor("local", workers=1) as executor:
        first = list(executor.run(PieceWork(task=TinyTask()), pieces))
        before = [process.pid for process in executor.processes]
        second = list(executor.run(PieceWork(task=TinyTask(fingerprint="2")), pieces))
        assert [process.pid for process in executor.processes] == before
    assert first == second


def test_an_error_of_the_task_keeps_its_type_and_hint(tmp_path):
    with pytest.raises(ArtifactError, match="NaN") as caught:
        parts_of(["a", "no model"], tmp_path)
    assert caught.value.hint == "export it again"
    with pytest.raises(ArtifactError, match="got none"):
        parts_of(["a"], tmp_path / "open", cannot_open=True)


def test_what_nobody_foresaw_names_the_piece(tmp_path):
    with pytest.raises(ExecutorError, match=r"00000\.jpg.*KeyError"):
        parts_of(["defect"], tmp_path)


def test_the_piece_of_a_worker_that_dies_is_done_again(tmp_path):
    texts = ["a", "die once", *["b"] * 14]
    parts = parts_of(texts, tmp_path, scratch=str(tmp_path))
    assert [part.index for part in parts] == list(range(4))
    assert sum(part.photos for part in parts) == 16


def test_a_piece_that_kills_three_workers_is_named(tmp_path):
    with pytest.raises(ExecutorError, match=r"00004\.jpg.*killed by signal 9"):
        parts_of([*["a"] * 4, "die", *["b"] * 7], tmp_path)


def test_workers_that_cannot_begin_say_why(tmp_path, monkeypatch):
    monkeypatch.setattr("edgecls.scale.child._CODE", "raise SystemExit('no room')")
    with pytest.raises(ExecutorError, match=r"before they began.*exit code 1: no room"):
        parts_of(["a"] * 8, tmp_path)


def test_a_worker_that_dies_in_the_middle_of_its_answer_has_died(monkeypatch):
    begins = "import os, sys; os.write(int(sys.argv[3]), bytes([0, 0, 1, 0]) + b'of 256 bytes')"
    monkeypatch.setattr("edgecls.scale.child._CODE", begins)
    child = Child("any", {})
    try:
        assert child.receive() is None
    finally:
        child.kill()


def test_a_worker_that_cannot_be_started_leaves_nothing_open(monkeypatch):
    before = set(Path("/proc/self/fd").iterdir())
    monkeypatch.setattr("edgecls.scale.child.sys.executable", "/nowhere/python")
    with pytest.raises(ExecutorError, match="No such file"):
        Child("any", {})
    assert set(Path("/proc/self/fd").iterdir()) <= before


def test_twenty_workers_killed_at_random_moments_change_nothing(tmp_path):
    texts = [f"photo {i}" for i in range(400)]
    calm = parts_of(texts, tmp_path / "calm")
    pieces = write_pieces(tmp_path / "hard", texts)
    chance, hurt, kills, parts = random.Random(7), set(), 0, []
    with open_executor("local", workers=2) as executor:
        for part in executor.run(PieceWork(task=TinyTask()), pieces):
            parts.append(part)
            fresh = [p for p in executor.processes if p.piece and p.piece.index not in hurt]
            if kills < 20 and fresh and len(parts) >= 4 * kills:
                victim = chance.choice(fresh)
                hurt.add(victim.piece.index)
                time.sleep(chance.random() * 0.002)
                os.kill(victim.pid, signal.SIGKILL)
                kills += 1
    assert kills == 20
    assert sorted(parts, key=lambda part: part.index) == calm


def test_whoever_stops_asking_leaves_no_process_at_work(tmp_path):
    pieces = write_pieces(tmp_path, ["a"] * 40)
    with open_executor("local", workers=2) as executor:
        running = executor.run(PieceWork(task=TinyTask()), pieces)
        next(running)
        running.close()
        assert not [process for process in executor.processes if process.piece]


def test_workers_die_with_a_parent_that_was_killed(tmp_path):
    code = f"""
        from edgecls.scale.executors import open_executor
        from edgecls.scale.work import PieceWork
        from tests.scale.tiny_task import TinyTask, write_pieces
        pieces = write_pieces(__import__("pathlib").Path({str(tmp_path)!r}), ["a"] * 40)
        with open_executor("local", workers=2) as executor:
            for part in executor.run(PieceWork(task=TinyTask()), pieces):
                print(*[process.pid for process in executor.processes], flush=True)
                input()
    """
    with subprocess.Popen(
        [sys.executable, "-c", textwrap.dedent(code)], stdin=subprocess.PIPE, stdout=subprocess.PIPE
    ) as driver:
        pids = [int(word) for word in driver.stdout.readline().split()]
        driver.kill()
    deadline = time.monotonic() + 60
    while any(map(runs, pids)) and time.monotonic() < deadline:
        time.sleep(0.05)
    assert pids
    assert not any(map(runs, pids))


def runs(pid):
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] != "Z"


def test_a_worker_has_one_thread_for_pictures():
    pytest.importorskip("cv2")
    code = "import cv2, edgecls.scale.work as w; w.use_one_thread(); print(cv2.getNumThreads())"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout == "1\n"


def test_an_address_is_for_ray():
    with pytest.raises(OptionError, match="address"):
        open_executor("local", address="127.0.0.1:6379")
