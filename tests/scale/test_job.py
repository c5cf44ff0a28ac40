import os
import resource
import signal
import subprocess
import sys
import textwrap
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path

import pytest

pytest.importorskip("pyarrow")

from edgecls_device.errors import (
    ArtifactError,
    DataError,
    InterruptedRunError,
    OptionError,
    StorageError,
)
from edgecls_device.files import write_atomically

from edgecls.scale.job import run_job
from edgecls.scale.piece import Piece
from edgecls.scale.results import open_results
from edgecls.scale.sources import find_pieces
from edgecls.scale.work import close_looker
from tests.scale.tars import write_tar
from tests.scale.tiny_task import TinyTask, write_pieces


class InThisProcess:
    """An executor for tests: backwards, so that the order of parts is seen not to matter."""

    workers = 1

    def __init__(self):
        self.done = []

    def run(self, work, pieces):
        for piece in reversed(pieces):
            self.done.append(piece.index)
            yield work(piece)


@pytest.fixture(autouse=True)
def _closed():
    yield
    close_looker()


@pytest.fixture
def executor():
    return InThisProcess()


def files(folder):
    return {path.name: path.read_bytes() for path in folder.iterdir()}


def test_results_are_in_the_order_of_the_pieces(tmp_path, executor):
    pieces = write_pieces(tmp_path / "photos", ["a", "bb", "broken", "dddd", "eeeee"], per_piece=2)
    steps = []
    results = run_job(
        pieces, TinyTask(), results=tmp_path / "out", executor=executor, on_progress=steps.append
    )
    rows = list(results.rows())
    assert [row["key"] for row in rows] == [f"ab/{i:05d}.jpg" for i in range(5)]
    assert [row["size"] for row in rows] == [1, 2, None, 4, 5]
    assert (results.photos, results.failed, sum(steps)) == (5, 1, 3)
    assert sorted(files(tmp_path / "out")) == [
        "job.json",
        *(f"part-0000{i}.parquet" for i in range(3)),
    ]
    assert open_results(tmp_path / "out") == results


def test_only_what_is_missing_or_damaged_is_done_again(tmp_path, executor):
    pieces = write_pieces(tmp_path / "photos", ["a"] * 20)
    run_job(pieces, TinyTask(), results=tmp_path / "out", executor=executor)
    whole = files(tmp_path / "out")
    (tmp_path / "out" / "part-00001.parquet").unlink()
    (tmp_path / "out" / "part-00003.parquet").write_bytes(b"PAR1")
    executor.done.clear()
    with pytest.raises(DataError, match="2 less: no part-00001"):
        open_results(tmp_path / "out")
    run_job(pieces, TinyTask(), results=tmp_path / "out", executor=executor)
    assert executor.done == [3, 1]
    assert files(tmp_path / "out") == whole


@pytest.mark.parametrize(
    ("other", "says"),
    [
        ({"name": "other"}, "another task: tiny instead of other"),
        ({"fingerprint": "2"}, "another model"),
    ],
)
def test_the_folder_of_another_job_is_refused(tmp_path, executor, other, says):
    pieces = write_pieces(tmp_path / "photos", ["a"] * 8)
    run_job(pieces, TinyTask(), results=tmp_path / "out", executor=executor)
    with pytest.raises(OptionError, match=says) as caught:
        run_job(pieces, TinyTask(**other), results=tmp_path / "out", executor=executor)
    assert "--results" in caught.value.hint


def test_other_photos_are_refused_and_so_are_parts_of_unknown_origin(tmp_path, executor):
    pieces = write_pieces(tmp_path / "photos", ["a"] * 8)
    run_job(pieces, TinyTask(), results=tmp_path / "out", executor=executor)
    with pytest.raises(OptionError, match="other photos"):
        run_job(pieces[:1], TinyTask(), results=tmp_path / "out", executor=executor)
    (tmp_path / "out" / "job.json").unlink()
    with pytest.raises(OptionError, match=r"job\.json"):
        run_job(pieces, TinyTask(), results=tmp_path / "out", executor=executor)


def test_a_folder_with_something_else_in_it_is_refused_and_left_as_it_is(tmp_path, executor):
    pieces = write_pieces(tmp_path / "photos", ["a"] * 8)
    for name, says in (("photo.jpg", "got other files"), ("job.json", "got others: ")):
        folder = tmp_path / name.partition(".")[0]
        folder.mkdir()
        (folder / name).write_text("{}")
        with pytest.raises(OptionError, match=says) as caught:
            run_job(pieces, TinyTask(), results=folder, executor=executor)
        assert "--results" in caught.value.hint
        assert files(folder) == {name: b"{}"}


