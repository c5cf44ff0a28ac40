import resource
import signal
import subprocess
import sys
import textwrap
from contextlib import contextmanager
from dataclasses import replace

import pytest

pytest.importorskip("pyarrow")

from edgecls_device.errors import (
    ArtifactError,
    DataError,
    InterruptedRunError,
    OptionError,
    StorageError,
)

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
    mended = with_shard()
    assert run_job(mended, TinyTask(), results=tmp_path / "out", executor=executor).photos == 9
    assert executor.done == [2]
    assert "1 of 3 pieces have changed since" in capsys.readouterr().err

    executor.done.clear()
    replaced = [replace(mended[0], version="another"), *mended[1:]]
    run_job(replaced, TinyTask(), results=tmp_path / "out", executor=executor)
    run_job(replaced, TinyTask(), results=tmp_path / "out", executor=executor)
    assert executor.done == [0]


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


def test_a_full_disk_is_a_storage_error_and_parts_before_it_stay(tmp_path, executor):
    pieces = write_pieces(tmp_path / "photos", ["a"] * 2 + [f"much {i**5}" for i in range(500)], 2)
    with pytest.raises(StorageError, match="Cannot write"), files_of_at_most(0):
        run_job(pieces, TinyTask(), results=tmp_path / "out", executor=executor)
    assert not list((tmp_path / "out").glob("*"))


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