def test_what_a_killed_command_had_half_written_is_removed(tmp_path, executor):
    pieces = write_pieces(tmp_path / "photos", ["a"] * 8)
    (tmp_path / "out").mkdir()
    (tmp_path / "out" / ".job.1f2e.json").write_text("{")  # its name never became job.json
    run_job(pieces, TinyTask(), results=tmp_path / "out", executor=executor)
    (tmp_path / "out" / ".part-00001.3d4c.parquet").write_bytes(b"PAR1")
    run_job(pieces, TinyTask(), results=tmp_path / "out", executor=executor)
    assert sorted(path.name for path in (tmp_path / "out").glob("*part*")) == [
        "part-00000.parquet",
        "part-00001.parquet",
    ]


def test_a_shard_that_cannot_be_read_does_not_stop_the_others(tmp_path, executor):
    pieces = write_pieces(tmp_path / "photos", ["a"] * 8)
    bad = Piece(index=2, kind="tar", location=str(tmp_path / "bad.tar"))
    (tmp_path / "bad.tar").write_bytes(b"nonsense")
    for _ in range(2):
        with pytest.raises(DataError, match=r"3 pieces, got 2: .*bad\.tar") as caught:
            run_job([*pieces, bad], TinyTask(), results=tmp_path / "out", executor=executor)
        assert "repeat the command" in caught.value.hint
    assert executor.done == [2, 1, 0, 2]


def test_only_a_shard_that_was_mended_or_replaced_is_done_again(tmp_path, executor, capsys):
    pieces = write_pieces(tmp_path / "photos", ["a"] * 8)
    shard = tmp_path / "bad.tar"

    def with_shard():
        return [*pieces, replace(find_pieces(shard)[0], index=2)]

    shard.write_bytes(b"x")
    with pytest.raises(DataError, match=r"bad\.tar"):
        run_job(with_shard(), TinyTask(), results=tmp_path / "out", executor=executor)
    executor.done.clear()
    write_tar(shard, [("cat/1.jpg", b"mended")])
    os.utime(shard, (1, 1))  # lest it be written twice within a tick of the clock
    mended = with_shard()
    assert run_job(mended, TinyTask(), results=tmp_path / "out", executor=executor).photos == 9
    assert executor.done == [2]
    assert "1 of 3 pieces have changed since" in capsys.readouterr().err

    executor.done.clear()
    write_tar(shard, [("cat/2.jpg", b"replaced")])
    replaced = with_shard()
    again = [
        run_job(replaced, TinyTask(), results=tmp_path / "out", executor=executor).computed
        for _ in range(2)
    ]
    assert executor.done == [2]
    assert again == [1, 0]


@pytest.fixture
def row_groups(tmp_path):
    """Three Parquet files of three row groups each, and a function that cuts the one in the middle off."""
    pa, pq = pytest.importorskip("pyarrow"), pytest.importorskip("pyarrow.parquet")
    folder = tmp_path / "rows"
    folder.mkdir()
    for name in "abc":
        keys = [f"{name}{i}" for i in range(6)]
        table = pa.table({"key": keys, "bytes": [key.encode() for key in keys]})
        pq.write_table(table, folder / f"{name}.parquet", row_group_size=2)
    whole = (folder / "b.parquet").read_bytes()

    def write(size=None):
        (folder / "b.parquet").write_bytes(whole[:size])
        return find_pieces(folder)

    return write


def test_a_mended_parquet_file_moves_the_parts_after_it_and_redoes_none_of_them(
    tmp_path, executor, row_groups, capsys
):
    cut_off, out = row_groups(50), tmp_path / "out"
    with pytest.raises(DataError, match=r"7 pieces, got 6: .*b\.parquet"):
        run_job(cut_off, TinyTask(), results=out, executor=executor)
    executor.done.clear()
    mended = row_groups()
    run_job(mended, TinyTask(), results=out, executor=executor)
    assert executor.done == [5, 4, 3]
    assert "3 of 9 pieces have changed since" in capsys.readouterr().err
    run_job(mended, TinyTask(), results=tmp_path / "undisturbed", executor=executor)
    assert files(out) == files(tmp_path / "undisturbed")

    cut_off = row_groups(50)  # and the way back, with fewer pieces than there were
    executor.done.clear()
    with pytest.raises(DataError, match=r"7 pieces, got 6: .*b\.parquet"):
        run_job(cut_off, TinyTask(), results=out, executor=executor)
    assert executor.done == [3]
    assert sorted(files(out)) == [
        "job.json",
        *(f"part-0000{i}.parquet" for i in (0, 1, 2, 4, 5, 6)),
    ]


@pytest.mark.parametrize("steps", range(8))
def test_parts_on_the_move_survive_that_the_command_is_killed(
    tmp_path, executor, row_groups, monkeypatch, steps
):
    class KilledError(Exception):
        pass

    left = steps

    def step(do):
        def counted(*args):
            nonlocal left
            if not left:
                raise KilledError
            left -= 1
            return do(*args)

        return counted

    cut_off, out = row_groups(50), tmp_path / "out"
    with pytest.raises(DataError):
        run_job(cut_off, TinyTask(), results=out, executor=executor)
    mended = row_groups()
    with monkeypatch.context() as patched:
        patched.setattr("edgecls.scale.job.write_atomically", step(write_atomically))
        patched.setattr(Path, "replace", step(Path.replace))
        with pytest.raises(KilledError):
            run_job(mended, TinyTask(), results=out, executor=executor)
    executor.done.clear()
    run_job(mended, TinyTask(), results=out, executor=executor)
    assert set(executor.done) <= {3, 4, 5}
    run_job(mended, TinyTask(), results=tmp_path / "undisturbed", executor=executor)
    assert files(out) == files(tmp_path / "undisturbed")


def test_an_error_of_the_task_ends_the_job_and_keeps_what_was_finished(tmp_path, executor):
    pieces = write_pieces(tmp_path / "photos", ["a"] * 4 + ["no model"] + ["b"] * 7)
    with pytest.raises(ArtifactError):
        run_job(pieces, TinyTask(), results=tmp_path / "out", executor=executor)
    assert sorted(files(tmp_path / "out")) == ["job.json", "part-00002.parquet"]


def test_ctrl_c_keeps_what_was_finished_and_says_how_to_go_on(tmp_path):
    class Interrupted(InThisProcess):
        def run(self, work, pieces):
            yield work(pieces[0])
            raise KeyboardInterrupt

    pieces = write_pieces(tmp_path / "photos", ["a"] * 8)
    with pytest.raises(InterruptedRunError, match="1 of 2 pieces") as caught:
        run_job(pieces, TinyTask(), results=tmp_path / "out", executor=Interrupted())
    assert "repeat the command" in caught.value.hint
    assert (tmp_path / "out" / "part-00000.parquet").exists()


@contextmanager
def files_of_at_most(size):
    """Let the kernel refuse to write more than so many bytes to a file, as a full disk does."""
    before = resource.getrlimit(resource.RLIMIT_FSIZE)
    handler = signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
    resource.setrlimit(resource.RLIMIT_FSIZE, (size, before[1]))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, before)
        signal.signal(signal.SIGXFSZ, handler)


def test_a_disk_that_is_full_from_the_start_is_a_storage_error(tmp_path, executor):
    pieces = write_pieces(tmp_path / "photos", ["a"] * 2)
    with pytest.raises(StorageError, match="Cannot write"), files_of_at_most(0):
        run_job(pieces, TinyTask(), results=tmp_path / "out", executor=executor)
    assert not list((tmp_path / "out").glob("*"))


def test_a_disk_that_is_full_in_the_middle_keeps_the_parts_before_and_nothing_half(
    tmp_path, executor
):
    texts = [f"much {i**5}" for i in range(500)] + ["a"] * 2  # the last piece is done first
    pieces = write_pieces(tmp_path / "photos", texts, per_piece=500)
    run_job(pieces, TinyTask(), results=tmp_path / "undisturbed", executor=executor)
    whole = files(tmp_path / "undisturbed")
    large = len(whole.pop("part-00000.parquet"))
    room = max(map(len, whole.values()))
    assert room < large
    with pytest.raises(StorageError, match=r"Cannot write .*part-00000"), files_of_at_most(room):
        run_job(pieces, TinyTask(), results=tmp_path / "out", executor=executor)
    assert files(tmp_path / "out") == whole
    executor.done.clear()
    run_job(pieces, TinyTask(), results=tmp_path / "out", executor=executor)
    assert executor.done == [0]
    assert files(tmp_path / "out") == files(tmp_path / "undisturbed")


def test_ctrl_c_in_a_terminal_ends_a_command_at_once(tmp_path):
    code = f"""
        from pathlib import Path
        from edgecls_device.errors import InterruptedRunError
        from edgecls.scale.executors import open_executor
        from edgecls.scale.job import run_job
        from tests.scale.tiny_task import TinyTask, write_pieces
        pieces = write_pieces(Path({str(tmp_path)!r}) / "photos", ["a"] * 4 + ["wait"] * 8)
        try:
            with open_executor("local", workers=2) as executor:
                run_job(pieces, TinyTask(), results=Path({str(tmp_path)!r}) / "out", executor=executor,
                        on_progress=lambda n: print(n, flush=True))
        except InterruptedRunError as error:
            print(error, flush=True)
    """
    with subprocess.Popen(
        [sys.executable, "-c", textwrap.dedent(code)],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    ) as driver:
        assert [driver.stdout.readline() for _ in range(2)] == ["0\n", "1\n"]
        driver.send_signal(signal.SIGINT)
        out, err = driver.communicate(timeout=60)
    assert out == "stopped by Ctrl-C with 2 of 3 pieces left to do\n"
    assert err == ""
    assert (tmp_path / "out" / "part-00000.parquet").exists()
